import { BTF_KIND, type SpecialField } from '@skep/btf'
import type { CallMeta } from './args.ts'
import type { Env } from './env.ts'
import { fail, failReg, Reject } from './errors.ts'
import { isKptr } from './fields.ts'
import { KERNEL_BTF } from './kernel-btf.ts'
import { REG_AUX0, REG_AUX1, REG_ID, REG_REF_OBJ_ID, REG_TYPE } from './layout.ts'
import type { VerifierMap } from './maps.ts'
import { checkUnmodified } from './memory-access.ts'
import { BPF_LDX, BPF_MEM, BPF_STX, classOf, modeOf } from './opcode.ts'
import { fieldsOf, requireConstOffset, structFields } from './record.ts'
import { releaseReferenceNoMark } from './refs.ts'
import {
  baseType,
  MEM_ALLOC,
  MEM_PERCPU,
  MEM_RCU,
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
  isNullScalar,
  mapOf,
  markInvalid,
  markPointer,
  offOf,
  refOf,
  typeOf,
} from './regs.ts'

/** A pointer field, with the struct that it points to. */
export interface KptrField {
  readonly field: SpecialField
  readonly btf: number
  readonly id: number
}

/** A struct that the kernel has is the kernel's; any other is the program's own (btf_parse_kptr). */
function resolveKptr(env: Env, field: SpecialField, owner: number): KptrField {
  const target = field.target ?? 0
  const { kernel } = env
  const types = env.typesOf(owner)
  if (!types) return { field, btf: 0, id: 0 }
  if (!kernel) {
    // There is no object of that kernel's either, so a struct that the program defines is the program's.
    return types.btf.isComposite(target) ? { field, btf: owner, id: target } : { field, btf: 0, id: 0 }
  }
  const name = types.btf.name(target)
  const union = types.btf.kind(target) === BTF_KIND.UNION
  const id = name ? kernel.btf.findByName(union ? BTF_KIND.UNION : BTF_KIND.STRUCT, name) : undefined
  return id === undefined ? { field, btf: owner, id: target } : { field, btf: KERNEL_BTF, id }
}

const kptrOfMap = (env: Env, map: VerifierMap, field: SpecialField): KptrField =>
  resolveKptr(env, field, map.btf ? env.btfNumber(map.btf) : 0)

/** check_map_kptr_access: a pointer that lies in a map value is loaded or stored. */
export function checkKptrAccess(env: Env, map: VerifierMap, field: SpecialField, valueReg: number): void {
  const { program: p, insn } = env
  const code = p.code[insn]!
  if (modeOf(code) !== BPF_MEM) {
    fail('EACCES', 'kptr in map can only be accessed using BPF_MEM instruction mode')
  }
  const klass = classOf(code)
  if (klass !== BPF_LDX && (field.kind === 'kptr_ref' || field.kind === 'kptr_percpu')) {
    fail('EACCES', 'store to referenced kptr disallowed')
  }
  if (klass !== BPF_LDX && field.kind === 'uptr') fail('EACCES', 'store to uptr disallowed')
  if (klass === BPF_LDX) loadKptr(env, valueReg, map, field)
  else if (klass === BPF_STX) {
    if (!isNullScalar(env, env.reg(valueReg))) matchKptr(env, valueReg, kptrOfMap(env, map, field))
  } else if (p.imm[insn] !== 0) {
    fail('EACCES', `BPF_ST imm must be 0 when storing to kptr at off=${field.offset}`)
  }
}

function loadKptr(env: Env, valueReg: number, map: VerifierMap, field: SpecialField): void {
  const value = env.reg(valueReg)
  const { i32 } = env.heap
  if (field.kind === 'uptr') {
    markPointer(env, value, PTR_TO_MEM | PTR_MAYBE_NULL)
    i32[(value + REG_AUX0) >> 2] = map.btf?.size(field.target!) ?? 0
  } else {
    const kptr = kptrOfMap(env, map, field)
    markPointer(env, value, PTR_TO_BTF_ID | PTR_MAYBE_NULL | loadedFlags(env, kptr))
    i32[(value + REG_AUX0) >> 2] = kptr.btf
    i32[(value + REG_AUX1) >> 2] = kptr.id
  }
  i32[(value + REG_ID) >> 2] = ++env.idGen
}

/** Structs of the kernel whose objects live until an RCU grace period has passed (rcu_protected_types). */
const RCU_PROTECTED: ReadonlySet<string> = new Set([
  'prog_test_ref_kfunc',
  'cgroup',
  'bpf_cpumask',
  'task_struct',
  'bpf_crypto_ctx',
])

