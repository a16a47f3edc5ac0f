import type { ClassicPacketInfo } from '../run-classic.ts'
import type { ArithmeticOperator, FilterCondition, FilterProgram, FilterValue } from './ir.ts'

/** What a packet has besides its bytes: its length on the wire, and what Linux knows of one that was captured live. */
export type FilterPacketInfo = Pick<
  ClassicPacketInfo,
  'length' | 'ifindex' | 'pkttype' | 'protocol' | 'vlan_tag' | 'vlan_tag_present' | 'vlan_tpid'
>

/**
 * Says what a filter means for a packet: the program's snapshot length if it accepts it, else 0. Follows the intermediate
 * form word by word; all code made from it is compared with this.
 */
export function evaluateFilter(
  program: FilterProgram,
  packet: Uint8Array,
  info: FilterPacketInfo = {},
): number {
  return decideFilter(program, packet, info) === true ? program.snaplen >>> 0 : 0
}

/** Whether a filter's condition holds; undefined where a load outside of the packet or a division by 0 has ended it. */
export function decideFilter(
  program: FilterProgram,
  packet: Uint8Array,
  info: FilterPacketInfo = {},
): boolean | undefined {
  return new Evaluation(program, packet, info).run()
}

/** The results of the operators, but for shifts by 32 and more and divisions by 0. */
const OPERATIONS: Readonly<Record<ArithmeticOperator, (a: number, b: number) => number>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => Math.imul(a, b),
  div: (a, b) => Math.floor(a / b),
  mod: (a, b) => a % b,
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  lsh: (a, b) => (b < 32 ? a << b : 0),
  rsh: (a, b) => (b < 32 ? a >>> b : 0),
}

/** The result of an operator, unsigned 32 bits; undefined for a division by 0. */
export function operate(op: ArithmeticOperator, left: number, right: number): number | undefined {
  if (right === 0 && (op === 'div' || op === 'mod')) return undefined
  return OPERATIONS[op](left, right) >>> 0
}

/** The results of comparisons of unsigned 32 bits. */
export const COMPARISONS: Readonly<
  Record<'eq' | 'gt' | 'ge' | 'set', (left: number, right: number) => boolean>
> = {
  eq: (left, right) => left === right,
  gt: (left, right) => left > right,
  ge: (left, right) => left >= right,
  set: (left, right) => (left & right) !== 0,
}

/** The value can be told without a packet. */
const isFixed = (value: FilterValue): boolean => {
  switch (value.op) {
    case 'constant':
      return true
    case 'neg':
      return isFixed(value.value)
    case 'length':
    case 'load':
    case 'header':
    case 'extension':
    case 'variable':
      return false
    default:
      return isFixed(value.left) && isFixed(value.right)
  }
}

/** Thrown where the filter ends at once. */
const REJECTED = Symbol('rejected')

class Evaluation {
  readonly #program: FilterProgram
  readonly #packet: Uint8Array
  readonly #info: FilterPacketInfo
  readonly #variables: Uint32Array

  constructor(program: FilterProgram, packet: Uint8Array, info: FilterPacketInfo) {
    this.#program = program
    this.#packet = packet
    this.#info = info
    this.#variables = new Uint32Array(program.variables)
  }

  run(): boolean | undefined {
    try {
      return this.#holds(this.#program.condition)
    } catch (thrown) {
      if (thrown === REJECTED) return undefined
      throw thrown
    }
  }

  #holds(condition: FilterCondition): boolean {
    switch (condition.op) {
      case 'true':
        return true
      case 'false':
        return false
      case 'not':
        return !this.#holds(condition.condition)
      case 'all':
        return condition.conditions.every((one) => this.#holds(one))
      case 'any':
        return condition.conditions.some((one) => this.#holds(one))
      case 'assign':
        this.#variables[condition.variable] = this.#value(condition.value)
        return true
      case 'loop':
        while (this.#holds(condition.body)) {}
        return true
      default:
        return COMPARISONS[condition.op](this.#value(condition.left), this.#value(condition.right))
    }
  }

  #value(value: FilterValue): number {
    switch (value.op) {
      case 'constant':
        return value.value >>> 0
      case 'length':
        return (this.#info.length ?? this.#packet.length) >>> 0
      case 'load':
        return this.#bytes(this.#position(value), value.size)
      case 'header':
        return (this.#bytes(this.#position(value), 1) & 0xf) * 4
      case 'extension':
        return this.#extension(value.name)
      case 'variable':
        return this.#variables[value.variable]!
      case 'neg':
        return -this.#value(value.value) >>> 0
      default: {
        const result = operate(value.op, this.#value(value.left), this.#value(value.right))
        if (result === undefined) throw REJECTED
        return result
      }
    }
  }

  /** Constants wrap around, as libpcap's optimiser folds them; past 32 bits all else is outside, as in `bpf_filter`. */
  #position({ offset, base }: Extract<FilterValue, { readonly op: 'load' | 'header' }>): number {
    if (base === undefined) return offset >>> 0
    const sum = this.#value(base) + (offset >>> 0)
    return isFixed(base) ? sum >>> 0 : sum
  }

  #bytes(at: number, size: 1 | 2 | 4): number {
    if (at + size > this.#packet.length) throw REJECTED
    let value = 0
    for (let n = 0; n < size; n++) value = value * 256 + this.#packet[at + n]!
    return value
  }

  #extension(name: keyof Omit<FilterPacketInfo, 'length'>): number {
    const value = this.#info[name] ?? 0
    return name === 'vlan_tag_present' ? Number(value !== 0) : value >>> 0
  }
}
