import { byteSource, type CaptureSource } from './byte-source.ts'
import { createScanner, finishScan } from './capture.ts'
import type { ReadOptions } from './capture-reader.ts'
import { createEncoder } from './encoder.ts'
import { PacketError } from './errors.ts'
import * as layout from './layout.ts'
import { LINKTYPE } from './link-type.ts'
import { instantiatePump, type PumpExports } from './module.ts'
import { PcapScanner } from './pcap.ts'
import type { ByteSink } from './pcap-device.ts'
import type { PcapngScanner } from './pcapng.ts'
import { DEFAULT_MAX_PACKET_LENGTH } from './scanner.ts'
import { summarize } from './summarize.ts'

/** The memory that packets are read into and programs run over: an arena of `@skep/memory`. */
export interface PumpMemory {
  readonly memory: WebAssembly.Memory
  readonly shared: boolean
  readonly u8: Uint8Array
  readonly u32: Uint32Array
  readonly view: DataView
  alloc(size: number, align?: number): number
  free(address: number): void
}

/** Values that depend on the packet, by name. */
export type ContextField =
  | 'data'
  | 'dataEnd'
  /** Captured bytes, and those that the packet had on the wire. */
  | 'length'
  | 'originalLength'
  /** Where the header behind an Ethernet header begins. */
  | 'network'
  /** EtherType in network byte order. */
  | 'protocol'
  /** `skb->pkt_type`: 0 for this host, 1 broadcast, 2 multicast. */
  | 'packetType'

const fieldKinds: Readonly<Record<ContextField, number>> = {
  data: layout.FIELD_DATA,
  dataEnd: layout.FIELD_DATA_END,
  length: layout.FIELD_LENGTH,
  originalLength: layout.FIELD_ORIGINAL_LENGTH,
  network: layout.FIELD_NETWORK,
  protocol: layout.FIELD_PROTOCOL,
  packetType: layout.FIELD_PACKET_TYPE,
}

/** How the context of a packet is made. */
export interface ContextShape {
  /** The bytes of a context and, before it, of what lies below; a multiple of 16. */
  readonly template: Uint8Array
  /** How many bytes lie below. */
  readonly below: number
  /** u32 fields that depend on the packet, by offset in the context; addresses are of the memory. */
  readonly fields: readonly (readonly [offset: number, value: ContextField])[]
}

/**
 * What verdicts mean: how many bytes of a packet to keep; or that packets of verdict `keep` are kept, and those of one that
 * is neither `keep` nor in `plain` are handed to `unusual`.
 */
export type PumpVerdicts = 'length' | { readonly keep: number; readonly plain: readonly number[] }

export interface PumpOptions extends ReadOptions {
  readonly memory: PumpMemory
  readonly context: ContextShape
  readonly verdicts: PumpVerdicts
  /** Runs the program: addresses of the contexts (u32 each) and of the verdicts (u32 each), written in place. */
  readonly run: (contexts: number, count: number, results: number) => void
  /** A verdict that is not plain, before the next batch, with the address of the packet's context. */
  readonly unusual?: (verdict: number, context: number) => void
  /** Takes the packets that are kept, as a pcap file in nanoseconds. The bytes are valid until it is done. */
  readonly sink?: ByteSink
  /** Packets in one run. Default 256. */
  readonly batchSize?: number
}

/** Counters of a pump. */
export interface PumpTally {
  packets: number
  /** Captured. */
  bytes: number
  /** Packets of interfaces with another link type than the first one's. */
  leftOut: number
  /** Written to the sink, file header included. */
  bytesWritten: number
  /**
   * Packets by protocol, as `summarize` tells it, and verdict: elements 0 to 7, others count as 0. Where verdicts are
   * lengths, element 1 has the packets that are kept.
   */
  readonly protocols: Map<string, number[]>
}

const CHUNK = 1 << 18
/** Simple packet blocks have less before a packet than a record of pcap has: the first may have to move up. */
const SLACK = 64
/** Longest time without letting the host's other work run. */
const SLICE_MS = 25

