import { operate } from './evaluate.ts'
import type { ArithmeticOperator, FilterExtension, FilterValue } from './ir.ts'

/** The number of a value: equal values have equal numbers, and operands have smaller ones than their results. */
export type ValueId = number

/** A value whose operands have numbers. */
export type ValueDef =
  | { readonly op: 'constant'; readonly value: number }
  | { readonly op: 'length' }
  | {
      readonly op: 'load'
      readonly size: 1 | 2 | 4
      readonly offset: number
      readonly base: ValueId | undefined
    }
  | { readonly op: 'header'; readonly offset: number; readonly base: ValueId | undefined }
  | { readonly op: 'extension'; readonly name: FilterExtension }
  | { readonly op: 'variable'; readonly variable: number }
  /** What a variable holds where several assignments meet, or a loop has been: `at` tells such places apart. */
  | { readonly op: 'met'; readonly variable: number; readonly at: number }
  /** A variable that stays one: its memory is known to hold `holds`. */
  | { readonly op: 'stored'; readonly variable: number; readonly holds: ValueId }
  | { readonly op: ArithmeticOperator; readonly left: ValueId; readonly right: ValueId }
  | { readonly op: 'neg'; readonly value: ValueId }

const ANY = 0xffff_ffff

const COMMUTES: ReadonlySet<string> = /* @__PURE__ */ new Set(['add', 'mul', 'and', 'or', 'xor'])

/** All values of a program, each once. */
export class Values {
  readonly #defs: ValueDef[] = []
  readonly #ids = new Map<string, ValueId>()
  readonly #plain = new Map<ValueId, ValueId>()
  readonly #simple = new Map<ValueId, ValueId>()
  readonly #max: (number | undefined)[] = []

  def(id: ValueId): ValueDef {
    return this.#defs[id]!
  }

  /** The constant that a value is. */
  constantOf(id: ValueId): number | undefined {
    const def = this.#defs[id]!
    return def.op === 'constant' ? def.value : undefined
  }

  add(def: ValueDef): ValueId {
    const key = keyOf(def)
    const known = this.#ids.get(key)
    if (known !== undefined) return known
    const id = this.#defs.length
    this.#defs.push(def)
    this.#ids.set(key, id)
    return id
  }

  constant(value: number): ValueId {
    return this.add({ op: 'constant', value: value >>> 0 })
  }

  /** Numbers a value of the intermediate form, as it stands there. */
  read(value: FilterValue): ValueId {
    switch (value.op) {
      case 'constant':
        return this.constant(value.value)
      case 'load':
      case 'header': {
        const base = value.base && this.read(value.base)
        const offset = value.offset >>> 0
        return value.op === 'load'
          ? this.add({ op: 'load', size: value.size, offset, base })
          : this.add({ op: 'header', offset, base })
      }
      case 'length':
      case 'extension':
      case 'variable':
        return this.add(value)
      case 'neg':
        return this.add({ op: 'neg', value: this.read(value.value) })
      default:
        return this.add({ op: value.op, left: this.read(value.left), right: this.read(value.right) })
    }
  }

  /** The same with other operands. */
  map(id: ValueId, to: (operand: ValueId) => ValueId): ValueId {
    const def = this.#defs[id]!
    switch (def.op) {
      case 'load':
      case 'header':
        return def.base === undefined ? id : this.add({ ...def, base: to(def.base) })
      case 'neg':
        return this.add({ op: 'neg', value: to(def.value) })
      case 'constant':
      case 'length':
      case 'extension':
      case 'variable':
      case 'met':
      case 'stored':
        return id
      default:
        return this.add({ op: def.op, left: to(def.left), right: to(def.right) })
    }
  }

