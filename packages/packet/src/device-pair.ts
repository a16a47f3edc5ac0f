import { countBatch, createStats, type PacketDevice } from './device.ts'
import { PacketError } from './errors.ts'
import { LINKTYPE } from './link-type.ts'
import { closedError, type DeviceOptions } from './pcap-device.ts'
import type { PacketRecord } from './record.ts'

export interface DevicePairOptions {
  /** `veth0` with ifindex 1 and `veth1` with ifindex 2 by default. */
  readonly ends?: readonly [DeviceOptions, DeviceOptions]
  /** One of `LINKTYPE`; Ethernet by default. */
  readonly linkType?: number
  /** The most packets under way to an end; 1,024 by default. */
  readonly queueLength?: number
  /** What happens to packets beyond: `wait` until there is room (the default), or `drop`, as a network card would. */
  readonly overflow?: 'wait' | 'drop'
}

/** Packets on their way to one end, oldest first. */
class Queue {
  readonly packets: PacketRecord[] = []
  closed = false
  /** Called once when packets come or go, or the queue closes. */
  #waiting: (() => void)[] = []

  changed(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }
}

/** Two devices in memory, joined like a veth pair: what is transmitted on one is received on the other. */
export function createDevicePair(options: DevicePairOptions = {}): [PacketDevice, PacketDevice] {
  const queues: [Queue, Queue] = [new Queue(), new Queue()]
  const [first, second] = options.ends ?? [{}, {}]
  return [
    end({ name: 'veth0', ifindex: 1, mtu: 1500, ...first }, queues[0], queues[1], options),
    end({ name: 'veth1', ifindex: 2, mtu: 1500, ...second }, queues[1], queues[0], options),
  ]
}

function end(
  about: Required<DeviceOptions>,
  incoming: Queue,
  outgoing: Queue,
  options: DevicePairOptions,
): PacketDevice {
  const { linkType = LINKTYPE.ETHERNET, queueLength = 1024, overflow = 'wait' } = options
  // What stands before the payload that the mtu limits: an Ethernet header with a VLAN tag.
  const longest = about.mtu + (linkType === LINKTYPE.ETHERNET ? 18 : 0)
  const stats = createStats()
  let closed = false
  const close = async () => {
    closed = true
    incoming.closed = true
    outgoing.closed = true
    incoming.wake()
    outgoing.wake()
  }
  return {
    ...about,
    linkType,
    stats,
    async receive(batch) {
      batch.clear()
      const { packets } = incoming
      while (packets.length === 0) {
        if (closed || incoming.closed) return 0
        await incoming.changed()
      }
      if (closed) return 0
      let taken = 0
      while (taken < packets.length && batch.push(packets[taken]!.data, packets[taken]!)) taken++
      if (taken === 0) {
        const { length } = packets[0]!.data
        throw new PacketError('TOO_LONG', `a packet of ${length} bytes does not fit the batch`)
      }
      packets.splice(0, taken)
      incoming.wake()
      countBatch(stats, 'rxPackets', batch)
      return batch.count
    },
    async transmit(batch) {
      for (let i = 0; i < batch.count; i++) {
        if (closed) throw closedError(about.name)
        while (overflow === 'wait' && outgoing.packets.length >= queueLength && !outgoing.closed && !closed) {
          await outgoing.changed()
        }
        const record = batch.record(i, linkType)
        if (outgoing.closed || outgoing.packets.length >= queueLength || record.data.length > longest) {
          stats.txDropped++
          continue
        }
        outgoing.packets.push({ ...record, data: record.data.slice() })
        stats.txPackets++
        stats.txBytes += record.data.length
        if (outgoing.packets.length === 1) outgoing.wake()
      }
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
