import { destroyIfDynptr } from './dynptr.ts'
import type { Env } from './env.ts'
import { fail, failReg } from './errors.ts'
import { SLOT_SIZE } from './heap.ts'
import { pushHistory, stackAccessFlags } from './history.ts'
import { REG_ID, REG_TYPE } from './layout.ts'
import { BPF_MAX_VAR_OFF, MAX_BPF_STACK } from './limits.ts'
import { sourceLine } from './log.ts'
import { tnumText } from './log-state.ts'
import { BPF_ST, classOf } from './opcode.ts'
import { markChainPrecision } from './precision.ts'
import { isSpillable, NOT_INIT, PTR_TO_STACK, SCALAR_VALUE } from './reg-type.ts'
import {
  assignScalarId,
  frameOf,
  isNullScalar,
  isPointerValue,
  markConstZero,
  markKnownS32,
  markUnknown,
  typeOf,
  unlinkScalar,
} from './regs.ts'
import { FAKE_REG0 } from './scratch.ts'
import {
  type Frame,
  isSpilled,
  isSpilledScalar,
  STACK_DYNPTR,
  STACK_INVALID,
  STACK_IRQ_FLAG,
  STACK_ITER,
  STACK_MISC,
  STACK_SPILL,
  STACK_ZERO,
  slotOf,
} from './state.ts'

/** Gives a frame of the current state room for `bytes` of stack; new slots hold nothing. */
export function growStack(env: Env, frame: Frame, bytes: number): void {
  const slots = (bytes + 7) >> 3
  if (frame.slots >= slots) return
  env.heap.fill(frame.slot(frame.slots), (slots - frame.slots) * SLOT_SIZE)
  frame.slots = slots
  const subprog = env.subprogs[frame.subprog]!
  if (subprog.stackDepth < slots * 8) subprog.stackDepth = slots * 8
}

/** check_stack_access_within_bounds; makes room for the access. `off` is without the register's variable part. */
export function checkStackBounds(env: Env, regno: number, off: number, size: number, write: boolean): void {
  const reg = env.reg(regno)
  const frame = frameOf(env, reg)
  const what = write ? ' write to' : ' read from'
  const constant = env.domain.isConst(reg) !== 0
  const smax = env.domain.smax(reg)
  // That no pointer goes this far down was checked when it was made.
  if (smax >= BPF_MAX_VAR_OFF) {
    failReg(regno, 'EACCES', `invalid unbounded variable-offset${what} stack R${regno}`)
  }
  const low = env.domain.smin(reg) + off
  const high = smax + off + size
  const deepest = write || env.allowUninitStack ? -MAX_BPF_STACK : -frame.slots * 8
  const outside = low < deepest || low > -1
  if (outside || high > 0) {
    const line = constant
      ? `invalid${what} stack R${regno} off=${off} size=${size}`
      : `invalid variable-offset${what} stack R${regno} var_off=${tnumText(env, reg)} off=${off} size=${size}`
    failReg(regno, outside ? 'EACCES' : 'EINVAL', line)
  }
  growStack(env, frame, -low)
}

/** save_register_state: a register, or its low `size` bytes, into a slot. */
function saveRegister(env: Env, frame: Frame, spi: number, reg: number, size: number): void {
  env.heap.copyReg(frame.slot(spi), reg)
  const { u8 } = env.heap
  const types = frame.types(spi)
  for (let i = 8 - size; i < 8; i++) u8[types + i] = STACK_SPILL
  for (let i = 0; i < 8 - size; i++) {
    const type = u8[types + i]
    if (type !== STACK_ZERO && type !== STACK_INVALID) u8[types + i] = STACK_MISC
  }
}

const isSpecial = (type: number): boolean =>
  type === STACK_SPILL || type === STACK_DYNPTR || type === STACK_ITER || type === STACK_IRQ_FLAG

/** Bytes that held part of something are now just bytes. */
function scrub(env: Env, types: number): void {
  const { u8 } = env.heap
  for (let i = 0; i < 8; i++) if (u8[types + i] !== STACK_INVALID) u8[types + i] = STACK_MISC
}

