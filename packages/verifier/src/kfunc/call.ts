import { checkDescribedCall } from '../call.ts'
import { pushCallback } from '../callbacks.ts'
import { releaseDynptr } from '../dynptr.ts'
import type { Env } from '../env.ts'
import { fail } from '../errors.ts'
import { REG_TYPE } from '../layout.ts'
import { MAX_ERRNO } from '../limits.ts'
import { clearPacketPointers } from '../packet.ts'
import { pushState } from '../pending.ts'
import { releaseReference } from '../refs.ts'
import { MEM_RCU, PTR_MAYBE_NULL, PTR_UNTRUSTED } from '../reg-type.ts'
import { clearCallerSaved, forEachReg, markNotInit, markUnknown, refOf } from '../regs.ts'
import { checkReturnCode } from '../return.ts'
import { checkKfuncArgs } from './args.ts'
import { giveAway, inTreeCallback } from './graph.ts'
import { endRcuIterators, iterateNext } from './iterator.ts'
import { type KfuncMeta, newKfuncMeta } from './meta.ts'
import { hasFlag, isAllowed, type Kfunc, kfuncDefAt, prototypeOf } from './prototype.ts'
import { setKfuncResult } from './result.ts'

/** add_kfunc_call: before the walk. */
export function checkKfunc(env: Env, insn: number): void {
  const { program: p } = env
  // What a plugin describes is no part of the kernel.
  if (kfuncDefAt(env, insn)?.args) return
  if (!env.privileges.gplCompatible) {
    fail('EINVAL', 'cannot call kernel function from non-GPL compatible program')
  }
  if (p.off[insn]! < 0) fail('EINVAL', 'negative offset disallowed for kernel module function call')
  if (p.off[insn]! > 0) fail('EPROTO', 'kfunc offset > 0 without fd_array is invalid')
  // Calls that the loader could not resolve are refused when they are reached.
  if (!p.references.has(insn) && p.imm[insn] === 0 && p.off[insn] === 0) return
  if (p.references.get(insn)?.kind !== 'kfunc') {
    fail('EINVAL', `kernel btf_id ${p.imm[insn]} is not a function`)
  }
  if (kfuncDefAt(env, insn)?.verify?.deviceBound) {
    fail('EINVAL', 'metadata kfuncs require device-bound program')
  }
}

/** May this kernel function be called while a bpf_spin_lock is held? */
export const kfuncUnderLock = (env: Env, insn: number): boolean =>
  kfuncDefAt(env, insn)?.verify?.underLock ?? false

/** check_kfunc_call. True when the function never returns. */
export function callKfunc(env: Env): boolean {
  const { insn } = env
  const reference = env.program.references.get(insn)
  // It changes nothing; when it is still there after the walk, the program is refused (checkUnresolvedCalls).
  if (reference?.kind !== 'kfunc') return false
  const def = kfuncDefAt(env, insn)
  if (!def || !isAllowed(env, def)) {
    fail('EACCES', `calling kernel function ${reference.name} is not allowed`)
  }
  if (def.args && def.returns) {
    const sleepable = def.flags?.includes('sleepable') ?? false
    checkSleeping(env, def.name, sleepable)
    if (sleepable) refuseInSections(env, def.name)
    checkDescribedCall(env, { name: def.name, id: 0, args: def.args, returns: def.returns })
    return false
  }
  const kfunc = prototypeOf(env.kfuncTypes, def)
  if (!kfunc && !env.kernel) {
    fail('EINVAL', `calling kernel function ${reference.name} needs the kernel's BTF, which is not given`)
  }
  if (!kfunc) fail('EINVAL', `calling kernel function ${reference.name}: this kernel has none of that name`)
  return check(env, kfunc)
}

