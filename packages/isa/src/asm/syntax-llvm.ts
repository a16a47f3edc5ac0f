import { ALU_OPERATOR, JUMP_OPERATOR } from '../ebpf/operators.ts'
import { type AluOp, type AtomicOp, defs, type JumpOp } from '../ebpf/table.ts'
import type { Cursor } from './cursor.ts'
import { address, atRegister, type Item, imm64, type Register, register, target } from './operands.ts'
import { addressSpace, type HelperLookup, parseCall } from './syntax-mnemonic.ts'
import type { Token } from './tokens.ts'

const invert = <Op extends string>(table: Readonly<Record<Op, string>>): ReadonlyMap<string, Op> =>
  new Map((Object.keys(table) as Op[]).map((op) => [table[op], op]))

const ALU_BY_OPERATOR: ReadonlyMap<string, AluOp> = /* @__PURE__ */ invert(ALU_OPERATOR)
const JUMP_BY_OPERATOR: ReadonlyMap<string, JumpOp> = /* @__PURE__ */ invert(JUMP_OPERATOR)
const ASSIGNMENTS: readonly string[] = [...ALU_BY_OPERATOR.keys()].map((operator) => `\`${operator}=\``)

const TYPE = /^([us])(8|16|32|64)$/

type Size = 1 | 2 | 4 | 8

interface Type {
  readonly signed: boolean
  readonly size: Size
}

/** The letters that names of instructions have for a size in bytes. */
const SIZE_NAME = { 1: 'b', 2: 'h', 4: 'w', 8: 'dw' } as const

/** `u32` in `*(u32 *)` and `(u32 *)`. */
function type(cursor: Cursor): Type {
  const parts = TYPE.exec(cursor.peek()?.text ?? '')
  if (parts === null) cursor.unexpected('a type: u8, u16, u32, u64, s8, s16 or s32')
  cursor.skip(1)
  return { signed: parts[1] === 's', size: (Number(parts[2]) / 8) as Size }
}

/** `(u32 *)(r1 + 4)`. */
function typedAddress(cursor: Cursor): Type & { readonly register: number; readonly off: number } {
  cursor.expect('(')
  const of = type(cursor)
  cursor.expect('*', ')', '(')
  const at = address(cursor)
  cursor.expect(')')
  return { ...of, ...at }
}

/** Refuses a register of the wrong width for a value of `size` bytes; narrow values may stand in either. */
function checkWidth(cursor: Cursor, value: Register, size: number): void {
  if (value.width === 32 && size === 8) {
    const mend = [`\`r${value.number}\``]
    cursor.fail('WIDTH_MISMATCH', value.token, `\`${value.token.text}\` holds 32 bits, not 64`, mend)
  }
}

function sameRegister(cursor: Cursor, value: Register, other: Register): void {
  if (value.number !== other.number || value.width !== other.width) {
    const fact = `\`${other.token.text}\` must be the register that is assigned`
    cursor.fail('UNEXPECTED', other.token, fact, [`\`${value.token.text}\``])
  }
}

/** Statements that start with one of these words are in this syntax and in no other. */
const STARTERS: ReadonlySet<string> = new Set(['if', 'goto', 'gotol', '*', 'store_release', 'ld_pseudo'])

/** True if the statement can only be in the C-like syntax. */
export function looksLikeLlvm(cursor: Cursor): boolean {
  return STARTERS.has(cursor.peek()?.text ?? '') || cursor.looksAt('lock', '*') || atRegister(cursor)
}

/**
 * One statement in the syntax of LLVM and of the kernel's log. `opcode` is the byte that the kernel prints
 * in front, which alone tells a 64-bit immediate load from a move.
 */
