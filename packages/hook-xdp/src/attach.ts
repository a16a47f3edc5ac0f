import { ContextRing, DevicePump, type PacketBatch, type PacketDevice, pumpOf } from '@skep/packet'
import {
  type AttachPointDef,
  control,
  defineAttachPoint,
  type Link,
  type ProgramHandle,
  xdpLayout,
} from '@skep/registry'
import { type Destination, destinationsOf } from './destination.ts'
import { XdpAbortedError, XdpAttachError } from './errors.ts'
import { writeXdpContext, XDP_FRAME_SIZE } from './frame.ts'
import { XDP_DROP, XDP_PASS, XDP_REDIRECT, XDP_TX, xdpProgramType } from './program-type.ts'
import { cloneFrame, type Redirected, runSecondPrograms } from './second-programs.ts'

const { RUN_HEADER_SIZE } = control
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
  /** XDP_REDIRECT without a target; dropped. What the program of a target drops is among `dropped` or `aborted`. */
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
  if (program.attach) return program.attach('xdp', { device, ...options }) as XdpLink
  checkDevice('device', device)
  if (options.pass !== undefined) checkDevice('options.pass', options.pass)
  for (const [ifindex, target] of options.redirect ?? [])
    checkDevice(`options.redirect, ifindex ${ifindex}`, target)
  const batchSize = options.batchSize ?? 256
  if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > 4096) {
    throw new XdpAttachError('BAD_OPTION', `batchSize is ${batchSize}; give an integer from 1 to 4096`)
  }
  const other = links.get(device)
  if (other) {
    throw new XdpAttachError(
      'BUSY',
      `device ${device.name} has program ${other.program.name} attached; close that link first`,
    )
  }
  if (pumpOf(device)) {
    throw new XdpAttachError(
      'BUSY',
      `another hook receives from device ${device.name}; let it take the packets that XDP passes`,
    )
  }
  return new Attachment(program, device, options, batchSize)
}

