import { checkArgOffset } from './args.ts'
import { markNotNull } from './branch.ts'
import { checkDynptrArg } from './dynptr.ts'
import type { Env, Subprog } from './env.ts'
import { fail, failReg, Reject } from './errors.ts'
import { checkHelperMemory } from './helper-memory.ts'
import { checkBtfParam } from './kernel-types.ts'
import { MAX_CALL_FRAMES } from './limits.ts'
import { printState } from './log-state.ts'
import { findPreviousEntry, widenImpreciseScalars } from './loops.ts'
import { clearPacketPointers } from './packet.ts'
import { globalParams, type ParamType, staticParams } from './params.ts'
import { pushState } from './pending.ts'
import { markChainPrecision } from './precision.ts'
import { mayBeNull, PTR_TO_ARENA, PTR_TO_CTX, PTR_TO_STACK, SCALAR_VALUE } from './reg-type.ts'
import { clearCallerSaved, isNullScalar, markConstZero, markUnknown, typeOf } from './regs.ts'
import { outOfRangeText, within } from './return.ts'
import { SAVED_REG } from './scratch.ts'
import type { Frame, State } from './state.ts'

/** setup_func_entry: a frame for a call to `subprog`, on top of a state. */
export function setupFrame(env: Env, state: State, subprog: number, callsite: number): Frame {
  if (state.curframe + 1 >= MAX_CALL_FRAMES) {
    fail('E2BIG', `the call stack of ${state.curframe + 2} frames is too deep`)
  }
  const callee = state === env.cur ? env.pool.fullFrame() : env.pool.frame(0)
  env.pool.initFrame(callee, callsite, state.curframe + 1, subprog)
  state.curframe++
  state.frames[state.curframe] = callee
  if (env.log.level) env.log.scratchAll()
  return callee
}

/** check_func_call; leaves `env.insn` before the next instruction on this path. */
export function checkSubprogCall(env: Env): void {
  const { program: p, insn, cur } = env
  const target = insn + p.imm[insn]! + 1
  const index = env.findSubprog(target)
  const subprog = env.subprogs[index]!
  if (env.hasFuncInfo && subprog.global) {
    checkGlobalCall(env, index, subprog)
    return
  }
  noteStaticArgs(env, subprog)
  const caller = cur.frame
  const callee = setupFrame(env, cur, index, insn)
  for (let r = 1; r <= 5; r++) env.heap.copyReg(callee.reg(r), caller.reg(r))
  clearCallerSaved(env, caller.address)
  env.insn = subprog.start - 1
  env.enterFrame()
  env.liveness.resetChain()
  if (env.log.level) {
    env.log.print('caller:\n')
    printState(env, cur, caller.frameno, true)
    env.log.print('callee:\n')
    printState(env, cur, cur.curframe, true)
  }
}

/** btf_check_subprog_call of a static function: the log tells where a call does not fit its declaration, once. */
export function noteStaticArgs(env: Env, subprog: Subprog): void {
  if (subprog.unreliable || !env.log.needed || !env.hasFuncInfo) return
  try {
    const params = staticParams(env, subprog)
    if (params) checkGlobalArgs(env, params)
    else subprog.unreliable = true
  } catch (error) {
    if (!(error instanceof Reject)) throw error
    for (const line of error.lines) env.log.print(`${line}\n`)
    subprog.unreliable = true
  }
}

/** A global function is verified by itself: here only its arguments count. */
function checkGlobalCall(env: Env, index: number, subprog: Subprog): void {
  const { cur } = env
  let problem: Reject | undefined
  try {
    if (subprog.unreliable) problem = new Reject('EINVAL', [])
    else checkGlobalArgs(env, globalParams(env, subprog))
  } catch (error) {
    if (!(error instanceof Reject) || error.errno === 'EFAULT') throw error
    problem = error
    subprog.unreliable = true
  }
  if (cur.activeLocks) {
    fail(
      'EINVAL',
      'global function calls are not allowed while holding a lock,',
      'use static function instead',
    )
  }
  if (
    subprog.mightSleep &&
    (cur.activeRcuLocks || cur.activePreemptLocks || cur.activeIrqId || !env.inSleepable)
  ) {
    fail(
      'EINVAL',
      'global functions that may sleep are not allowed in non-sleepable context,',
      'i.e., in a RCU/IRQ/preempt-disabled section, or in',
      'a non-sleepable BPF program context',
    )
  }
  if (problem) {
    const { errno, lines } = problem
    const caller = `Caller passes invalid args into func#${index} ('${subprog.name}')`
    if (lines.length > 0) fail(errno, ...lines, caller)
    fail(errno, caller)
  }
  env.log.print(`Func#${index} ('${subprog.name}') is global and assumed valid.\n`)
  if (subprog.changesPacketData) clearPacketPointers(env)
  subprog.called = true
  clearCallerSaved(env, env.regs)
  markUnknown(env, env.reg(0))
}