export function parseLlvm(cursor: Cursor, helperId: HelperLookup, opcode: number | undefined): Item {
  const at = cursor.peek()
  if (at === undefined) cursor.unexpected('an instruction')
  switch (at.text) {
    case 'exit':
      cursor.skip(1)
      return { def: defs.exit, at }
    case 'goto':
      cursor.skip(1)
      return { def: defs.ja, target: target(cursor, 16), at }
    case 'gotol':
      cursor.skip(1)
      return { def: defs.gotol, target: target(cursor, 32), at }
    case 'may_goto':
      cursor.skip(1)
      return { def: defs.may_goto, target: target(cursor, 16), at }
    case 'gotox':
    case 'callx':
      cursor.skip(1)
      return { def: defs[at.text], dst: register(cursor, 64).number, at }
    case 'call':
      cursor.skip(1)
      return parseCall(cursor, at, helperId)
    case 'if':
      cursor.skip(1)
      return parseIf(cursor, at)
    case 'lock':
      cursor.skip(1)
      return parseLock(cursor, at)
    case 'store_release':
      cursor.skip(1)
      return parseStoreRelease(cursor, at)
    case 'ld_pseudo':
      cursor.skip(1)
      return parseLdPseudo(cursor, at)
    case '*':
      return parseStore(cursor, at)
  }
  if (!atRegister(cursor)) {
    cursor.fail('UNKNOWN_MNEMONIC', at, `\`${at.text}\` starts no instruction`, [
      'a register',
      ...[...STARTERS, 'lock', 'call', 'exit'].map((word) => `\`${word}\``),
    ])
  }
  return parseAssignment(cursor, at, opcode)
}

function parseIf(cursor: Cursor, at: Token): Item {
  const left = register(cursor)
  const operator = cursor.peek()
  const jumpOp = JUMP_BY_OPERATOR.get(operator?.text ?? '')
  if (jumpOp === undefined) cursor.unexpected(...[...JUMP_BY_OPERATOR.keys()].map((text) => `\`${text}\``))
  cursor.skip(1)
  const source = atRegister(cursor) ? 'reg' : 'imm'
  const def = defs[`j${jumpOp}${left.width}_${source}`]
  const operand =
    source === 'reg' ? { src: register(cursor, left.width).number } : { imm: numberOrRegister(cursor) }
  cursor.expect('goto')
  return { def, dst: left.number, ...operand, target: target(cursor, 16), at }
}

function numberOrRegister(cursor: Cursor): number {
  if (!cursor.atNumber()) cursor.unexpected('a register', 'a number')
  return cursor.imm32()
}

function parseLock(cursor: Cursor, at: Token): Item {
  cursor.expect('*')
  const to = typedAddress(cursor)
  const operator = cursor.peek()?.text ?? ''
  const aluOp = operator.endsWith('=') ? ALU_BY_OPERATOR.get(operator.slice(0, -1)) : undefined
  if (aluOp !== 'add' && aluOp !== 'or' && aluOp !== 'and' && aluOp !== 'xor') {
    cursor.unexpected('`+=`', '`|=`', '`&=`', '`^=`')
  }
  cursor.skip(1)
  const def = defs[`atomic${atomicWidth(cursor, at, to)}_${aluOp}`]
  const value = register(cursor)
  checkWidth(cursor, value, to.size)
  return { def, dst: to.register, off: to.off, src: value.number, at }
}

/** The width of an atomic operation on such a type. */
function atomicWidth(cursor: Cursor, at: Token | undefined, of: Type): 32 | 64 {
  if (of.size >= 4 && !of.signed) return of.size === 4 ? 32 : 64
  cursor.fail('UNEXPECTED', at, 'atomic operations are on u32 or u64', ['`(u32 *)`', '`(u64 *)`'])
}

function parseStoreRelease(cursor: Cursor, at: Token): Item {
  cursor.expect('(')
  const to = typedAddress(cursor)
  cursor.expect(',')
  const value = register(cursor)
  checkWidth(cursor, value, to.size)
  cursor.expect(')')
  return {
    def: defs[`store_rel_${SIZE_NAME[to.size]}`],
    dst: to.register,
    off: to.off,
    src: value.number,
    at,
  }
}

/** `ld_pseudo r1, 0x1, 0x5`: LLVM's text of an ld_imm64 with a kind; it has the low half only. */
function parseLdPseudo(cursor: Cursor, at: Token): Item {
  const dst = register(cursor, 64).number
  cursor.expect(',')
  const src = Number(cursor.integer('kind of ld_imm64', 0n, 15n))
  cursor.expect(',')
  const value = BigInt.asUintN(64, cursor.integer('64-bit immediate', -(2n ** 63n), 2n ** 64n - 1n))
  return { def: defs.ld_imm64, dst, src, imm64: value, at }
}

function parseStore(cursor: Cursor, at: Token): Item {
  cursor.expect('*')
  const to = typedAddress(cursor)
  if (to.signed) cursor.fail('UNEXPECTED', at, 'stores have no sign', [`\`u${to.size * 8}\``])
  cursor.expect('=')
  if (!atRegister(cursor)) {
    const imm = numberOrRegister(cursor)
    return { def: defs[`st_${SIZE_NAME[to.size]}`], dst: to.register, off: to.off, imm, at }
  }
  const value = register(cursor)
  checkWidth(cursor, value, to.size)
  return { def: defs[`stx_${SIZE_NAME[to.size]}`], dst: to.register, off: to.off, src: value.number, at }
}

