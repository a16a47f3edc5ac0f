import { all, any, equals, TRUE } from './conditions.ts'
import { FilterError, type FilterErrorCode, type FilterErrorDetails, type Span } from './filter-error.ts'
import type { FilterCondition, FilterValue } from './ir.ts'
import type { LinkTypeEntry } from './link-types.ts'
import type { Names } from './names.ts'

/** A variable that is numbered when it is used for the first time. */
export interface Variable {
  index: number | undefined
}

/** Where something begins: at a constant, or that far behind a variable. */
export interface Place {
  readonly constant: number
  readonly variable?: Variable | undefined
}

/** What is known of the headers at one point of the expression; encapsulations make a new one of it. */
export interface LinkState {
  readonly link: LinkTypeEntry
  /** The link type outside of it. */
  readonly outer: LinkTypeEntry
  readonly header: Place
  readonly outerHeader: Place
  readonly type: Place
  readonly payload: Place
  /** From the payload on. */
  readonly network: number
  readonly networkNoSnap: number
  /** How many MPLS labels and VLAN tags have been passed. */
  readonly labels: number
  readonly tags: number
  /** How many encapsulations of any kind the expression has gone into. */
  readonly depth: number
  /** In Geneve or VXLAN: the packet inside has a link layer only where `header` and `payload` differ. */
  readonly tunnelled: boolean
}

/** What an offset counts from. */
export type Origin =
  | 'packet'
  | 'header'
  | 'outer header'
  | 'llc'
  | 'label before'
  | 'network'
  | 'network without snap'
  | 'type'
  | 'ipv4 payload'
  | 'ipv6 payload'

export interface BuilderOptions {
  readonly live: boolean
  readonly scoped: boolean
  readonly bigEndian: boolean
  readonly netmask: number | undefined
  readonly names: Names
}

const IP6_HEADER = 40

/** What the parts of the generator share: the state of the headers, the variables, and loads. */
export class FilterBuilder {
  readonly text: string
  readonly options: BuilderOptions
  readonly outermost: LinkTypeEntry
  state: LinkState
  readonly #shared = new Map<string, FilterCondition | FilterValue>()
  #sharedOf: LinkState | undefined
  variables = 0
  /** See FilterProgram. */
  literal = false
  /** See FilterProgram. */
  readonly refusals: Map<FilterValue, FilterError> = new Map()

  constructor(text: string, link: LinkTypeEntry, options: BuilderOptions) {
    this.text = text
    this.options = options
    this.outermost = link
    const radio = link.radio !== undefined
    const header: Place = {
      constant: link.header,
      variable: radio && link.radio !== 'none' ? newVariable() : undefined,
    }
    const varies = radio || link.test === 'pflog'
    this.state = {
      link,
      outer: link,
      header,
      outerHeader: header,
      type: { constant: link.type },
      payload: { constant: link.payload, variable: varies ? newVariable() : undefined },
      network: link.network,
      networkNoSnap: link.networkNoSnap,
      labels: 0,
      tags: 0,
      depth: 0,
      tunnelled: false,
    }
  }

  change(changes: Partial<LinkState>): void {
    this.state = { ...this.state, ...changes }
  }

  refuse(code: FilterErrorCode, span: Span, fact: string, details: FilterErrorDetails = {}): never {
    throw new FilterError(code, this.text, span, fact, details)
  }

