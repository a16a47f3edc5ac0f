import type { Env } from './env.ts'
import { fail, failReg } from './errors.ts'
import {
  BPF_ADD,
  BPF_ADD_CONST,
  BPF_ADD_CONST32,
  BPF_ADD_CONST64,
  BPF_AND,
  BPF_ARSH,
  BPF_DIV,
  BPF_END,
  BPF_LSH,
  BPF_MOD,
  BPF_MOV,
  BPF_NEG,
  BPF_OR,
  BPF_RSH,
  BPF_SUB,
  BPF_XOR,
  REG_AUX0,
  REG_FLAGS,
  REG_ID,
  REG_OFF,
  REG_S32_MAX,
  REG_S32_MIN,
  REG_SMAX,
  REG_SMIN,
  REG_TYPE,
  SANE_OFFSET,
  UNSANE_CONST,
  UNSANE_FIXED,
  UNSANE_SMIN_UNBOUNDED,
} from './layout.ts'
import { smin64, value64 } from './log-state.ts'
import { BPF_ALU64, classOf, hasSrcReg, opOf } from './opcode.ts'
import { pushState } from './pending.ts'
import { markChainPrecision } from './precision.ts'
import {
  baseType,
  CONST_PTR_TO_DYNPTR,
  CONST_PTR_TO_MAP,
  isPacketPointer,
  mayBeNull,
  PTR_TO_ARENA,
  PTR_TO_BTF_ID,
  PTR_TO_BUF,
  PTR_TO_CTX,
  PTR_TO_FLOW_KEYS,
  PTR_TO_FUNC,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_STACK,
  PTR_TO_TP_BUFFER,
  PTR_UNTRUSTED,
  SCALAR_VALUE,
  typeName,
} from './reg-type.ts'
import {
  assignScalarId,
  checkRead,
  checkWrite,
  checkWriteUnknown,
  idOf,
  isPointerValue,
  markKnownS32,
  markKnownU32,
  markUnknown,
  offOf,
  typeOf,
  unlinkScalar,
} from './regs.ts'
import { beginSanitize, checkSanitizedBounds, endSanitize, sanitizeValue } from './sanitize.ts'
import { OFF_REG } from './scratch.ts'

const ALU_STRINGS: readonly string[] = [
  '+=',
  '-=',
  '*=',
  '/=',
  '|=',
  '&=',
  '<<=',
  '>>=',
  'neg',
  '%=',
  '^=',
  '=',
  's>>=',
  'endian',
]

/** check_alu_op; that the opcode is one was checked before. */
export function checkAlu(env: Env): void {
  const { program: p, insn } = env
  const code = p.code[insn]!
  const op = opOf(code)
  if (op === BPF_END || op === BPF_NEG) checkUnary(env)
  else if (op === BPF_MOV) checkMov(env)
  else checkBinary(env)
  // Bounds that contradict each other, on a path that no value takes, are forgotten (reg_bounds_sanity_check).
  const dst = env.reg(p.dst[insn]!)
  if (env.domain.boundsViolated(dst)) {
    if (env.privileges.testRegInvariants) fail('EFAULT', 'REG INVARIANTS VIOLATION (alu)')
    env.domain.setUnbounded(dst)
  }
}

function checkUnary(env: Env): void {
  const { program: p, insn } = env
  const code = p.code[insn]!
  const dstReg = p.dst[insn]!
  const imm = p.imm[insn]!
  const op = opOf(code)
  const is64 = classOf(code) === BPF_ALU64
  if (op === BPF_NEG) {
    if (p.src[insn] || p.off[insn] || imm) fail('EINVAL', 'BPF_NEG uses reserved fields')
  } else if (p.src[insn] || p.off[insn] || (imm !== 16 && imm !== 32 && imm !== 64)) {
    fail('EINVAL', 'BPF_END uses reserved fields')
  }
  checkRead(env, dstReg)
  const dst = env.reg(dstReg)
  if (isPointerValue(env, dst)) failReg(dstReg, 'EACCES', `R${dstReg} pointer arithmetic prohibited`)
  if (typeOf(env, dst) !== SCALAR_VALUE) {
    checkWriteUnknown(env, dstReg)
    return
  }
  // Neither keeps its link with other registers.
  unlinkScalar(env, dst)
  if (op === BPF_NEG) scalarAlu(env, op, is64, dst, dst)
  else env.domain.byteSwap(dst, imm, is64 || hasSrcReg(code) ? 1 : 0)
}

