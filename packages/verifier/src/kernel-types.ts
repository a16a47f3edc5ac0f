import type { ArgDesc, ArgKind, HelperDef } from '@skep/registry'
import type { CallMeta } from './args.ts'
import type { Env } from './env.ts'
import { fail, failReg } from './errors.ts'
import { fieldName } from './fields.ts'
import { KERNEL_BTF, type KernelTypes, type Walked } from './kernel-btf.ts'
import { REG_AUX0, REG_AUX1, REG_ID } from './layout.ts'
import { tnumText } from './log-state.ts'
import type { ParamType } from './params.ts'
import { structFields } from './record.ts'
import {
  baseType,
  CONST_PTR_TO_MAP,
  isAllocatedObject,
  MEM_ALLOC,
  MEM_PERCPU,
  MEM_RCU,
  MEM_RDONLY,
  MEM_USER,
  mayBeNull,
  NON_OWN_REF,
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TO_MEM,
  PTR_TO_SOCK_COMMON,
  PTR_TO_SOCKET,
  PTR_TO_TCP_SOCK,
  PTR_TRUSTED,
  PTR_UNTRUSTED,
  typeFlag,
  typeName,
} from './reg-type.ts'
import { aux0, aux1, markPointer, markUnknown, offOf, refOf, typeOf } from './regs.ts'
import { checkStructWrite } from './struct-write.ts'

// Kernel structs. Their types are in the kernel's BTF; without it their pointers may be held and
// passed on, and what needs the type is refused.

/** A struct of the kernel by name: which BTF, and the id in it. Zero where it is not known. */
export function kernelStruct(env: Env, name: string): { btf: number; id: number } {
  const id = env.kernel?.struct(name) ?? 0
  return { btf: id ? KERNEL_BTF : 0, id }
}

/** check_ptr_to_btf_access */
export function checkBtfAccess(
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
  const types = struct === 0 ? undefined : env.typesOf(aux0(env, reg))
  const known = types !== undefined && types === kernel
  if (known && !env.privileges.gplCompatible) {
    failReg(regno, 'EINVAL', `Cannot access kernel 'struct ${name}' from non-GPL compatible program`)
  }
  if (off < 0) refuse(`invalid negative access: off=${off}`)
  if (!env.domain.isZero(reg)) refuse(`invalid variable offset: off=${off}, var_off=${tnumText(env, reg)}`)
  if (type & MEM_USER) refuse(`access user memory: off=${off}`)
  if (type & MEM_PERCPU) refuse(`access percpu memory: off=${off}`)
  if (write && !isAllocatedObject(type)) {
    if (!known) failReg(regno, 'EACCES', 'only read is supported')
    checkStructWrite(env, kernel, regno, struct, off, size)
    return
  }
  if (!types) failReg(regno, 'EACCES', `R${regno} invalid mem access '${typeName(type)}'`)
  const owned = refOf(env, reg) !== 0 || (type & (NON_OWN_REF | MEM_RCU)) !== 0
  if (type & MEM_ALLOC && !owned) {
    failReg(regno, 'EFAULT', 'verifier bug: ref_obj_id for allocated object must be non-zero')
  }
  const local = (type & MEM_ALLOC) !== 0
  const special = local
    ? structFields(env, aux0(env, reg), struct).find((f) => off < f.offset + f.size && f.offset < off + size)
    : undefined
  if (special) failReg(regno, 'EACCES', `direct access to ${fieldName(special.kind)} is disallowed`)
  const found = types.access(struct, off, size)
  if (found.what === 'error') failReg(regno, found.errno, found.text)
  if (valueReg < 0 || write) return
  // What was stored in an object of the program's own cannot be a pointer again.
  if (local || !kernel) markUnknown(env, env.reg(valueReg))
  else {
    const flags = found.what === 'pointer' ? walkedFlags(env, kernel, reg, found) : 0
    markLoaded(env, env.reg(valueReg), found, flags, aux0(env, reg))
  }
}

/** mark_btf_ld_reg: the register that a member was loaded into. */
export function markLoaded(env: Env, value: number, found: Walked, flags: number, btf: number): void {
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
  i32[(value + REG_AUX0) >> 2] = btf
  i32[(value + REG_AUX1) >> 2] = found.id
  if (flags & PTR_MAYBE_NULL) i32[(value + REG_ID) >> 2] = ++env.idGen
}

const TRUSTED_MODIFIERS = MEM_ALLOC | PTR_TRUSTED | NON_OWN_REF

/** The kernel's struct behind registers that are no pointers to structs (reg2btf_ids); 0 for others. */
export function structOf(env: Env, reg: number): number {
  const name = KERNEL_STRUCTS[baseType(typeOf(env, reg))]
  return name === undefined ? 0 : env.kfuncTypes.struct(name)
}

const KERNEL_STRUCTS: Readonly<Record<number, string>> = {
  [PTR_TO_SOCKET]: 'sock',
  [PTR_TO_SOCK_COMMON]: 'sock_common',
  [PTR_TO_TCP_SOCK]: 'tcp_sock',
  [CONST_PTR_TO_MAP]: 'bpf_map',
}