  read(variable: Variable): FilterValue {
    return { op: 'variable', variable: this.#number(variable) }
  }

  assign(variable: Variable, value: FilterValue): FilterCondition {
    return { op: 'assign', variable: this.#number(variable), value }
  }

  #number(variable: Variable): number {
    variable.index ??= this.variables++
    return variable.index
  }

  /** The length of the IPv4 header, with what is variable before it. */
  ipv4Header(): FilterValue {
    const { payload, network } = this.state
    const offset = (payload.constant + network) >>> 0
    if (payload.variable === undefined) return { op: 'header', offset }
    const base = this.read(payload.variable)
    return { op: 'add', left: { op: 'header', offset, base }, right: base }
  }

  /** What `make` made for this key when the headers were known as they are now, so that long filters share it. */
  shared<T extends FilterCondition | FilterValue>(key: string, make: () => T): T {
    if (this.#sharedOf !== this.state) {
      this.#sharedOf = this.state
      this.#shared.clear()
    }
    const known = this.#shared.get(key) as T | undefined
    if (known !== undefined) return known
    const made = make()
    this.#shared.set(key, made)
    return made
  }

  /** Bytes at an offset from somewhere, and from an index, if there is one. */
  load(origin: Origin, offset: number, size: 1 | 2 | 4, index?: FilterValue): FilterValue {
    if (index !== undefined) return this.#load(origin, offset, size, index)
    return this.shared(`${origin} ${offset} ${size}`, () => this.#load(origin, offset, size))
  }

  #load(origin: Origin, offset: number, size: 1 | 2 | 4, index?: FilterValue): FilterValue {
    const { state } = this
    switch (origin) {
      case 'packet':
        return place({ constant: 0 }, offset, size, undefined, index, false)
      case 'header':
        return this.#at(state.header, offset, size, index)
      case 'outer header':
        return this.#at(state.outerHeader, offset, size, index)
      case 'llc':
        return this.#at(state.payload, offset, size, index)
      case 'label before':
        return this.#at(state.payload, state.network - 4 + offset, size, index)
      case 'network':
        return this.#at(state.payload, state.network + offset, size, index)
      case 'network without snap':
        return this.#at(state.payload, state.networkNoSnap + offset, size, index)
      case 'type':
        return this.#at(state.type, offset, size, index)
      case 'ipv4 payload': {
        const constant = state.payload.constant + state.network
        return place({ constant }, offset, size, this.ipv4Header(), index, this.#variable())
      }
      case 'ipv6 payload':
        return this.#at(state.payload, state.network + IP6_HEADER + offset, size, index)
    }
  }

  #at(from: Place, offset: number, size: 1 | 2 | 4, index: FilterValue | undefined): FilterValue {
    return place(
      from,
      offset,
      size,
      from.variable === undefined ? undefined : this.read(from.variable),
      index,
      this.#variable(),
    )
  }

  /** Where headers have any length libpcap moves no branches. */
  #variable(): boolean {
    const { header, payload, link } = this.state
    return header.variable !== undefined || (payload.variable !== undefined && link.test !== 'pflog')
  }

  /** The bytes of an address, the last ones first, as libpcap compares them. */
  bytes(origin: Origin, offset: number, bytes: readonly number[]): FilterCondition {
    const conditions: FilterCondition[] = []
    let end = bytes.length
    for (const size of [4, 2, 1] as const) {
      for (; end >= size; end -= size) {
        let value = 0
        for (let at = end - size; at < end; at += 1) value = value * 256 + bytes[at]!
        conditions.push(equals(this.load(origin, offset + end - size, size), value))
      }
    }
    return all(TRUE, ...conditions)
  }

  /** `sides` of the direction, joined as the direction says. */
  directed(
    direction: string | undefined,
    side: (which: 'src' | 'dst') => FilterCondition,
  ): FilterCondition | undefined {
    switch (direction) {
      case 'src':
      case 'dst':
        return side(direction)
      case 'src and dst':
        return all(side('src'), side('dst'))
      case 'src or dst':
      case undefined:
        return any(side('src'), side('dst'))
      default:
        return undefined
    }
  }
}

export const newVariable = (): Variable => ({ index: undefined })

function place(
  from: Place,
  offset: number,
  size: 1 | 2 | 4,
  variable: FilterValue | undefined,
  index: FilterValue | undefined,
  fold: boolean,
): FilterValue {
  let at = from.constant + offset
  let base = variable
  // Until branches have been moved, libpcap does not see that ip[9] is the byte that `ip proto` looks at.
  if (fold && index?.op === 'constant') at += index.value
  else if (index !== undefined) base = base === undefined ? index : { op: 'add', left: base, right: index }
  return base === undefined
    ? { op: 'load', size, offset: at >>> 0 }
    : { op: 'load', size, offset: at >>> 0, base }
}