/** btf_ld_kptr_type */
function loadedFlags(env: Env, { field, btf, id }: KptrField): number {
  const local = btf !== KERNEL_BTF
  const protectedObject = btf !== 0 && (local || RCU_PROTECTED.has(env.btfName(btf, id)))
  const safe = field.kind === 'kptr_percpu' || (field.kind === 'kptr_ref' && protectedObject)
  if (!safe || !env.inRcuSection) return PTR_UNTRUSTED
  let flags = MEM_RCU
  if (field.kind === 'kptr_percpu') flags |= MEM_PERCPU
  else if (local) flags |= MEM_ALLOC
  const node = structFields(env, btf, id).some((f) => f.kind === 'bpf_list_node' || f.kind === 'bpf_rb_node')
  return node ? flags | NON_OWN_REF : flags
}

/** map_kptr_match_type: the register may be stored in the field. */
export function matchKptr(env: Env, regno: number, kptr: KptrField): void {
  const { field, btf, id } = kptr
  const reg = env.reg(regno)
  const type = typeOf(env, reg)
  const unreferenced = field.kind === 'kptr'
  const fromKernel = aux0(env, reg) === KERNEL_BTF
  let allowed = PTR_MAYBE_NULL
  if (fromKernel) allowed |= PTR_TRUSTED | MEM_RCU | (unreferenced ? PTR_UNTRUSTED : 0)
  else allowed |= MEM_ALLOC | (field.kind === 'kptr_percpu' ? MEM_PERCPU : 0)
  const pointer = baseType(type) === PTR_TO_BTF_ID && (typeFlag(type) & ~allowed) === 0
  const name = env.btfName(btf, id)
  const refuse = (of: string): never => {
    const or = unreferenced ? ` or ${typeName(PTR_TO_BTF_ID | PTR_UNTRUSTED)}${name}` : ''
    return failReg(
      regno,
      'EACCES',
      `invalid kptr access, R${regno} type=${typeName(type)}${of} expected=${typeName(PTR_TO_BTF_ID)}${name}${or}`,
    )
  }
  if (!pointer) refuse('')
  try {
    checkUnmodified(env, reg, regno, true)
  } catch (error) {
    if (error instanceof Reject) throw new Reject('EACCES', error.lines, error.register)
    throw error
  }
  const print = (line: string): void => env.log.print(`${line}\n`)
  const from = aux0(env, reg)
  const types = env.typesOf(from)
  const same = from === btf && types?.matches(aux1(env, reg), offOf(env, reg), id, !unreferenced, print)
  if (!same) refuse(env.btfName(from, aux1(env, reg)))
}

/** process_kptr_func: the field that bpf_kptr_xchg exchanges. */
export function kptrExchange(env: Env, regno: number, meta: CallMeta): void {
  const reg = env.reg(regno)
  let owner = aux0(env, reg)
  if (typeOf(env, reg) === PTR_TO_MAP_VALUE) {
    const map = mapOf(env, reg)
    if (!map.hasBtf || !map.btf) {
      failReg(regno, 'EINVAL', `map '${map.name}' has to have BTF in order to use bpf_kptr_xchg`)
    }
    meta.map = map
    owner = env.btfNumber(map.btf)
  }
  const fields = fieldsOf(env, reg)
  requireConstOffset(env, regno, 'kptr')
  if (!fields.some((f) => isKptr(f.kind))) failReg(regno, 'EINVAL', `R${regno} has no valid kptr`)
  const at = offOf(env, reg) + env.domain.constLo(reg)
  const field = fields.find((f) => isKptr(f.kind) && f.offset === at)
  if (!field) failReg(regno, 'EACCES', `off=${at} doesn't point to kptr`)
  if (field.kind === 'kptr') failReg(regno, 'EACCES', `off=${at} kptr isn't referenced kptr`)
  meta.kptr = resolveKptr(env, field, owner)
}

/** What bpf_kptr_xchg took out of the field. */
export function setExchanged(env: Env, reg: number, { field, btf, id }: KptrField): void {
  let flags = PTR_MAYBE_NULL
  if (btf !== KERNEL_BTF && btf !== 0) flags |= MEM_ALLOC | (field.kind === 'kptr_percpu' ? MEM_PERCPU : 0)
  markPointer(env, reg, PTR_TO_BTF_ID | flags)
  env.heap.i32[(reg + REG_AUX0) >> 2] = btf
  env.heap.i32[(reg + REG_AUX1) >> 2] = id
}

/** The reference moved into the field: its copies here are no longer owned. */
export function releaseKptr(env: Env, id: number): boolean {
  if (!releaseReferenceNoMark(env.cur, id)) return false
  const { i32 } = env.heap
  const rcu = env.inRcuSection
  forEachReg(env, env.cur, (reg) => {
    if (refOf(env, reg) !== id) return
    const type = typeOf(env, reg)
    if (rcu && type & MEM_ALLOC && type & MEM_PERCPU) {
      i32[(reg + REG_REF_OBJ_ID) >> 2] = 0
      i32[(reg + REG_TYPE) >> 2] = (type & ~MEM_ALLOC) | MEM_RCU
    } else markInvalid(env, reg)
  })
  return true
}
