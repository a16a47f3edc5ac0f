/**
 * `lower`: a helper as a WebAssembly expression, which engines that compile write where the call stands. Instructions have
 * WebAssembly's names; operands come first, then what the instruction itself holds.
 */
const arithmetic = ['add', 'sub', 'mul', 'and', 'or', 'xor', 'shl', 'shr_s', 'shr_u', 'rotl', 'rotr'] as const
const comparisons = ['eq', 'ne', 'lt_s', 'lt_u', 'gt_s', 'gt_u', 'le_s', 'le_u', 'ge_s', 'ge_u'] as const
/** `bswap` reverses the bytes of its operand, `bswap16` its two low bytes, and clears the others. */
const unary32 = ['clz', 'ctz', 'popcnt', 'extend8_s', 'extend16_s', 'bswap', 'bswap16'] as const
const unary64 = ['clz', 'ctz', 'popcnt', 'extend8_s', 'extend16_s', 'extend32_s', 'bswap'] as const
const loads32 = ['load', 'load8_s', 'load8_u', 'load16_s', 'load16_u'] as const
const loads64 = ['load', 'load8_s', 'load8_u', 'load16_s', 'load16_u', 'load32_s', 'load32_u'] as const
const stores32 = ['store', 'store8', 'store16'] as const
const stores64 = ['store', 'store8', 'store16', 'store32'] as const

type Arithmetic = (typeof arithmetic)[number]
type Comparison = (typeof comparisons)[number]

export type LowerI32 =
  /** A name that `let` binds. */
  | readonly ['get', name: string]
  | readonly ['let', name: string, value: Lower, body: LowerI32]
  | readonly ['do', store: LowerStore, then: LowerI32]
  | readonly ['if', condition: LowerI32, then: LowerI32, otherwise: LowerI32]
  /** The first where the memory is shared between threads, the other where it is not. */
  | readonly ['shared', yes: LowerI32, no: LowerI32]
  | readonly ['i32', value: number]
  /** The address of this CPU's control block. */
  | readonly ['control']
  | readonly ['i32.wrap_i64', LowerI64]
  | readonly [`i32.${Arithmetic | Comparison}`, LowerI32, LowerI32]
  | readonly [`i64.${Comparison}`, LowerI64, LowerI64]
  | readonly ['i32.eqz', LowerI32]
  | readonly ['i64.eqz', LowerI64]
  | readonly [`i32.${(typeof unary32)[number]}`, LowerI32]
  | readonly [`i32.${(typeof loads32)[number]}`, address: LowerI32, offset?: number]

export type LowerI64 =
  /** A name that `let` binds. */
  | readonly ['get', name: string]
  | readonly ['let', name: string, value: Lower, body: LowerI64]
  | readonly ['do', store: LowerStore, then: LowerI64]
  | readonly ['if', condition: LowerI32, then: LowerI64, otherwise: LowerI64]
  /** The first where the memory is shared between threads, the other where it is not. */
  | readonly ['shared', yes: LowerI64, no: LowerI64]
  | readonly ['i64', value: number | bigint]
  /** An argument of the call, 0 for r1. */
  | readonly ['arg', number: 0 | 1 | 2 | 3 | 4]
  /** The helper's own implementation, with the arguments of the call. */
  | readonly ['call']
  | readonly ['i64.extend_i32_s' | 'i64.extend_i32_u', LowerI32]
  | readonly [`i64.${Arithmetic}`, LowerI64, LowerI64]
  | readonly [`i64.${(typeof unary64)[number]}`, LowerI64]
  | readonly [`i64.${(typeof loads64)[number]}`, address: LowerI32, offset?: number]

export type LowerStore =
  | readonly [`i32.${(typeof stores32)[number]}`, address: LowerI32, value: LowerI32, offset?: number]
  | readonly [`i64.${(typeof stores64)[number]}`, address: LowerI32, value: LowerI64, offset?: number]

/** r0 as an expression; an i32 is zero-extended. */
export type Lower = LowerI32 | LowerI64

export type LowerType = 'i32' | 'i64'

/** How an instruction of the table below is written: operands, whether an offset may follow, result. */
export interface LowerRow {
  readonly operands: readonly LowerType[]
  readonly memory: boolean
  readonly result: LowerType | 'none'
}

