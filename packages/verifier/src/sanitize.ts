import type { Env } from './env.ts'
import { fail, failReg, Reject } from './errors.ts'
import { BPF_ADD, BPF_SUB } from './layout.ts'
import { MAX_BPF_STACK } from './limits.ts'
import { tnumText } from './log-state.ts'
import { hasSrcReg, opOf } from './opcode.ts'
import { pushState } from './pending.ts'
import { PTR_TO_MAP_VALUE, PTR_TO_STACK } from './reg-type.ts'
import { checkMapAccess } from './region.ts'
import { mapOf, markUnknown, offOf, smaxIsNegative, sminIsNegative, typeOf } from './regs.ts'
import { SAVED_REG2 } from './scratch.ts'

// Pointer arithmetic of loaders without CAP_PERFMON: it must be such that masking keeps it in bounds under speculation,
// and the paths that a processor may run speculatively are verified too.

const ALU_NEG_VALUE = 1
const ALU_NON_POINTER = 2
const ALU_IMMEDIATE = 4
const ALU_SANITIZE_SRC = 8
const ALU_SANITIZE_DST = 16

type Reason = 'bounds' | 'type' | 'paths' | 'limit'

const canSkip = (env: Env): boolean =>
  env.bypassSpec || !hasSrcReg(env.program.code[env.insn]!) || env.nospec[env.insn] === 1

function refuse(env: Env, reason: Reason, offsetIsDst: boolean): never {
  const { program: p, insn } = env
  const dst = p.dst[insn]!
  const src = p.src[insn]!
  const op = opOf(p.code[insn]!) === BPF_ADD ? 'add' : 'sub'
  const tail = 'pointer arithmetic with it prohibited for !root'
  const at = offsetIsDst ? dst : src
  switch (reason) {
    case 'bounds':
      return failReg(at, 'EACCES', `R${at} has unknown scalar with mixed signed bounds, ${tail}`)
    case 'type': {
      const pointer = offsetIsDst ? src : dst
      return failReg(pointer, 'EACCES', `R${pointer} has pointer with unsupported alu operation, ${tail}`)
    }
    case 'paths':
      return failReg(dst, 'EACCES', `R${dst} tried to ${op} from different maps, paths or scalars, ${tail}`)
    case 'limit':
      return failReg(dst, 'EACCES', `R${dst} tried to ${op} beyond pointer bounds, ${tail}`)
  }
}

/** update_alu_sanitation_state: all paths must agree. */
function updateState(env: Env, state: number, limit: number): boolean {
  const { insn } = env
  if (env.aluState[insn] && (env.aluState[insn] !== state || env.aluLimit[insn] !== limit)) return false
  env.aluState[insn] = state
  env.aluLimit[insn] = limit
  return true
}

/** sanitize_val_alu: scalars only, at an instruction where other paths may have pointers. */
export function sanitizeValue(env: Env, _dst: number): void {
  if (canSkip(env)) return
  if (!updateState(env, ALU_NON_POINTER, 0)) refuse(env, 'paths', false)
}

/** retrieve_ptr_limit: how far the pointer may move that way. */
function pointerLimit(env: Env, pointer: number, left: boolean, offsetIsDst: boolean): number {
  let max: number
  let limit: number
  switch (typeOf(env, pointer)) {
    case PTR_TO_STACK:
      max = MAX_BPF_STACK + (left ? 1 : 0)
      limit = -(env.domain.constLo(pointer) + offOf(env, pointer)) >>> 0
      break
    case PTR_TO_MAP_VALUE:
      max = mapOf(env, pointer).valueSize
      limit = ((left ? env.domain.smin(pointer) : env.domain.umax(pointer)) + offOf(env, pointer)) >>> 0
      break
    default:
      return refuse(env, 'type', offsetIsDst)
  }
  if (limit >= max) refuse(env, 'limit', offsetIsDst)
  return limit
}

// Between the two halves of sanitize_ptr_alu.
let savedState = 0
let savedLimit = 0
let maskToLeft = false

/** sanitize_ptr_alu, before the operation. */
export function beginSanitize(env: Env, dstReg: number, pointer: number, offset: number): void {
  if (canSkip(env)) return
  const dst = env.reg(dstReg)
  const offsetIsDst = offset === dst
  const immediate = env.domain.isConst(offset) !== 0
  if (!env.cur.speculative) {
    const negative = sminIsNegative(env, offset)
    if (!immediate && negative !== smaxIsNegative(env, offset)) refuse(env, 'bounds', offsetIsDst)
    const op = opOf(env.program.code[env.insn]!)
    maskToLeft = (op === BPF_ADD && negative) || (op === BPF_SUB && !negative)
    savedLimit = pointerLimit(env, pointer, maskToLeft, offsetIsDst)
    savedState =
      (negative ? ALU_NEG_VALUE : 0) |
      (immediate ? ALU_IMMEDIATE : 0) |
      (pointer === dst ? ALU_SANITIZE_SRC : ALU_SANITIZE_DST)
    if (!immediate) env.exploreAluLimits = true
  }
  if (immediate) return
  // The truncated operand may be 0 under speculation: the result may be the pointer itself.
  if (pointer !== dst) {
    env.heap.copyReg(SAVED_REG2, dst)
    env.heap.copyReg(dst, pointer)
  }
  pushState(env, env.insn + 1, env.insn, true)
  if (pointer !== dst) env.heap.copyReg(dst, SAVED_REG2)
}

/** sanitize_ptr_alu, after it: the window that masking allows is what the pointer moved. */
export function endSanitize(env: Env, dstReg: number, pointer: number, offset: number): void {
  if (canSkip(env) || env.cur.speculative) return
  const offsetIsDst = offset === env.reg(dstReg)
  const limit = pointerLimit(env, pointer, maskToLeft, offsetIsDst)
  if (!updateState(env, savedState, Math.abs(savedLimit - limit))) refuse(env, 'paths', offsetIsDst)
}

/** sanitize_check_bounds: without CAP_PERFMON the result itself must be in bounds. */
export function checkSanitizedBounds(env: Env, dstReg: number): void {
  if (env.bypassSpec) return
  const dst = env.reg(dstReg)
  switch (typeOf(env, dst)) {
    case PTR_TO_STACK: {
      const off = offOf(env, dst) + env.domain.constLo(dst)
      if (!env.domain.isConst(dst)) {
        failReg(
          dstReg,
          'EACCES',
          `R${dstReg} variable stack access prohibited for !root, var_off=${tnumText(env, dst)} off=${off}`,
        )
      }
      if (off >= 0 || off < -MAX_BPF_STACK) {
        failReg(
          dstReg,
          'EACCES',
          `R${dstReg} stack pointer arithmetic goes out of range, prohibited for !root; off=${off}`,
        )
      }
      break
    }
    case PTR_TO_MAP_VALUE:
      try {
        checkMapAccess(env, dstReg, offOf(env, dst), 1, false, false)
      } catch (error) {
        if (!(error instanceof Reject)) throw error
        fail(
          'EACCES',
          ...error.lines,
          `R${dstReg} pointer arithmetic of map value goes out of range, prohibited for !root`,
        )
      }
      break
    default:
  }
}

/** sanitize_speculative_path: the way a conditional jump does not go, as a processor may run it. */
export function pushSpeculativePath(env: Env, to: number): void {
  const { program: p, insn } = env
  const state = pushState(env, to, insn, true)
  markUnknown(env, state.frame.reg(p.dst[insn]!))
  if (hasSrcReg(p.code[insn]!)) markUnknown(env, state.frame.reg(p.src[insn]!))
}
