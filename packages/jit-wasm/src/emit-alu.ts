import type { AluOp, Insn } from '@skep/isa'
import { FACT } from '@skep/registry'
import type { PlainInstruction } from '@skep/wasm'
import { MAX_U32 } from './calls.ts'
import { OPERAND } from './effects.ts'
import type { Emitter } from './emitter.ts'

type Arithmetic = Exclude<AluOp, 'div' | 'sdiv' | 'mod' | 'smod'>

const narrowOps: Readonly<Record<Arithmetic, PlainInstruction>> = {
  add: 'i32_add',
  sub: 'i32_sub',
  mul: 'i32_mul',
  or: 'i32_or',
  and: 'i32_and',
  lsh: 'i32_shl',
  rsh: 'i32_shr_u',
  xor: 'i32_xor',
  arsh: 'i32_shr_s',
}

const wideOps: Readonly<Record<Arithmetic, PlainInstruction>> = {
  add: 'i64_add',
  sub: 'i64_sub',
  mul: 'i64_mul',
  or: 'i64_or',
  and: 'i64_and',
  lsh: 'i64_shl',
  rsh: 'i64_shr_u',
  xor: 'i64_xor',
  arsh: 'i64_shr_s',
}

/** Arithmetic, moves and byte swaps: RFC 9669 sections 4.1 and 4.2. */
export function emitAlu(e: Emitter, slot: number, insn: Insn): void {
  const { def, imm } = insn
  const { code } = e
  switch (def.kind) {
    case 'alu':
      if (def.aluOp === 'div' || def.aluOp === 'sdiv' || def.aluOp === 'mod' || def.aluOp === 'smod') {
        emitDivision(e, slot, insn, def.aluOp, def.width)
      } else {
        emitArithmetic(e, slot, insn, def.aluOp, def.width)
      }
      return
    case 'mov':
      if (def.source === 'imm') emitConstant(e, slot, imm, def.width === 64 && imm < 0 ? -1 : 0)
      else if (def.width === 64 && e.values.defIsWide(slot)) {
        e.push64(slot, OPERAND.src)
        e.set64(slot)
      } else {
        e.push32(slot, OPERAND.src)
        e.set32(slot)
      }
      return
    case 'ld_imm64': {
      if (insn.src === 4) {
        code.global_get(e.env.callbackGlobal(e.program, Number(insn.imm64)))
        e.set32(slot)
        return
      }
      const value = insn.imm64 ?? 0n
      emitConstant(e, slot, Number(value & 0xffff_ffffn) | 0, Number(value >> 32n) | 0)
      return
    }
    case 'movsx':
      emitSignExtend(e, slot, def.from, def.width)
      return
    case 'neg':
      if (def.width === 64 && e.values.defIsWide(slot)) {
        code.i64_const(0)
        e.push64(slot, OPERAND.dst)
        code.i64_sub()
        e.set64(slot)
      } else {
        code.i32_const(0)
        e.push32(slot, OPERAND.dst)
        code.i32_sub()
        e.set32(slot)
      }
      return
    case 'addr_space_cast':
      // The arena is one address space: both views of a pointer are its low half.
      e.push32(slot, OPERAND.src)
      e.set32(slot)
      return
    case 'endian':
      emitEndian(e, slot, def.size, def.order !== 'le')
      return
    default:
      return
  }
}

function emitConstant(e: Emitter, slot: number, low: number, high: number): void {
  if (e.values.defIsWide(slot)) {
    e.code.i64_const_halves(low, high)
    e.set64(slot)
  } else {
    e.code.i32_const(low)
    e.set32(slot)
  }
}

function emitArithmetic(e: Emitter, slot: number, insn: Insn, op: Arithmetic, width: 32 | 64): void {
  const { code, values } = e
  const { imm } = insn
  const constant = insn.def.source === 'imm'
  let narrow = width === 32
  if (width === 64) {
    switch (op) {
      case 'and':
        narrow = !values.defIsWide(slot) || (constant && imm >= 0)
        break
      case 'lsh':
        narrow = constant && !values.defIsWide(slot)
        break
      case 'rsh':
      case 'arsh':
        narrow = constant && values.max(slot, OPERAND.dst) <= MAX_U32
        break
      default:
        narrow = !values.defIsWide(slot)
    }
    if (narrow && constant && (op === 'lsh' || op === 'rsh' || op === 'arsh')) {
      emitNarrowShift(e, slot, op, imm & 63)
      return
    }
  }
  if (narrow) {
    e.push32(slot, OPERAND.dst)
    if (constant) code.i32_const(imm)
    else e.push32(slot, OPERAND.src)
    code[narrowOps[op]]()
    e.set32(slot)
  } else {
    e.push64(slot, OPERAND.dst)
    if (constant) code.i64_const(imm)
    else e.push64(slot, OPERAND.src)
    code[wideOps[op]]()
    e.set64(slot)
  }
}

/** A 64-bit shift of a number whose high half is zero, or of which only the low half is asked for. */
function emitNarrowShift(e: Emitter, slot: number, op: 'lsh' | 'rsh' | 'arsh', amount: number): void {
  if (amount >= 32) e.code.i32_const(0)
  else {
    e.push32(slot, OPERAND.dst)
    if (amount > 0) {
      e.code.i32_const(amount)
      if (op === 'lsh') e.code.i32_shl()
      else e.code.i32_shr_u()
    }
  }
  e.set32(slot)
}

