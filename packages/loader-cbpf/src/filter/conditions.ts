import type { FilterCondition, FilterValue } from './ir.ts'

export const TRUE: FilterCondition = { op: 'true' }
export const FALSE: FilterCondition = { op: 'false' }

const ALL_BITS = 0xffff_ffff

export const constant = (value: number): FilterValue => ({ op: 'constant', value: value >>> 0 })

export const not = (condition: FilterCondition): FilterCondition => {
  if (condition.op === 'not') return condition.condition
  if (condition.op === 'true') return FALSE
  return condition.op === 'false' ? TRUE : { op: 'not', condition }
}

/** All of them hold, asked from left to right. */
export const all = (...conditions: readonly FilterCondition[]): FilterCondition => join('all', conditions)

/** One of them holds, asked from left to right. */
export const any = (...conditions: readonly FilterCondition[]): FilterCondition => join('any', conditions)

/** The same of a list, which may be long. */
export const allOf = (conditions: readonly FilterCondition[]): FilterCondition => join('all', conditions)
export const anyOf = (conditions: readonly FilterCondition[]): FilterCondition => join('any', conditions)

function join(op: 'all' | 'any', conditions: readonly FilterCondition[]): FilterCondition {
  const neutral = op === 'all' ? 'true' : 'false'
  const last = op === 'all' ? 'false' : 'true'
  const flat: FilterCondition[] = []
  for (const condition of conditions) {
    if (condition.op === neutral) continue
    if (condition.op !== op) flat.push(condition)
    else for (const inner of condition.conditions) flat.push(inner)
    // Nothing is asked behind it.
    if (flat.at(-1)?.op === last) break
  }
  if (flat.length === 0) return op === 'all' ? TRUE : FALSE
  return flat.length === 1 ? flat[0]! : { op, conditions: flat }
}

export const and = (left: FilterValue, mask: number): FilterValue =>
  mask >>> 0 === ALL_BITS ? left : { op: 'and', left, right: constant(mask) }

export const add = (left: FilterValue, right: FilterValue): FilterValue => ({ op: 'add', left, right })

/** left & mask is the value. */
export const equals = (left: FilterValue, value: number, mask: number = ALL_BITS): FilterCondition => ({
  op: 'eq',
  left: and(left, mask),
  right: constant(value),
})

export const greater = (left: FilterValue, value: number): FilterCondition => ({
  op: 'gt',
  left,
  right: constant(value),
})

export const atLeast = (left: FilterValue, value: number): FilterCondition => ({
  op: 'ge',
  left,
  right: constant(value),
})

export const hasBits = (left: FilterValue, bits: number): FilterCondition => ({
  op: 'set',
  left,
  right: constant(bits),
})