function check(env: Env, kfunc: Kfunc): boolean {
  const { insn } = env
  const { def, name } = kfunc
  const { effect, lock, callback, graph } = def.verify ?? {}
  const meta = newKfuncMeta(kfunc)
  env.isIterNext[insn] = hasFlag(kfunc, 'iter_next') ? 1 : 0
  if (lock === 'acquire') pushFailedLock(env)
  if (effect === 'trap') fail('EFAULT', 'unexpected __bpf_trap() due to uninitialized variable?')
  const sleepable = hasFlag(kfunc, 'sleepable')
  checkSleeping(env, name, sleepable)
  checkKfuncArgs(env, meta)
  if (callback) pushCallback(env, callback, meta.subprog, meta.map)
  if (sleepable) refuseInSections(env, name)
  trackSections(env, meta)
  release(env, meta)
  if (graph?.insert) {
    const id = refOf(env, env.reg(2))
    giveAway(env, id)
    releaseReference(env, id)
  }
  if (effect === 'throw') {
    if (env.exceptionCallback < 0) checkReturnCode(env, 1)
  }
  clearCallerSaved(env, env.regs)
  setKfuncResult(env, meta)
  if (def.verify?.changesPacketData) clearPacketPointers(env)
  if (hasFlag(kfunc, 'iter_next')) iterateNext(env, meta)
  return effect === 'throw'
}

function checkSleeping(env: Env, name: string, sleepable: boolean): void {
  if (sleepable && !env.inSleepable) {
    fail('EACCES', `program must be sleepable to call sleepable kfunc ${name}`)
  }
}

/** Taking a lock may fail: then nothing is held and r0 is an error. */
function pushFailedLock(env: Env): void {
  const { insn } = env
  const branch = pushState(env, insn + 1, insn, false, 'ENOMEM')
  const { frame } = branch
  for (let r = 0; r <= 5; r++) markNotInit(env, frame.reg(r))
  markUnknown(env, frame.reg(0))
  env.domain.narrowS32(frame.reg(0), -MAX_ERRNO, -1)
}

/** Nothing may sleep in an RCU section, nor without preemption or interrupts. */
function refuseInSections(env: Env, name: string): void {
  const { activeRcuLocks, activePreemptLocks, activeIrqId } = env.cur
  const refuse = (where: string): never => fail('EACCES', `kernel func ${name} is sleepable within ${where}`)
  if (activeRcuLocks) refuse('rcu_read_lock region')
  if (activePreemptLocks) refuse('non-preemptible region')
  if (activeIrqId) refuse('IRQ-disabled region')
}

/** RCU sections, and sections without preemption. */
function trackSections(env: Env, meta: KfuncMeta): void {
  const { cur } = env
  const { name, def } = meta.kfunc
  const effect = def.verify?.effect
  if (effect === 'rcu_read_lock') {
    if (cur.activeRcuLocks > 0) fail('EINVAL', `nested rcu read lock (kernel function ${name})`)
    cur.activeRcuLocks++
  } else if (effect === 'rcu_read_unlock') {
    if (cur.activeRcuLocks === 0) fail('EINVAL', `unmatched rcu read unlock (kernel function ${name})`)
    cur.activeRcuLocks--
    endRcuSection(env)
  }
  if ((effect === 'rcu_read_lock' || effect === 'rcu_read_unlock') && inTreeCallback(env)) {
    fail('EACCES', 'Calling bpf_rcu_read_{lock,unlock} in unnecessary rbtree callback')
  }
  if (effect === 'preempt_disable') cur.activePreemptLocks++
  else if (effect === 'preempt_enable') {
    if (cur.activePreemptLocks === 0) {
      fail('EINVAL', `unmatched attempt to enable preemption (kernel function ${name})`)
    }
    cur.activePreemptLocks--
  }
  if (hasFlag(meta.kfunc, 'rcu_protected') && !env.inRcuSection) {
    fail('EACCES', `kernel func ${name} requires RCU critical section protection`)
  }
}

/** Pointers that only the section kept good are no longer to be trusted. */
function endRcuSection(env: Env): void {
  const { i32 } = env.heap
  forEachReg(env, env.cur, (reg) => {
    const at = (reg + REG_TYPE) >> 2
    if (i32[at]! & MEM_RCU) i32[at] = (i32[at]! & ~(MEM_RCU | PTR_MAYBE_NULL)) | PTR_UNTRUSTED
  })
  endRcuIterators(env)
}

function release(env: Env, meta: KfuncMeta): void {
  if (!meta.releaseReg) return
  const reg = env.reg(meta.releaseReg)
  if (meta.dynptrRef) {
    releaseDynptr(env, reg)
    return
  }
  if (!releaseReference(env, refOf(env, reg))) {
    const { name, id } = meta.kfunc
    fail('EINVAL', `kfunc ${name}#${id} reference has not been acquired before`)
  }
}
