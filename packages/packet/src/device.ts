import { PacketBatch, type PacketBatchOptions } from './batch.ts'

/** Counters of a device, as `ip -s link` shows them. */
export interface DeviceStats {
  /** Received: handed over by `receive`. */
  rxPackets: number
  rxBytes: number
  /** Not received, since they were damaged or of another link type. */
  rxErrors: number
  /** Not received, since the reader was too slow for the device. */
  rxDropped: number
  txPackets: number
  txBytes: number
  /** Not transmitted, since there was no room or no way out for them. */
  txDropped: number
}

export const createStats = (): DeviceStats => ({
  rxPackets: 0,
  rxBytes: 0,
  rxErrors: 0,
  rxDropped: 0,
  txPackets: 0,
  txBytes: 0,
  txDropped: 0,
})

/**
 * What packets come from and go to: a capture, a pair in memory, a TAP device. Whoever reads pulls, so that a device is
 * never ahead of its reader, and gives the batch, so that packets can lie where they are needed.
 */
export interface PacketDevice extends AsyncDisposable {
  readonly name: string
  /** The number that contexts and redirects know the device by; from 1. */
  readonly ifindex: number
  /** The most bytes of a packet behind its link header. */
  readonly mtu: number
  /** One of `LINKTYPE`. */
  readonly linkType: number
  readonly stats: Readonly<DeviceStats>
  /**
   * Clears the batch, fills it with packets, and answers how many these are. Waits until there is one at least; 0 means
   * that none will come any more. One call at a time.
   */
  receive(batch: PacketBatch): Promise<number>
  /**
   * Sends the batch's packets, and waits while the device is busy. When it resolves, nothing of the batch is needed any
   * more. Packets that cannot be sent are counted in `txDropped`. Throws PacketError CLOSED.
   */
  transmit(batch: PacketBatch): Promise<void>
  /** Lets waiting calls end, and frees what the device holds; closing twice is fine. */
  close(): Promise<void>
}

/** The batches of a device until its end, in one batch that is filled again and again. */
export async function* receiveAll(
  device: PacketDevice,
  options: PacketBatchOptions | PacketBatch = {},
): AsyncGenerator<PacketBatch, void, undefined> {
  const batch = options instanceof PacketBatch ? options : new PacketBatch(options)
  while (await device.receive(batch)) yield batch
}

/** Adds a batch to a pair of counters. */
export function countBatch(stats: DeviceStats, packets: 'rxPackets' | 'txPackets', batch: PacketBatch): void {
  const { lengths } = batch.tables
  let bytes = 0
  for (let i = 0; i < batch.count; i++) bytes += lengths[i]!
  stats[packets] += batch.count
  stats[packets === 'rxPackets' ? 'rxBytes' : 'txBytes'] += bytes
}
