import {
  DevicePump,
  hookBehind,
  type IngressHook,
  PacketBatch,
  type PacketDevice,
  pumpOf,
  setHookBehind,
} from '@skep/packet'
import { type ProgramHandle, type RuntimeHost, skbLayout as skb } from '@skep/registry'
import type { ActionSubject, Direction } from './actions.ts'
import { begin, classify, judge } from './classify.ts'
import { TcAttachError, TcDropError } from './errors.ts'
import { FilterTable } from './filter-table.ts'
import { withClones } from './forward.ts'
import { Mprog } from './mprog.ts'
import type { Neighbour } from './neighbour.ts'
import type { Delivery } from './outbox.ts'
import { Redirects } from './redirect.ts'
import {
  TC_ACT_OK,
  TC_ACT_QUEUED,
  TC_ACT_RECLASSIFY,
  TC_ACT_REDIRECT,
  TC_ACT_SHOT,
  TC_ACT_STOLEN,
  TC_ACT_TRAP,
  TC_ACT_UNSPEC,
} from './sched.ts'
import { CARRIED_WORDS, type Carried, SkbRing } from './skb-ring.ts'
import { runTcx, type TcxEntry } from './tcx-run.ts'

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
  peers?: ReadonlyMap<number, PacketDevice>
  neighbour?: Neighbour
  onBatch?: (batch: TcBatchView) => void
  batchSize: number
  receive: boolean
}

/** Hooks that a packet may go through, one out of the other (XMIT_RECURSION_LIMIT, include/linux/netdevice.h). */
export const MOST_HOOKS = 8
const TAKEN: readonly number[] = [TC_ACT_STOLEN, TC_ACT_QUEUED, TC_ACT_TRAP]
const CLASSED: readonly number[] = [TC_ACT_OK, TC_ACT_RECLASSIFY]

interface Way {
  readonly depth: number
  /** Came from another hook: a tag beside it stays there. */
  readonly redirected: boolean
  readonly carried?: Carried
  /** Where packets go that pass, where the hook was told nothing else. */
  readonly stack?: PacketDevice | undefined
}

const FROM_OUTSIDE: Way = { depth: 0, redirected: false }

/** Ingress and egress of devices that something is attached to. */
const hooks = new WeakMap<PacketDevice, Partial<Record<Direction, TcHook>>>()

export const hookOf = (device: PacketDevice, direction: Direction): TcHook | undefined =>
  hooks.get(device)?.[direction]

/** Devices that stand for the ingress of another. */
export const ingressOf: WeakMap<PacketDevice, PacketDevice> = new WeakMap()

/** One side of a device: its programs, and what becomes of packets. */
export class TcHook implements IngressHook {
  readonly device: PacketDevice
  readonly direction: Direction
  /** tcx's programs, which are asked before the filters. */
  readonly tcx: Mprog<TcxEntry> = new Mprog()
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
  readonly #free: SkbRing[] = []
  readonly #redirects: Redirects = new Redirects(this)
  #pump: DevicePump | undefined

  constructor(host: RuntimeHost, device: PacketDevice, direction: Direction, options: HookOptions) {
    this.host = host
    this.device = device
    this.direction = direction
    this.options = options
    hooks.set(device, { ...hooks.get(device), [direction]: this })
  }

  /** Nothing is attached. */
  get empty(): boolean {
    return this.filters.count === 0 && this.tcx.list.length === 0
  }

  /** Receives from the device, or stands behind who does, where that is asked for. Throws TcAttachError BUSY. */
  start(): void {
    if (this.direction === 'egress' || !this.options.receive || hookBehind(this.device) === this) return
    const other = pumpOf(this.device)
    if (other && !other.front)
      throw new TcAttachError(
        'BUSY',
        `another hook receives from device ${this.device.name}; give receive: false and let it pass packets to tcIngress(device)`,
      )
    if (!other) this.receive()
    setHookBehind(this.device, this)
  }