  /** Variables replaced by what `env` has for them. */
  resolve(
    id: ValueId,
    env: (variable: number) => ValueId,
    known: Map<ValueId, ValueId> = new Map(),
  ): ValueId {
    const had = known.get(id)
    if (had !== undefined) return had
    const def = this.#defs[id]!
    const found =
      def.op === 'variable' ? env(def.variable) : this.map(id, (operand) => this.resolve(operand, env, known))
    known.set(id, found)
    return found
  }

  /** The value itself, of which parts may be in variables. */
  plain(id: ValueId): ValueId {
    let plain = this.#plain.get(id)
    if (plain === undefined) {
      const def = this.#defs[id]!
      plain = def.op === 'stored' ? this.plain(def.holds) : this.map(id, (operand) => this.plain(operand))
      this.#plain.set(id, plain)
    }
    return plain
  }

  operands(id: ValueId): readonly ValueId[] {
    const def = this.#defs[id]!
    switch (def.op) {
      case 'load':
      case 'header':
        return def.base === undefined ? [] : [def.base]
      case 'neg':
        return [def.value]
      case 'constant':
      case 'length':
      case 'extension':
      case 'variable':
      case 'met':
      case 'stored':
        return []
      default:
        return [def.left, def.right]
    }
  }

  /** The variables that a value reads. */
  variables(id: ValueId, found: Set<number> = new Set()): Set<number> {
    const def = this.#defs[id]!
    if (def.op === 'variable' || def.op === 'stored') found.add(def.variable)
    for (const operand of this.operands(id)) this.variables(operand, found)
    return found
  }

  /** The loads that a value makes: what rejects the packet if it is outside, divisions among them. */
  loads(id: ValueId, found: Set<ValueId> = new Set()): Set<ValueId> {
    const { op } = this.#defs[id]!
    if (op === 'load' || op === 'header') found.add(id)
    if ((op === 'div' || op === 'mod') && !this.#dividesByConstant(id)) found.add(id)
    for (const operand of this.operands(id)) this.loads(operand, found)
    return found
  }

  #dividesByConstant(id: ValueId): boolean {
    const def = this.#defs[id]! as Extract<ValueDef, { readonly right: ValueId }>
    return (this.constantOf(def.right) ?? 0) !== 0
  }

  /** The largest that a value can be. */
  max(id: ValueId): number {
    this.#max[id] ??= this.#findMax(id)
    return this.#max[id]!
  }