const classNames: readonly (readonly [number, string])[] = [
  [layout.CLASS_TCP, 'TCP'],
  [layout.CLASS_UDP, 'UDP'],
  [layout.CLASS_ICMP, 'ICMP'],
  [layout.CLASS_ICMPV6, 'ICMPv6'],
  [layout.CLASS_ARP, 'ARP'],
]

function linkKind(linkType: number): number {
  if (linkType === LINKTYPE.ETHERNET) return layout.LINK_ETHERNET
  const ip = linkType === LINKTYPE.RAW || linkType === LINKTYPE.IPV4 || linkType === LINKTYPE.IPV6
  return ip ? layout.LINK_IP : layout.LINK_OTHER
}

/**
 * Runs a program over a whole capture, pcap or pcapng, with no work in JavaScript for a packet: the file is read into the
 * memory in large pieces, packets stay where they were read, and those that are kept leave in large pieces. Packets lie
 * one behind the other: the program must not move where a packet begins or ends. Made for one run.
 */
export class CapturePump {
  readonly tally: PumpTally = { packets: 0, bytes: 0, leftOut: 0, bytesWritten: 0, protocols: new Map() }
  readonly #options: PumpOptions
  readonly #memory: PumpMemory
  readonly #wasm: PumpExports
  readonly #capacity: number
  /** Everything but the buffer, and the addresses of its parts. */
  readonly #block: number
  readonly #pump: number
  readonly #contextTable: number
  #interfaces = 0
  #interfaceRoom = 0
  /** What is read: buffer[0, size), behind SLACK bytes. */
  #buffer = 0
  #size: number
  #scanner: PcapScanner | PcapngScanner | undefined
  /** Whether wasm knows the records' form. */
  #fast = false
  #stopped = false