  receive(): void {
    if (this.#pump) return
    const packets = this.#take()
    const pump = new DevicePump(this.device, {
      ring: packets.ring,
      process: () => this.#process(packets, FROM_OUTSIDE),
      tooLong: (length) =>
        new TcAttachError('BAD_OPTION', `a packet of ${length} bytes is too long; give a larger batchSize`),
    })
    this.#pump = pump
    pump.done.then(
      () => this.#pump === pump && this.#end(),
      (error) => {
        this.host.emit('exception', error)
        this.#end({ error })
      },
    )
  }

  yield(): void {
    this.#pump?.stop()
    this.#pump = undefined
  }

  take(batch: PacketBatch, stack: PacketDevice | undefined): Promise<void> {
    // Who passes packets to this hook by hand gave it as the stack.
    const itself = stack !== undefined && ingressOf.get(stack) === this.device
    return this.deliver(batch, { ...FROM_OUTSIDE, stack: itself ? undefined : stack })
  }

  /** The device has no more packets. */
  #end(failure?: { readonly error: unknown }): void {
    for (const { ended } of [...this.filters, ...this.tcx.list]) ended(failure)
  }

  /** What is attached may be the last. */
  closeIfEmpty(): void {
    if (!this.empty) return
    this.yield()
    if (hookBehind(this.device) === this) setHookBehind(this.device, undefined)
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
    if (!this.empty && this.#free.length === 0) this.#free.push(packets)
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
        while (from < rest.count && this.#push(packets.batch, rest, from)) from++
        if (from === first)
          throw new TcAttachError(
            'BAD_OPTION',
            `a packet of ${rest.packet(from).length} bytes is too long; give a larger batchSize`,
          )
        // So may programs.
        if (from < rest.count && rest === batch) rest = copyOf(batch)
        const carried = way.carried?.subarray(first * CARRIED_WORDS, from * CARRIED_WORDS)
        await this.#process(packets, carried ? { ...way, carried } : way)
      } finally {
        this.#give(packets)
      }
    }
  }

