import { checkAlu } from './alu.ts'
import { checkAtomic } from './atomic.ts'
import { checkConditionalJump } from './branch.ts'
import { checkHelperCall } from './call.ts'
import { DYNPTR_LOCAL, markDynptr } from './dynptr.ts'
import type { Env, Subprog } from './env.ts'
import { fail, Reject } from './errors.ts'
import { enterExceptionCallback } from './exceptions.ts'
import { pushHistory } from './history.ts'
import { KERNEL_BTF } from './kernel-btf.ts'
import { callKfunc, kfuncUnderLock } from './kfunc/call.ts'
import { REG_AUX0, REG_AUX1, REG_ID } from './layout.ts'
import { checkLdAbs, checkLdImm64 } from './ld.ts'
import { LOG_LEVEL2, printLine } from './log.ts'
import { insnText, printInsnState, printState } from './log-state.ts'
import { checkMemAccess } from './memory-access.ts'
import {
  BPF_ABS,
  BPF_ALU,
  BPF_ALU64,
  BPF_ATOMIC,
  BPF_CALL,
  BPF_EXIT,
  BPF_IND,
  BPF_JA,
  BPF_JMP,
  BPF_JMP32,
  BPF_LD,
  BPF_LDX,
  BPF_MEMSX,
  BPF_PSEUDO_CALL,
  BPF_PSEUDO_KFUNC_CALL,
  BPF_ST,
  BPF_STX,
  classOf,
  modeOf,
  opOf,
  sizeBytes,
} from './opcode.ts'
import { globalParams } from './params.ts'
import { updateBranchCounts } from './pending.ts'
import { savePointerType } from './pointer-type.ts'
import { isStateVisited } from './prune.ts'
import { acquireReference, checkResourceLeak } from './refs.ts'
import {
  MEM_RDONLY,
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TO_CTX,
  PTR_TO_MEM,
  PTR_TRUSTED,
  PTR_UNTRUSTED,
} from './reg-type.ts'
import { checkRead, checkWrite, markPointer, markUnknown, typeOf } from './regs.ts'
import { checkReturnCode } from './return.ts'
import { BPF_MAIN_FUNC } from './state.ts'
import { checkSubprogCall, exitSubprog } from './subprog-calls.ts'
import { checkTime } from './time-limit.ts'

/** do_check_common: walks one function that is verified by itself, the main program or a global one. */
export function walkSubprog(env: Env, index: number): void {
  const subprog = env.subprogs[index]!
  env.prevLine = undefined
  // The pool holds nothing between functions: the state is new.
  const state = env.pool.state()
  state.inSleepable = env.privileges.sleepable
  state.branches = 1
  state.firstInsn = subprog.start
  const frame = env.pool.fullFrame()
  env.pool.initFrame(frame, BPF_MAIN_FUNC, 0, index)
  state.frames[0] = frame
  env.cur = state
  env.enterFrame()
  env.log.scratchAll()
  if (index > 0) setGlobalArgs(env, index, subprog)
  else {
    markPointer(env, env.reg(1), PTR_TO_CTX)
    noteMainParams(env, subprog)
    const owned = env.attachTarget?.owned
    for (const argument of owned?.keys() ?? []) owned!.set(argument, acquireReference(env, 0))
  }
  env.insn = subprog.start
  walk(env)
  if (!(env.log.level & LOG_LEVEL2)) env.log.reset(0)
  releaseStates(env)
}

/** What the main program's BTF says of it matters to those that call it; the log tells when it makes no sense. */
function noteMainParams(env: Env, subprog: Subprog): void {
  if (!env.hasFuncInfo || !subprog.global) return
  try {
    const params = globalParams(env, subprog)
    if (params.length !== 1 || params[0]!.kind !== 'ctx') subprog.unreliable = true
  } catch (error) {
    if (!(error instanceof Reject)) throw error
    for (const line of error.lines) env.log.print(`${line}\n`)
    subprog.unreliable = true
  }
}

