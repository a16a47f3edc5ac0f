import { ByteBuffer } from './byte-buffer.ts'
import { WasmEncodeError } from './errors.ts'
import { type OpName, opcodes } from './opcodes.ts'
import { type RefType, type ValueType, valueTypeCodes } from './types.ts'

/**
 * A place that `br` may go to: what `block`, `loop` and `if` return. It counts from the outermost block, so it stays the
 * same wherever the branch stands; label 0 is the function's body.
 */
export type Label = number

/** Anything that has an index in its index space, or the index itself. */
export type IndexOf = number | { readonly index: number }

/** A block's type: nothing, one result, or the index of a function type (operands and several results). */
export type BlockType = ValueType | number | undefined

interface ImmediateArguments {
  '': []
  else: []
  end: []
  fence: []
  label: [label: Label]
  labels: [labels: readonly Label[], otherwise: Label]
  func: [func: IndexOf]
  indirect: [typeIndex: number, table?: number]
  types: [types: readonly ValueType[]]
  ref: [type: RefType]
  local: [local: number]
  global: [global: IndexOf]
  table: [table?: number]
  'table table': [to: number, from: number]
  'elem table': [segment: number, table?: number]
  elem: [segment: number]
  data: [segment: number]
  'data memory': [segment: number, memory?: number]
  memory: [memory?: number]
  'memory memory': [to?: number, from?: number]
  mem: [offset?: number, align?: number]
  i32: [value: number]
  i64: [value: number | bigint]
  f32: [value: number]
  f64: [value: number]
}

type Immediates<Name extends OpName> = (typeof opcodes)[Name][1]
type Method<Name extends string> = Name extends `${infer Head}.${infer Tail}`
  ? `${Head}_${Method<Tail>}`
  : Name

/** One method for every row of {@link opcodes}, named with `_` for `.`: `i64.load32_u` is `i64_load32_u(offset, align)`. */
export type Instructions = {
  [Name in OpName as Method<Name>]: Immediates<Name> extends 'block'
    ? (type?: BlockType) => Label
    : (
        ...immediates: ImmediateArguments[Exclude<Immediates<Name>, 'block'> & keyof ImmediateArguments]
      ) => Code
}

/** Names of the instruction methods that take no immediates, for compilers that choose an instruction by table. */
export type PlainInstruction = {
  [Name in OpName]: Immediates<Name> extends '' ? Method<Name> : never
}[OpName]

/** Names of the memory instructions' methods, for compilers that choose an instruction by table. */
export type MemoryInstruction = {
  [Name in OpName]: Immediates<Name> extends 'mem' ? Method<Name> : never
}[OpName]

/** A function's locals and instructions, without the instruction methods themselves: see {@link Code}. */
export class CodeBase {
  /** The instructions so far, without locals and without the final `end`. */
  readonly body: ByteBuffer = new ByteBuffer(256)
  /** How many blocks are open. */
  depth = 0
  readonly #params: number
  readonly #locals: ValueType[] = []
  readonly #localNames = new Map<number, string>()

  constructor(params: number) {
    this.#params = params
  }

  /** Adds a local (initially zero) and returns its index. */
  local(type: ValueType, name?: string): number {
    const index = this.#params + this.#locals.push(type) - 1
    if (name !== undefined) this.#localNames.set(index, name)
    return index
  }

  /** How many parameters and locals there are: the index of the next local. */
  get localCount(): number {
    return this.#params + this.#locals.length
  }