/** is_trusted_reg */
export function isTrustedPointer(env: Env, reg: number): boolean {
  if (refOf(env, reg)) return true
  const flags = typeFlag(typeOf(env, reg))
  if (flags & ~TRUSTED_MODIFIERS) return false
  return flags !== 0 || KERNEL_STRUCTS[baseType(typeOf(env, reg))] !== undefined
}

export const isRcuPointer = (env: Env, reg: number): boolean => (typeOf(env, reg) & MEM_RCU) !== 0

/** How far a pointer that was found in a kernel struct can be trusted. */
function walkedFlags(env: Env, kernel: KernelTypes, reg: number, found: Walked): number {
  const type = typeOf(env, reg)
  const flags = found.flags
  const plain = flags & ~(TRUSTED_MODIFIERS | MEM_RCU)
  if (type & PTR_UNTRUSTED) return PTR_UNTRUSTED
  if (!isTrustedPointer(env, reg) && !(type & MEM_RCU)) return plain
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

/** The struct behind a btf_id argument must be the one that the helper takes. */
export function matchBtfArg(env: Env, regno: number, kind: ArgKind, desc: ArgDesc, helper: HelperDef): void {
  const reg = env.reg(regno)
  const needs = kind === 'btf_id_sock_common' ? ['sock_common'] : (desc.btf ?? [])
  const strict = desc.release === true && helper.name !== 'bpf_sk_release'
  const off = offOf(env, reg)
  const { kernel } = env
  const print = (line: string): void => env.log.print(`${line}\n`)
  if (kernel && aux0(env, reg) === KERNEL_BTF && off >= 0) {
    if (needs.some((name) => kernel.matches(aux1(env, reg), off, kernel.struct(name), strict, print))) return
  }
  const type = env.btfName(aux0(env, reg), aux1(env, reg))
  failReg(regno, 'EACCES', `R${regno} is of type ${type} but ${desc.btf?.[0] ?? 'sock_common'} is expected`)
}

/** Results that are kernel structs. */
export function setBtfResult(env: Env, reg: number, meta: CallMeta, flags: number): void {
  const { returns } = meta.helper
  if (returns.kind === 'mem_or_btf_id') {
    setPerCpuResult(env, reg, meta, flags)
    return
  }
  markPointer(env, reg, PTR_TO_BTF_ID | flags | (returns.trusted ? PTR_TRUSTED : 0))
  const { btf, id } = kernelStruct(env, returns.btf ?? '')
  env.heap.i32[(reg + REG_AUX0) >> 2] = btf
  env.heap.i32[(reg + REG_AUX1) >> 2] = id
}

const PARAM_TYPES: readonly number[] = [PTR_TO_BTF_ID, PTR_TO_BTF_ID | PTR_TRUSTED, PTR_TO_BTF_ID | MEM_RCU]

/** check_reg_type for a parameter that is a kernel struct. */
export function checkBtfParam(env: Env, regno: number, param: ParamType): void {
  const reg = env.reg(regno)
  const type = typeOf(env, reg)
  const kind = param.nullable ? type & ~PTR_MAYBE_NULL : type
  if (!PARAM_TYPES.includes(kind)) {
    const expected = PARAM_TYPES.map(typeName).join(', ')
    failReg(regno, 'EACCES', `R${regno} type=${typeName(type)} expected=${expected}`)
  }
  const { kernel } = env
  const need = param.struct ?? 0
  const print = (line: string): void => env.log.print(`${line}\n`)
  if (kernel && aux0(env, reg) === KERNEL_BTF && offOf(env, reg) >= 0) {
    if (kernel.matches(aux1(env, reg), offOf(env, reg), need, false, print)) return
  }
  const name = env.btfName(aux0(env, reg), aux1(env, reg))
  failReg(regno, 'EACCES', `R${regno} is of type ${name} but ${kernel?.btf.name(need) ?? ''} is expected`)
}

/** The result of bpf_per_cpu_ptr and bpf_this_cpu_ptr: what the variable is on one CPU. */
function setPerCpuResult(env: Env, reg: number, meta: CallMeta, flags: number): void {
  const { i32 } = env.heap
  const types = env.typesOf(meta.btf)
  const id = types?.btf.resolve(meta.btfId) ?? 0
  if (types && id && !types.btf.isComposite(id)) {
    const size = types.btf.size(id)
    if (size === undefined) fail('EINVAL', `unable to resolve the size of type '${types.btf.name(id)}': -22`)
    markPointer(env, reg, PTR_TO_MEM | flags)
    i32[(reg + REG_AUX0) >> 2] = size
    return
  }
  markPointer(env, reg, PTR_TO_BTF_ID | (meta.perCpuObject ? MEM_ALLOC | MEM_RCU : flags & ~MEM_RDONLY))
  i32[(reg + REG_AUX0) >> 2] = meta.btf
  i32[(reg + REG_AUX1) >> 2] = meta.btfId
}