/** scrub_special_slot: data goes over what a slot holds. */
function scrubSpecial(env: Env, frame: Frame, spi: number): void {
  const { i32, u8 } = env.heap
  const types = frame.types(spi)
  i32[(frame.slot(spi) + REG_TYPE) >> 2] = NOT_INIT
  if (isSpecial(u8[types + 7]!)) scrub(env, types)
}

/** Is the instruction at hand a store of a constant, not a call that writes? */
const isConstantStore = (env: Env): boolean => classOf(env.program.code[env.insn]!) === BPF_ST

/** check_stack_write; `valueReg` -1 stands for a value that is no register's. */
export function writeStack(env: Env, regno: number, off: number, size: number, valueReg: number): void {
  const reg = env.reg(regno)
  const frame = frameOf(env, reg)
  if (env.domain.isConst(reg)) writeFixed(env, frame, off + env.domain.constLo(reg), size, valueReg)
  else writeVariable(env, frame, reg, off, size, valueReg)
}

function writeFixed(env: Env, frame: Frame, off: number, size: number, valueReg: number): void {
  const { heap, insn } = env
  const slotByte = -off - 1
  const spi = slotByte >> 3
  const slot = frame.slot(spi)
  const types = frame.types(spi)
  const aligned = off % 8 === 0
  if (!env.allowPtrLeaks && isSpilled(heap, types) && !isSpilledScalar(heap, slot) && size !== 8) {
    fail('EACCES', 'attempt to corrupt spilled pointer on stack')
  }
  const value = valueReg >= 0 ? env.reg(valueReg) : 0
  if (!env.bypassSpec) {
    let sanitize = value !== 0 && isSpillable(typeOf(env, value))
    for (let i = 0; i < size && !sanitize; i++) {
      const type = heap.u8[types + ((slotByte - i) & 7)]
      sanitize = type !== STACK_MISC && type !== STACK_ZERO
    }
    if (sanitize) env.nospecResult[insn] = 1
  }
  destroyIfDynptr(env, frame, spi)
  if (aligned && size === 8) env.liveness.markWrite(frame.frameno, spi)
  if (env.log.level) env.log.scratchSlot(spi)
  let flags = stackAccessFlags(frame.frameno, spi)
  if (value !== 0 && aligned && typeOf(env, value) === SCALAR_VALUE) {
    const fits = env.domain.width(value) <= size * 8
    if (fits) assignScalarId(env, value)
    saveRegister(env, frame, spi, value, size)
    if (!fits) heap.i32[(slot + REG_ID) >> 2] = 0
  } else if (value === 0 && aligned && isConstantStore(env)) {
    markKnownS32(env, FAKE_REG0, env.program.imm[insn]!)
    saveRegister(env, frame, spi, FAKE_REG0, size)
  } else if (value !== 0 && isSpillable(typeOf(env, value))) {
    if (size !== 8) fail('EACCES', ...sourceLine(env), 'invalid size of register spill')
    if (frame !== env.cur.frame && typeOf(env, value) === PTR_TO_STACK) {
      fail('EINVAL', 'cannot spill pointers to stack into stack frame of the caller')
    }
    saveRegister(env, frame, spi, value, size)
  } else {
    scrubSpecial(env, frame, spi)
    let type = STACK_MISC
    if (value !== 0 ? isNullScalar(env, value) : isConstantStore(env) && env.program.imm[insn] === 0) {
      // What is zero here must be zero on all paths that are found equal.
      if (value !== 0) markChainPrecision(env, valueReg)
      type = STACK_ZERO
    }
    for (let i = 0; i < size; i++) heap.u8[types + ((slotByte - i) & 7)] = type
    flags = 0
  }
  if (flags) pushHistory(env, env.cur, flags, undefined)
}

/**
 * check_stack_write_var_off: any of the slots in range may be written. Without CAP_PERFMON no pointer of this kind was made
 * (retrieve_ptr_limit), so that nothing is asked of what is overwritten.
 */