function table(): Map<string, LowerRow> {
  const rows = new Map<string, LowerRow>()
  const add = (
    type: LowerType,
    names: readonly string[],
    operands: readonly LowerType[],
    result: LowerRow['result'],
    memory = false,
  ): void => {
    for (const name of names) rows.set(`${type}.${name}`, { operands, memory, result })
  }
  for (const type of ['i32', 'i64'] as const) {
    const wide = type === 'i64'
    add(type, arithmetic, [type, type], type)
    add(type, comparisons, [type, type], 'i32')
    add(type, ['eqz'], [type], 'i32')
    add(type, wide ? unary64 : unary32, [type], type)
    add(type, wide ? loads64 : loads32, ['i32'], type, true)
    add(type, wide ? stores64 : stores32, ['i32', type], 'none', true)
  }
  add('i32', ['wrap_i64'], ['i64'], 'i32')
  add('i64', ['extend_i32_s', 'extend_i32_u'], ['i32'], 'i64')
  return rows
}

let rows: Map<string, LowerRow> | undefined

/** How an instruction is written; undefined for the forms that are none (`let`, `arg`, …) and for unknown names. */
export const lowerRow = (name: string): LowerRow | undefined => {
  rows ??= table()
  return rows.get(name)
}

export interface LowerProblem {
  /** Indices from the outermost list. */
  readonly path: readonly number[]
  readonly message: string
}

const integer = (value: unknown, low: number, high: number): boolean =>
  Number.isInteger(value) && (value as number) >= low && (value as number) <= high

/** Expressions deeper than this are refused. */
const DEEPEST = 100

class Checker {
  readonly #args: number
  readonly #scope: (readonly [name: string, type: LowerType])[] = []

  constructor(args: number) {
    this.#args = args
  }

  check(node: unknown, wanted: LowerRow['result'] | undefined, path: readonly number[]): LowerRow['result'] {
    const fail = (message: string): never => {
      throw { path, message } satisfies LowerProblem
    }
    if (!Array.isArray(node) || typeof node[0] !== 'string') return fail('a list that begins with a name')
    if (path.length > DEEPEST) return fail(`no more than ${DEEPEST} levels`)
    const name = node[0]
    const at = (n: number): readonly number[] => [...path, n]
    const items = (least: number, most: number = least): void => {
      if (node.length - 1 < least || node.length - 1 > most) {
        fail(
          `${name} is followed by ${least === most ? least : `${least} to ${most}`}, not ${node.length - 1}`,
        )
      }
    }
    const is = (found: LowerRow['result']): LowerRow['result'] =>
      wanted === undefined || wanted === found ? found : fail(`${name} is ${found}, wanted is ${wanted}`)
    switch (name) {
      case 'i32':
        items(1)
        if (!integer(node[1], -(2 ** 31), 2 ** 32 - 1)) fail('i32 holds an integer of 32 bits')
        return is('i32')
      case 'i64':
        items(1)
        if (typeof node[1] !== 'bigint' && !Number.isSafeInteger(node[1]))
          fail('i64 holds a bigint or a safe integer')
        return is('i64')
      case 'control':
        items(0)
        return is('i32')
      case 'arg':
        items(1)
        if (!integer(node[1], 0, this.#args - 1)) fail(`the helper has ${this.#args} arguments, 0 the first`)
        return is('i64')
      case 'call':
        items(0)
        return is('i64')
      case 'get': {
        items(1)
        const bound = this.#scope.findLast(([known]) => known === node[1])
        return bound ? is(bound[1]) : fail(`no let binds "${node[1]}"`)
      }
      case 'let': {
        items(3)
        if (typeof node[1] !== 'string') fail('let takes a name')
        const type = this.check(node[2], undefined, at(2))
        if (type === 'none') return fail('a store has no value')
        this.#scope.push([node[1] as string, type])
        const found = this.check(node[3], wanted, at(3))
        this.#scope.pop()
        return found
      }
      case 'do':
        items(2)
        this.check(node[1], 'none', at(1))
        return this.check(node[2], wanted, at(2))
      case 'if':
        items(3)
        this.check(node[1], 'i32', at(1))
        return this.check(node[3], this.check(node[2], wanted, at(2)), at(3))
      case 'shared':
        items(2)
        return this.check(node[2], this.check(node[1], wanted, at(1)), at(2))
    }
    const row = lowerRow(name)
    if (!row) return fail(`no instruction is named ${name}`)
    const { operands, memory, result } = row
    items(operands.length, operands.length + (memory ? 1 : 0))
    operands.forEach((type, n) => {
      this.check(node[n + 1], type, at(n + 1))
    })
    const offset = node[operands.length + 1]
    if (offset !== undefined && !integer(offset, 0, 2 ** 31)) fail('an offset is not negative')
    return is(result)
  }
}

/** The type of an expression in a helper with so many arguments, or what is wrong with it. */
export function checkLower(lower: unknown, args: number): LowerType | LowerProblem {
  try {
    const type = new Checker(args).check(lower, undefined, [])
    return type === 'none' ? { path: [], message: 'a store has no value' } : type
  } catch (problem) {
    if (problem instanceof Error) throw problem
    return problem as LowerProblem
  }
}
