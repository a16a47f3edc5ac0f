import type { Env, Subprog } from './env.ts'
import { fail } from './errors.ts'
import { findExceptionCallback, markExceptionCallback } from './exceptions.ts'
import { checkKfunc } from './kfunc/call.ts'
import { BPF_MAX_SUBPROGS } from './limits.ts'
import { LOG_LEVEL2 } from './log.ts'
import {
  BPF_ABS,
  BPF_CALL,
  BPF_EXIT,
  BPF_IND,
  BPF_JA,
  BPF_JMP,
  BPF_JMP32,
  BPF_LD,
  CALL,
  classOf,
  EXIT,
  modeOf,
  opOf,
} from './opcode.ts'
import { isKfuncCall, isPseudoCall, isPseudoFunc } from './program.ts'
import { jumpOffset } from './successors.ts'

function makeSubprog(start: number): Subprog {
  return {
    start,
    end: 0,
    stackDepth: 0,
    hasTailCall: false,
    hasLdAbs: false,
    isCallback: false,
    isAsyncCallback: false,
    isExceptionCallback: false,
    changesPacketData: false,
    mightSleep: false,
    postorderStart: 0,
    name: '',
    typeId: 0,
    global: false,
    called: false,
    verified: false,
    unreliable: false,
    params: undefined,
  }
}

/** Finds the subprograms by the calls to them (add_subprog_and_kfunc). */
export function findSubprogs(env: Env): void {
  const { program: p, subprogs } = env
  const starts = new Set([0])
  for (let i = 0; i < p.length; i++) {
    const kfunc = isKfuncCall(p, i)
    if (!kfunc && !isPseudoFunc(p, i) && !isPseudoCall(p, i)) continue
    if (kfunc) {
      checkKfunc(env, i)
      continue
    }
    const start = i + p.imm[i]! + 1
    if (start >= p.length || start < 0) fail('EINVAL', 'call to invalid destination')
    starts.add(start)
    if (starts.size > BPF_MAX_SUBPROGS) fail('E2BIG', 'too many subprograms')
  }
  const handler = findExceptionCallback(env)
  if (handler >= p.length) fail('EINVAL', 'call to invalid destination')
  starts.add(handler)
  if (starts.size > BPF_MAX_SUBPROGS) fail('E2BIG', 'too many subprograms')
  for (const start of [...starts].sort((a, b) => a - b)) subprogs.push(makeSubprog(start))
  for (let i = 0; i < subprogs.length; i++) subprogs[i]!.end = subprogs[i + 1]?.start ?? p.length
  if (handler > 0) markExceptionCallback(env, handler)
  if (env.log.level & LOG_LEVEL2) {
    for (let i = 0; i < subprogs.length; i++) env.log.print(`func#${i} @${subprogs[i]!.start}\n`)
  }
}

/** Jumps stay in their function, and functions end in an exit or a jump (check_subprogs). */
export function checkSubprogs(env: Env): void {
  const { program: p } = env
  const early: number[] = []
  for (const subprog of env.subprogs) {
    let exit = -1
    early.length = 0
    for (let i = subprog.start; i < subprog.end; i++) {
      const code = p.code[i]!
      const klass = classOf(code)
      if (code === CALL && p.src[i] === 0 && env.platform.helpers.byId(p.imm[i]!)?.tailCall) {
        subprog.hasTailCall = true
        early.push(i)
      }
      if (klass === BPF_LD && (modeOf(code) === BPF_ABS || modeOf(code) === BPF_IND)) {
        subprog.hasLdAbs = true
        early.push(i)
      }
      if (code === EXIT) exit = i
      if ((klass === BPF_JMP || klass === BPF_JMP32) && opOf(code) !== BPF_EXIT && opOf(code) !== BPF_CALL) {
        const to = i + jumpOffset(p, i) + 1
        if (to < subprog.start || to >= subprog.end) {
          env.insn = i
          fail('EINVAL', `jump out of range from insn ${i} to ${to}`)
        }
      }
      if (
        i === subprog.end - 1 &&
        code !== EXIT &&
        code !== (BPF_JMP32 | BPF_JA) &&
        code !== (BPF_JMP | BPF_JA)
      ) {
        env.insn = i
        fail('EINVAL', 'last insn is not an exit or jmp')
      }
    }
    for (const i of early) p.earlyExit[i] = exit
  }
}

/** fixup_kfunc_call: a call that the loader could not resolve must be on no path. */
export function checkUnresolvedCalls(env: Env): void {
  const { program: p } = env
  for (let i = 0; i < p.length; i++) {
    if (!isKfuncCall(p, i) || p.imm[i] !== 0 || p.references.has(i) || !env.facts.reachable[i]) continue
    env.insn = i
    fail('EINVAL', 'invalid kernel function call not eliminated in verifier pass')
  }
}

/**
 * The kernel takes code out that no path reaches, and then cannot find a function whose address is loaded although it is
 * called nowhere, when nothing that is reached comes after it (jit_subprogs).
 */
export function checkFunctionAddresses(env: Env): void {
  const { program: p, subprogs } = env
  const { reachable } = env.facts
  const left = subprogs.filter((subprog) => reachable[subprog.start])
  if (left.length < 2) return
  const last = reachable.lastIndexOf(1)
  for (let i = 0; i < p.length; i++) {
    if (!isPseudoFunc(p, i) || !reachable[i] || i + p.imm[i]! + 1 <= last) continue
    const slots = reachable.reduce((sum, one) => sum + one, 0)
    fail('EFAULT', `verifier bug: No program to jit at insn ${slots} (subprog < 0)`)
  }
}

/** Without BTF, what only the main program may do (check_abnormal_return). */
export function checkAbnormalReturn(env: Env): void {
  for (let i = 1; i < env.subprogs.length; i++) {
    const subprog = env.subprogs[i]!
    if (subprog.hasLdAbs) fail('EINVAL', 'LD_ABS is not allowed in subprogs without BTF')
    if (subprog.hasTailCall) fail('EINVAL', 'tail_call is not allowed in subprogs without BTF')
  }
}