function writeVariable(
  env: Env,
  frame: Frame,
  reg: number,
  off: number,
  size: number,
  valueReg: number,
): void {
  const { heap, insn } = env
  const low = env.domain.smin(reg) + off
  const high = env.domain.smax(reg) + off + size
  const writingZero =
    valueReg >= 0 ? isNullScalar(env, env.reg(valueReg)) : isConstantStore(env) && env.program.imm[insn] === 0
  for (let i = low; i < high; i++) destroyIfDynptr(env, frame, slotOf(i))
  let zeroUsed = false
  for (let i = low; i < high; i++) {
    const byte = -i - 1
    const spi = byte >> 3
    const at = frame.types(spi) + (byte & 7)
    let type = heap.u8[at]!
    if (env.log.level) env.log.scratchSlot(spi)
    const slot = frame.slot(spi)
    if (writingZero && type === STACK_SPILL && isSpilledScalar(heap, slot) && env.domain.isZero(slot)) {
      zeroUsed = true
      continue
    }
    scrubSpecial(env, frame, spi)
    type = heap.u8[at]!
    let now = STACK_MISC
    if (writingZero && type === STACK_ZERO) {
      now = STACK_ZERO
      zeroUsed = true
    }
    heap.u8[at] = now
  }
  if (zeroUsed && valueReg >= 0) markChainPrecision(env, valueReg)
}

/** check_stack_read; `dstReg` -1: the value goes nowhere. */
export function readStack(env: Env, regno: number, off: number, size: number, dstReg: number): void {
  const reg = env.reg(regno)
  const frame = frameOf(env, reg)
  if (env.domain.isConst(reg)) {
    readFixed(env, frame, off + env.domain.constLo(reg), size, dstReg)
    return
  }
  if (dstReg < 0) {
    failReg(
      regno,
      'EACCES',
      `variable offset stack pointer cannot be passed into helper function; var_off=${tnumText(env, reg)} off=${off} size=${size}`,
    )
  }
  checkStackInitialized(env, regno, off, size, false, false, undefined)
  const low = env.domain.smin(reg) + off
  const high = env.domain.smax(reg) + off
  markStackRead(env, frame, low, high + size, dstReg)
}

/** mark_reg_stack_read: bytes of the stack into a register. */
function markStackRead(env: Env, frame: Frame, low: number, high: number, dstReg: number): void {
  let zeros = 0
  for (let i = low; i < high; i++) {
    const byte = -i - 1
    if (env.log.level) env.log.scratchSlot(byte >> 3)
    if (env.heap.u8[frame.types(byte >> 3) + (byte & 7)] !== STACK_ZERO) break
    zeros++
  }
  if (zeros === high - low) markConstZero(env, env.reg(dstReg))
  else markUnknown(env, env.reg(dstReg))
}