  #findMax(id: ValueId): number {
    const def = this.#defs[id]!
    switch (def.op) {
      case 'constant':
        return def.value
      case 'load':
        return 2 ** (8 * def.size) - 1
      case 'header':
        return 60
      case 'extension':
        return def.name === 'vlan_tag_present' ? 1 : ANY
      case 'stored':
        return this.max(def.holds)
      case 'length':
      case 'variable':
      case 'met':
      case 'neg':
      case 'sub':
        return ANY
      default:
        return this.#maxOf(def.op, def.left, def.right)
    }
  }

  #maxOf(op: Exclude<ArithmeticOperator, 'sub'>, leftId: ValueId, rightId: ValueId): number {
    const [left, right] = [this.max(leftId), this.max(rightId)]
    const k = this.constantOf(rightId)
    const upTo = (max: number): number => Math.min(max, ANY)
    switch (op) {
      case 'add':
        return upTo(left + right)
      case 'mul':
        return upTo(left * right)
      case 'div':
        return k === undefined || k === 0 ? left : Math.floor(left / k)
      case 'mod':
        return Math.min(left, k === undefined || k === 0 ? right : k - 1)
      case 'and':
        return Math.min(left, right)
      case 'or':
      case 'xor':
        return ones(Math.max(left, right))
      case 'lsh':
        return k === undefined ? ANY : k > 31 ? 0 : upTo(left * 2 ** k)
      case 'rsh':
        return k === undefined ? left : k > 31 ? 0 : left >>> k
    }
  }

  /** An equal value that is cheaper. Loads that do not matter to the result are left out, as libpcap does. */
  simplify(id: ValueId): ValueId {
    let simple = this.#simple.get(id)
    if (simple === undefined) {
      simple = this.#simplified(this.map(id, (operand) => this.simplify(operand)))
      this.#simple.set(id, simple)
      this.#simple.set(simple, simple)
    }
    return simple
  }

  #simplified(id: ValueId): ValueId {
    const def = this.#defs[id]!
    switch (def.op) {
      case 'load':
      case 'header':
        return this.#foldBase(id, def)
      case 'neg': {
        const value = this.constantOf(def.value)
        return value === undefined ? id : this.constant(-value)
      }
      case 'constant':
      case 'length':
      case 'extension':
      case 'variable':
      case 'met':
      case 'stored':
        return id
      default:
        return this.#foldArithmetic(id, def.op, def.left, def.right)
    }
  }

  #foldBase(id: ValueId, def: Extract<ValueDef, { readonly op: 'load' | 'header' }>): ValueId {
    if (def.base === undefined) return id
    const constant = this.constantOf(def.base)
    if (constant !== undefined)
      return this.add({ ...def, offset: (def.offset + constant) >>> 0, base: undefined })
    const base = this.#defs[def.base]!
    if (base.op !== 'add') return id
    const distance = this.constantOf(base.right)
    // Only where the sum does not wrap around: otherwise it is a smaller one plus the offset that counts.
    if (distance === undefined || this.max(base.left) + distance + def.offset > ANY) return id
    return this.#simplified(this.add({ ...def, offset: def.offset + distance, base: base.left }))
  }

  #foldArithmetic(id: ValueId, op: ArithmeticOperator, left: ValueId, right: ValueId): ValueId {
    const [a, b] = [this.constantOf(left), this.constantOf(right)]
    if (a !== undefined && b !== undefined) {
      const result = operate(op, a, b)
      return result === undefined ? id : this.constant(result)
    }
    if (a !== undefined && COMMUTES.has(op)) return this.#foldArithmetic(id, op, right, left)
    if (b === undefined) return a === 0 && (op === 'lsh' || op === 'rsh') ? id : this.add({ op, left, right })
    if (b === 0 && op !== 'div' && op !== 'mod') return op === 'and' || op === 'mul' ? right : left
    if (b === 1 && (op === 'mul' || op === 'div')) return left
    if (b > 31 && (op === 'lsh' || op === 'rsh')) return this.constant(0)
    if (op === 'and' && b === ANY) return left
    if (op === 'and' && ones(this.max(left)) === b) return left
    const inner = this.#defs[left]!
    if (inner.op === op && (op === 'add' || op === 'and' || op === 'or' || op === 'xor')) {
      const c = this.constantOf(inner.right)
      if (c !== undefined) return this.#foldArithmetic(id, op, inner.left, this.constant(operate(op, c, b)!))
    }
    if (op === 'sub' && inner.op === 'sub') {
      const c = this.constantOf(inner.right)
      if (c !== undefined) return this.#foldArithmetic(id, op, inner.left, this.constant(c + b))
    }
    return this.add({ op, left, right })
  }
}

/** All bits up to the highest that is set. */
export function ones(value: number): number {
  return value === 0 ? 0 : 2 ** (32 - Math.clz32(value)) - 1
}

function keyOf(def: ValueDef): string {
  switch (def.op) {
    case 'constant':
      return `c${def.value}`
    case 'load':
      return `l${def.size},${def.offset},${def.base ?? ''}`
    case 'header':
      return `h${def.offset},${def.base ?? ''}`
    case 'length':
      return 'n'
    case 'extension':
      return `e${def.name}`
    case 'variable':
      return `v${def.variable}`
    case 'met':
      return `m${def.variable},${def.at}`
    case 'stored':
      return `s${def.variable},${def.holds}`
    case 'neg':
      return `-${def.value}`
    default:
      return `${def.op}${def.left},${def.right}`
  }
}
