import type { Arena } from '@skep/memory'
import { PacketBatch, type PacketDevice } from '@skep/packet'
import {
  type AttachPointDef,
  control,
  defineAttachPoint,
  type Link,
  type ProgramHandle,
  xdpLayout,
} from '@skep/registry'
import { XdpAbortedError, XdpAttachError } from './errors.ts'
import { writeXdpContext, XDP_FRAME_SIZE } from './frame.ts'
import { XDP_DROP, XDP_PASS, XDP_REDIRECT, XDP_TX, xdpProgramType } from './program-type.ts'

const { RUN_HEADER_SIZE, RUN_REDIRECT, RUN_REDIRECT_KEY, RUN_REDIRECT_MAP } = control
const { XDP_CONTEXT_SIZE, XDP_DATA, XDP_DATA_END, XDP_PACKET_HEADROOM } = xdpLayout

/** Counters of one attachment, in packets unless said. */
export interface XdpStats {
  packets: number
  bytes: number
  /** XDP_ABORTED, unknown verdicts and runs that faulted; dropped. */
  aborted: number
  dropped: number
  passed: number
  transmitted: number
  redirected: number
  /** XDP_REDIRECT without a target; dropped. */
  redirectFailed: number
}

/** What observers see of a batch after its verdicts, before packets leave. Valid during the call only. */
export interface XdpBatchView {
  readonly count: number
  /** enum xdp_action, as returned. */
  verdict(index: number): number
  /** The packet's bytes as the program left them; a view of the arena. */
  packet(index: number): Uint8Array
}

export interface XdpAttachOptions {
  /** Where passed packets go: the twin of the kernel's network stack. They end here when absent. */
  readonly pass?: PacketDevice
  /** Devices by ifindex, for bpf_redirect and redirect maps. */
  readonly redirect?: ReadonlyMap<number, PacketDevice>
  /** rx_queue_index that the program sees. Default 0. */
  readonly rxQueue?: number
  /** Packets in one run of the program's loop. Default 256. */
  readonly batchSize?: number
  readonly onBatch?: (batch: XdpBatchView) => void
}

export interface XdpLink extends Link {
  readonly stats: Readonly<XdpStats>
  /** Resolves when the device has no more packets or the link is closed; rejects with the device's error. */
  readonly done: Promise<XdpStats>
}

/** A program that may attach to XDP: `collection.program(name, 'xdp')`. */
export type XdpProgram = ProgramHandle & { readonly type: 'xdp' }

/** Longest time that packets are processed without letting the host's other work run. */
const SLICE_MS = 8

/**
 * Runs a program on every packet that a device receives. XDP_TX goes back out of the device, XDP_PASS to `options.pass`,
 * XDP_REDIRECT to the device asked for.
 */
export function attachXdp(
  program: XdpProgram,
  device: PacketDevice,
  options: XdpAttachOptions = {},
): XdpLink {
  checkProgram(program)
  checkDevice('device', device)
  if (options.pass !== undefined) checkDevice('options.pass', options.pass)
  for (const [ifindex, target] of options.redirect ?? [])
    checkDevice(`options.redirect, ifindex ${ifindex}`, target)
  const batchSize = options.batchSize ?? 256
  if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > 4096) {
    throw new XdpAttachError('BAD_OPTION', `batchSize is ${batchSize}; give an integer from 1 to 4096`)
  }
  const state = receivers.get(device) ?? {}
  if (state.link) {
    throw new XdpAttachError(
      'BUSY',
      `device ${device.name} has program ${state.link.program.name} attached; close that link first`,
    )
  }
  receivers.set(device, state)
  return new Attachment(program, device, state, options, batchSize)
}

/** A receive that its link did not wait for: the packets are the next link's. */
interface Leftover {
  readonly received: Promise<number>
  readonly ring: Ring
}

/** Who receives from a device: a device takes one call at a time. */
interface Receiver {
  link?: XdpLink | undefined
  leftover?: Leftover | undefined
}

const receivers = new WeakMap<PacketDevice, Receiver>()

const isPromise = (value: unknown): boolean =>
  typeof (value as { then?: unknown } | null)?.then === 'function'

