import { DevicePump, PacketBatch, type PacketDevice, pumpOf } from '@skep/packet'
import { control, type ProgramHandle, type RuntimeHost, skbLayout as skb } from '@skep/registry'
import type { ActionSubject, Direction } from './actions.ts'
import { begin, type Classified, classify, judge, UNMATCHED } from './classify.ts'
import { TcAttachError, TcDropError } from './errors.ts'
import { FilterTable } from './filter-table.ts'
import { withClones } from './forward.ts'
import { Outbox } from './outbox.ts'
import {
  TC_ACT_OK,
  TC_ACT_QUEUED,
  TC_ACT_RECLASSIFY,
  TC_ACT_REDIRECT,
  TC_ACT_SHOT,
  TC_ACT_STOLEN,
  TC_ACT_TRAP,
} from './sched.ts'
import { type SkbMarks, SkbRing } from './skb-ring.ts'

/** Counters of one side of a device, in packets unless said. */
export interface TcStats {
  packets: number
  bytes: number
  passed: number
  dropped: number
  /** TC_ACT_STOLEN, TC_ACT_QUEUED, TC_ACT_TRAP: taken away by whoever said so. */
  stolen: number
  redirected: number
  /** TC_ACT_REDIRECT without a target; dropped. */
  redirectFailed: number
  /** Copies by mirred and bpf_clone_redirect. */
  cloned: number
}

/** What observers see of a batch after its verdicts, before packets leave. Valid during the call only. */
export interface TcBatchView {
  readonly count: number
  /** TC_ACT_* of the hook; TC_ACT_UNSPEC when no filter matched. */
  verdict(index: number): number
  /** The class of the filter that matched; 0 for none. */
  classid(index: number): number
  /** The packet's bytes as the programs left them, without a VLAN tag beside it; a view of the arena. */
  packet(index: number): Uint8Array
}

/** What a hook is told by those who attach to it; the last word counts. */
export interface HookOptions {
  pass?: PacketDevice
  redirect?: ReadonlyMap<number, PacketDevice>
  onBatch?: (batch: TcBatchView) => void
  batchSize: number
  receive: boolean
}

/** Hooks that a packet may go through, one out of the other (XMIT_RECURSION_LIMIT, include/linux/netdevice.h). */
const MOST_HOOKS = 8
const TAKEN: readonly number[] = [TC_ACT_STOLEN, TC_ACT_QUEUED, TC_ACT_TRAP]
const CLASSED: readonly number[] = [TC_ACT_OK, TC_ACT_RECLASSIFY]
const BPF_F_INGRESS = 1
const BPF_F_PEER = 4

interface Way {
  readonly depth: number
  /** Came from another hook: a tag beside it stays there. */
  readonly redirected: boolean
  readonly marks?: readonly SkbMarks[] | undefined
}

const FROM_OUTSIDE: Way = { depth: 0, redirected: false }

/** Ingress and egress of devices that something is attached to. */
const hooks = new WeakMap<PacketDevice, Partial<Record<Direction, TcHook>>>()

export const hookOf = (device: PacketDevice, direction: Direction): TcHook | undefined =>
  hooks.get(device)?.[direction]

/** One side of a device: its filters, and what becomes of packets. */
export class TcHook {
  readonly device: PacketDevice
  readonly direction: Direction
  readonly filters: FilterTable = new FilterTable()
  readonly stats: TcStats = {
    packets: 0,
    bytes: 0,
    passed: 0,
    dropped: 0,
    stolen: 0,
    redirected: 0,
    redirectFailed: 0,
    cloned: 0,
  }
  readonly options: HookOptions
  readonly host: RuntimeHost
  #free: SkbRing[] = []
  #pump: DevicePump | undefined

  /** Use `openHook`. */
  constructor(host: RuntimeHost, device: PacketDevice, direction: Direction, options: HookOptions) {
    this.host = host
    this.device = device
    this.direction = direction
    this.options = options
    hooks.set(device, { ...hooks.get(device), [direction]: this })
  }

