import { ContextRing, DevicePump, hookBehind, type PacketBatch, type PacketDevice } from '@skep/packet'
import { control, type ProgramHandle, type RuntimeHost, xdpLayout } from '@skep/registry'
import { type Attached, inOrder, runChain } from './chain.ts'
import { Destinations } from './destination.ts'
import { XdpAbortedError, XdpAttachError } from './errors.ts'
import { createXdpFrame, packetEnd, writeXdpContext, XDP_FRAME_SIZE, XDP_LINEAR_SIZE } from './frame.ts'
import { BPF_F_XDP_HAS_FRAGS, XDP_DROP, XDP_PASS, XDP_REDIRECT, XDP_TX } from './program-type.ts'
import { cloneFrame, type Redirected, runSecondPrograms } from './second-programs.ts'
import { xskOf } from './xsk-socket.ts'

const { RUN_HEADER_SIZE } = control
const { XDP_CONTEXT_SIZE, XDP_DATA, XDP_DATA_META, XDP_PACKET_HEADROOM } = xdpLayout

/** What observers see of a batch after its verdicts, before packets leave. Valid during the call only. */
export interface XdpBatchView {
  readonly count: number
  /** enum xdp_action, as returned; XDP_PASS of a packet that several programs let through. */
  verdict(index: number): number
  /** The packet's bytes as the program left them, fragments included; a view of the arena. */
  packet(index: number): Uint8Array
}

/** What a hook is told by those who attach to it; the last word counts. */
export interface HookOptions {
  pass?: PacketDevice
  redirect?: ReadonlyMap<number, PacketDevice>
  rxQueue?: number
  onBatch?: (batch: XdpBatchView) => void
}

/** How often programs of cpumaps may redirect a packet again. */
const MOST_REDIRECTS = 8
/** Where passed packets go: the hook behind, or `options.pass`. */
const STACK = Symbol('stack')
type Target = PacketDevice | typeof STACK

const hooks = new WeakMap<PacketDevice, XdpHook>()

export const hookOf = (device: PacketDevice): XdpHook | undefined => hooks.get(device)

/** What a device receives, with the programs that are asked about it. */
export class XdpHook {
  readonly device: PacketDevice
  readonly host: RuntimeHost
  readonly options: HookOptions = {}
  /** Resolves when the device has no more packets or the last program is gone; rejects with a device's error. */
  readonly done: Promise<void>
  #programs: readonly Attached[] = []
  readonly #ring: ContextRing
  readonly #pump: DevicePump
  readonly #destinations: Destinations<PacketDevice>
  /** For each packet, which program decided. */
  readonly #deciders: Uint8Array
  /** Where packets of this batch go, each with the batch of the ring at its place. */
  readonly #targets: Target[] = []
  readonly #batches: PacketBatch[] = []
  /** Memory that packets of this batch have beside the ring. */
  readonly #frames: { release(): void }[] = []
  readonly #waiting: Redirected[] = []
  #hasStack = false