function checkMov(env: Env): void {
  const { program: p, insn } = env
  const code = p.code[insn]!
  const is64 = classOf(code) === BPF_ALU64
  const dstReg = p.dst[insn]!
  const srcReg = p.src[insn]!
  const off = p.off[insn]!
  const imm = p.imm[insn]!
  if (!hasSrcReg(code)) {
    if (srcReg || off) fail('EINVAL', 'BPF_MOV uses reserved fields')
    checkWrite(env, dstReg)
    const dst = env.reg(dstReg)
    if (is64) markKnownS32(env, dst, imm)
    else markKnownU32(env, dst, imm)
    return
  }
  const cast = is64 && off === 1
  if (cast) {
    if (imm !== 1 && imm !== 0x10000) {
      fail('EINVAL', 'addr_space_cast insn can only convert between address space 1 and 0')
    }
    if (env.arenaMap < 0) {
      fail('EINVAL', 'addr_space_cast insn can only be used in a program that has an associated arena')
    }
  } else if (imm || (off !== 0 && off !== 8 && off !== 16 && !(is64 && off === 32))) {
    fail('EINVAL', 'BPF_MOV uses reserved fields')
  }
  checkRead(env, srcReg)
  checkWrite(env, dstReg)
  const src = env.reg(srcReg)
  const dst = env.reg(dstReg)
  if (cast) {
    markUnknown(env, dst)
    if (imm === 1) env.heap.i32[(dst + REG_TYPE) >> 2] = PTR_TO_ARENA
  } else if (is64) {
    if (off === 0) {
      assignScalarId(env, src)
      env.heap.copyReg(dst, src)
    } else moveSigned64(env, srcReg, dst, off)
  } else {
    move32(env, srcReg, dst, off)
    env.domain.zext32to64(dst)
    env.domain.boundsSync(dst)
  }
}

/** Copies a scalar that keeps its value when only the low bits are taken, linked with its source; else unlinked. */
function copyScalar(env: Env, dst: number, src: number, same: boolean): void {
  if (same) assignScalarId(env, src)
  env.heap.copyReg(dst, src)
  if (!same) unlinkScalar(env, dst)
}

function moveSigned64(env: Env, srcReg: number, dst: number, bits: number): void {
  const src = env.reg(srcReg)
  if (isPointerValue(env, src)) {
    failReg(srcReg, 'EACCES', `R${srcReg} sign-extension part of pointer`)
  }
  if (typeOf(env, src) !== SCALAR_VALUE) {
    markUnknown(env, dst)
    return
  }
  copyScalar(env, dst, src, env.domain.umax(src) < 2 ** (bits - 1))
  env.domain.coerceToSizeSx(dst, bits >> 3)
}

function move32(env: Env, srcReg: number, dst: number, bits: number): void {
  const src = env.reg(srcReg)
  if (isPointerValue(env, src)) failReg(srcReg, 'EACCES', `R${srcReg} partial copy of pointer`)
  if (typeOf(env, src) !== SCALAR_VALUE) {
    markUnknown(env, dst)
    return
  }
  if (bits === 0) {
    copyScalar(env, dst, src, env.domain.width(src) <= 32)
    return
  }
  copyScalar(env, dst, src, env.domain.umax(src) < 2 ** (bits - 1))
  env.domain.coerceSubregToSizeSx(dst, bits >> 3)
}

function checkBinary(env: Env): void {
  const { program: p, insn } = env
  const code = p.code[insn]!
  const op = opOf(code)
  const is64 = classOf(code) === BPF_ALU64
  const dstReg = p.dst[insn]!
  const srcReg = p.src[insn]!
  const off = p.off[insn]!
  const imm = p.imm[insn]!
  const divides = op === BPF_DIV || op === BPF_MOD
  const badOff = off !== 0 && !(off === 1 && divides)
  if (hasSrcReg(code)) {
    if (imm || badOff) fail('EINVAL', 'BPF_ALU uses reserved fields')
    checkRead(env, srcReg)
  } else if (srcReg || badOff) fail('EINVAL', 'BPF_ALU uses reserved fields')
  checkRead(env, dstReg)
  if (divides && !hasSrcReg(code) && imm === 0) fail('EINVAL', 'div by zero')
  if ((op === BPF_LSH || op === BPF_RSH || op === BPF_ARSH) && !hasSrcReg(code)) {
    if (imm < 0 || imm >= (is64 ? 64 : 32)) fail('EINVAL', `invalid shift ${imm}`)
  }
  checkWrite(env, dstReg)
  adjustRegister(env, op, is64)
}

