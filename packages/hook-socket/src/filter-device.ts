import { ContextRing, LINKTYPE, type PacketBatch, type PacketDevice } from '@skep/packet'
import { control, type ProgramHandle, skbLayout as skb } from '@skep/registry'
import type { SocketFilterProgram } from './capture.ts'
import { SocketAttachError } from './errors.ts'
import { createFilterStats, type SocketFilterStats } from './filter-stats.ts'
import { socketFilterProgramType } from './socket-filter.ts'
import { writeSkb } from './write-skb.ts'

const { RUN_HEADER_SIZE } = control
const ETH_HLEN = 14
const PACKET_BROADCAST = 1
const PACKET_MULTICAST = 2

export interface FilterDeviceOptions {
  /** Packets in one run of the program's loop. Default 256. */
  readonly batchSize?: number
}

/** A device whose packets a filter has kept. What is transmitted goes out as it is; closing it closes the device. */
export interface FilteredDevice extends PacketDevice {
  readonly filter: Readonly<SocketFilterStats>
}

/**
 * A socket filter on what a device receives, as on a packet socket (run_filter, net/packet/af_packet.c): it sees frames from
 * their link-layer header on, and returns how many bytes to keep; 0 drops. Throws SocketAttachError WRONG_PROGRAM_TYPE,
 * BAD_PROGRAM and BAD_OPTION.
 */
export function filterDevice(
  program: SocketFilterProgram,
  device: PacketDevice,
  options: FilterDeviceOptions = {},
): FilteredDevice {
  if (typeof (program as ProgramHandle | undefined)?.runBatch !== 'function')
    throw new SocketAttachError('BAD_PROGRAM', 'what was given is no program; await it, if it is a promise')
  if (program.type !== socketFilterProgramType.name)
    throw new SocketAttachError(
      'WRONG_PROGRAM_TYPE',
      `program ${program.name} is of type ${program.type}, not socket_filter; put it into SEC("socket")`,
    )
  const { batchSize = 256 } = options
  if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > 4096)
    throw new SocketAttachError('BAD_OPTION', `batchSize is ${batchSize}; give an integer from 1 to 4096`)
  return new Filtered(program, device, batchSize)
}

class Filtered implements FilteredDevice {
  readonly filter: SocketFilterStats = createFilterStats()
  readonly #program: SocketFilterProgram
  readonly #device: PacketDevice
  readonly #ring: ContextRing
  readonly #forget: () => void
  /** Packets of the ring that the reader has had, and those that there are. */
  #next = 0
  #count = 0
  #reading = false
  #closed = false

  constructor(program: SocketFilterProgram, device: PacketDevice, capacity: number) {
    this.#program = program
    this.#device = device
    this.#forget = program.host.onClose(() => this.#end())
    this.#ring = new ContextRing(program.host.arena, {
      capacity,
      contextSize: skb.SKB_CONTEXT_SIZE,
      headerSize: RUN_HEADER_SIZE,
      headroom: 0,
    })
  }

  get name(): string {
    return this.#device.name
  }

  get ifindex(): number {
    return this.#device.ifindex
  }

  get mtu(): number {
    return this.#device.mtu
  }

  get linkType(): number {
    return this.#device.linkType
  }

  get stats(): PacketDevice['stats'] {
    return this.#device.stats
  }

  async receive(batch: PacketBatch): Promise<number> {
    batch.clear()
    this.#reading = true
    try {
      while (!this.#closed) {
        this.#give(batch)
        if (batch.count > 0) return batch.count
        this.#ring.refresh()
        const count = await this.#device.receive(this.#ring.batch)
        if (count === 0 || this.#closed) return 0
        this.#run(count)
      }
      return 0
    } finally {
      this.#reading = false
      if (this.#closed) this.#ring.free()
    }
  }

  /** As many of those that were kept as there is room for. */
  #give(batch: PacketBatch): void {
    const ring = this.#ring
    const { filter } = this
    for (; this.#next < this.#count; this.#next++) {
      const kept = ring.verdict(this.#next)
      if (kept === 0) continue
      const record = ring.batch.record(this.#next, this.linkType)
      const data = kept < record.data.length ? record.data.subarray(0, kept) : record.data
      if (batch.push(data, record)) continue
      if (batch.count > 0) return
      // Not even an empty batch has room for it.
      filter.passed--
      filter.dropped++
    }
  }

  #run(count: number): void {
    const ring = this.#ring
    const { filter } = this
    ring.refresh()
    for (let n = 0; n < count; n++) this.#context(n)
    this.#program.runBatch(ring.contexts, count, ring.results)
    this.#program.host.quiesce()
    ring.refresh()
    const { lengths } = ring.batch.tables
    filter.packets += count
    for (let n = 0; n < count; n++) {
      const [length, kept] = [lengths[n]!, ring.verdict(n)]
      filter.bytes += length
      if (kept === 0) filter.dropped++
      else filter.passed++
      if (kept > 0 && kept < length) filter.truncated++
    }
    this.#next = 0
    this.#count = count
  }

  #context(n: number): void {
    const { u8, u32 } = this.#program.host.arena
    const { offsets, lengths, originalLengths } = this.#ring.batch.tables
    const at = this.#ring.context(n) >> 2
    u32.fill(0, at - RUN_HEADER_SIZE / 4, at + skb.SKB_CONTEXT_SIZE / 4)
    const data = offsets[n]!
    const end = data + lengths[n]!
    const ethernet = this.linkType === LINKTYPE.ETHERNET
    let protocol = 0
    if (end - data >= ETH_HLEN && ethernet) {
      protocol = u8[data + 12]! | (u8[data + 13]! << 8)
      if (u8[data]! & 1)
        u32[at + skb.SKB_PKT_TYPE / 4] = u8.subarray(data, data + 6).every((byte) => byte === 0xff)
          ? PACKET_BROADCAST
          : PACKET_MULTICAST
    } else if (!ethernet && end > data) protocol = u8[data]! >> 4 === 6 ? 0xdd86 : 0x0008
    writeSkb(u32, this.#ring.context(n), {
      data,
      end,
      mac: data,
      network: data + (ethernet ? ETH_HLEN : 0),
      // What was on the wire counts; what of it did not come cannot be read.
      length: Math.max(originalLengths[n]!, end - data),
      protocol,
      ifindex: this.ifindex,
    })
  }

  transmit(batch: PacketBatch): Promise<void> {
    return this.#device.transmit(batch)
  }

  #end(): void {
    if (this.#closed) return
    this.#closed = true
    this.#forget()
    // A device that still reads writes into it.
    if (!this.#reading) this.#ring.free()
  }

  async close(): Promise<void> {
    this.#end()
    await this.#device.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
