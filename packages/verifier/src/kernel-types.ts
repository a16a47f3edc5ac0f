import type { ArgDesc, ArgKind, HelperDef, KfuncDef } from '@skep/registry'
import type { CallMeta } from './args.ts'
import type { Env } from './env.ts'
import { fail, failReg } from './errors.ts'
import { isKptr, type SpecialField } from './fields.ts'
import { REG_AUX0, REG_AUX1, REG_ID } from './layout.ts'
import type { VerifierMap } from './maps.ts'
import type { ParamType } from './params.ts'
import { releaseReferenceNoMark } from './refs.ts'
import {
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TO_MAP_VALUE,
  PTR_TRUSTED,
  PTR_UNTRUSTED,
  typeName,
} from './reg-type.ts'
import { aux0, forEachReg, mapOf, markInvalid, markPointer, offOf, refOf, typeOf } from './regs.ts'
import type { Frame } from './state.ts'

// Kernel structs, functions and symbols. Their types are in the kernel's BTF; without it their pointers may be held and
// passed on, and what needs the type is refused.

/** A struct of the kernel by name: which BTF, and the id in it. Zero where it is not known. */
export const kernelStruct = (_env: Env, _name: string): { btf: number; id: number } => ({ btf: 0, id: 0 })

/** check_ptr_to_btf_access */
export function btfAccess(
  env: Env,
  regno: number,
  off: number,
  _size: number,
  write: boolean,
  _valueReg: number,
): void {
  if (!env.allowPtrLeaks) {
    failReg(regno, 'EPERM', "'struct ' access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN")
  }
  if (off < 0) failReg(regno, 'EACCES', `R${regno} is ptr_ invalid negative access: off=${off}`)
  if (write) failReg(regno, 'EACCES', 'only read is supported')
  failReg(regno, 'EACCES', `R${regno} invalid mem access '${typeName(typeOf(env, env.reg(regno)))}'`)
}

/** A pointer loaded from a map value's kptr field. */
export function loadKptr(env: Env, valueReg: number, _map: VerifierMap, _field: SpecialField): void {
  const value = env.reg(valueReg)
  markPointer(env, value, PTR_TO_BTF_ID | PTR_MAYBE_NULL | PTR_UNTRUSTED)
  env.heap.i32[(value + REG_ID) >> 2] = ++env.idGen
}

/** map_kptr_match_type */
export function matchKptr(env: Env, valueReg: number, _map: VerifierMap, field: SpecialField): void {
  const type = typeName(typeOf(env, env.reg(valueReg)))
  const or = field.kind === 'kptr' ? ' or untrusted_ptr_' : ''
  failReg(valueReg, 'EACCES', `invalid kptr access, R${valueReg} type=${type} expected=ptr_${or}`)
}

/** Does the local object that the register points to hold a lock? */
export const objectHasLock = (_env: Env, _reg: number): boolean => false

/** The struct behind a btf_id argument must be the one that the helper takes. */
export function matchBtfArg(
  env: Env,
  regno: number,
  _kind: ArgKind,
  desc: ArgDesc,
  _helper: HelperDef,
): void {
  const type = env.btfName(aux0(env, env.reg(regno)), 0)
  failReg(regno, 'EACCES', `R${regno} is of type ${type} but ${desc.btf?.[0] ?? 'sock_common'} is expected`)
}

/** process_kptr_func: the field that bpf_kptr_xchg exchanges. */
export function kptrExchange(env: Env, regno: number, meta: CallMeta): void {
  const reg = env.reg(regno)
  if (typeOf(env, reg) !== PTR_TO_MAP_VALUE) failReg(regno, 'EINVAL', `R${regno} has no valid kptr`)
  const map = mapOf(env, reg)
  if (!map.hasBtf) {
    failReg(regno, 'EINVAL', `map '${map.name}' has to have BTF in order to use bpf_kptr_xchg`)
  }
  meta.map = map
  if (!env.domain.isConst(reg)) {
    failReg(regno, 'EINVAL', `R${regno} doesn't have constant offset. kptr has to be at the constant offset`)
  }
  if (!map.fields.some((f) => isKptr(f.kind))) failReg(regno, 'EINVAL', `R${regno} has no valid kptr`)
  const at = offOf(env, reg) + env.domain.constLo(reg)
  const field = map.fields.find((f) => isKptr(f.kind) && f.offset === at)
  if (!field) failReg(regno, 'EACCES', `off=${at} doesn't point to kptr`)
  if (field.kind === 'kptr') failReg(regno, 'EACCES', `off=${at} kptr isn't referenced kptr`)
}

/** Results that are kernel structs. */
export function setBtfResult(env: Env, reg: number, meta: CallMeta, flags: number): void {
  const { returns } = meta.helper
  markPointer(env, reg, PTR_TO_BTF_ID | flags | (returns.trusted ? PTR_TRUSTED : 0))
  const { btf, id } = kernelStruct(env, returns.btf ?? '')
  env.heap.i32[(reg + REG_AUX0) >> 2] = btf
  env.heap.i32[(reg + REG_AUX1) >> 2] = id
}

/** The reference moved into the map: its copies here are no longer owned. */
export function releaseKptr(env: Env, id: number): boolean {
  if (!releaseReferenceNoMark(env.cur, id)) return false
  forEachReg(env, env.cur, (reg) => {
    if (refOf(env, reg) === id) markInvalid(env, reg)
  })
  return true
}

/** A lock in a local object. */
export function unsupportedObject(env: Env, regno: number): never {
  return failReg(
    regno,
    'EINVAL',
    `local 'kptr' has no valid bpf_spin_lock (${typeName(typeOf(env, env.reg(regno)))})`,
  )
}

export function setTreeCallback(_env: Env, _caller: Frame, _callee: Frame): void {
  fail('EFAULT', 'rbtree callback without a tree')
}

/** check_reg_type for a parameter that is a kernel struct. */
export function checkBtfParam(env: Env, regno: number, param: ParamType): void {
  const type = typeName(typeOf(env, env.reg(regno)))
  failReg(regno, 'EACCES', `R${regno} is of type ${type} but ${param.struct ?? ''} is expected`)
}

/** The kernel function of a call instruction, where the platform knows it. */
export function kfuncAt(env: Env, insn: number): KfuncDef | undefined {
  const reference = env.program.references.get(insn)
  return reference?.kind === 'kfunc' ? env.platform.kfuncs.byName(reference.name) : undefined
}

/** add_kfunc_call: before the walk. */
export function checkKfunc(env: Env, insn: number): void {
  if (!env.privileges.gplCompatible) {
    fail('EINVAL', 'cannot call kernel function from non-GPL compatible program')
  }
  const { program: p } = env
  // Calls that the loader could not resolve are refused when they are reached.
  if (!p.references.has(insn) && p.imm[insn] === 0 && p.off[insn] === 0) return
  if (p.references.get(insn)?.kind === 'kfunc') return
  fail('EINVAL', `kernel btf_id ${p.imm[insn]} is not a function`)
}

/** May this kernel function be called while a bpf_spin_lock is held? */
export const kfuncUnderLock = (env: Env, insn: number): boolean =>
  kfuncAt(env, insn)?.flags?.some((f) => f === 'iter_next') ?? false

/** check_kfunc_call. True when the function never returns. */
export function callKfunc(env: Env): boolean {
  const reference = env.program.references.get(env.insn)
  if (reference?.kind !== 'kfunc')
    fail('EINVAL', 'invalid kernel function call not eliminated in verifier pass')
  return fail('EACCES', `calling kernel function ${reference.name} is not allowed`)
}
