import type { Env } from './env.ts'
import { fail, failReg } from './errors.ts'
import { objectHasLock, unsupportedObject } from './kernel-types.ts'
import { value64 } from './log-state.ts'
import { findField, hasField, type VerifierMap } from './maps.ts'
import { acquireLock, findLock, invalidateNonOwningRefs, releaseLock } from './refs.ts'
import { baseType, isAllocatedObject, PTR_TO_MAP_VALUE } from './reg-type.ts'
import { idOf, mapOf, offOf, typeOf } from './regs.ts'
import { REF_TYPE_LOCK } from './state.ts'

/** reg_may_point_to_spin_lock: pointers whose identity must be kept, to tell one lock from another. */
export function mayPointToSpinLock(env: Env, reg: number): boolean {
  const type = typeOf(env, reg)
  if (type === PTR_TO_MAP_VALUE) {
    return hasField(mapOf(env, reg), 'bpf_spin_lock', 'bpf_res_spin_lock')
  }
  return isAllocatedObject(type) && objectHasLock(env, reg)
}

/** process_spin_lock: bpf_spin_lock and bpf_spin_unlock. */
export function processSpinLock(env: Env, regno: number, lock: boolean): void {
  const { cur } = env
  const reg = env.reg(regno)
  if (!env.domain.isConst(reg)) {
    failReg(
      regno,
      'EINVAL',
      `R${regno} doesn't have constant offset. bpf_spin_lock has to be at the constant offset`,
    )
  }
  if (baseType(typeOf(env, reg)) !== PTR_TO_MAP_VALUE) unsupportedObject(env, regno)
  const map: VerifierMap = mapOf(env, reg)
  if (!map.hasBtf) {
    failReg(regno, 'EINVAL', `map '${map.name}' has to have BTF in order to use bpf_spin_lock`)
  }
  const field = findField(map, 'bpf_spin_lock')
  if (!field) failReg(regno, 'EINVAL', `map '${map.name}' has no valid bpf_spin_lock`)
  const at = value64(env, reg) + BigInt(offOf(env, reg))
  if (at !== BigInt(field.offset)) {
    failReg(
      regno,
      'EINVAL',
      `off ${BigInt.asIntN(64, at)} doesn't point to 'struct bpf_spin_lock' that is at ${field.offset}`,
    )
  }
  const owner = map.index + 1
  const id = idOf(env, reg)
  if (lock) {
    if (cur.activeLocks) fail('EINVAL', 'Locking two bpf_spin_locks are not allowed')
    acquireLock(env, REF_TYPE_LOCK, id, owner)
    return
  }
  if (!cur.activeLocks) fail('EINVAL', 'bpf_spin_unlock without taking a lock')
  if (!findLock(cur, REF_TYPE_LOCK, id, owner)) fail('EINVAL', 'bpf_spin_unlock of different lock')
  if (id !== cur.activeLockId || owner !== cur.activeLockOwner) {
    fail('EINVAL', 'bpf_spin_unlock cannot be out of order')
  }
  releaseLock(cur, REF_TYPE_LOCK, id, owner)
  invalidateNonOwningRefs(env)
}