/** adjust_reg_min_max_vals: arithmetic on scalars and pointers. */
function adjustRegister(env: Env, op: number, is64: boolean): void {
  const { program: p, insn } = env
  const byReg = hasSrcReg(p.code[insn]!)
  const dstReg = p.dst[insn]!
  const srcReg = p.src[insn]!
  const dst = env.reg(dstReg)
  const dstType = typeOf(env, dst)
  if (dstType === PTR_TO_ARENA) return
  let src: number
  if (byReg) {
    src = env.reg(srcReg)
    if (typeOf(env, src) === PTR_TO_ARENA) {
      env.heap.copyReg(dst, src)
      return
    }
    if (typeOf(env, src) !== SCALAR_VALUE) {
      if (dstType !== SCALAR_VALUE) {
        if (op === BPF_SUB && env.allowPtrLeaks) {
          markUnknown(env, dst)
          return
        }
        failReg(dstReg, 'EACCES', `R${dstReg} pointer ${ALU_STRINGS[op >> 4]} pointer prohibited`)
      }
      markChainPrecision(env, dstReg)
      adjustPointer(env, op, is64, dstReg, src, dst)
      return
    }
    if (dstType !== SCALAR_VALUE) {
      markChainPrecision(env, srcReg)
      adjustPointer(env, op, is64, dstReg, dst, src)
      return
    }
  } else {
    src = OFF_REG
    markKnownS32(env, src, p.imm[insn]!)
    if (dstType !== SCALAR_VALUE) {
      adjustPointer(env, op, is64, dstReg, dst, src)
      return
    }
  }
  const link = op === BPF_ADD || op === BPF_SUB ? linkDelta(env, op, is64, dst, src) : undefined
  scalarAlu(env, op, is64, dst, src)
  if (link === undefined) unlinkScalar(env, dst)
  else {
    const { i32 } = env.heap
    i32[(dst + REG_ID) >> 2]! |= is64 ? BPF_ADD_CONST64 : BPF_ADD_CONST32
    i32[(dst + REG_OFF) >> 2] = link
  }
}

/**
 * A constant added to a copy keeps it linked with the original, at that distance: what refines one refines the other.
 * Undefined when the link is lost: at a second addition, or when the constant needs more than 32 bits.
 */
function linkDelta(env: Env, op: number, is64: boolean, dst: number, src: number): number | undefined {
  const { domain } = env
  const id = idOf(env, dst)
  if (!id) return undefined
  if (!(is64 ? domain.isConst(src) : domain.isConst32(src))) return undefined
  // The operand changes with the register: the distance would hold for this one value only.
  if (dst === src) return undefined
  // Of a wider value 32 bits tell nothing about the rest.
  if (!is64 && domain.width(dst) > 32) return undefined
  const lo = domain.constLo(src)
  const fits = !is64 || domain.constHi(src) === lo >> 31
  if (id & BPF_ADD_CONST || !fits || (op === BPF_SUB && lo === -0x80000000)) return undefined
  return op === BPF_SUB ? -lo : lo
}

/**
 * A value that is 0 or -1 (a sign, spread over all bits) that selects something by a constant: the two are followed as
 * paths of their own, from this instruction on (maybe_fork_scalars).
 */
function forkMask(env: Env, dst: number): void {
  const { i32 } = env.heap
  const smin = (dst + REG_SMIN) >> 2
  const smax = (dst + REG_SMAX) >> 2
  const is64 = i32[smin] === -1 && i32[smin + 1] === -1 && i32[smax] === 0 && i32[smax + 1] === 0
  const is32 = i32[(dst + REG_S32_MIN) >> 2] === -1 && i32[(dst + REG_S32_MAX) >> 2] === 0
  if (!is64 && !is32) return
  const state = pushState(env, env.insn, env.insn, false)
  const other = state.frames[state.curframe]!.reg(env.program.dst[env.insn]!)
  if (is64) {
    env.domain.setConstS32(other, 0)
    env.domain.setConstS32(dst, -1)
  } else {
    env.domain.setConst32(other, 0)
    env.domain.setConst32(dst, -1)
  }
}

/** adjust_scalar_min_max_vals */
function scalarAlu(env: Env, op: number, is64: boolean, dst: number, src: number): void {
  if (op === BPF_ADD || op === BPF_SUB) sanitizeValue(env, dst)
  if ((op === BPF_AND || op === BPF_OR) && env.domain.isConst(src)) forkMask(env, dst)
  env.domain.alu(op, is64 ? 1 : 0, dst, src)
}

/** check_reg_sane_offset: neither operand nor result so far off that sums could overflow. */
function checkSaneOffset(env: Env, reg: number, type: number): void {
  const wrong = env.domain.sanePointerOffset(reg)
  if (wrong === SANE_OFFSET) return
  const name = typeName(type)
  switch (wrong) {
    case UNSANE_CONST:
      fail(
        'EINVAL',
        `math between ${name} pointer and ${BigInt.asIntN(64, value64(env, reg))} is not allowed`,
      )
      break
    case UNSANE_FIXED:
      fail('EINVAL', `${name} pointer offset ${offOf(env, reg)} is not allowed`)
      break
    case UNSANE_SMIN_UNBOUNDED:
      fail('EINVAL', `math between ${name} pointer and register with unbounded min value is not allowed`)
      break
    default:
      fail('EINVAL', `value ${smin64(env, reg)} makes ${name} pointer be out of bounds`)
  }
}