  /** Receives from the device, where that is asked for. Throws TcAttachError BUSY. */
  start(): DevicePump | undefined {
    if (this.direction === 'egress' || !this.options.receive) return undefined
    if (this.#pump) return this.#pump
    if (pumpOf(this.device))
      throw new TcAttachError(
        'BUSY',
        `another hook receives from device ${this.device.name}; give receive: false and let it pass packets to tcIngress(device)`,
      )
    const packets = this.#take()
    this.#pump = new DevicePump(this.device, {
      ring: packets.ring,
      process: () => this.#process(packets, FROM_OUTSIDE),
      tooLong: (length) =>
        new TcAttachError('BAD_OPTION', `a packet of ${length} bytes is too long; give a larger batchSize`),
    })
    return this.#pump
  }

  /** The last filter is gone. */
  close(): void {
    this.#pump?.stop()
    this.#pump = undefined
    for (const packets of this.#free.splice(0)) packets.ring.free()
    const both = { ...hooks.get(this.device) }
    if (both[this.direction] !== this) return
    delete both[this.direction]
    hooks.set(this.device, both)
  }

  #take(): SkbRing {
    return this.#free.pop() ?? new SkbRing(this.host, this.options.batchSize)
  }

  #give(packets: SkbRing): void {
    if (this.filters.count > 0 && this.#free.length === 0) this.#free.push(packets)
    else packets.ring.free()
  }

  /** Packets that do not come from the device: those that the host sends, or another hook. */
  async deliver(batch: PacketBatch, way: Way = FROM_OUTSIDE): Promise<void> {
    // A new ring may make the memory grow that the packets lie in.
    let rest = this.#free.length === 0 ? copyOf(batch) : batch
    for (let from = 0; from < rest.count; ) {
      const packets = this.#take()
      try {
        packets.ring.refresh()
        packets.batch.clear()
        const first = from
        for (; from < rest.count; from++) {
          const record = rest.record(from, this.device.linkType)
          if (!packets.batch.push(record.data, record)) break
        }
        if (from === first)
          throw new TcAttachError(
            'BAD_OPTION',
            `a packet of ${rest.packet(from).length} bytes is too long; give a larger batchSize`,
          )
        // So may programs.
        if (from < rest.count && rest === batch) rest = copyOf(batch)
        const marks = way.marks?.slice(first, from)
        await this.#process(packets, { ...way, marks })
      } finally {
        this.#give(packets)
      }
    }
  }

  async #process(packets: SkbRing, way: Way): Promise<void> {
    const out = this.#work(packets, way)
    for (const { device, way: kind, items } of out.deliveries) {
      packets.ring.refresh()
      const { batch, marks } = out.batch(packets, items)
      if (kind === 'device') await device.transmit(batch)
      else await send(device, kind, batch, { depth: way.depth + 1, redirected: true, marks })
    }
    this.host.quiesce()
  }

  /** Runs the filters; nothing else happens meanwhile. */
  #work(packets: SkbRing, way: Way): Outbox {
    const { stats, device } = this
    const { count } = packets.batch
    const out = new Outbox()
    packets.ring.refresh()
    packets.write(
      {
        ingress: this.direction === 'ingress',
        ifindex: device.ifindex,
        linkType: device.linkType,
        untag: this.direction === 'ingress' || way.redirected,
      },
      way.marks,
    )
    stats.packets += count
    for (let i = 0; i < count; i++) stats.bytes += packets.batch.tables.lengths[i]!
    const clone = (context: number, ifindex: number, ingress: boolean): boolean => {
      const index = this.#indexOf(packets, context)
      const target = index === undefined ? undefined : this.#device(ifindex)
      if (!target) return false
      stats.cloned++
      out.add(target, ingress ? 'ingress' : 'egress', index!, packets.marks(index!), packets.copy(index!))
      return true
    }
    const classified = withClones(this.host.arena.memory, clone, () => this.#classifyAll(packets, count, out))
    packets.ring.refresh()
    this.#show(packets, classified)
    for (const [i, found] of classified.entries()) this.#settle(packets, i, found, out, way)
    return out
  }

  #classifyAll(packets: SkbRing, count: number, out: Outbox): Classified[] {
    const { ring } = packets
    const single = this.filters.single
    let index = 0
    const subject: ActionSubject = {
      run: (program) => this.#runOne(program, packets, index),
      send: (device, direction) => {
        this.stats.cloned++
        out.add(device, direction, index, packets.marks(index), packets.copy(index))
      },
    }
    const classified: Classified[] = []
    if (!single) {
      for (; index < count; index++) classified.push(classify(this.filters, packets, index, subject))
      return classified
    }
    // The usual case: one filter, whose loop over the packets is the engine's.
    for (let i = 0; i < count; i++) begin(single, packets, i)
    single.program.runBatch(ring.contexts, count, ring.results)
    packets.ring.refresh()
    single.stats.packets += count
    for (; index < count; index++) {
      single.stats.bytes += packets.word(index, skb.SKB_LEN)
      classified.push(judge(single, packets.verdict(index), packets, index, subject) ?? UNMATCHED)
    }
    return classified
  }

  #runOne(program: ProgramHandle, packets: SkbRing, index: number): number {
    const { ring } = packets
    packets.clearHeader(index)
    program.runBatch(ring.contexts + 4 * index, 1, ring.results + 4 * index)
    return packets.verdict(index)
  }

  #indexOf(packets: SkbRing, context: number): number | undefined {
    const size = packets.ring.context(1) - packets.ring.context(0)
    const index = (context - packets.ring.context(0)) / size
    return Number.isInteger(index) && index >= 0 && index < packets.batch.count ? index : undefined
  }

  #device(ifindex: number): PacketDevice | undefined {
    return ifindex === this.device.ifindex ? this.device : this.options.redirect?.get(ifindex)
  }

  #show(packets: SkbRing, classified: readonly Classified[]): void {
    const { onBatch } = this.options
    if (!onBatch) return
    try {
      onBatch({
        count: classified.length,
        verdict: (index) => classified[index]!.verdict,
        classid: (index) => classified[index]!.classid,
        packet: (index) => packets.packet(index),
      })
    } catch (error) {
      // Who looks on must not stop the traffic.
      this.host.emit('exception', error)
    }
  }

  /** Does what the verdict says (sch_handle_ingress, sch_handle_egress). */
  #settle(packets: SkbRing, index: number, { verdict, classid }: Classified, out: Outbox, way: Way): void {
    const { stats } = this
    if (verdict === TC_ACT_SHOT) {
      stats.dropped++
      return
    }
    if (TAKEN.includes(verdict)) {
      stats.stolen++
      return
    }
    if (CLASSED.includes(verdict)) packets.put(index, skb.SKB_TC_INDEX, classid & 0xffff)
    if (verdict === TC_ACT_REDIRECT) {
      const reason = this.#redirect(packets, index, out, way)
      if (reason === undefined) stats.redirected++
      else {
        stats.redirectFailed++
        this.host.emit('exception', new TcDropError(this.device.name, reason))
      }
      return
    }
    stats.passed++
    const target = this.direction === 'egress' ? this.device : this.options.pass
    if (!target || !packets.seal(index)) return
    out.add(target, this.direction === 'egress' ? 'device' : 'egress', index, packets.marks(index))
  }

  /** Why the packet cannot go where its program sent it; undefined when it can. */
  #redirect(packets: SkbRing, index: number, out: Outbox, way: Way): string | undefined {
    if (packets.word(index, control.RUN_REDIRECT) !== 1) return 'TC_ACT_REDIRECT without bpf_redirect'
    const ifindex = packets.word(index, control.RUN_REDIRECT_KEY)
    const flags = packets.word(index, control.RUN_REDIRECT_FLAGS)
    const target = this.#device(ifindex)
    if (!target) return `this attachment knows no device ${ifindex}; give it in options.redirect`
    if (flags === BPF_F_PEER) return `device ${target.name} has no peer in another name space`
    if (way.depth + 1 >= MOST_HOOKS) return `it went through ${MOST_HOOKS} hooks`
    const direction = flags === BPF_F_INGRESS ? 'ingress' : 'egress'
    if (direction === 'ingress' && !hookOf(target, 'ingress'))
      return `nothing is attached to the ingress of device ${target.name}, and no stack is behind it`
    if (!packets.seal(index)) return 'there is no room for its VLAN tag'
    out.add(target, direction, index, packets.marks(index))
    return undefined
  }
}

/** Packets for a side of a device: through its hook, where it has one; else an egress sends, and an ingress loses them. */
export async function send(
  device: PacketDevice,
  direction: Direction,
  batch: PacketBatch,
  way: Way = FROM_OUTSIDE,
): Promise<void> {
  const hook = way.depth < MOST_HOOKS ? hookOf(device, direction) : undefined
  if (hook) await hook.deliver(batch, way)
  else if (direction === 'egress') await device.transmit(batch)
}

/** The packets with bytes of their own. */
function copyOf(batch: PacketBatch): PacketBatch {
  let bytes = 0
  for (let i = 0; i < batch.count; i++) bytes += batch.tables.lengths[i]!
  const copy = new PacketBatch({ buffer: new Uint8Array(bytes), capacity: batch.count })
  for (let i = 0; i < batch.count; i++) copy.push(batch.packet(i), batch.record(i, 0))
  return copy
}