  /**
   * Adds another function's locals and instructions at this place. They are copied as they are, so its parameters' and
   * locals' indices must mean the same here: `localCount` must be its number of parameters.
   */
  append(other: CodeBase): void {
    if (this.localCount !== other.#params) {
      throw new WasmEncodeError(
        'WASM_LOCALS',
        `code with ${other.#params} parameters cannot follow ${this.localCount} locals`,
      )
    }
    if (other.depth !== 0) {
      throw new WasmEncodeError(
        'WASM_UNBALANCED',
        `${other.depth} blocks are still open in the code to append`,
      )
    }
    for (const type of other.#locals) this.#locals.push(type)
    for (const [local, name] of other.#localNames) this.#localNames.set(local, name)
    this.body.bytes(other.body.view())
  }

  /** Names a parameter or local in the name section. */
  nameLocal(local: number, name: string): void {
    this.#localNames.set(local, name)
  }

  /** Names of parameters and locals, by index. */
  get localNames(): ReadonlyMap<number, string> {
    return this.#localNames
  }

  /** `i64.const` from the low and high 32 bits. */
  i64_const_halves(low: number, high: number): this {
    this.body.u8(opcodes['i64.const'][0])
    this.body.s64(low, high)
    return this
  }

  /** How many levels out `label` is from here. Throws `WASM_LABEL` when its block is closed. */
  relative(label: Label): number {
    const levels = this.depth - label
    if (levels < 0)
      throw new WasmEncodeError('WASM_LABEL', `label ${label} is not open at depth ${this.depth}`)
    return levels
  }

  /** Appends the function's entry in the code section, preceded by its size. */
  encode(into: ByteBuffer): void {
    if (this.depth !== 0) {
      throw new WasmEncodeError(
        'WASM_UNBALANCED',
        `${this.depth} blocks are still open at the end of a function`,
      )
    }
    const locals = new ByteBuffer(16)
    const runs: [count: number, type: ValueType][] = []
    for (const type of this.#locals) {
      const last = runs.at(-1)
      if (last?.[1] === type) last[0]++
      else runs.push([1, type])
    }
    locals.u32(runs.length)
    for (const [count, type] of runs) {
      locals.u32(count)
      locals.u8(valueTypeCodes[type])
    }
    into.u32(locals.length + this.body.length + 1)
    into.bytes(locals.view())
    into.bytes(this.body.view())
    into.u8(opcodes.end[0])
  }
}

/** Writes a function's instructions: every method appends one instruction. */
export type Code = CodeBase & Instructions

const indexOf = (of: IndexOf): number => (typeof of === 'number' ? of : of.index)

function writeOpcode(code: CodeBase, opcode: number): void {
  if (opcode > 0xff) {
    code.body.u8(opcode >> 8)
    code.body.u32(opcode & 0xff)
  } else {
    code.body.u8(opcode)
  }
}

function writeInt64(body: ByteBuffer, value: number | bigint): void {
  if (typeof value === 'bigint') {
    body.s64(Number(value & 0xffff_ffffn), Number((value >> 32n) & 0xffff_ffffn))
  } else {
    if (!Number.isSafeInteger(value)) {
      throw new WasmEncodeError('WASM_RANGE', `${value} is not an exact integer: pass a bigint`)
    }
    body.s64(value, Math.floor(value / 0x1_0000_0000))
  }
}

/** Writers of the immediates, by the table's second column. Blocks and plain instructions have methods of their own. */
const immediates: {
  [Kind in Exclude<keyof ImmediateArguments, '' | 'mem' | 'local' | 'end' | 'else'>]: (
    code: CodeBase,
    ...args: ImmediateArguments[Kind]
  ) => void
} = {
  fence: (code) => code.body.u8(0),
  label: (code, label) => code.body.u32(code.relative(label)),
  labels: (code, labels, otherwise) => {
    code.body.u32(labels.length)
    for (const label of labels) code.body.u32(code.relative(label))
    code.body.u32(code.relative(otherwise))
  },
  func: (code, func) => code.body.u32(indexOf(func)),
  indirect: (code, typeIndex, table = 0) => {
    code.body.u32(typeIndex)
    code.body.u32(table)
  },
  types: (code, types) => {
    code.body.u32(types.length)
    for (const type of types) code.body.u8(valueTypeCodes[type])
  },
  ref: (code, type) => code.body.u8(valueTypeCodes[type]),
  global: (code, global) => code.body.u32(indexOf(global)),
  table: (code, table = 0) => code.body.u32(table),
  'table table': (code, to, from) => {
    code.body.u32(to)
    code.body.u32(from)
  },
  'elem table': (code, segment, table = 0) => {
    code.body.u32(segment)
    code.body.u32(table)
  },
  elem: (code, segment) => code.body.u32(segment),
  data: (code, segment) => code.body.u32(segment),
  'data memory': (code, segment, memory = 0) => {
    code.body.u32(segment)
    code.body.u32(memory)
  },
  memory: (code, memory = 0) => code.body.u32(memory),
  'memory memory': (code, to = 0, from = 0) => {
    code.body.u32(to)
    code.body.u32(from)
  },
  i32: (code, value) => code.body.s32(value),
  i64: (code, value) => writeInt64(code.body, value),
  f32: (code, value) => code.body.f32(value),
  f64: (code, value) => code.body.f64(value),
}

function makeMethod(
  opcode: number,
  kind: string,
  naturalAlign: number,
): (this: CodeBase, ...args: never[]) => unknown {
  switch (kind) {
    case '':
      return opcode > 0xff
        ? function (this: CodeBase) {
            writeOpcode(this, opcode)
            return this
          }
        : function (this: CodeBase) {
            this.body.u8(opcode)
            return this
          }
    case 'local':
      return function (this: CodeBase, local: number) {
        this.body.u8(opcode)
        this.body.u32(local)
        return this
      }
    case 'mem':
      return function (this: CodeBase, offset = 0, align: number = naturalAlign) {
        writeOpcode(this, opcode)
        this.body.u32(align)
        this.body.u32(offset)
        return this
      }
    case 'block':
      return function (this: CodeBase, type?: BlockType): Label {
        this.body.u8(opcode)
        if (type === undefined) this.body.u8(0x40)
        else if (typeof type === 'number') this.body.s32(type)
        else this.body.u8(valueTypeCodes[type])
        return ++this.depth
      }
    case 'else':
    case 'end':
      return function (this: CodeBase) {
        if (this.depth === 0)
          throw new WasmEncodeError('WASM_UNBALANCED', `\`${kind}\` without an open block`)
        if (kind === 'end') this.depth--
        this.body.u8(opcode)
        return this
      }
    default: {
      const write = immediates[kind as keyof typeof immediates] as (
        code: CodeBase,
        ...args: unknown[]
      ) => void
      return function (this: CodeBase, ...args: unknown[]) {
        writeOpcode(this, opcode)
        write(this, ...args)
        return this
      }
    }
  }
}

function defineCode(): new (params: number) => CodeBase {
  class Code extends CodeBase {}
  // Made at once and put into the chain: adding to a prototype one by one is ten times slower.
  const methods: object = Object.fromEntries(
    Object.entries(opcodes).map(([name, row]) => {
      const [opcode, kind, , align] = row as readonly [number, string, string?, number?]
      return [name.replaceAll('.', '_'), makeMethod(opcode, kind, align ?? 0)]
    }),
  )
  Object.setPrototypeOf(methods, CodeBase.prototype)
  Object.setPrototypeOf(Code.prototype, methods)
  return Code
}

const CodeWithInstructions = /* @__PURE__ */ defineCode()

/** Starts a body of code for a function with `params` parameters. */
export function createCode(params: number): Code {
  return new CodeWithInstructions(params) as Code
}
