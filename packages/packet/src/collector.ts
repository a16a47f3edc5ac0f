import { countBatch, createStats, type PacketDevice } from './device.ts'
import { LINKTYPE } from './link-type.ts'
import { closedError, type DeviceOptions } from './pcap-device.ts'
import type { PacketRecord } from './record.ts'

/** A device that keeps what is transmitted to it. */
export interface Collector extends PacketDevice {
  /** In the order of transmission, each with bytes of its own. */
  readonly packets: readonly PacketRecord[]
}

export interface CollectorOptions extends DeviceOptions {
  /** One of `LINKTYPE`; Ethernet by default. */
  readonly linkType?: number
}

/** A device for tests and small tools: it keeps what is transmitted to it, and receives nothing. */
export function createCollector(options: CollectorOptions = {}): Collector {
  const { name = 'collector0', ifindex = 1, mtu = 1500, linkType = LINKTYPE.ETHERNET } = options
  const stats = createStats()
  const packets: PacketRecord[] = []
  let closed = false
  const close = async () => {
    closed = true
  }
  return {
    name,
    ifindex,
    mtu,
    linkType,
    stats,
    packets,
    receive: async (batch) => {
      batch.clear()
      return 0
    },
    async transmit(batch) {
      if (closed) throw closedError(name)
      for (let i = 0; i < batch.count; i++) {
        const record = batch.record(i, linkType)
        packets.push({ ...record, data: record.data.slice() })
      }
      countBatch(stats, 'txPackets', batch)
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
