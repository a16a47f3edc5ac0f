import type { CaptureSource } from './byte-source.ts'
import { openCapture, type ReadOptions } from './capture-reader.ts'
import { countBatch, createStats, type PacketDevice } from './device.ts'
import { createEncoder, type WriteOptions } from './encoder.ts'
import { PacketError } from './errors.ts'
import { LINKTYPE } from './link-type.ts'

export interface DeviceOptions {
  readonly name?: string
  /** 1 by default */
  readonly ifindex?: number
  /** 1,500 by default; captures and collectors do not enforce it. */
  readonly mtu?: number
}

export interface PcapSourceOptions extends DeviceOptions, ReadOptions {
  /** Where packets go that are transmitted on the source; nowhere by default, which counts them as `txDropped`. */
  readonly transmitTo?: PacketDevice
}

/**
 * A device that receives the packets of a capture. Its link type is that of the capture's first interface; packets of
 * another one are left out and counted as `rxErrors`. Throws PcapError if the capture does not begin like one; so does
 * `receive` at a bad record.
 */
export async function createPcapSource(
  source: CaptureSource,
  options: PcapSourceOptions = {},
): Promise<PacketDevice> {
  const reader = await openCapture(source, options)
  const stats = createStats()
  const { name = 'pcap0', ifindex = 1, mtu = 1500, transmitTo } = options
  let closed = false
  const close = async () => {
    closed = true
    await reader.close()
  }
  return {
    name,
    ifindex,
    mtu,
    stats,
    get linkType() {
      return reader.interfaces[0]?.linkType ?? LINKTYPE.ETHERNET
    },
    async receive(batch) {
      while (!closed && (await reader.readInto(batch))) {
        const linkType = reader.interfaces[0]!.linkType
        if (reader.interfaces.some((i) => i.linkType !== linkType)) {
          const kept = batch.count
          batch.keep((i) => reader.interfaces[batch.tables.interfaceIds[i]!]!.linkType === linkType)
          stats.rxErrors += kept - batch.count
        }
        if (batch.count === 0) continue
        countBatch(stats, 'rxPackets', batch)
        return batch.count
      }
      // Nothing is left to read, and whoever reads to the end need not close.
      await reader.close()
      return 0
    },
    async transmit(batch) {
      if (closed) throw closedError(name)
      if (!transmitTo) stats.txDropped += batch.count
      else {
        await transmitTo.transmit(batch)
        countBatch(stats, 'txPackets', batch)
      }
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Takes the pieces of a file in order; a promise lets the writer wait. */
export interface ByteSink {
  write(bytes: Uint8Array): void | Promise<void>
  close?(): void | Promise<void>
}

export interface PcapSinkOptions extends DeviceOptions, WriteOptions {}

/** A device that writes what is transmitted to it as a capture; it receives nothing. */
export function createPcapSink(sink: ByteSink, options: PcapSinkOptions = {}): PacketDevice {
  const encoder = createEncoder(options)
  const stats = createStats()
  const { name = 'pcap1', ifindex = 1, mtu = 1500 } = options
  let closed = false
  let begun = false
  const begin = async () => {
    if (!begun) {
      begun = true
      await sink.write(encoder.header())
    }
  }
  const close = async () => {
    if (closed) return
    closed = true
    await begin() // a capture without packets is one too
    await sink.close?.()
  }
  return {
    name,
    ifindex,
    mtu,
    stats,
    linkType: encoder.interfaces[0]?.linkType ?? LINKTYPE.ETHERNET,
    receive: async (batch) => {
      batch.clear()
      return 0
    },
    async transmit(batch) {
      if (closed) throw closedError(name)
      const bytes = encoder.batch(batch)
      await begin()
      await sink.write(bytes)
      countBatch(stats, 'txPackets', batch)
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

export const closedError = (name: string): PacketError => new PacketError('CLOSED', `${name} is closed`)
