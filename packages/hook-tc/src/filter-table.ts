import type { ProgramHandle } from '@skep/registry'
import type { TcAction } from './actions.ts'
import { TcAttachError } from './errors.ts'

/** What a filter is among others (struct tcmsg and TCA_BPF_*). */
export interface FilterPlace {
  readonly chain: number
  /** 1 to 65,535; the lowest is asked first. */
  readonly priority: number
  /** An EtherType, or ETH_P_ALL. */
  readonly protocol: number
  readonly handle: number
}

/** Counters of one filter, in packets unless said. */
export interface TcFilterStats {
  /** That its program saw. */
  packets: number
  bytes: number
  /** That it decided about; the others went on to the next filter. */
  matched: number
}

export interface Filter extends FilterPlace {
  program: ProgramHandle
  readonly directAction: boolean
  readonly classid: number
  readonly actions: readonly TcAction[]
  readonly stats: TcFilterStats
  /** It is gone: another one took its place. */
  readonly replaced: () => void
  /** The device has no more packets. */
  readonly ended: (failure?: { readonly error: unknown }) => void
}

export const ETH_P_ALL = 0x0003
/** Where priorities begin that nobody asked for (tcf_auto_prio, net/sched/cls_api.c). */
const FIRST_PRIORITY = 0xc000

/** Filters of one chain with one priority and protocol: struct tcf_proto. */
interface Group {
  readonly priority: number
  readonly protocol: number
  /** The newest first, as cls_bpf has them. */
  filters: Filter[]
}

const inRange = (value: number, least: number, most: number): boolean =>
  Number.isInteger(value) && value >= least && value <= most

/** The filters of a hook: by chain, priority and age. */
export class FilterTable {
  readonly #chains = new Map<number, Group[]>()
  #count = 0

  get count(): number {
    return this.#count
  }

  /** All filters, chain by chain, in the order in which they are asked. */
  *[Symbol.iterator](): Generator<Filter> {
    for (const [, groups] of [...this.#chains].sort(([a], [b]) => a - b))
      for (const { filters } of groups) yield* filters
  }

  /** Groups of a chain, in their order. */
  chain(number: number): readonly Group[] {
    return this.#chains.get(number) ?? []
  }

  /** The only filter, when it is asked about every packet, and its actions do not ask the filters anew. */
  get single(): Filter | undefined {
    if (this.#count !== 1) return undefined
    const group = this.#chains.get(0)?.[0]
    const filter = group?.protocol === ETH_P_ALL ? group.filters[0] : undefined
    return filter?.actions.length === 0 ? filter : undefined
  }

  /**
   * Where a filter goes that asks for this much. A priority that nobody gave is one below the first of its chain; a handle the
   * lowest that is free. Throws TcAttachError BAD_OPTION and EXISTS.
   */
  place(asked: Partial<FilterPlace>, replace: boolean): FilterPlace {
    const { chain = 0, protocol = ETH_P_ALL } = asked
    if (!inRange(chain, 0, 0x0fff_ffff)) throw bad('chain', chain, '0 to 268435455')
    if (!inRange(protocol, 0, 0xffff)) throw bad('protocol', protocol, 'an EtherType')
    if (asked.priority !== undefined && !inRange(asked.priority, 1, 0xffff))
      throw bad('priority', asked.priority, '1 to 65535')
    if (asked.handle !== undefined && !inRange(asked.handle, 1, 0xffff_ffff))
      throw bad('handle', asked.handle, '1 to 4294967295')
    const groups = this.chain(chain)
    const priority = asked.priority ?? (groups[0] ? Math.max(groups[0].priority - 1, 1) : FIRST_PRIORITY)
    const group = groups.find((g) => g.priority === priority)
    if (group && group.protocol !== protocol)
      throw new TcAttachError(
        'EXISTS',
        `priority ${priority} of chain ${chain} is for protocol 0x${group.protocol.toString(16)}; take another priority`,
      )
    let handle = asked.handle ?? 1
    const taken = (n: number): boolean => group?.filters.some((f) => f.handle === n) === true
    if (asked.handle === undefined) while (taken(handle)) handle++
    else if (taken(handle) && !replace)
      throw new TcAttachError(
        'EXISTS',
        `Filter already exists: priority ${priority} has handle ${handle}; give replace, or another handle`,
      )
    return { chain, protocol, priority, handle }
  }

  /** Puts a filter where `place` said; one that is there gives way. */
  add(filter: Filter): void {
    let groups = this.#chains.get(filter.chain)
    if (!groups) this.#chains.set(filter.chain, (groups = []))
    let group = groups.find((g) => g.priority === filter.priority)
    if (!group) {
      group = { priority: filter.priority, protocol: filter.protocol, filters: [] }
      groups.push(group)
      groups.sort((a, b) => a.priority - b.priority)
    }
    const at = group.filters.findIndex((f) => f.handle === filter.handle)
    if (at < 0) {
      group.filters = [filter, ...group.filters]
      this.#count++
      return
    }
    const old = group.filters[at]!
    group.filters = group.filters.with(at, filter)
    old.replaced()
  }

  remove(filter: Filter): void {
    const groups = this.#chains.get(filter.chain)
    const group = groups?.find((g) => g.filters.includes(filter))
    if (!groups || !group) return
    group.filters = group.filters.filter((f) => f !== filter)
    this.#count--
    if (group.filters.length > 0) return
    const left = groups.filter((g) => g !== group)
    if (left.length > 0) this.#chains.set(filter.chain, left)
    else this.#chains.delete(filter.chain)
  }
}

const bad = (name: string, value: number, takes: string): TcAttachError =>
  new TcAttachError('BAD_OPTION', `${name} is ${value}; give ${takes}`)