  constructor(host: RuntimeHost, device: PacketDevice, capacity: number) {
    this.host = host
    this.device = device
    this.#ring = new ContextRing(host.arena, {
      capacity,
      contextSize: XDP_CONTEXT_SIZE,
      headerSize: RUN_HEADER_SIZE,
      headroom: XDP_PACKET_HEADROOM,
      frameSize: XDP_FRAME_SIZE,
    })
    this.#deciders = new Uint8Array(capacity)
    this.#destinations = new Destinations(host, (ifindex) => this.#find(ifindex), device.ifindex)
    hooks.set(device, this)
    // In front of whoever receives now.
    hookBehind(device)?.yield()
    this.#pump = new DevicePump(device, {
      ring: this.#ring,
      front: true,
      process: (count) => this.#process(count),
      tooLong: (length) =>
        new XdpAttachError('BAD_OPTION', `a packet of ${length} bytes is too long; give a larger batchSize`),
    })
    this.done = this.#pump.done.then(
      () => this.#end(),
      (error) => {
        host.emit('exception', error)
        this.#end({ error })
        throw error
      },
    )
    // A host that never looks at it hears of a failure through the event.
    this.done.catch(() => {})
  }

  get programs(): readonly Attached[] {
    return this.#programs
  }

  add(entry: Attached): void {
    this.#programs = inOrder([...this.#programs, entry])
  }

  remove(entry: Attached): void {
    this.#programs = this.#programs.filter((other) => other !== entry)
    if (this.#programs.length > 0) return
    this.#pump.stop()
    if (hooks.get(this.device) !== this) return
    hooks.delete(this.device)
    hookBehind(this.device)?.receive()
  }

  /** The device has no more packets. */
  #end(failure?: { readonly error: unknown }): void {
    for (const { ended } of this.#programs) ended(failure)
  }

  async #process(count: number): Promise<void> {
    const ring = this.#ring
    const programs = this.#programs
    if (programs.length === 0) return
    ring.refresh()
    this.#writeContexts(count, programs)
    try {
      this.#run(count, programs)
      ring.refresh()
      this.#show(count)
      this.#sort(count, programs)
      await this.#deliver()
    } finally {
      for (const frame of this.#frames.splice(0)) frame.release()
    }
    this.host.quiesce()
  }

  #run(count: number, programs: readonly Attached[]): void {
    const ring = this.#ring
    const { lengths } = ring.batch.tables
    if (programs.length > 1) {
      const { contexts, results } = ring
      runChain(this.host, programs, { contexts, results, count }, this.#deciders, lengths)
      return
    }
    const { program, stats } = programs[0]!
    this.#deciders.fill(0, 0, count)
    program.runBatch(ring.contexts, count, ring.results)
    stats.packets += count
    for (let i = 0; i < count; i++) stats.bytes += lengths[i]!
  }

  #show(count: number): void {
    const { onBatch } = this.options
    if (!onBatch) return
    const ring = this.#ring
    const { arena } = this.host
    try {
      onBatch({
        count,
        verdict: (index) => ring.verdict(index),
        packet: (index) => {
          const context = this.#context(index)
          return arena.u8.subarray(arena.u32[(context + XDP_DATA) >> 2]!, packetEnd(arena.u32, context))
        },
      })
    } catch (error) {
      // Who looks on must not stop the traffic.
      this.host.emit('exception', error)
    }
  }

  /** Counts verdicts and gathers what leaves, by where it goes. */
  #sort(count: number, programs: readonly Attached[]): void {
    const ring = this.#ring
    this.#destinations.forget()
    this.#hasStack = this.options.pass !== undefined || hookBehind(this.device) !== undefined
    for (let i = 0; i < count; i++) {
      const decider = programs[this.#deciders[i]!]!
      const { stats } = decider
      const verdict = ring.verdict(i)
      switch (verdict) {
        case XDP_DROP:
          stats.dropped++
          break
        case XDP_PASS:
          stats.passed++
          this.#send(STACK, i, this.#context(i))
          break
        case XDP_TX:
          stats.transmitted++
          this.#send(this.device, i, this.#context(i))
          break
        case XDP_REDIRECT:
          this.#redirect(i, this.#context(i), decider)
          break
        default:
          stats.aborted++
          this.#abort(decider.program, verdict, `verdict ${verdict}`)
      }
    }
    if (this.#waiting.length > 0) this.#runSecond()
  }

  /** A packet of several fragments has its context elsewhere. */
  #context(index: number): number {
    return this.host.arena.u32[(this.#ring.contexts >> 2) + index]!
  }

  #send(target: Target, index: number, context: number): void {
    if (target === STACK && !this.#hasStack) return
    const ring = this.#ring
    const { u32 } = this.host.arena
    let n = this.#targets.length - 1
    // The last batch for it, while that has room.
    while (n >= 0 && this.#targets[n] !== target) n--
    if (n < 0 || this.#batches[n]!.count === ring.batch.capacity) {
      n = this.#targets.push(target) - 1
      this.#batches.push(ring.outgoing(n))
    }
    const data = u32[(context + XDP_DATA) >> 2]!
    const metadata = data - u32[(context + XDP_DATA_META) >> 2]!
    ring.forward(index, this.#batches[n]!, data, packetEnd(u32, context) - data, metadata)
  }

  /** Hands over what leaves. A device that fails keeps nothing from the others. */
  async #deliver(): Promise<void> {
    let failure: { readonly error: unknown } | undefined
    for (let n = 0; n < this.#targets.length; n++) {
      this.#ring.refresh()
      try {
        await this.#handOver(this.#targets[n]!, this.#batches[n]!)
      } catch (error) {
        if (failure) this.host.emit('exception', error)
        else failure = { error }
      }
    }
    this.#targets.length = 0
    this.#batches.length = 0
    if (failure) throw failure.error
  }

  #handOver(target: Target, batch: PacketBatch): Promise<void> | undefined {
    if (target !== STACK) return target.transmit(batch)
    const { pass } = this.options
    const behind = hookBehind(this.device)
    return behind ? behind.take(batch, pass) : pass?.transmit(batch)
  }

  #abort({ name }: ProgramHandle, verdict: number, reason: string): void {
    this.host.emit('exception', new XdpAbortedError(name, verdict, reason))
  }

  #find(ifindex: number): PacketDevice | undefined {
    if (ifindex === this.device.ifindex) return this.device
    const socket = xskOf(this.host.arena, ifindex)
    if (!socket) return this.options.redirect?.get(ifindex)
    return socket.device === this.device && socket.queue === (this.options.rxQueue ?? 0)
      ? socket.inlet
      : undefined
  }

  /** Sends a redirected packet where it goes, or to the program that has a word first. */
  #redirect(index: number, context: number, decider: Attached): void {
    const { stats, program: redirector } = decider
    const destinations = this.#destinations.of(context)
    if (!destinations) {
      stats.redirectFailed++
      this.#abort(redirector, XDP_REDIRECT, 'XDP_REDIRECT without a device that this attachment knows')
      return
    }
    // A broadcast to nobody.
    if (destinations.length === 0) stats.dropped++
    for (let n = 0; n < destinations.length; n++) {
      const destination = destinations[n]!
      const { program } = destination
      if (!program) {
        this.#arrive(index, context, destination.device, decider)
        continue
      }
      let own = context
      if (destinations.length > 1) {
        const clone = cloneFrame(this.host, context)
        this.#frames.push(clone)
        own = clone.context
      }
      this.#waiting.push({ index, context: own, destination: { ...destination, program }, decider })
    }
  }

  #arrive(index: number, context: number, device: PacketDevice | undefined, { stats }: Attached): void {
    stats.redirected++
    this.#send(device ?? STACK, index, context)
  }

  /** Runs the programs of destinations, and those of destinations that these redirect to. */
  #runSecond(): void {
    for (let round = 0; this.#waiting.length > 0; round++) {
      runSecondPrograms(this.host, this.#waiting.splice(0), {
        pass: ({ index, context, destination, decider }) =>
          this.#arrive(index, context, destination.device, decider),
        drop: ({ decider }) => void decider.stats.dropped++,
        abort: ({ destination: { program }, decider }, verdict) => {
          decider.stats.aborted++
          const place = `where ${program.name} has a word on redirected packets`
          this.#abort(program, verdict, `verdict ${verdict} ${place}`)
        },
        redirect: ({ index, context, decider }) => {
          if (round < MOST_REDIRECTS) this.#redirect(index, context, decider)
          else decider.stats.redirectFailed++
        },
      })
    }
  }

  #writeContexts(count: number, programs: readonly Attached[]): void {
    const ring = this.#ring
    const frags = programs.every(({ program }) => ((program.loadFlags ?? 0) & BPF_F_XDP_HAS_FRAGS) !== 0)
    const about = { ingressIfindex: this.device.ifindex, rxQueueIndex: this.options.rxQueue ?? 0 }
    const frame = { start: 0, meta: 0, data: 0, dataEnd: 0, end: 0 }
    const { offsets, lengths } = ring.batch.tables
    const { arena } = this.host
    const pointers = ring.contexts >> 2
    for (let i = 0; i < count; i++) {
      const data = offsets[i]!
      const length = lengths[i]!
      if (frags && length > XDP_LINEAR_SIZE) {
        // Pages of its own, which its last fragment may grow into.
        const own = createXdpFrame(arena, arena.u8.slice(data, data + length), { ...about, frags })
        this.#frames.push(own)
        ring.refresh()
        arena.u32[pointers + i] = own.context
        continue
      }
      arena.u32[pointers + i] = ring.context(i)
      frame.start = data - XDP_PACKET_HEADROOM
      frame.meta = frame.data = data
      frame.dataEnd = data + length
      frame.end = Math.max(frame.start + XDP_FRAME_SIZE, frame.dataEnd)
      writeXdpContext(arena.u32, ring.context(i), frame, about)
    }
  }
}
