import type { FilterCondition, FilterProgram, FilterValue } from '../src/filter/ir.ts'
import type { Random } from './random-program.ts'

const OPERATORS = ['add', 'sub', 'mul', 'div', 'mod', 'and', 'or', 'xor', 'lsh', 'rsh'] as const
const COMPARISONS = ['eq', 'eq', 'gt', 'ge', 'set'] as const
const VARIABLES = 3

/** Where the loads of a filter may be: few places, so that tests meet again. */
export interface FilterShape {
  /** Offsets are below. */
  readonly reach: number
  /** Conditions with loops. */
  readonly loops?: boolean
}

/** A random filter over loads that lie close together. */
export function randomFilter(random: Random, shape: FilterShape): FilterProgram {
  const pick = <T>(list: readonly T[]): T => list[random.below(list.length)]!
  const constant = (value: number): FilterValue => ({ op: 'constant', value })
  const small = (): FilterValue => constant(pick([0, 1, 2, 3, 4, 6, 15, 255, 0x800, 0xffff, 0xffff_ffff]))
  const place = (): FilterValue =>
    random.chance(0.5)
      ? { op: 'header', offset: 2 }
      : { op: 'and', left: load(false), right: constant(pick([1, 3, 15])) }
  function load(indirect = random.chance(0.3)): FilterValue {
    const offset = random.below(shape.reach)
    const base = indirect ? { base: place() } : {}
    return random.chance(0.1)
      ? { op: 'header', offset, ...base }
      : { op: 'load', size: pick([1, 1, 2, 4] as const), offset, ...base }
  }
  const value = (depth: number): FilterValue => {
    const roll = random.below(12)
    if (depth === 0 || roll < 5) return random.chance(0.2) ? small() : load()
    if (roll === 5) return { op: 'length' }
    if (roll === 6) return { op: 'variable', variable: random.below(VARIABLES) }
    if (roll === 7) return { op: 'neg', value: value(depth - 1) }
    const right = random.chance(0.7) ? small() : value(depth - 1)
    return { op: pick(OPERATORS), left: value(depth - 1), right }
  }
  const test = (): FilterCondition => {
    const right = random.chance(0.85) ? small() : value(1)
    return { op: pick(COMPARISONS), left: value(random.below(3)), right }
  }
  const walk = (): FilterCondition => {
    const variable = random.below(VARIABLES)
    const at: FilterValue = { op: 'variable', variable }
    const next: FilterValue = { op: 'add', left: at, right: constant(1 + random.below(3)) }
    const goOn: FilterCondition = {
      op: 'gt',
      left: { op: 'load', size: 1, offset: random.below(4), base: at },
      right: constant(random.below(256)),
    }
    const body: FilterCondition = { op: 'all', conditions: [goOn, { op: 'assign', variable, value: next }] }
    const low: FilterCondition = { op: 'assign', variable, value: constant(random.below(8)) }
    return { op: 'all', conditions: [low, { op: 'loop', body }] }
  }
  const condition = (depth: number): FilterCondition => {
    const roll = random.below(14)
    if (depth === 0 || roll < 4) return test()
    if (roll === 4) return { op: pick(['true', 'false'] as const) }
    if (roll === 5) return { op: 'assign', variable: random.below(VARIABLES), value: value(2) }
    if (roll === 6) return { op: 'not', condition: condition(depth - 1) }
    if (roll === 7 && shape.loops) return walk()
    const conditions = Array.from({ length: 2 + random.below(3) }, () => condition(depth - 1))
    return { op: roll < 10 ? 'all' : 'any', conditions }
  }
  return { condition: condition(2 + random.below(3)), variables: VARIABLES, snaplen: 1 + random.below(1000) }
}
