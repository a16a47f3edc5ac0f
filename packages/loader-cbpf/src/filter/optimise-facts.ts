import type { TestOp } from './graph.ts'
import type { ValueId, Values } from './values.ts'

const ANY = 0xffff_ffff
/** More values that something is not are forgotten. */
const MOST_EXCLUDED = 64

/** So many facts are worth looking through for those that are of no use any more. */
const MANY = 64

/** What is known of a value. */
interface Fact {
  readonly low: number
  readonly high: number
  /** Bits that are 1, and bits that are 0. */
  readonly ones: number
  readonly zeros: number
  readonly not: readonly number[]
}

const NOTHING: Fact = { low: 0, high: ANY, ones: 0, zeros: 0, not: [] }

/** What is known at a place, on every path to it. */
export class Facts {
  readonly #values: Values
  readonly #facts: ReadonlyMap<ValueId, Fact>
  /** Results of tests of two values that are no constants, by `keyOf`. */
  readonly #results: ReadonlyMap<string, boolean>
  /** Loads that were inside of the packet. */
  readonly loaded: ReadonlySet<ValueId>

  constructor(
    values: Values,
    facts: ReadonlyMap<ValueId, Fact> = new Map(),
    results: ReadonlyMap<string, boolean> = new Map(),
    loaded: ReadonlySet<ValueId> = new Set(),
  ) {
    this.#values = values
    this.#facts = facts
    this.#results = results
    this.loaded = loaded
  }

  /** With loads that have been made. */
  withLoads(ids: readonly ValueId[]): Facts {
    const added = ids.flatMap((id) => [...this.#values.loads(id)]).filter((id) => !this.loaded.has(id))
    if (added.length === 0) return this
    return new Facts(this.#values, this.#facts, this.#results, new Set([...this.loaded, ...added]))
  }

  /** What is of use, where that is much less. */
  pruned(isOfUse: (id: ValueId) => boolean): Facts {
    if (this.#facts.size + this.loaded.size < MANY) return this
    const facts = new Map([...this.#facts].filter(([id]) => isOfUse(id)))
    const loaded = new Set([...this.loaded].filter(isOfUse))
    return new Facts(this.#values, facts, this.#results, loaded)
  }

  /** What holds in both. */
  meet(other: Facts): Facts {
    if (this === other) return this
    const facts = new Map<ValueId, Fact>()
    for (const [id, fact] of this.#facts) {
      const theirs = other.#facts.get(id)
      if (theirs === undefined) continue
      const met = fact === theirs ? fact : meetFacts(fact, theirs)
      if (met !== undefined) facts.set(id, met)
    }
    const results = new Map([...this.#results].filter(([key, holds]) => other.#results.get(key) === holds))
    const loaded = new Set([...this.loaded].filter((id) => other.loaded.has(id)))
    return new Facts(this.#values, facts, results, loaded)
  }

  #fact(id: ValueId): Fact {
    const known = this.#facts.get(id) ?? NOTHING
    const values = this.#values
    const def = values.def(id)
    const max = Math.min(known.high, values.max(id))
    let { ones, zeros } = known
    if (def.op === 'and') {
      const mask = values.constantOf(def.right)
      if (mask !== undefined) {
        const inner = this.#facts.get(def.left)
        if (inner !== undefined && inner.low === inner.high) return exactly((inner.low & mask) >>> 0)
        zeros = (zeros | ~mask | (inner?.zeros ?? 0)) >>> 0
        ones = (ones | ((inner?.ones ?? 0) & mask)) >>> 0
      }
    }
    return { low: known.low, high: max, ones, zeros, not: known.not }
  }

  /** The result of a test, if it is known. */
  decide(op: TestOp, left: ValueId, right: ValueId): boolean | undefined {
    const k = this.#values.constantOf(right)
    if (k === undefined) return this.#results.get(keyOf(op, left, right))
    const { low, high, ones, zeros, not } = this.#fact(left)
    switch (op) {
      case 'eq':
        if (low === k && high === k) return true
        return k < low || k > high || (ones & ~k) !== 0 || (zeros & k) !== 0 || not.includes(k)
          ? false
          : undefined
      case 'gt':
        return low > k ? true : high <= k ? false : undefined
      case 'ge':
        return low >= k ? true : high < k ? false : undefined
      case 'set':
        if (low === high) return (low & k) !== 0
        return (ones & k) !== 0 ? true : (k & ~zeros) === 0 ? false : undefined
    }
  }

  /** With the result of a test; undefined if it cannot have that result. */
  after(op: TestOp, left: ValueId, right: ValueId, holds: boolean): Facts | undefined {
    const decided = this.decide(op, left, right)
    if (decided !== undefined) return decided === holds ? this : undefined
    const k = this.#values.constantOf(right)
    if (k === undefined) {
      const results = new Map(this.#results)
      results.set(keyOf(op, left, right), holds)
      return new Facts(this.#values, this.#facts, results, this.loaded)
    }
    const facts = new Map(this.#facts)
    const fact = refine(this.#fact(left), op, k, holds)
    facts.set(left, fact)
    const def = this.#values.def(left)
    if (def.op === 'and' && op === 'eq' && holds) {
      const mask = this.#values.constantOf(def.right)
      const inner = this.#fact(def.left)
      if (mask !== undefined) {
        facts.set(def.left, {
          ...inner,
          ones: (inner.ones | k) >>> 0,
          zeros: (inner.zeros | (mask & ~k)) >>> 0,
        })
      }
    }
    return new Facts(this.#values, facts, this.#results, this.loaded)
  }

  /** The value, if only one is left. */
  exact(id: ValueId): number | undefined {
    const { low, high } = this.#fact(id)
    return low === high ? low : undefined
  }
}

const keyOf = (op: TestOp, left: ValueId, right: ValueId): string => `${op}${left},${right}`

const exactly = (value: number): Fact => ({
  low: value,
  high: value,
  ones: value,
  zeros: ~value >>> 0,
  not: [],
})

function refine(fact: Fact, op: TestOp, k: number, holds: boolean): Fact {
  const atLeast = (low: number): Fact => ({ ...fact, low: Math.max(fact.low, low) })
  const atMost = (high: number): Fact => ({ ...fact, high: Math.min(fact.high, high) })
  switch (op) {
    case 'eq':
      if (holds) return exactly(k)
      if (fact.low === k) return atLeast(k + 1)
      if (fact.high === k) return atMost(k - 1)
      return { ...fact, not: [...fact.not, k].slice(-MOST_EXCLUDED) }
    case 'gt':
      return holds ? atLeast(k + 1) : atMost(k)
    case 'ge':
      return holds ? atLeast(k) : atMost(k - 1)
    case 'set':
      if (!holds) return { ...fact, zeros: (fact.zeros | k) >>> 0 }
      return (k & (k - 1)) === 0 ? { ...fact, ones: (fact.ones | k) >>> 0 } : fact
  }
}

function meetFacts(a: Fact, b: Fact): Fact | undefined {
  const low = Math.min(a.low, b.low)
  const high = Math.max(a.high, b.high)
  const ones = (a.ones & b.ones) >>> 0
  const zeros = (a.zeros & b.zeros) >>> 0
  const excludes = (fact: Fact, value: number): boolean =>
    value < fact.low || value > fact.high || fact.not.includes(value)
  const not = [...a.not.filter((value) => excludes(b, value)), ...b.not.filter((value) => excludes(a, value))]
  const distinct = [...new Set(not)]
  if (low === 0 && high === ANY && ones === 0 && zeros === 0 && distinct.length === 0) return undefined
  return { low, high, ones, zeros, not: distinct }
}