  #push(to: PacketBatch, from: PacketBatch, n: number): boolean {
    const { offsets, lengths, originalLengths, seconds, nanos, interfaceIds } = from.tables
    const bytes = from.buffer
    const at = offsets[n]!
    const about = [originalLengths[n]!, seconds[n]!, nanos[n]!, interfaceIds[n]!] as const
    if (!to.add(bytes, at, lengths[n]!, ...about)) return false
    const metadata = from.metadata(n)
    if (metadata > 0) {
      const there = to.tables.offsets[to.count - 1]!
      to.buffer.set(bytes.subarray(at - metadata, at), there - metadata)
      to.setMetadata(to.count - 1, metadata)
    }
    return true
  }

  /** Runs the programs, and hands over what leaves. A device that fails keeps nothing from the others. */
  async #process(packets: SkbRing, way: Way): Promise<void> {
    this.#work(packets, way)
    const { out } = packets
    let failure: { readonly error: unknown } | undefined
    for (let n = 0; n < out.count; n++) {
      const delivery = out.delivery(n)
      packets.ring.refresh()
      try {
        const batch = delivery.batch(packets)
        await this.#handOver(packets, delivery, batch, way)
      } catch (error) {
        if (failure) this.host.emit('exception', error)
        else failure = { error }
      }
    }
    if (failure) throw failure.error
    this.host.quiesce()
  }

  #handOver(packets: SkbRing, delivery: Delivery, batch: PacketBatch, { depth }: Way): Promise<void> {
    const { device, way } = delivery
    if (way === 'device') return device.transmit(batch)
    // Only another hook wants to know what goes with the packets.
    const carried = hookOf(device, way) ? { carried: delivery.carried(packets) } : {}
    return send(device, way, batch, { depth: depth + 1, redirected: true, ...carried })
  }

  /** Runs the programs; nothing else happens meanwhile. */
  #work(packets: SkbRing, way: Way): void {
    const { stats, device } = this
    const { out } = packets
    const { count, tables } = packets.batch
    out.clear()
    packets.ring.refresh()
    packets.write(
      {
        ingress: this.direction === 'ingress',
        ifindex: device.ifindex,
        linkType: device.linkType,
        untag: this.direction === 'ingress' || way.redirected,
      },
      way.carried,
    )
    stats.packets += count
    for (let i = 0; i < count; i++) stats.bytes += tables.lengths[i]!
    const clone = (context: number, ifindex: number, ingress: boolean): boolean => {
      const index = this.#indexOf(packets, context)
      const target = index === undefined ? undefined : this.find(ifindex)
      if (!target) return false
      stats.cloned++
      out.add(target, ingress ? 'ingress' : 'egress', index!, packets.snapshot(index!))
      return true
    }
    withClones(this.host.arena.memory, clone, () => this.#classifyAll(packets, count))
    packets.ring.refresh()
    this.#show(packets, count)
    this.#redirects.forget()
    for (let i = 0; i < count; i++) this.#settle(packets, i, way)
  }

  #classifyAll(packets: SkbRing, count: number): void {
    const { ring, verdicts, classids, out } = packets
    const tcx = this.tcx.list
    let index = 0
    const subject: ActionSubject = {
      run: (program) => this.#runOne(program, packets, index),
      now: () => this.host.now(),
      length: () => packets.word(index, skb.SKB_LEN),
      send: (device, direction) => {
        this.stats.cloned++
        out.add(device, direction, index, packets.snapshot(index))
      },
    }
    classids.fill(0, 0, count)
    const single = tcx.length === 0 ? this.filters.single : undefined
    if (!single) {
      for (; index < count; index++) {
        const early = runTcx(tcx, packets, index, subject)
        verdicts[index] = early === TC_ACT_UNSPEC ? classify(this.filters, packets, index, subject) : early
      }
      return
    }
    // The usual case: one filter, whose loop over the packets is the engine's.
    for (let i = 0; i < count; i++) begin(single, packets, i)
    single.program.runBatch(ring.contexts, count, ring.results)
    packets.ring.refresh()
    single.stats.packets += count
    for (; index < count; index++) {
      single.stats.bytes += packets.word(index, skb.SKB_LEN)
      verdicts[index] = judge(single, packets.verdict(index), packets, index, subject)
    }
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

  /** The device that programs name. */
  find(ifindex: number): PacketDevice | undefined {
    return ifindex === this.device.ifindex ? this.device : this.options.redirect?.get(ifindex)
  }

  #show(packets: SkbRing, count: number): void {
    const { onBatch } = this.options
    if (!onBatch) return
    try {
      onBatch({
        count,
        verdict: (index) => packets.verdicts[index]!,
        classid: (index) => packets.classids[index]!,
        packet: (index) => packets.packet(index),
      })
    } catch (error) {
      // Who looks on must not stop the traffic.
      this.host.emit('exception', error)
    }
  }

  /** Does what the verdict says (sch_handle_ingress, sch_handle_egress). */
  #settle(packets: SkbRing, index: number, way: Way): void {
    const { stats } = this
    const verdict = packets.verdicts[index]!
    if (verdict === TC_ACT_SHOT) {
      stats.dropped++
      return
    }
    if (TAKEN.includes(verdict)) {
      stats.stolen++
      return
    }
    if (CLASSED.includes(verdict)) packets.put(index, skb.SKB_TC_INDEX, packets.classids[index]! & 0xffff)
    if (verdict === TC_ACT_REDIRECT) {
      const found = this.#redirects.destinationOf(packets, index)
      const reason =
        typeof found === 'string'
          ? found
          : way.depth + 1 >= MOST_HOOKS
            ? `it went through ${MOST_HOOKS} hooks`
            : packets.seal(index)
              ? undefined
              : 'there is no room for its VLAN tag'
      if (reason !== undefined || typeof found === 'string') {
        stats.redirectFailed++
        this.host.emit('exception', new TcDropError(this.device.name, reason ?? ''))
        return
      }
      stats.redirected++
      packets.out.add(found.device, found.direction, index)
      return
    }
    stats.passed++
    const egress = this.direction === 'egress'
    const target = egress ? this.device : (this.options.pass ?? way.stack)
    if (target && packets.seal(index)) packets.out.add(target, egress ? 'device' : 'egress', index)
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

/** The packets with bytes of their own, and what lies before them. */
function copyOf(batch: PacketBatch): PacketBatch {
  let bytes = 0
  for (let i = 0; i < batch.count; i++) bytes += batch.tables.lengths[i]! + batch.metadata(i)
  const copy = new PacketBatch({ buffer: new Uint8Array(bytes), capacity: Math.max(batch.count, 1) })
  let at = 0
  for (let i = 0; i < batch.count; i++) {
    const metadata = batch.metadata(i)
    const from = batch.tables.offsets[i]!
    const length = batch.tables.lengths[i]!
    copy.buffer.set(batch.buffer.subarray(from - metadata, from + length), at)
    copy.tables.offsets[i] = at + metadata
    for (const table of ['lengths', 'originalLengths', 'seconds', 'nanos', 'interfaceIds'] as const)
      copy.tables[table][i] = batch.tables[table][i]!
    copy.setMetadata(i, metadata)
    at += metadata + length
  }
  copy.count = batch.count
  return copy
}