function setGlobalArgs(env: Env, index: number, subprog: Subprog): void {
  env.log.print(`Validating ${subprog.name}() func#${index}...\n`)
  const params = globalParams(env, subprog)
  if (subprog.isExceptionCallback) enterExceptionCallback(env, params)
  const { i32 } = env.heap
  for (let i = 0; i < params.length; i++) {
    const param = params[i]!
    const reg = env.reg(i + 1)
    let flags = param.nullable ? PTR_MAYBE_NULL : 0
    switch (param.kind) {
      case 'ctx':
        markPointer(env, reg, PTR_TO_CTX)
        break
      case 'dynptr':
        markDynptr(env, reg, DYNPTR_LOCAL, true, ++env.idGen)
        break
      case 'mem':
        if (param.untrusted) flags |= MEM_RDONLY | PTR_UNTRUSTED
        markPointer(env, reg, PTR_TO_MEM | flags)
        i32[(reg + REG_AUX0) >> 2] = param.size ?? 0
        if (param.nullable) i32[(reg + REG_ID) >> 2] = ++env.idGen
        break
      case 'btf_id': {
        flags |= param.untrusted ? PTR_UNTRUSTED : PTR_TRUSTED
        markPointer(env, reg, PTR_TO_BTF_ID | flags)
        i32[(reg + REG_AUX0) >> 2] = KERNEL_BTF
        i32[(reg + REG_AUX1) >> 2] = param.struct ?? 0
        i32[(reg + REG_ID) >> 2] = ++env.idGen
        break
      }
      default:
        markUnknown(env, reg)
    }
  }
}

/** free_states: between functions nothing is kept. */
function releaseStates(env: Env): void {
  for (let i = 0; i < env.exploredStates.length; i++) {
    const list = env.exploredStates[i]
    if (list) list.length = 0
  }
  for (const visits of env.sccVisits) visits.length = 0
  env.pool.reset()
  env.heap.reset()
}

/** do_check: instruction after instruction, path after path. */
function walk(env: Env): void {
  const { privileges } = env
  const { level } = env.log
  let printedState = false
  let prevInsn = -1
  for (;;) {
    env.historyEntry = -1
    env.prevInsn = prevInsn
    const { insn, cur } = env
    if (++env.insnProcessed > privileges.complexityLimit) {
      fail('E2BIG', `BPF program is too large. Processed ${env.insnProcessed} insn`)
    }
    if ((env.insnProcessed & 1023) === 0) checkTime(env)
    cur.lastInsn = prevInsn
    cur.insn = insn
    let ended: boolean
    if (env.prunePoint[insn] && isStateVisited(env, insn)) {
      if (level) {
        const speculative = cur.speculative ? ' (speculative execution)' : ''
        env.log.print(
          printedState ? `\nfrom ${prevInsn} to ${insn}${speculative}: safe\n` : `${insn}: safe\n`,
        )
      }
      ended = true
    } else {
      if (env.jumpPoint[insn]) pushHistory(env, cur, 0, undefined)
      env.log.step()
      if (level) {
        if (level & LOG_LEVEL2 && printedState) {
          env.log.print(`\nfrom ${prevInsn} to ${insn}${cur.speculative ? ' (speculative execution)' : ''}:`)
          printState(env, cur, cur.curframe, true)
          printedState = false
        }
        if (env.log.scratched) printInsnState(env)
        printLine(env, insn, '; ')
        env.log.printInsn(`${insn}: ${insnText(env, insn)}`)
      }
      if (!cur.speculative) env.facts.reachable[insn] = 1
      prevInsn = insn
      if (cur.speculative && env.nospec[insn]) ended = true
      else {
        env.liveness.beginInsn(insn)
        const result = checkRecovering(env)
        ended = result === ENDED || (cur.speculative && env.nospecResult[insn] === 1)
        if (result === RETURNED) printedState = true
      }
    }
    if (!ended) continue
    env.log.scratchAll()
    updateBranchCounts(env, env.cur)
    env.liveness.update()
    const next = env.pending.pop()
    if (!next) return
    env.pool.copy(env.cur, next.state, true)
    env.pool.release(next.state)
    if (!(level & LOG_LEVEL2)) env.log.reset(next.logPosition)
    env.insn = next.insn
    prevInsn = next.prevInsn
    env.enterFrame()
    printedState = true
  }
}

const CONTINUE = 0
/** The path ended. */
const ENDED = 1
/** A function returned to its caller. */
const RETURNED = 2

/** Checks an instruction; on a speculative path what would be refused only ends the path. */
function checkRecovering(env: Env): number {
  if (!env.cur.speculative) {
    const result = checkInsn(env)
    env.liveness.commitInsn()
    return result
  }
  const { insn } = env
  try {
    const result = checkInsn(env)
    env.liveness.commitInsn()
    return result
  } catch (error) {
    if (!(error instanceof Reject)) throw error
    const { errno } = error
    if (errno !== 'EPERM' && errno !== 'EACCES' && errno !== 'EINVAL') throw error
    for (const line of error.printed ? [] : error.lines) env.log.print(`${line}\n`)
    env.liveness.commitInsn()
    env.nospec[insn] = 1
    env.aluState[insn] = 0
    return ENDED
  }
}