function parseAssignment(cursor: Cursor, at: Token, opcode: number | undefined): Item {
  const dst = register(cursor)
  const { width, number } = dst
  const operator = cursor.peek()?.text ?? ''
  const aluOp = operator.endsWith('=') ? ALU_BY_OPERATOR.get(operator.slice(0, -1)) : undefined
  if (aluOp !== undefined) {
    cursor.skip(1)
    const source = atRegister(cursor) ? 'reg' : 'imm'
    const def = defs[`${aluOp}${width}_${source}`]
    return source === 'reg'
      ? { def, dst: number, src: register(cursor, width).number, at }
      : { def, dst: number, imm: numberOrRegister(cursor), at }
  }
  if (!cursor.accept('=')) cursor.unexpected('`=`', ...ASSIGNMENTS)
  const first = cursor.peek()
  if (atRegister(cursor)) {
    return {
      def: defs[`mov${width}_reg`],
      dst: number,
      src: register(cursor, width).number,
      at,
    }
  }
  if (first?.text === '-' && atRegister(cursor, 1)) {
    cursor.skip(1)
    sameRegister(cursor, dst, register(cursor))
    return { def: defs[`neg${width}`], dst: number, at }
  }
  if (first?.text === '(') return parseMovsx(cursor, at, dst)
  if (first?.text === '*') return parseLoad(cursor, at, dst)
  if (first?.kind === 'word' && cursor.peek(1)?.text === '(') {
    const called = parseFunction(cursor, at, dst, first.text)
    if (called !== undefined) return called
  }
  const swap = first?.kind === 'word' ? defs[first.text as 'be16'] : undefined
  if (swap?.kind === 'endian') {
    cursor.skip(1)
    if (width === 32) register(cursor, 64)
    sameRegister(cursor, dst, register(cursor))
    return { def: swap, dst: number, at }
  }
  return parseNumber(cursor, at, dst, opcode)
}

/** `r1 = 5`, `r1 = 5 ll`, `r1 = map_fd(5) ll`, `(18) r1 = 0x5`. */
function parseNumber(cursor: Cursor, at: Token, dst: Register, opcode: number | undefined): Item {
  const first = cursor.peek()
  if (!cursor.atNumber() && !(first?.kind === 'word' && cursor.peek(1)?.text === '(')) {
    cursor.unexpected('a register', 'a number', 'a memory access `*(u32 *)(r1 + 4)`')
  }
  const wide = opcode === defs.ld_imm64.code || first?.kind === 'word' || isWide(cursor)
  if (!wide) {
    return { def: defs[`mov${dst.width}_imm`], dst: dst.number, imm: cursor.imm32(), at }
  }
  if (dst.width === 32) {
    const fact = `\`${dst.token.text}\` cannot hold 64 bits`
    cursor.fail('WIDTH_MISMATCH', dst.token, fact, [`\`r${dst.number}\``])
  }
  const value = imm64(cursor)
  cursor.accept('ll')
  return { def: defs.ld_imm64, dst: dst.number, ...value, at }
}

function isWide(cursor: Cursor): boolean {
  const signed = cursor.peek()?.kind !== 'number'
  return cursor.peek(signed ? 2 : 1)?.text === 'll'
}

type MovsxName = Extract<keyof typeof defs, `movsx${string}`>

const isMovsx = (name: string): name is MovsxName => name in defs

function parseMovsx(cursor: Cursor, at: Token, dst: Register): Item {
  cursor.expect('(')
  const typeToken = cursor.peek()
  const of = type(cursor)
  const from = of.signed ? of.size * 8 : 0
  const name = `movsx${dst.width}_${from}_reg`
  if (!isMovsx(name)) {
    const forms = dst.width === 32 ? ['`s8`', '`s16`'] : ['`s8`', '`s16`', '`s32`']
    cursor.fail('UNEXPECTED', typeToken, `no move extends ${typeToken?.text} to ${dst.width} bits`, forms)
  }
  cursor.expect(')')
  return { def: defs[name], dst: dst.number, src: register(cursor, dst.width).number, at }
}