/** btf_check_func_arg_match */
function checkGlobalArgs(env: Env, params: readonly ParamType[]): void {
  for (let i = 0; i < params.length; i++) {
    const param = params[i]!
    const regno = i + 1
    const reg = env.reg(regno)
    const type = typeOf(env, reg)
    if (param.untrusted) continue
    switch (param.kind) {
      case 'anything':
        if (type !== SCALAR_VALUE) failReg(regno, 'EINVAL', `R${regno} is not a scalar`)
        break
      case 'ctx':
        checkArgOffset(env, regno, { kind: 'anything' })
        if (type !== PTR_TO_CTX) failReg(regno, 'EINVAL', `arg#${i} expects pointer to ctx`)
        break
      case 'mem':
        checkArgOffset(env, regno, { kind: 'anything' })
        checkMemoryArg(env, regno, param.size ?? 0)
        if (!param.nullable && mayBeNull(type)) {
          failReg(regno, 'EINVAL', `arg#${i} is expected to be non-NULL`)
        }
        break
      case 'arena':
        if (type !== PTR_TO_ARENA && type !== SCALAR_VALUE) {
          failReg(regno, 'EINVAL', `R${regno} is not a pointer to arena or scalar.`)
        }
        break
      case 'dynptr':
        checkArgOffset(env, regno, { kind: 'dynptr' })
        checkDynptrArg(env, regno, { kind: 'dynptr', access: 'read' }, -1, () => undefined)
        break
      case 'btf_id':
        if (param.nullable && isNullScalar(env, reg)) break
        checkBtfParam(env, regno, param)
        checkArgOffset(env, regno, { kind: 'btf_id' })
    }
  }
}

/** check_mem_reg: memory that the function may read and write; null is fine. */
export function checkMemory(env: Env, regno: number, size: number): void {
  const reg = env.reg(regno)
  if (isNullScalar(env, reg)) return
  const nullable = mayBeNull(typeOf(env, reg))
  if (nullable) {
    env.heap.copyReg(SAVED_REG, reg)
    markNotNull(env, reg)
  }
  try {
    checkHelperMemory(env, regno, size, false, true, undefined)
    checkHelperMemory(env, regno, size, true, true, undefined)
  } finally {
    if (nullable) env.heap.copyReg(reg, SAVED_REG)
  }
}

/** Whatever refuses the memory, the caller is told that its arguments are invalid. */
function checkMemoryArg(env: Env, regno: number, size: number): void {
  try {
    checkMemory(env, regno, size)
  } catch (error) {
    if (error instanceof Reject && error.errno !== 'EFAULT') throw new Reject('EINVAL', error.lines, regno)
    throw error
  }
}

/**
 * The instruction may return from the function instead of going on: the rest of the function waits, this path returns
 * with 0 or with anything. `env.insn` is then before the next instruction.
 */
export function returnEarly(env: Env, zero: boolean): void {
  const { insn } = env
  pushState(env, insn + 1, insn, false)
  const r0 = env.reg(0)
  if (zero) markConstZero(env, r0)
  else {
    clearPacketPointers(env)
    markUnknown(env, r0)
  }
  if (env.log.level) env.log.scratchReg(0)
  env.liveness.update()
  exitSubprog(env)
  env.insn--
}

/** prepare_func_exit: back to the caller, or for a callback to the call that runs it. */
export function exitSubprog(env: Env): void {
  const { cur } = env
  const callee = cur.frame
  const caller = cur.frames[cur.curframe - 1]!
  const r0 = callee.reg(0)
  if (typeOf(env, r0) === PTR_TO_STACK) fail('EINVAL', 'cannot return stack pointer to the caller')
  const callback = callee.inCallback
  if (callback) {
    if (typeOf(env, r0) !== SCALAR_VALUE) failReg(0, 'EACCES', 'R0 not a scalar value')
    markChainPrecision(env, 0)
    if (!within(env, r0, callee.returnMin, callee.returnMax)) {
      failReg(
        0,
        'EINVAL',
        outOfRangeText(env, r0, callee.returnMin, callee.returnMax, 'At callback return', 'R0'),
      )
    }
  } else env.heap.copyReg(caller.reg(0), r0)
  const to = callback ? callee.callsite : callee.callsite + 1
  if (env.log.level) {
    env.log.print('returning from callee:\n')
    printState(env, cur, callee.frameno, true)
    env.log.print(`to caller at ${to}:\n`)
    printState(env, cur, caller.frameno, true)
  }
  cur.frames[cur.curframe] = undefined
  env.pool.releaseFrame(callee)
  cur.curframe--
  env.enterFrame()
  env.insn = to
  const previous = callback ? findPreviousEntry(env, cur, to) : undefined
  if (previous) widenImpreciseScalars(env, previous, cur)
}
