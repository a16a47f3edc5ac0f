import type { Env } from './env.ts'
import { fail, failReg } from './errors.ts'
import { value64 } from './log-state.ts'
import { fieldOf, ownerOf, requireConstOffset } from './record.ts'
import { acquireLock, findLock, invalidateNonOwningRefs, releaseLock } from './refs.ts'
import { PTR_TO_MAP_VALUE } from './reg-type.ts'
import { idOf, mapOf, offOf, typeOf } from './regs.ts'
import { REF_TYPE_LOCK, REF_TYPE_RES_LOCK, REF_TYPE_RES_LOCK_IRQ } from './state.ts'

/** reg_may_point_to_spin_lock: pointers whose identity must be kept, to tell one lock from another. */
export const mayPointToSpinLock = (env: Env, reg: number): boolean =>
  fieldOf(env, reg, 'bpf_spin_lock', 'bpf_res_spin_lock') !== undefined

export interface LockKind {
  /** A bpf_res_spin_lock: several may be held. */
  readonly resilient: boolean
  /** With the IRQ flags saved. */
  readonly irq: boolean
}

export const SPIN_LOCK: LockKind = { resilient: false, irq: false }

/** process_spin_lock: takes or releases the lock that a register points to. */
export function processSpinLock(env: Env, regno: number, lock: boolean, kind: LockKind): void {
  const { cur } = env
  const reg = env.reg(regno)
  const name = kind.resilient ? 'bpf_res_spin' : 'bpf_spin'
  requireConstOffset(env, regno, `${name}_lock`)
  const map = typeOf(env, reg) === PTR_TO_MAP_VALUE ? mapOf(env, reg) : undefined
  if (map && !map.hasBtf) {
    failReg(regno, 'EINVAL', `map '${map.name}' has to have BTF in order to use ${name}_lock`)
  }
  const field = fieldOf(env, reg, kind.resilient ? 'bpf_res_spin_lock' : 'bpf_spin_lock')
  if (!field) {
    failReg(regno, 'EINVAL', `${map ? `map '${map.name}'` : "local 'kptr'"} has no valid ${name}_lock`)
  }
  const at = value64(env, reg) + BigInt(offOf(env, reg))
  if (at !== BigInt(field.offset)) {
    failReg(
      regno,
      'EINVAL',
      `off ${BigInt.asIntN(64, at)} doesn't point to 'struct ${name}_lock' that is at ${field.offset}`,
    )
  }
  const owner = ownerOf(env, reg)
  const id = idOf(env, reg)
  const type = !kind.resilient ? REF_TYPE_LOCK : kind.irq ? REF_TYPE_RES_LOCK_IRQ : REF_TYPE_RES_LOCK
  if (lock) {
    if (kind.resilient && findLock(cur, REF_TYPE_RES_LOCK | REF_TYPE_RES_LOCK_IRQ, id, owner)) {
      fail('EINVAL', 'Acquiring the same lock again, AA deadlock detected')
    }
    acquireLock(env, type, id, owner)
    return
  }
  if (!cur.activeLocks) fail('EINVAL', `${name}_unlock without taking a lock`)
  if (!findLock(cur, type, id, owner)) fail('EINVAL', `${name}_unlock of different lock`)
  if (id !== cur.activeLockId || owner !== cur.activeLockOwner) {
    fail('EINVAL', `${name}_unlock cannot be out of order`)
  }
  releaseLock(cur, type, id, owner)
  invalidateNonOwningRefs(env)
}