/** `*(u32 *)(r1 + 4)`, `*(s8 *)(r1 + 4)`, `*(u8 *)skb[5]`, `*(u8 *)skb[r1 + 5]`. */
function parseLoad(cursor: Cursor, at: Token, dst: Register): Item {
  cursor.expect('*', '(')
  const typeToken = cursor.peek()
  const of = type(cursor)
  cursor.expect('*', ')')
  if (cursor.accept('skb', '[')) {
    const kind = atRegister(cursor) ? 'ld_ind' : 'ld_abs'
    if (of.signed || of.size === 8) {
      cursor.fail('UNEXPECTED', typeToken, 'packet loads have no such size', ['`u8`', '`u16`', '`u32`'])
    }
    if (dst.number !== 0 || dst.width !== 64) {
      cursor.fail('BAD_REGISTER', dst.token, 'packet loads go to r0', ['`r0`'])
    }
    const src = kind === 'ld_ind' ? register(cursor, 64).number : 0
    const imm = kind === 'ld_abs' || cursor.looksAt('+') || cursor.looksAt('-') ? skbOffset(cursor) : 0
    cursor.expect(']')
    return { def: defs[`${kind}_${SIZE_NAME[of.size]}`], src, imm, at }
  }
  cursor.expect('(')
  const from = address(cursor)
  cursor.expect(')')
  if (of.signed) {
    if (of.size === 8) cursor.fail('UNEXPECTED', typeToken, 'no load extends 64 bits', ['`u64`'])
    const def = defs[`ldxsx_${SIZE_NAME[of.size]}`]
    checkWidth(cursor, dst, 8)
    return { def, dst: dst.number, src: from.register, off: from.off, at }
  }
  checkWidth(cursor, dst, of.size)
  return { def: defs[`ldx_${SIZE_NAME[of.size]}`], dst: dst.number, src: from.register, off: from.off, at }
}

/** The kernel writes a negative offset as `r1 + -5`. */
function skbOffset(cursor: Cursor): number {
  if (cursor.looksAt('+', '-')) cursor.skip(1)
  return cursor.imm32()
}

const FETCH = /^atomic(64)?_fetch_(add|or|and|xor)$/
const EXCHANGE = /^(?:atomic(?:64)?_)?(xchg|cmpxchg)(_64|32_32)?$/

/** What is written as a function: atomics, load_acquire, addr_space_cast. Undefined for any other name. */
function parseFunction(cursor: Cursor, at: Token, dst: Register, name: string): Item | undefined {
  if (name === 'load_acquire') {
    cursor.skip(2)
    const from = typedAddress(cursor)
    cursor.expect(')')
    checkWidth(cursor, dst, from.size)
    return {
      def: defs[`load_acq_${SIZE_NAME[from.size]}`],
      dst: dst.number,
      src: from.register,
      off: from.off,
      at,
    }
  }
  if (name === 'addr_space_cast') {
    cursor.skip(2)
    const src = register(cursor, 64).number
    cursor.expect(',')
    const to = addressSpace(cursor)
    cursor.expect(',')
    const from = addressSpace(cursor)
    cursor.expect(')')
    return { def: defs.addr_space_cast, dst: dst.number, src, imm: (to << 16) | from, at }
  }
  const fetch = FETCH.exec(name)
  const exchange = EXCHANGE.exec(name)
  if (fetch === null && exchange === null) return undefined
  const token = cursor.next()
  cursor.expect('(')
  const bare = exchange?.[2]
  const to: ReturnType<typeof typedAddress> =
    bare === undefined
      ? typedAddress(cursor)
      : { ...address(cursor), size: bare === '_64' ? 8 : 4, signed: false }
  const atomicOp = (fetch?.[2] ?? exchange?.[1]) as AtomicOp
  const width = atomicWidth(cursor, token, to)
  const def =
    atomicOp === 'xchg' || atomicOp === 'cmpxchg'
      ? defs[`atomic${width}_${atomicOp}`]
      : defs[`atomic${width}_fetch_${atomicOp}`]
  cursor.expect(',')
  const first = register(cursor)
  checkWidth(cursor, first, to.size)
  sameRegister(cursor, dst, first)
  if (atomicOp !== 'cmpxchg') {
    cursor.expect(')')
    return { def, dst: to.register, off: to.off, src: first.number, at }
  }
  if (first.number !== 0) {
    cursor.fail('BAD_REGISTER', first.token, 'cmpxchg compares with r0', ['`r0`', '`w0`'])
  }
  cursor.expect(',')
  const value = register(cursor)
  checkWidth(cursor, value, to.size)
  cursor.expect(')')
  return { def, dst: to.register, off: to.off, src: value.number, at }
}