function checkProgram(program: ProgramHandle): void {
  if (typeof program?.runBatch !== 'function') {
    throw new XdpAttachError(
      'BAD_PROGRAM',
      isPromise(program)
        ? 'a promise was given as program; await it first'
        : 'what was given is no program; give collection.program(name, "xdp")',
    )
  }
  if (program.type !== xdpProgramType.name) {
    throw new XdpAttachError(
      'WRONG_PROGRAM_TYPE',
      `program ${program.name} is of type ${program.type}, not xdp; put it into SEC("xdp"), or attach it with the hook of its type`,
    )
  }
}

function checkDevice(what: string, device: PacketDevice): void {
  if (typeof device?.receive === 'function' && typeof device.transmit === 'function') return
  throw new XdpAttachError(
    'BAD_DEVICE',
    isPromise(device)
      ? `${what} is a promise; await it first (openPcap is asynchronous)`
      : `${what} is no PacketDevice; give openPcap(file), createPcapSource(bytes) or another device`,
  )
}

/** XDP as an attach point of the platform. */
export const xdpAttachPoint: AttachPointDef<{ readonly device: PacketDevice } & XdpAttachOptions, XdpLink> =
  defineAttachPoint({
    name: 'xdp',
    programTypes: ['xdp'],
    attach: (program, { device, ...options }) => attachXdp(program as XdpProgram, device, options),
  })

class Attachment implements XdpLink {
  readonly attachPoint = 'xdp'
  readonly program: XdpProgram
  readonly stats: XdpStats = {
    packets: 0,
    bytes: 0,
    aborted: 0,
    dropped: 0,
    passed: 0,
    transmitted: 0,
    redirected: 0,
    redirectFailed: 0,
  }
  readonly done: Promise<XdpStats>
  readonly #device: PacketDevice
  readonly #receiver: Receiver
  readonly #options: XdpAttachOptions
  readonly #ring: Ring
  readonly #stop: () => void
  readonly #stopped: Promise<number>
  readonly #forget: () => void
  #closed = false