  constructor(options: PumpOptions) {
    const { memory, context, verdicts } = options
    const { template, below, fields } = context
    const stride = template.length
    if (stride === 0 || stride % 16 !== 0) {
      throw new RangeError(`a context of ${stride} bytes; give a template of a multiple of 16 bytes`)
    }
    const capacity = options.batchSize ?? 256
    if (!Number.isInteger(capacity) || capacity < 1 || capacity > 65_536) {
      throw new RangeError(`batchSize is ${capacity}; give an integer from 1 to 65536`)
    }
    this.#options = options
    this.#memory = memory
    this.#wasm = instantiatePump(memory.memory, memory.shared)
    this.#capacity = capacity
    this.#size = Math.max(options.chunkSize ?? CHUNK, 64)

    let top = 0
    const part = (size: number): number => {
      const at = top
      top += (size + 63) & ~63
      return at
    }
    const parts = {
      pump: part(layout.PUMP_SIZE),
      template: part(stride),
      fields: part(8 * fields.length),
      counts: part(4 * layout.CLASSES * layout.ACTIONS),
      table: part(4 * capacity),
      results: part(4 * capacity),
      listed: part(4 * capacity),
      packets: part(layout.PACKET_SIZE * capacity),
      contexts: part(stride * capacity),
    }
    this.#block = memory.alloc(top, 64)
    this.#buffer = this.#allocBuffer(this.#size)
    const at = (name: keyof typeof parts): number => this.#block + parts[name]
    this.#pump = at('pump')
    this.#contextTable = at('table')

    const { u8, u32 } = memory
    u8.set(template, at('template'))
    fields.forEach(([offset, kind], i) => {
      u32[(at('fields') >> 2) + 2 * i] = offset
      u32[(at('fields') >> 2) + 2 * i + 1] = 4 * fieldKinds[kind]
    })
    for (let i = 0; i < capacity; i++)
      u32[(this.#contextTable >> 2) + i] = at('contexts') + stride * i + below
    this.#put(layout.PUMP_CAPACITY, capacity)
    this.#put(layout.PUMP_CONTEXTS, at('contexts'))
    this.#put(layout.PUMP_STRIDE, stride)
    this.#put(layout.PUMP_HEADER, below)
    this.#put(layout.PUMP_TEMPLATE, at('template'))
    this.#put(layout.PUMP_FIELDS, at('fields'))
    this.#put(layout.PUMP_FIELD_COUNT, fields.length)
    this.#put(layout.PUMP_PACKETS, at('packets'))
    this.#put(layout.PUMP_RESULTS, at('results'))
    this.#put(layout.PUMP_LISTED, at('listed'))
    this.#put(layout.PUMP_COUNTS, at('counts'))
    this.#put(layout.PUMP_MAX_LENGTH, options.maxPacketLength ?? DEFAULT_MAX_PACKET_LENGTH)
    if (verdicts === 'length') this.#put(layout.PUMP_BY_LENGTH, 1)
    else {
      this.#put(layout.PUMP_KEEP, verdicts.keep)
      // No more bits than there are counters.
      this.#put(
        layout.PUMP_PLAIN,
        [verdicts.keep, ...verdicts.plain].reduce(
          (bits, v) => (v < layout.ACTIONS ? bits | (1 << v) : bits),
          0,
        ),
      )
    }
  }

  /** LINKTYPE of the capture, once its header is read. */
  get linkType(): number | undefined {
    return this.#scanner?.interfaces[0]?.linkType
  }

  /** Ends the run behind the batch that is being worked on. */
  stop(): void {
    this.#stopped = true
  }

  /**
   * Reads the capture to its end. Throws PcapError at a bad record, when the packets before it are done, PacketError
   * BAD_FIELD at a time that pcap cannot hold if there is a sink, and the source's and the sink's errors.
   */
  async run(source: CaptureSource): Promise<PumpTally> {
    const bytes = byteSource(source instanceof Uint8Array ? [source] : source)
    try {
      await this.#begin(bytes)
      await this.#pumpAll(bytes)
      return this.tally
    } finally {
      for (const address of [this.#block, this.#buffer, this.#interfaces]) {
        if (address !== 0) this.#memory.free(address)
      }
      await bytes.close?.()
    }
  }

  /** Reads until the format is known. */
  async #begin(source: { read(into: Uint8Array): number | Promise<number> }): Promise<void> {
    const from = this.#buffer + SLACK
    let end = from
    while (end - from < 4) {
      const size = await source.read(this.#memory.u8.subarray(end, from + this.#size))
      if (size === 0) break
      end += size
    }
    this.#put(layout.PUMP_AT, from)
    this.#put(layout.PUMP_END, end)
    this.#scanner = createScanner(this.#memory.u8.subarray(from, end), this.#options) as
      | PcapScanner
      | PcapngScanner
  }

  async #pumpAll(source: { read(into: Uint8Array): number | Promise<number> }): Promise<void> {
    const { sink } = this.#options
    let headed = false
    let slice = performance.now()
    for (let ended = false; !this.#stopped; ) {
      this.#put(layout.PUMP_OUT, this.#buffer)
      let failure: { error: unknown } | undefined
      try {
        this.#takeAll()
      } catch (error) {
        failure = { error }
      }
      this.#drain()
      if (sink) {
        if (!headed && this.linkType !== undefined) {
          headed = true
          await this.#write(sink, this.#fileHeader())
        }
        const out = this.#get(layout.PUMP_OUT)
        if (out > this.#buffer) await this.#write(sink, this.#memory.u8.subarray(this.#buffer, out))
      }
      if (failure) throw failure.error
      const rest = this.#get(layout.PUMP_END) - this.#get(layout.PUMP_AT)
      if (ended) {
        finishScan(this.#scanner!, rest, this.#options)
        break
      }
      this.#makeRoom(rest)
      const into = this.#memory.u8.subarray(
        this.#buffer + SLACK + rest,
        this.#buffer + SLACK + Math.max(this.#size, rest),
      )
      const got = source.read(into)
      const size = typeof got === 'number' ? got : await got
      ended = size === 0
      this.#put(layout.PUMP_END, this.#get(layout.PUMP_END) + size)
      if (performance.now() - slice > SLICE_MS) {
        await breathe()
        slice = performance.now()
      }
    }
  }

  /** Moves what is left to the buffer's begin, and makes the buffer larger where that fills it. */
  #makeRoom(rest: number): void {
    const at = this.#get(layout.PUMP_AT)
    let to = this.#buffer + SLACK
    if (rest === this.#size) {
      const old = this.#buffer
      this.#size *= 2
      this.#buffer = this.#allocBuffer(this.#size)
      to = this.#buffer + SLACK
      this.#memory.u8.copyWithin(to, at, at + rest)
      this.#memory.free(old)
    } else if (rest > 0) this.#memory.u8.copyWithin(to, at, at + rest)
    this.#put(layout.PUMP_AT, to)
    this.#put(layout.PUMP_END, to + rest)
  }

  #allocBuffer(size: number): number {
    return this.#memory.alloc(SLACK + size, 64)
  }