/** do_check_insn, of opcodes that there are: others were refused before; leaves `env.insn` at the next instruction of this path. */
function checkInsn(env: Env): number {
  const { program: p, insn } = env
  const code = p.code[insn]!
  switch (classOf(code)) {
    case BPF_ALU:
    case BPF_ALU64:
      checkAlu(env)
      break
    case BPF_LDX:
      checkLoad(env, false, modeOf(code) === BPF_MEMSX, true)
      break
    case BPF_STX:
      if (modeOf(code) === BPF_ATOMIC) {
        checkAtomic(env)
        break
      }
      if (p.imm[insn]) fail('EINVAL', 'BPF_STX uses reserved fields')
      checkStore(env, false)
      break
    case BPF_ST: {
      if (p.src[insn]) fail('EINVAL', 'BPF_ST uses reserved fields')
      const dst = p.dst[insn]!
      checkRead(env, dst)
      const type = typeOf(env, env.reg(dst))
      checkMemAccess(env, dst, p.off[insn]!, sizeBytes(code), true, -1, false, false)
      savePointerType(env, type, false)
      break
    }
    case BPF_JMP:
    case BPF_JMP32:
      return checkJump(env)
    case BPF_LD: {
      const mode = modeOf(code)
      if (mode === BPF_ABS || mode === BPF_IND) checkLdAbs(env)
      else {
        checkLdImm64(env)
        env.insn++
        if (!env.cur.speculative) env.facts.reachable[env.insn] = 1
      }
      break
    }
  }
  env.insn++
  return CONTINUE
}

/** check_load_mem */
export function checkLoad(
  env: Env,
  strict: boolean,
  signExtends: boolean,
  allowTrustMismatch: boolean,
): void {
  const { program: p, insn } = env
  const src = p.src[insn]!
  const dst = p.dst[insn]!
  checkRead(env, src)
  checkWrite(env, dst)
  const type = typeOf(env, env.reg(src))
  checkMemAccess(env, src, p.off[insn]!, sizeBytes(p.code[insn]!), false, dst, strict, signExtends)
  savePointerType(env, type, allowTrustMismatch)
}

/** check_store_reg */
export function checkStore(env: Env, strict: boolean): void {
  const { program: p, insn } = env
  const src = p.src[insn]!
  const dst = p.dst[insn]!
  checkRead(env, src)
  checkRead(env, dst)
  const type = typeOf(env, env.reg(dst))
  checkMemAccess(env, dst, p.off[insn]!, sizeBytes(p.code[insn]!), true, src, strict, false)
  savePointerType(env, type, false)
}

function checkJump(env: Env): number {
  const { program: p, insn, cur } = env
  const code = p.code[insn]!
  const is32 = classOf(code) === BPF_JMP32
  const src = p.src[insn]!
  env.jumpsProcessed++
  switch (opOf(code)) {
    case BPF_CALL: {
      const kind = src
      if (
        (kind !== BPF_PSEUDO_KFUNC_CALL && p.off[insn]) ||
        (kind !== 0 && kind !== BPF_PSEUDO_CALL && kind !== BPF_PSEUDO_KFUNC_CALL) ||
        p.dst[insn]
      ) {
        fail('EINVAL', 'BPF_CALL uses reserved fields')
      }
      if (cur.activeLocks) {
        const allowed =
          kind === 0
            ? env.platform.helpers.byId(p.imm[insn]!)?.verify?.lock === 'release'
            : kind === BPF_PSEUDO_CALL || kfuncUnderLock(env, insn)
        if (!allowed) fail('EINVAL', 'function calls are not allowed while holding a lock')
      }
      if (kind === BPF_PSEUDO_CALL) checkSubprogCall(env)
      else if (kind === BPF_PSEUDO_KFUNC_CALL) {
        if (callKfunc(env)) return exit(env, true)
      } else checkHelperCall(env)
      if (env.log.level) env.log.scratchReg(0)
      break
    }
    case BPF_JA:
      if (src || p.dst[insn] || (is32 ? p.off[insn] : p.imm[insn])) {
        fail('EINVAL', 'BPF_JA uses reserved fields')
      }
      env.insn += (is32 ? p.imm[insn]! : p.off[insn]!) + 1
      return CONTINUE
    case BPF_EXIT:
      if (p.imm[insn] || src || p.dst[insn]) {
        fail('EINVAL', 'BPF_EXIT uses reserved fields')
      }
      return exit(env, false)
    default:
      checkConditionalJump(env)
  }
  env.insn++
  return CONTINUE
}

/** process_bpf_exit_full */
function exit(env: Env, exception: boolean): number {
  const how = exception ? 'bpf_throw' : 'BPF_EXIT instruction in main prog'
  checkResourceLeak(env, exception, exception || env.cur.curframe === 0, how)
  if (exception) return ENDED
  if (env.cur.curframe > 0) {
    env.liveness.update()
    exitSubprog(env)
    return RETURNED
  }
  checkReturnCode(env)
  return ENDED
}