/** A device takes one link. */
const links = new WeakMap<PacketDevice, XdpLink>()

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
  if (program.attachType === 'xdp_devmap' || program.attachType === 'xdp_cpumap') {
    throw new XdpAttachError(
      'WRONG_PROGRAM_TYPE',
      `program ${program.name} is for ${program.attachType}, not for a device; put it into such a map with setRedirect of @skep/maps`,
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

interface Arrived {
  readonly index: number
  readonly context: number
}

/** Redirected packets of one batch. */
interface Redirects {
  /** Those that a program has a word on. */
  readonly waiting: Redirected[]
  readonly clones: { release(): void }[]
  arrive(packet: Arrived, destination: Destination<PacketDevice>): void
}

/** How often programs of cpumaps may redirect a packet again. */
const MOST_REDIRECTS = 8

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
  readonly #options: XdpAttachOptions
  readonly #ring: ContextRing
  readonly #pump: DevicePump
  readonly #forget: () => void
  #closed = false

  constructor(program: XdpProgram, device: PacketDevice, options: XdpAttachOptions, capacity: number) {
    this.program = program
    this.#device = device
    this.#options = options
    // First, for it refuses a program whose collection is closed.
    this.#forget = program.host.onClose(() => this.close())
    try {
      this.#ring = new ContextRing(program.host.arena, {
        capacity,
        contextSize: XDP_CONTEXT_SIZE,
        headerSize: RUN_HEADER_SIZE,
        headroom: XDP_PACKET_HEADROOM,
        frameSize: XDP_FRAME_SIZE,
      })
    } catch (error) {
      this.#forget()
      throw error
    }
    links.set(device, this)
    this.#pump = new DevicePump(device, {
      ring: this.#ring,
      process: (count) => this.#process(count),
      tooLong: (length) =>
        new XdpAttachError('BAD_OPTION', `a packet of ${length} bytes is too long; give a larger batchSize`),
    })
    program.host.emit('attach', this)
    this.done = this.#run()
    // A host that never looks at `done` hears of a failure through the `exception` event.
    this.done.catch((error) => program.host.emit('exception', error))
  }

  get closed(): boolean {
    return this.#closed
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#pump.stop()
    this.#forget()
    links.delete(this.#device)
    this.program.host.emit('detach', this)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  async #run(): Promise<XdpStats> {
    try {
      await this.#pump.done
      return this.stats
    } finally {
      this.close()
    }
  }

  async #process(count: number): Promise<void> {
    const { host } = this.program
    const ring = this.#ring
    ring.refresh()
    this.#writeContexts(count, {
      ingressIfindex: this.#device.ifindex,
      rxQueueIndex: this.#options.rxQueue ?? 0,
    })
    this.program.runBatch(ring.contexts, count, ring.results)
    ring.refresh()
    this.#options.onBatch?.(this.#view(count))
    const { outgoing, release } = this.#sort(count)
    try {
      for (const [target, batch] of outgoing) {
        ring.refresh()
        await target.transmit(batch)
      }
    } finally {
      release()
    }
    host.quiesce()
  }

  /** Counts verdicts and gathers what leaves, by device. */
  #sort(count: number): { readonly outgoing: Map<PacketDevice, PacketBatch>; release(): void } {
    const { stats } = this
    const ring = this.#ring
    const outgoing = new Map<PacketDevice, PacketBatch>()
    const send = (target: PacketDevice, index: number, context = ring.context(index)): void => {
      let batch = outgoing.get(target)
      if (!batch) {
        batch = ring.outgoing(outgoing.size)
        outgoing.set(target, batch)
      }
      const at = context >> 2
      const { u32 } = this.program.host.arena
      const data = u32[at + XDP_DATA / 4]!
      ring.forward(index, batch, data, u32[at + XDP_DATA_END / 4]! - data)
    }
    const redirects: Redirects = {
      waiting: [],
      clones: [],
      arrive: ({ index, context }, { device }) => {
        stats.redirected++
        const target = device ?? this.#options.pass
        if (target) send(target, index, context)
      },
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
        case XDP_REDIRECT:
          this.#redirect({ index: i, context: ring.context(i) }, ring.verdict(i), redirects)
          break
        default:
          stats.aborted++
          this.#abort(this.program, ring.verdict(i), `verdict ${ring.verdict(i)}`)
      }
    }
    this.#runSecond(redirects)
    return { outgoing, release: () => redirects.clones.forEach((clone) => void clone.release()) }
  }

  #abort({ name }: ProgramHandle, verdict: number, reason: string): void {
    this.program.host.emit('exception', new XdpAbortedError(name, verdict, reason))
  }

  /** Sends a redirected packet where it goes, or to the program that has a word first. */
  #redirect(packet: Arrived, verdict: number, redirects: Redirects): void {
    const { stats } = this
    const { host } = this.program
    const { ifindex } = this.#device
    const find = (wanted: number): PacketDevice | undefined =>
      wanted === ifindex ? this.#device : this.#options.redirect?.get(wanted)
    const destinations = destinationsOf(host, packet.context, find, ifindex)
    if (!destinations) {
      stats.redirectFailed++
      this.#abort(this.program, verdict, 'XDP_REDIRECT without a device that this attachment knows')
      return
    }
    // A broadcast to nobody.
    if (destinations.length === 0) stats.dropped++
    for (const destination of destinations) {
      const { program } = destination
      if (!program) {
        redirects.arrive(packet, destination)
        continue
      }
      let { context } = packet
      if (destinations.length > 1) {
        const clone = cloneFrame(host, context)
        redirects.clones.push(clone)
        ;({ context } = clone)
      }
      redirects.waiting.push({ ...packet, context, destination: { ...destination, program } })
    }
  }

  /** Runs the programs of destinations, and those of destinations that these redirect to. */
  #runSecond(redirects: Redirects): void {
    const { stats } = this
    for (let round = 0; redirects.waiting.length > 0; round++) {
      runSecondPrograms(this.program.host, redirects.waiting.splice(0), {
        pass: (packet) => redirects.arrive(packet, packet.destination),
        drop: () => void stats.dropped++,
        abort: ({ destination: { program } }, verdict) => {
          stats.aborted++
          this.#abort(
            program,
            verdict,
            `verdict ${verdict} where ${program.name} has a word on redirected packets`,
          )
        },
        redirect: (packet) => {
          if (round < MOST_REDIRECTS) this.#redirect(packet, XDP_REDIRECT, redirects)
          else stats.redirectFailed++
        },
      })
    }
  }

  #writeContexts(count: number, device: { ingressIfindex: number; rxQueueIndex: number }): void {
    const ring = this.#ring
    const { u32 } = this.program.host.arena
    const { offsets, lengths } = ring.batch.tables
    for (let i = 0; i < count; i++) {
      const data = offsets[i]!
      const dataEnd = data + lengths[i]!
      const start = data - XDP_PACKET_HEADROOM
      const end = Math.max(start + XDP_FRAME_SIZE, dataEnd)
      writeXdpContext(u32, ring.context(i), { start, meta: data, data, dataEnd, end }, device)
    }
  }

  #view(count: number): XdpBatchView {
    const ring = this.#ring
    const { arena } = this.program.host
    return {
      count,
      verdict: (index) => ring.verdict(index),
      packet: (index) => {
        const at = ring.context(index) >> 2
        return arena.u8.subarray(arena.u32[at + XDP_DATA / 4]!, arena.u32[at + XDP_DATA_END / 4]!)
      },
    }
  }
}
