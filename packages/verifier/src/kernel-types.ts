import type { ArgDesc, ArgKind, HelperDef, KfuncDef } from '@skep/registry'
import type { CallMeta } from './args.ts'
import type { Env } from './env.ts'
import { fail, failReg } from './errors.ts'
import { isKptr, type SpecialField } from './fields.ts'
import { KERNEL_BTF, type KernelTypes, type Walked } from './kernel-btf.ts'
import { REG_AUX0, REG_AUX1, REG_ID } from './layout.ts'
import { tnumText } from './log-state.ts'
import type { VerifierMap } from './maps.ts'
import type { ParamType } from './params.ts'
import { releaseReferenceNoMark } from './refs.ts'
import {
  MEM_ALLOC,
  MEM_PERCPU,
  MEM_RCU,
  MEM_RDONLY,
  MEM_USER,
  mayBeNull,
  NON_OWN_REF,
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TRUSTED,
  PTR_UNTRUSTED,
  typeFlag,
  typeName,
} from './reg-type.ts'
import {
  aux0,
  aux1,
  forEachReg,
  mapOf,
  markInvalid,
  markPointer,
  markUnknown,
  offOf,
  refOf,
  typeOf,
} from './regs.ts'
import type { Frame } from './state.ts'

// Kernel structs, functions and symbols. Their types are in the kernel's BTF; without it their pointers may be held and
// passed on, and what needs the type is refused.

/** A struct of the kernel by name: which BTF, and the id in it. Zero where it is not known. */
export function kernelStruct(env: Env, name: string): { btf: number; id: number } {
  const id = env.kernel?.struct(name) ?? 0
  return { btf: id ? KERNEL_BTF : 0, id }
}

/** check_ptr_to_btf_access */
export function btfAccess(
  env: Env,
  regno: number,
  off: number,
  size: number,
  write: boolean,
  valueReg: number,
): void {
  const reg = env.reg(regno)
  const type = typeOf(env, reg)
  const struct = aux1(env, reg)
  const name = env.btfName(aux0(env, reg), struct)
  const refuse = (text: string): never => failReg(regno, 'EACCES', `R${regno} is ptr_${name} ${text}`)
  if (!env.allowPtrLeaks) {
    failReg(regno, 'EPERM', `'struct ${name}' access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN`)
  }
  const { kernel } = env
  const known = kernel !== undefined && aux0(env, reg) === KERNEL_BTF && struct !== 0
  if (known && !env.privileges.gplCompatible) {
    failReg(regno, 'EINVAL', `Cannot access kernel 'struct ${name}' from non-GPL compatible program`)
  }
  if (off < 0) refuse(`invalid negative access: off=${off}`)
  if (!env.domain.isZero(reg)) refuse(`invalid variable offset: off=${off}, var_off=${tnumText(env, reg)}`)
  if (type & MEM_USER) refuse(`access user memory: off=${off}`)
  if (type & MEM_PERCPU) refuse(`access percpu memory: off=${off}`)
  if (write) failReg(regno, 'EACCES', 'only read is supported')
  if (!known || type & (MEM_ALLOC | NON_OWN_REF)) {
    failReg(regno, 'EACCES', `R${regno} invalid mem access '${typeName(type)}'`)
  }
  const found = kernel.access(struct, off, size)
  if (found.what === 'error') failReg(regno, found.errno, found.text)
  if (valueReg < 0) return
  const flags = found.what === 'pointer' ? walkedFlags(env, kernel, reg, found) : 0
  markLoaded(env, env.reg(valueReg), found, flags)
}

/** mark_btf_ld_reg: the register that a member was loaded into. */
export function markLoaded(env: Env, value: number, found: Walked, flags: number): void {
  if (found.what === 'untrusted') {
    markPointer(env, value, PTR_TO_MEM | MEM_RDONLY | PTR_UNTRUSTED)
    return
  }
  if (found.what !== 'pointer') {
    markUnknown(env, value)
    return
  }
  const { i32 } = env.heap
  markPointer(env, value, PTR_TO_BTF_ID | flags)
  i32[(value + REG_AUX0) >> 2] = KERNEL_BTF
  i32[(value + REG_AUX1) >> 2] = found.id
  if (flags & PTR_MAYBE_NULL) i32[(value + REG_ID) >> 2] = ++env.idGen
}

const TRUSTED_MODIFIERS = MEM_ALLOC | PTR_TRUSTED | NON_OWN_REF

/** is_trusted_reg, for pointers to structs of the kernel. */
const isTrusted = (env: Env, reg: number): boolean =>
  refOf(env, reg) !== 0 ||
  ((typeFlag(typeOf(env, reg)) & TRUSTED_MODIFIERS) !== 0 &&
    (typeFlag(typeOf(env, reg)) & ~TRUSTED_MODIFIERS) === 0)

/** How far a pointer that was found in a kernel struct can be trusted. */
function walkedFlags(env: Env, kernel: KernelTypes, reg: number, found: Walked): number {
  const type = typeOf(env, reg)
  const flags = found.flags
  const plain = flags & ~(TRUSTED_MODIFIERS | MEM_RCU)
  if (type & PTR_UNTRUSTED) return PTR_UNTRUSTED
  if (!isTrusted(env, reg) && !(type & MEM_RCU)) return plain
  const safe = (suffix: string): boolean => kernel.isSafeMember(aux1(env, reg), suffix, found.text, found.id)
  if (safe('__safe_trusted')) return flags | PTR_TRUSTED
  if (safe('__safe_trusted_or_null')) return flags | PTR_TRUSTED | PTR_MAYBE_NULL
  if (!env.inRcuSection || mayBeNull(type)) return PTR_UNTRUSTED
  if (safe('__safe_rcu')) return flags | MEM_RCU
  const orNull = safe('__safe_rcu_or_null')
  if (flags & MEM_RCU || orNull) {
    return (orNull ? flags & ~PTR_UNTRUSTED : flags) | MEM_RCU | PTR_MAYBE_NULL
  }
  return flags & (MEM_PERCPU | MEM_USER) ? flags : plain
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
export function matchBtfArg(env: Env, regno: number, kind: ArgKind, desc: ArgDesc, helper: HelperDef): void {
  const reg = env.reg(regno)
  const needs = kind === 'btf_id_sock_common' ? ['sock_common'] : (desc.btf ?? [])
  const strict = desc.release === true && helper.name !== 'bpf_sk_release'
  const off = offOf(env, reg)
  const { kernel } = env
  const exchange = helper.returns.kind === 'kptr'
  const print = (line: string): void => env.log.print(`${line}\n`)
  if (kernel && !exchange && aux0(env, reg) === KERNEL_BTF && off >= 0) {
    if (needs.some((name) => kernel.matches(aux1(env, reg), off, kernel.struct(name), strict, print))) return
  }
  const type = env.btfName(aux0(env, reg), aux1(env, reg))
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