const ARITHMETIC: ReadonlySet<number> = new Set([
  PTR_TO_CTX,
  PTR_TO_MAP_VALUE,
  PTR_TO_MAP_KEY,
  PTR_TO_STACK,
  PTR_TO_PACKET_META,
  PTR_TO_PACKET,
  PTR_TO_TP_BUFFER,
  PTR_TO_BTF_ID,
  PTR_TO_MEM,
  PTR_TO_BUF,
  PTR_TO_FUNC,
  CONST_PTR_TO_DYNPTR,
])

/** adjust_ptr_min_max_vals: `dst = pointer op offset`; dst is one of the two. */
function adjustPointer(
  env: Env,
  op: number,
  is64: boolean,
  dstReg: number,
  pointer: number,
  offset: number,
): void {
  const { domain, heap } = env
  const dst = env.reg(dstReg)
  const type = typeOf(env, pointer)
  if (domain.boundsViolated(offset)) {
    markUnknown(env, dst)
    return
  }
  if (!is64) {
    if (op === BPF_SUB && env.allowPtrLeaks) {
      markUnknown(env, dst)
      return
    }
    failReg(dstReg, 'EACCES', `R${dstReg} 32-bit pointer arithmetic prohibited`)
  }
  if (mayBeNull(type)) {
    failReg(
      dstReg,
      'EACCES',
      `R${dstReg} pointer arithmetic on ${typeName(type)} prohibited, null-check it first`,
    )
  }
  if (baseType(type) === PTR_TO_MEM && type & PTR_UNTRUSTED) return
  const known = domain.isConst(offset) !== 0
  const base = baseType(type)
  if (!ARITHMETIC.has(base)) {
    const zeroAdded = known && op === BPF_ADD && domain.isZero(offset) !== 0
    const fine = base === PTR_TO_FLOW_KEYS ? known : base === CONST_PTR_TO_MAP && zeroAdded
    if (!fine) {
      failReg(dstReg, 'EACCES', `R${dstReg} pointer arithmetic on ${typeName(type)} prohibited`)
    }
  }
  // For `scalar += pointer` dst takes on the pointer's kind, while its numbers are still the offset's.
  if (pointer !== dst) {
    heap.i32[(dst + REG_TYPE) >> 2] = type
    heap.i32[(dst + REG_ID) >> 2] = idOf(env, pointer)
  }
  checkSaneOffset(env, offset, type)
  checkSaneOffset(env, pointer, type)
  const sanitized = op === BPF_ADD || op === BPF_SUB
  // Pointers carry no 32-bit bounds, on the paths that beginSanitize queues neither.
  domain.setUnbounded32(dst)
  if (sanitized) beginSanitize(env, dstReg, pointer, offset)
  const packet = isPacketPointer(type)
  switch (op) {
    case BPF_ADD: {
      const fixed = domain.ptrAdd(dst, pointer, offset)
      if (pointer !== dst) copyOwned(env, dst, pointer)
      if (!fixed && packet) {
        heap.i32[(dst + REG_ID) >> 2] = ++env.idGen
        heap.i32[(dst + REG_AUX0) >> 2] = 0
      }
      break
    }
    case BPF_SUB: {
      if (pointer !== dst) {
        failReg(dstReg, 'EACCES', `R${dstReg} tried to subtract pointer from scalar`)
      }
      if (type === PTR_TO_STACK) {
        failReg(dstReg, 'EACCES', `R${dstReg} subtraction from stack pointer prohibited`)
      }
      const negative = domain.smin(offset) < 0
      const fixed = domain.ptrSub(dst, pointer, offset)
      if (!fixed && packet) {
        heap.i32[(dst + REG_ID) >> 2] = ++env.idGen
        if (negative) heap.i32[(dst + REG_AUX0) >> 2] = 0
      }
      break
    }
    case BPF_AND:
    case BPF_OR:
    case BPF_XOR:
      failReg(dstReg, 'EACCES', `R${dstReg} bitwise operator ${ALU_STRINGS[op >> 4]} on pointer prohibited`)
      break
    default:
      failReg(
        dstReg,
        'EACCES',
        `R${dstReg} pointer arithmetic with ${ALU_STRINGS[op >> 4]} operator prohibited`,
      )
  }
  checkSaneOffset(env, dst, type)
  domain.boundsSync(dst)
  checkSanitizedBounds(env, dstReg)
  if (sanitized) endSanitize(env, dstReg, dst, offset)
}

/** What a pointer's kind keeps in its record: map, range, frame. */
function copyOwned(env: Env, dst: number, pointer: number): void {
  const { i32 } = env.heap
  for (let at = REG_AUX0; at < REG_FLAGS; at += 4) i32[(dst + at) >> 2] = i32[(pointer + at) >> 2]!
}