function readFixed(env: Env, frame: Frame, off: number, size: number, dstReg: number): void {
  const { heap } = env
  const { u8 } = heap
  const byte = -off - 1
  const spi = byte >> 3
  const slot = frame.slot(spi)
  const types = frame.types(spi)
  const dst = dstReg >= 0 ? env.reg(dstReg) : 0
  if (env.log.level) env.log.scratchSlot(spi)
  env.liveness.markRead(frame.frameno, spi)
  let flags = stackAccessFlags(frame.frameno, spi)
  if (!isSpilled(heap, types)) {
    for (let i = 0; i < size; i++) {
      const type = u8[types + ((byte - i) & 7)]
      if (type === STACK_MISC || type === STACK_ZERO || (type === STACK_INVALID && env.allowUninitStack))
        continue
      fail('EACCES', `invalid read from stack off ${off}+${i} size ${size}`)
    }
    if (dst) markStackRead(env, frame, off, off + size, dstReg)
    return
  }
  let spillSize = 1
  for (let i = 7; i > 0 && u8[types + i - 1] === STACK_SPILL; i--) spillSize++
  if (size === 8 && spillSize === 8) {
    if (dst) heap.copyReg(dst, slot)
    else if (isPointerValue(env, slot)) fail('EACCES', `leaking pointer from stack off ${off}`)
  } else {
    if (typeOf(env, slot) !== SCALAR_VALUE) {
      fail('EACCES', ...sourceLine(env), 'invalid size of register fill')
    }
    if (!dst) return
    // bpf_stack_narrow_access_ok: on little-endian machines the low bytes of the spilled register.
    if (size <= spillSize && off % 8 === 0) {
      heap.copyReg(dst, slot)
      if (env.domain.width(slot) > size * 8) unlinkScalar(env, dst)
    } else {
      let spilled = 0
      let zeros = 0
      for (let i = 0; i < size; i++) {
        const type = u8[types + ((byte - i) & 7)]
        if (type === STACK_SPILL) spilled++
        else if (type === STACK_ZERO) zeros++
        else if (type !== STACK_MISC && !(type === STACK_INVALID && env.allowUninitStack)) {
          fail('EACCES', `invalid read from stack off ${off}+${i} size ${size}`)
        }
      }
      if (spilled === size && env.domain.isZero(slot)) markConstZero(env, dst)
      else {
        if (zeros === size) markConstZero(env, dst)
        else markUnknown(env, dst)
        flags = 0
      }
    }
  }
  if (flags) pushHistory(env, env.cur, flags, undefined)
}

/** What a helper is found to do with memory while its arguments are checked. */
export interface RawAccess {
  /** The helper fills memory that need not be initialised: it is written afterwards, byte by byte. */
  raw: boolean
  accessSize: number
  accessReg: number
}

/**
 * check_stack_range_initialized: a helper, or an access at a variable offset, reads (or writes) `size` bytes.
 * `off` is without the register's variable part.
 */
export function checkStackInitialized(
  env: Env,
  regno: number,
  off: number,
  size: number,
  zeroAllowed: boolean,
  write: boolean,
  meta: RawAccess | undefined,
): void {
  const { heap } = env
  const reg = env.reg(regno)
  const frame = frameOf(env, reg)
  if (size === 0 && !zeroAllowed) failReg(regno, 'EACCES', 'invalid zero-sized read')
  checkStackBounds(env, regno, off, size, write)
  const constant = env.domain.isConst(reg) !== 0
  let low: number
  let high: number
  let raw = meta?.raw ? meta : undefined
  if (constant) {
    low = env.domain.constLo(reg) + off
    high = low
  } else {
    raw = undefined
    low = env.domain.smin(reg) + off
    high = env.domain.smax(reg) + off
  }
  if (raw) {
    for (let i = low; i < high + size; i++) {
      const byte = -i - 1
      if (frame.slots * 8 <= byte) continue
      if (heap.u8[frame.types(byte >> 3) + (byte & 7)] === STACK_DYNPTR) {
        fail('EACCES', `potential write to dynptr at off=${i} disallowed`)
      }
    }
    raw.accessSize = size
    raw.accessReg = regno
    return
  }
  for (let i = low; i < high + size; i++) {
    const byte = -i - 1
    const spi = byte >> 3
    const slot = frame.slot(spi)
    const types = frame.types(spi)
    const type = heap.u8[types + (byte & 7)]!
    if (type === STACK_ZERO || (type === STACK_INVALID && env.allowUninitStack)) {
      if (write) heap.u8[types + (byte & 7)] = STACK_MISC
    } else if (type !== STACK_MISC) {
      const readable = isSpilled(heap, types) && (typeOf(env, slot) === SCALAR_VALUE || env.allowPtrLeaks)
      if (!readable) {
        failReg(
          regno,
          'EACCES',
          constant
            ? `invalid read from stack R${regno} off ${low}+${i - low} size ${size}`
            : `invalid read from stack R${regno} var_off ${tnumText(env, reg)}+${i - low} size ${size}`,
        )
      }
      if (write) {
        markUnknown(env, slot)
        scrub(env, types)
      }
    }
    env.liveness.markRead(frame.frameno, spi)
  }
}