/** RFC 9669: division by zero gives 0, a remainder by zero the dividend, and nothing overflows. WebAssembly traps instead. */
function emitDivision(
  e: Emitter,
  slot: number,
  insn: Insn,
  op: 'div' | 'sdiv' | 'mod' | 'smod',
  width: 32 | 64,
): void {
  const { code, values } = e
  const { imm } = insn
  const constant = insn.def.source === 'imm'
  const signed = op === 'sdiv' || op === 'smod'
  const remainder = op === 'mod' || op === 'smod'
  const small = (operand: number): boolean => values.max(slot, operand) <= MAX_U32
  const narrow = width === 32 || (!signed && small(OPERAND.dst) && (constant ? imm >= 0 : small(OPERAND.src)))
  const type = narrow ? 'i32' : 'i64'
  const push = (operand: number, again = false): void => {
    if (narrow) e.push32(slot, operand, again)
    else e.push64(slot, operand, again)
  }
  const value = (number: number): void => {
    if (narrow) code.i32_const(number)
    else code.i64_const(number)
  }
  const run = (
    name: 'sub' | 'add' | 'and' | 'xor' | 'le_u' | 'eqz' | 'div_s' | 'div_u' | 'rem_s' | 'rem_u',
  ): void => {
    code[`${type}_${name}`]()
  }
  const divide = (): void => run(`${remainder ? 'rem' : 'div'}_${signed ? 's' : 'u'}`)

  if (constant) {
    if (imm === 0) {
      if (remainder) push(OPERAND.dst)
      else value(0)
    } else if (signed && imm === -1) {
      value(0)
      if (!remainder) {
        push(OPERAND.dst)
        run('sub')
      }
    } else {
      push(OPERAND.dst)
      value(imm)
      divide()
    }
  } else {
    const nonZero = ((e.program.facts?.flags[slot] ?? 0) & FACT.divisorNonZero) !== 0
    const guarded = signed || !nonZero
    if (guarded) {
      push(OPERAND.src, true)
      if (signed) {
        // Both 0 and -1 need care: shifted by one they are the two smallest unsigned numbers.
        value(1)
        run('add')
        value(1)
        run('le_u')
      } else {
        run('eqz')
      }
      code.if(type)
      if (signed) {
        // By 0: 0 and the dividend; by -1: the negated dividend and 0.
        if (!remainder) value(0)
        push(OPERAND.dst)
        push(OPERAND.src)
        if (remainder) {
          value(-1)
          run('xor')
        }
        run('and')
        if (!remainder) run('sub')
      } else if (remainder) {
        push(OPERAND.dst)
      } else {
        value(0)
      }
      code.else()
    }
    push(OPERAND.dst)
    push(OPERAND.src)
    divide()
    if (guarded) code.end()
  }
  if (narrow) e.set32(slot)
  else e.set64(slot)
}

function emitSignExtend(e: Emitter, slot: number, from: 8 | 16 | 32, width: 32 | 64): void {
  const { code, values } = e
  if (width === 64 && values.defIsWide(slot)) {
    if (from === 32 && !values.isWide(slot, OPERAND.src)) {
      e.push32(slot, OPERAND.src)
      code.i64_extend_i32_s()
    } else {
      e.push64(slot, OPERAND.src)
      code[`i64_extend${from}_s`]()
    }
    e.set64(slot)
    return
  }
  e.push32(slot, OPERAND.src)
  if (from !== 32) code[`i32_extend${from}_s`]()
  e.set32(slot)
}

function emitEndian(e: Emitter, slot: number, size: 1 | 2 | 4 | 8, swap: boolean): void {
  const { code } = e
  if (size === 8) {
    e.push64(slot, OPERAND.dst)
    if (swap) emitSwap64(e)
    e.set64(slot)
    return
  }
  e.push32(slot, OPERAND.dst)
  if (!swap) {
    if (size === 2) code.i32_const(0xffff).i32_and()
  } else if (size === 2) {
    emitSwap16(e)
  } else {
    emitSwap32(e)
  }
  e.set32(slot)
}

/** Swaps the two low bytes of the i32 on the stack and clears the others. */
export function emitSwap16(e: Emitter): void {
  const value = e.scratch('swap32', 'i32')
  e.code.local_tee(value).i32_const(8).i32_shl().i32_const(0xff00).i32_and()
  e.code.local_get(value).i32_const(8).i32_shr_u().i32_const(0xff).i32_and().i32_or()
}

/** Reverses the bytes of the i32 on the stack. */
export function emitSwap32(e: Emitter): void {
  const value = e.scratch('swap32', 'i32')
  e.code.local_tee(value).i32_const(8).i32_rotl().i32_const(0x00ff00ff).i32_and()
  e.code.local_get(value).i32_const(8).i32_rotr().i32_const(0xff00ff00).i32_and().i32_or()
}

/** Reverses the bytes of the i64 on the stack: neighbouring bytes, then 16-bit groups, then the halves. */
export function emitSwap64(e: Emitter): void {
  const value = e.scratch('swap64', 'i64')
  const swapGroups = (bits: number, mask: number): void => {
    e.code.local_tee(value).i64_const_halves(mask, mask).i64_and().i64_const(bits).i64_shl()
    e.code.local_get(value).i64_const(bits).i64_shr_u().i64_const_halves(mask, mask).i64_and().i64_or()
  }
  swapGroups(8, 0x00ff00ff)
  swapGroups(16, 0x0000ffff)
  e.code.i64_const(32).i64_rotl()
}