  /** Takes every whole record that is here. */
  #takeAll(): void {
    const wasm = this.#wasm
    const scanner = this.#scanner!
    const isPcap = scanner instanceof PcapScanner
    // A block that is passed over may go on in what was read now.
    if (!this.#fast || !isPcap) this.#look(0)
    while (!this.#stopped) {
      const before = this.#get(layout.PUMP_AT)
      let stop = layout.STOP_LOOK
      if (this.#fast) stop = isPcap ? wasm.scanPcap(this.#pump) : wasm.scanPcapng(this.#pump)
      scanner.position += this.#get(layout.PUMP_AT) - before
      let idle = stop === layout.STOP_NEED
      if (stop === layout.STOP_LOOK && this.#get(layout.PUMP_COUNT) < this.#capacity) {
        try {
          idle = !this.#look(this.#fast ? 1 : this.#capacity)
        } catch (error) {
          this.#runBatch()
          throw error
        }
      }
      if (idle || this.#get(layout.PUMP_COUNT) === this.#capacity) this.#runBatch()
      if (idle) return
    }
  }

  /** Lets the scanner take what is no packet, and as many packets as said; answers whether there was any. */
  #look(most: number): boolean {
    const scanner = this.#scanner!
    const { u8 } = this.#memory
    const at = this.#get(layout.PUMP_AT)
    let left = Math.min(most, this.#capacity - this.#get(layout.PUMP_COUNT))
    const next = scanner.scan(u8, at, this.#get(layout.PUMP_END), {
      add: (_, data, length, original, seconds, nanos, interfaceId) => {
        if (left === 0) return false
        left--
        if (scanner.interfaces[interfaceId]!.linkType !== this.linkType) this.tally.leftOut++
        else {
          if (this.#options.sink && !(seconds >= 0 && seconds < 2 ** 32)) {
            const said = `pcap has 32 bits for seconds, not enough for ${seconds}`
            throw new PacketError('BAD_FIELD', said, 'seconds')
          }
          this.#wasm.add(this.#pump, data, length, original, seconds, nanos)
        }
        return true
      },
    })
    this.#put(layout.PUMP_AT, next)
    this.#learn(scanner)
    return next !== at
  }

  /** Tells wasm what the scanner has found out about the records' form. */
  #learn(scanner: PcapScanner | PcapngScanner): void {
    const [first] = scanner.interfaces
    if (!first) return
    this.#put(layout.PUMP_LINK, linkKind(first.linkType))
    if (scanner instanceof PcapScanner) {
      this.#put(layout.PUMP_SWAPPED, scanner.littleEndian ? 0 : 1)
      this.#put(layout.PUMP_UNIT, scanner.unit)
      this.#fast = true
      return
    }
    this.#fast = scanner.littleEndian
    this.#put(layout.PUMP_FIRST_INTERFACE, scanner.firstInterface)
    const count = scanner.interfaces.length
    if (count === this.#get(layout.PUMP_INTERFACE_COUNT)) return
    if (count > this.#interfaceRoom) {
      if (this.#interfaces !== 0) this.#memory.free(this.#interfaces)
      this.#interfaceRoom = Math.max(16, 2 * count)
      this.#interfaces = this.#memory.alloc(layout.INTERFACE_SIZE * this.#interfaceRoom)
    }
    scanner.interfaces.forEach(({ linkType }, i) => {
      const ticks = linkType === first.linkType ? scanner.ticks[i]! : layout.OTHER_LINK
      this.#memory.u32[(this.#interfaces + layout.INTERFACE_SIZE * i) >> 2] = ticks
    })
    this.#put(layout.PUMP_INTERFACES, this.#interfaces)
    this.#put(layout.PUMP_INTERFACE_COUNT, count)
  }

  #runBatch(): void {
    const count = this.#get(layout.PUMP_COUNT)
    if (count === 0) return
    const { run, sink } = this.#options
    const results = this.#get(layout.PUMP_RESULTS)
    run(this.#contextTable, count, results)
    const listed = this.#wasm.settle(this.#pump)
    for (let i = 0; i < listed; i++) this.#lookAt(this.#memory.u32[(this.#get(layout.PUMP_LISTED) >> 2) + i]!)
    if (sink) this.#wasm.keep(this.#pump)
    this.#put(layout.PUMP_COUNT, 0)
    this.tally.packets += count
  }

  /** Counts a packet that `settle` did not. */
  #lookAt(index: number): void {
    const { u8, u32 } = this.#memory
    const at = this.#get(layout.PUMP_PACKETS) + layout.PACKET_SIZE * index
    const data = u32[(at + layout.PACKET_DATA) >> 2]!
    const length = u32[(at + layout.PACKET_LENGTH) >> 2]!
    const verdict = u32[(this.#get(layout.PUMP_RESULTS) >> 2) + index]!
    const protocol = summarize(u8.subarray(data, data + length), this.linkType)
    const { verdicts, unusual } = this.#options
    if (verdicts === 'length') {
      this.#count(protocol, verdict === 0 ? 0 : 1, 1)
      return
    }
    this.#count(protocol, verdict < layout.ACTIONS ? verdict : 0, 1)
    if (verdict === verdicts.keep || verdicts.plain.includes(verdict)) return
    unusual?.(verdict, u32[(this.#contextTable >> 2) + index]!)
  }

  #count(protocol: string, action: number, packets: number): void {
    let row = this.tally.protocols.get(protocol)
    if (!row) {
      row = new Array<number>(layout.ACTIONS).fill(0)
      this.tally.protocols.set(protocol, row)
    }
    row[action] = row[action]! + packets
  }

  /** Takes over what wasm counted. */
  #drain(): void {
    const { u32, view } = this.#memory
    const counts = this.#get(layout.PUMP_COUNTS) >> 2
    for (const [kind, name] of classNames) {
      for (let action = 0; action < layout.ACTIONS; action++) {
        const packets = u32[counts + kind * layout.ACTIONS + action]!
        if (packets > 0) this.#count(name, action, packets)
        u32[counts + kind * layout.ACTIONS + action] = 0
      }
    }
    this.tally.bytes += Number(view.getBigUint64(this.#pump + layout.PUMP_BYTES, true))
    view.setBigUint64(this.#pump + layout.PUMP_BYTES, 0n, true)
    this.tally.leftOut += this.#get(layout.PUMP_LEFT_OUT)
    this.#put(layout.PUMP_LEFT_OUT, 0)
  }

  #fileHeader(): Uint8Array {
    const { linkType, snapLength } = this.#scanner!.interfaces[0]!
    return createEncoder({ interfaces: [{ linkType, snapLength }] }).header()
  }

  async #write(sink: ByteSink, bytes: Uint8Array): Promise<void> {
    const written = sink.write(bytes)
    if (written) await written
    this.tally.bytesWritten += bytes.length
  }

  #get(offset: number): number {
    return this.#memory.u32[(this.#pump + offset) >> 2]!
  }

  #put(offset: number, value: number): void {
    this.#memory.u32[(this.#pump + offset) >> 2] = value
  }
}

/** Lets timers, sockets and other tasks run. A timer would wait a millisecond where there is something quicker. */
const breathe = (): Promise<void> =>
  new Promise((resume) => {
    const { setImmediate } = globalThis as { setImmediate?: (act: () => void) => void }
    if (setImmediate) setImmediate(resume)
    else setTimeout(resume, 0)
  })
