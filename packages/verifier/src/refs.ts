import type { Env } from './env.ts'
import { fail } from './errors.ts'
import { isNonOwningRef } from './reg-type.ts'
import { forEachReg, markInvalid, refOf, typeOf } from './regs.ts'
import { REF_TYPE_IRQ, REF_TYPE_LOCK_MASK, REF_TYPE_PTR, type State } from './state.ts'

function push(state: State, type: number, id: number, insn: number, owner: number): void {
  const at = state.refCount++
  state.refType[at] = type
  state.refId[at] = id
  state.refInsn[at] = insn
  state.refOwner[at] = owner
}

function remove(state: State, at: number): void {
  const last = --state.refCount
  for (let i = at; i < last; i++) {
    state.refType[i] = state.refType[i + 1]!
    state.refId[i] = state.refId[i + 1]!
    state.refInsn[i] = state.refInsn[i + 1]!
    state.refOwner[i] = state.refOwner[i + 1]!
  }
}

/** A new reference that the program must release; gives its id. */
export function acquireReference(env: Env, insn: number): number {
  const id = ++env.idGen
  push(env.cur, REF_TYPE_PTR, id, insn, 0)
  return id
}

/** Forgets a reference without touching registers; false when there is none of that id. */
export function releaseReferenceNoMark(state: State, id: number): boolean {
  for (let i = 0; i < state.refCount; i++) {
    if (state.refType[i] !== REF_TYPE_PTR || state.refId[i] !== id) continue
    remove(state, i)
    return true
  }
  return false
}

/** Releases a reference: all copies of the pointer become unusable. */
export function releaseReference(env: Env, id: number): boolean {
  if (!releaseReferenceNoMark(env.cur, id)) return false
  forEachReg(env, env.cur, (reg) => {
    if (refOf(env, reg) === id) markInvalid(env, reg)
  })
  return true
}

export function hasReference(state: State, id: number): boolean {
  for (let i = 0; i < state.refCount; i++) if (state.refId[i] === id) return true
  return false
}

export function acquireLock(env: Env, type: number, id: number, owner: number): void {
  const { cur } = env
  push(cur, type, id, env.insn, owner)
  cur.activeLocks++
  cur.activeLockId = id
  cur.activeLockOwner = owner
}

export function findLock(state: State, types: number, id: number, owner: number): boolean {
  for (let i = 0; i < state.refCount; i++) {
    if (state.refType[i]! & types && state.refId[i] === id && state.refOwner[i] === owner) return true
  }
  return false
}

export function releaseLock(state: State, type: number, id: number, owner: number): boolean {
  let previousId = 0
  let previousOwner = 0
  for (let i = 0; i < state.refCount; i++) {
    if (state.refType[i] === type && state.refId[i] === id && state.refOwner[i] === owner) {
      remove(state, i)
      state.activeLocks--
      state.activeLockId = previousId
      state.activeLockOwner = previousOwner
      return true
    }
    if (state.refType[i]! & REF_TYPE_LOCK_MASK) {
      previousId = state.refId[i]!
      previousOwner = state.refOwner[i]!
    }
  }
  return false
}

export function acquireIrq(env: Env, insn: number): number {
  const id = ++env.idGen
  push(env.cur, REF_TYPE_IRQ, id, insn, 0)
  env.cur.activeIrqId = id
  return id
}

/** False when another section was begun later and is still open. */
export function releaseIrq(state: State, id: number): boolean {
  if (id !== state.activeIrqId) return false
  let previous = 0
  for (let i = 0; i < state.refCount; i++) {
    if (state.refType[i] !== REF_TYPE_IRQ) continue
    if (state.refId[i] === id) {
      remove(state, i)
      state.activeIrqId = previous
      return true
    }
    previous = state.refId[i]!
  }
  return false
}

/** Pointers into lists and trees that the lock protected. */
export function invalidateNonOwningRefs(env: Env): void {
  forEachReg(env, env.cur, (reg) => {
    if (isNonOwningRef(typeOf(env, reg))) markInvalid(env, reg)
  })
}

/** Nothing may be held when the program ends, or goes somewhere that may end it (check_resource_leak). */
export function checkResourceLeak(env: Env, exception: boolean, checkLocks: boolean, prefix: string): void {
  const { cur } = env
  if (checkLocks && cur.activeLocks) {
    fail('EINVAL', `${prefix} cannot be used inside bpf_spin_lock-ed region`)
  }
  if (exception || cur.frame.frameno === 0) {
    const lines: string[] = []
    for (let i = 0; i < cur.refCount; i++) {
      if (cur.refType[i] !== REF_TYPE_PTR) continue
      // Such a program may give an object that it owns back to the kernel: what it returns is checked later.
      const gives = env.attachTarget?.returns?.kind === 'object' && !exception
      if (gives && refOf(env, env.reg(0)) === cur.refId[i]) continue
      lines.push(`Unreleased reference id=${cur.refId[i]} alloc_insn=${cur.refInsn[i]}`)
    }
    if (lines.length > 0) fail('EINVAL', ...lines, `${prefix} would lead to reference leak`)
  }
  if (!checkLocks) return
  if (cur.activeIrqId) fail('EINVAL', `${prefix} cannot be used inside bpf_local_irq_save-ed region`)
  if (cur.activeRcuLocks) fail('EINVAL', `${prefix} cannot be used inside bpf_rcu_read_lock-ed region`)
  if (cur.activePreemptLocks) {
    fail('EINVAL', `${prefix} cannot be used inside bpf_preempt_disable-ed region`)
  }
}