  constructor(
    program: XdpProgram,
    device: PacketDevice,
    receiver: Receiver,
    options: XdpAttachOptions,
    batchSize: number,
  ) {
    this.program = program
    this.#device = device
    this.#receiver = receiver
    this.#options = options
    // First, for it refuses a program whose collection is closed.
    this.#forget = program.host.onClose(() => this.close())
    try {
      this.#ring = new Ring(program.host.arena, batchSize)
    } catch (error) {
      this.#forget()
      throw error
    }
    receiver.link = this
    let stop = (): void => {}
    this.#stopped = new Promise((resolve) => {
      stop = () => resolve(0)
    })
    this.#stop = stop
    program.host.emit('attach', this)
    this.done = this.#pump()
    // A host that never looks at `done` hears of a failure through the `exception` event.
    this.done.catch((error) => program.host.emit('exception', error))
  }

  get closed(): boolean {
    return this.#closed
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#stop()
    this.#forget()
    this.#receiver.link = undefined
    this.program.host.emit('detach', this)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  async #pump(): Promise<XdpStats> {
    const ring = this.#ring
    let waiting: Promise<number> | undefined
    let slice = performance.now()
    try {
      await this.#takeLeftover()
      while (!this.#closed) {
        ring.refresh()
        const received = this.#device.receive(ring.batch)
        waiting = received
        this.#receiver.leftover = { received, ring }
        const count = await Promise.race([received, this.#stopped])
        if (this.#closed) break
        waiting = undefined
        this.#receiver.leftover = undefined
        if (count === 0) break
        await this.#process(count)
        if (performance.now() - slice > SLICE_MS) {
          await new Promise((resume) => setTimeout(resume, 0))
          slice = performance.now()
        }
      }
      return this.stats
    } catch (error) {
      waiting = undefined
      this.#receiver.leftover = undefined
      throw error
    } finally {
      if (waiting) this.#leave(waiting)
      else ring.free()
      this.close()
    }
  }

  /** The device still writes into the ring, and the device's next link takes the packets, if any come. */
  #leave(received: Promise<number>): void {
    const forget = (): void => {
      if (this.#receiver.leftover?.ring === this.#ring) this.#receiver.leftover = undefined
      this.#ring.free()
    }
    received.then((count) => count === 0 && forget(), forget)
  }

  /** Packets that came for a link that was closed while it waited for them. */
  async #takeLeftover(): Promise<void> {
    const { leftover } = this.#receiver
    if (!leftover) return
    const count = await Promise.race([leftover.received, this.#stopped])
    if (this.#closed) return
    this.#receiver.leftover = undefined
    leftover.ring.refresh()
    const { batch } = leftover.ring
    for (let taken = 0; taken < count && !this.#closed; ) {
      const ring = this.#ring
      ring.refresh()
      ring.batch.clear()
      while (taken < count) {
        const record = batch.record(taken, this.#device.linkType)
        if (!ring.batch.push(record.data, record)) break
        taken++
      }
      if (ring.batch.count === 0) {
        const { length } = batch.packet(taken)
        throw new XdpAttachError(
          'BAD_OPTION',
          `a packet of ${length} bytes is too long; give a larger batchSize`,
        )
      }
      await this.#process(ring.batch.count)
    }
    leftover.ring.free()
  }

  async #process(count: number): Promise<void> {
    const { host } = this.program
    const ring = this.#ring
    ring.refresh()
    ring.writeContexts(count, {
      ingressIfindex: this.#device.ifindex,
      rxQueueIndex: this.#options.rxQueue ?? 0,
    })
    this.program.runBatch(ring.contexts, count, ring.results)
    ring.refresh()
    this.#options.onBatch?.(ring.view(count))
    const outgoing = this.#sort(count)
    for (const [target, batch] of outgoing) await target.transmit(batch)
    host.quiesce()
  }

  /** Counts verdicts and gathers what leaves, by device. */
  #sort(count: number): Map<PacketDevice, PacketBatch> {
    const { stats } = this
    const ring = this.#ring
    const outgoing = new Map<PacketDevice, PacketBatch>()
    const send = (target: PacketDevice, index: number): void => {
      let batch = outgoing.get(target)
      if (!batch) {
        batch = ring.outgoing(outgoing.size)
        outgoing.set(target, batch)
      }
      ring.forward(index, batch)
    }
    stats.packets += count
    for (let i = 0; i < count; i++) {
      stats.bytes += ring.batch.tables.lengths[i]!
      switch (ring.verdict(i)) {
        case XDP_DROP:
          stats.dropped++
          break
        case XDP_PASS:
          stats.passed++
          if (this.#options.pass) send(this.#options.pass, i)
          break
        case XDP_TX:
          stats.transmitted++
          send(this.#device, i)
          break
        case XDP_REDIRECT: {
          const target = this.#redirectTarget(i)
          if (target) {
            stats.redirected++
            send(target, i)
          } else {
            stats.redirectFailed++
            this.#abort(i, 'XDP_REDIRECT without a device that this attachment knows')
          }
          break
        }
        default:
          stats.aborted++
          this.#abort(i, `verdict ${ring.verdict(i)}`)
      }
    }
    return outgoing
  }

  #abort(index: number, reason: string): void {
    const { program } = this
    program.host.emit('exception', new XdpAbortedError(program.name, this.#ring.verdict(index), reason))
  }

  #redirectTarget(index: number): PacketDevice | undefined {
    const { arena, mapAt } = this.program.host
    const header = this.#ring.context(index)
    const word = (offset: number): number => arena.u32[(header + offset) >> 2]!
    const kind = word(RUN_REDIRECT)
    if (kind === 0) return undefined
    let ifindex = word(RUN_REDIRECT_KEY)
    if (kind === 2) {
      const map = mapAt(word(RUN_REDIRECT_MAP))
      const value = map?.lookup(new Uint8Array(Uint32Array.of(ifindex).buffer))
      if (!value) return undefined
      ifindex = new DataView(value.buffer, value.byteOffset).getUint32(0, true)
    }
    return ifindex === this.#device.ifindex ? this.#device : this.#options.redirect?.get(ifindex)
  }
}

/** The attachment's part of the arena: packets, contexts, verdicts, written once and read in place. */
class Ring {
  readonly batch: PacketBatch
  /** Addresses of the contexts (u32 each) and of the verdicts. */
  readonly contexts: number
  readonly results: number
  readonly #arena: Arena
  readonly #block: number
  readonly #first: number
  readonly #frames: number
  readonly #end: number
  readonly #capacity: number
  readonly #outgoing: PacketBatch[] = []
  #freed = false

  constructor(arena: Arena, capacity: number) {
    this.#arena = arena
    this.#capacity = capacity
    const contextBytes = (RUN_HEADER_SIZE + XDP_CONTEXT_SIZE) * capacity
    const frameBytes = capacity * XDP_FRAME_SIZE
    // A packet larger than a page still fits a batch of its own.
    const packetBytes = Math.max(frameBytes, 1 << 19)
    this.#block = arena.alloc(8 * capacity + contextBytes + packetBytes, 64)
    this.contexts = this.#block
    this.results = this.contexts + 4 * capacity
    this.#first = this.results + 4 * capacity + RUN_HEADER_SIZE
    this.#frames = this.results + 4 * capacity + contextBytes
    this.#end = this.#frames + packetBytes
    for (let i = 0; i < capacity; i++) arena.u32[(this.contexts >> 2) + i] = this.context(i)
    this.batch = new PacketBatch({
      buffer: arena.u8,
      start: this.#frames,
      end: this.#end,
      capacity,
      headroom: XDP_PACKET_HEADROOM,
      frameSize: XDP_FRAME_SIZE,
      align: 16,
    })
  }

  context(index: number): number {
    return this.#first + index * (RUN_HEADER_SIZE + XDP_CONTEXT_SIZE)
  }

  verdict(index: number): number {
    return this.#arena.u32[(this.results >> 2) + index]!
  }

  /** After anything that may have made the memory grow. */
  refresh(): void {
    const { u8 } = this.#arena
    if (this.batch.buffer === u8) return
    this.batch.rebase(u8)
    for (const batch of this.#outgoing) batch.rebase(u8)
  }

  writeContexts(count: number, device: { ingressIfindex: number; rxQueueIndex: number }): void {
    const { u32 } = this.#arena
    const { offsets, lengths } = this.batch.tables
    for (let i = 0; i < count; i++) {
      const data = offsets[i]!
      const dataEnd = data + lengths[i]!
      const start = data - XDP_PACKET_HEADROOM
      const end = Math.max(start + XDP_FRAME_SIZE, dataEnd)
      writeXdpContext(u32, this.context(i), { start, meta: data, data, dataEnd, end }, device)
    }
  }

  /** An empty batch whose packets stay where they lie. */
  outgoing(index: number): PacketBatch {
    let batch = this.#outgoing[index]
    if (!batch) {
      batch = new PacketBatch({
        buffer: this.#arena.u8,
        start: this.#frames,
        end: this.#end,
        capacity: this.#capacity,
      })
      this.#outgoing.push(batch)
    }
    batch.clear()
    return batch
  }

  /** Adds a packet as the program left it; its bytes stay where they lie. */
  forward(index: number, to: PacketBatch): void {
    const { u32 } = this.#arena
    const at = this.context(index) >> 2
    const data = u32[at + XDP_DATA / 4]!
    const length = u32[at + XDP_DATA_END / 4]! - data
    const from = this.batch.tables
    const n = to.count++
    to.tables.offsets[n] = data
    to.tables.lengths[n] = length
    to.tables.originalLengths[n] = length
    to.tables.seconds[n] = from.seconds[index]!
    to.tables.nanos[n] = from.nanos[index]!
    to.tables.interfaceIds[n] = from.interfaceIds[index]!
  }

  view(count: number): XdpBatchView {
    return {
      count,
      verdict: (index) => this.verdict(index),
      packet: (index) => {
        const at = this.context(index) >> 2
        const { u8, u32 } = this.#arena
        return u8.subarray(u32[at + XDP_DATA / 4]!, u32[at + XDP_DATA_END / 4]!)
      },
    }
  }

  free(): void {
    if (this.#freed) return
    this.#freed = true
    this.#arena.free(this.#block)
  }
}
