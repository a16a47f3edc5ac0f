import { BTF_KIND, type FieldKind } from '@skep/btf'
import { checkArgOffset, checkConstString, checkMapField } from '../args.ts'
import { markNotNull } from '../branch.ts'
import {
  checkDynptrPointer,
  checkKnownDynptr,
  checkNewDynptr,
  DYNPTR_SKB,
  DYNPTR_SKB_META,
  DYNPTR_XDP,
  dynptrRecord,
} from '../dynptr.ts'
import type { Env } from '../env.ts'
import { fail, failReg, Reject } from '../errors.ts'
import { checkMemorySize, newSizeMeta } from '../helper-memory.ts'
import { KERNEL_BTF } from '../kernel-btf.ts'
import { isRcuPointer, isTrustedPointer, structOf } from '../kernel-types.ts'
import { processSpinLock } from '../locks.ts'
import { hasField } from '../maps.ts'
import { checkMemAccess } from '../memory-access.ts'
import { isContextPointer } from '../params.ts'
import { markChainPrecision } from '../precision.ts'
import { isScalarStruct, structFields } from '../record.ts'
import {
  baseType,
  CONST_PTR_TO_MAP,
  isAllocatedObject,
  isNonOwningRef,
  MEM_ALLOC,
  MEM_PERCPU,
  mayBeNull,
  NON_OWN_REF,
  PTR_TO_BTF_ID,
  PTR_TO_CTX,
  PTR_TO_FUNC,
  PTR_TO_MAP_VALUE,
  PTR_TO_STACK,
  PTR_TRUSTED,
  SCALAR_VALUE,
  typeFlag,
  typeName,
} from '../reg-type.ts'
import { aux0, aux1, idOf, isNullScalar, mapOf, offOf, refOf, typeOf } from '../regs.ts'
import { SAVED_REG } from '../scratch.ts'
import { checkMemory } from '../subprog-calls.ts'
import { checkGraphNodeArg, checkGraphRootArg, inTreeCallback } from './graph.ts'
import { checkIrqFlagArg } from './irq.ts'
import { checkIteratorArg } from './iterator.ts'
import type { KfuncMeta } from './meta.ts'
import { hasFlag, hasSuffix, isNullableParam, isScalar, type KfuncParam } from './prototype.ts'

/** What a pointer parameter takes (enum kfunc_ptr_arg_type). */
type PointerKind =
  | 'ctx'
  | 'null'
  | 'alloc_btf_id'
  | 'refcounted_kptr'
  | 'dynptr'
  | 'iter'
  | 'list_head'
  | 'list_node'
  | 'rb_root'
  | 'rb_node'
  | 'const_str'
  | 'map'
  | 'wq'
  | 'timer'
  | 'task_work'
  | 'irq_flag'
  | 'res_spin_lock'
  | 'btf_id'
  | 'callback'
  | 'mem'
  | 'mem_size'

/** Parameters that are told by the struct they point to. */
const BY_STRUCT: Readonly<Record<string, PointerKind>> = {
  bpf_dynptr: 'dynptr',
  bpf_list_head: 'list_head',
  bpf_list_node: 'list_node',
  bpf_rb_root: 'rb_root',
  bpf_rb_node: 'rb_node',
  bpf_wq: 'wq',
  bpf_timer: 'timer',
  bpf_task_work: 'task_work',
  bpf_res_spin_lock: 'res_spin_lock',
}

const MAX_ARGS = 5

/** check_kfunc_args */
export function checkKfuncArgs(env: Env, meta: KfuncMeta): void {
  const { kfunc } = meta
  const { params } = kfunc
  if (params.length > MAX_ARGS) {
    fail('EINVAL', `Function ${kfunc.name} has ${params.length} > ${MAX_ARGS} args`)
  }
  for (let i = 0; i < params.length; i++) {
    const param = params[i]!
    if (hasSuffix(param, '__ign') || hasSuffix(param, '__prog')) continue
    if (param.scalar) checkScalar(env, i, meta)
    else if (!param.pointer) {
      fail('EINVAL', `Unrecognized arg#${i} type ${env.kfuncTypes.btf.kindName(param.type).toUpperCase()}`)
    } else if (checkPointer(env, i, meta) === 'mem_size') i++
  }
  if (hasFlag(kfunc, 'release') && !meta.releaseReg) {
    fail('EINVAL', `release kernel function ${kfunc.name} expects refcounted PTR_TO_BTF_ID`)
  }
}

function checkScalar(env: Env, i: number, meta: KfuncMeta): void {
  const param = meta.kfunc.params[i]!
  const regno = i + 1
  const reg = env.reg(regno)
  if (typeOf(env, reg) !== SCALAR_VALUE) failReg(regno, 'EINVAL', `R${regno} is not a scalar`)
  if (hasSuffix(param, '__k')) {
    takeConstant(env, regno, meta)
    markChainPrecision(env, regno)
    return
  }
  const readOnly = param.name === 'rdonly_buf_size'
  if (!readOnly && param.name !== 'rdwr_buf_size') return
  if (meta.resultSize) fail('EINVAL', '2 or more rdonly/rdwr_buf_size parameters for kfunc')
  if (!env.domain.isConst(reg)) failReg(regno, 'EINVAL', `R${regno} is not a const`)
  meta.resultReadOnly = readOnly
  meta.resultSize = env.domain.constLo(reg)
  markChainPrecision(env, regno)
}

function takeConstant(env: Env, regno: number, meta: KfuncMeta): void {
  const reg = env.reg(regno)
  if (!env.domain.isConst(reg)) failReg(regno, 'EINVAL', `R${regno} must be a known constant`)
  meta.constant = { lo: env.domain.constLo(reg), hi: env.domain.constHi(reg) }
}

/** is_kfunc_arg_mem_size: the register behind the pointer tells how much it points to. */
function isSized(env: Env, i: number, params: readonly KfuncParam[]): boolean {
  const next = params[i + 1]
  if (!next?.scalar || typeOf(env, env.reg(i + 2)) !== SCALAR_VALUE) return false
  return hasSuffix(next, '__sz') || hasSuffix(next, '__szk')
}

/** get_kfunc_ptr_arg_type */
function pointerKind(env: Env, i: number, meta: KfuncMeta): PointerKind {
  const kernel = env.kfuncTypes
  const { kfunc } = meta
  const { params, def } = kfunc
  const param = params[i]!
  const reg = env.reg(i + 1)
  const type = typeOf(env, reg)
  if (def.verify?.context) return 'ctx'
  const sized = isSized(env, i, params)
  if (isContextPointer(env, kernel.btf, param.type)) return 'ctx'
  if (hasSuffix(param, '__nullable') && isNullScalar(env, reg) && !sized) return 'null'
  if (hasSuffix(param, '__alloc')) return 'alloc_btf_id'
  if (hasSuffix(param, '__refcounted_kptr')) return 'refcounted_kptr'
  const struct = kernel.btf.kind(param.target) === BTF_KIND.STRUCT ? kernel.btf.name(param.target) : ''
  const byStruct = BY_STRUCT[struct]
  if (byStruct === 'dynptr') return byStruct
  const isIterator = ['iter_new', 'iter_next', 'iter_destroy'] as const
  if (isIterator.some((flag) => hasFlag(kfunc, flag)) ? i === 0 : hasSuffix(param, '__iter')) return 'iter'
  if (byStruct === 'list_head' || byStruct === 'list_node') return byStruct
  if (byStruct === 'rb_root' || byStruct === 'rb_node') return byStruct
  if (hasSuffix(param, '__str')) return 'const_str'
  if (hasSuffix(param, '__map')) return 'map'
  if (byStruct === 'wq' || byStruct === 'timer' || byStruct === 'task_work') return byStruct
  if (hasSuffix(param, '__irq_flag')) return 'irq_flag'
  if (byStruct) return byStruct
  const pointee = kernel.described(param.target)
  if (baseType(type) === PTR_TO_BTF_ID || structOf(env, reg)) {
    if (!kernel.btf.isComposite(param.target)) {
      fail('EINVAL', `kernel function ${kfunc.name} args#${i} pointer type ${pointee} is not supported`)
    }
    return 'btf_id'
  }
  if (kernel.btf.kind(param.target) === BTF_KIND.FUNC_PROTO) return 'callback'
  const anything = sized && kernel.btf.kind(param.target) === BTF_KIND.VOID
  const notes: string[] = []
  if (!isScalar(kernel, param.target) && !isScalarStruct(kernel, param.target, notes) && !anything) {
    const what = sized ? 'void, ' : ''
    fail(
      'EINVAL',
      ...notes,
      `arg#${i} pointer type ${pointee} must point to ${what}scalar, or struct with scalar`,
    )
  }
  return sized ? 'mem_size' : 'mem'
}

function checkPointer(env: Env, i: number, meta: KfuncMeta): PointerKind {
  const { kfunc } = meta
  const param = kfunc.params[i]!
  const regno = i + 1
  const reg = env.reg(regno)
  const strict = hasFlag(kfunc, 'trusted_args') || hasFlag(kfunc, 'rcu') || hasFlag(kfunc, 'release')
  if (strict && (isNullScalar(env, reg) || mayBeNull(typeOf(env, reg))) && !hasSuffix(param, '__nullable')) {
    failReg(regno, 'EACCES', `Possibly NULL pointer passed to trusted arg${i}`)
  }
  const release = hasFlag(kfunc, 'release') && refOf(env, reg) !== 0
  if (refOf(env, reg)) {
    if (release && meta.refObjId) {
      fail('EFAULT', `more than one arg with ref_obj_id R${regno} ${refOf(env, reg)} ${meta.refObjId}`)
    }
    meta.refObjId = refOf(env, reg)
    if (release) meta.releaseReg = regno
  }
  const kind = pointerKind(env, i, meta)
  if (kind === 'null') return kind
  if (kind === 'map') checkMap(env, regno, meta)
  if (
    strict &&
    (kind === 'map' || kind === 'alloc_btf_id' || kind === 'btf_id') &&
    !isTrustedPointer(env, reg)
  ) {
    if (!hasFlag(kfunc, 'rcu')) failReg(regno, 'EINVAL', `R${regno} must be referenced or trusted`)
    if (!isRcuPointer(env, reg)) failReg(regno, 'EINVAL', `R${regno} must be a rcu pointer`)
  }
  checkArgOffset(env, regno, release ? { kind: 'anything', release: true } : { kind: 'anything' })
  CHECKS[kind](env, i, meta)
  return kind
}

function checkMap(env: Env, regno: number, meta: KfuncMeta): void {
  const reg = env.reg(regno)
  const type = typeOf(env, reg)
  if (baseType(type) === PTR_TO_BTF_ID) return
  if (type !== CONST_PTR_TO_MAP && baseType(type) !== PTR_TO_MAP_VALUE) {
    failReg(regno, 'EINVAL', `pointer in R${regno} isn't map pointer`)
  }
  const map = mapOf(env, reg)
  const uid = aux1(env, reg)
  // The kernel asks `map` for its fields, and 6.18 does not live through one that has none.
  const deferred = [map, meta.map].find((one) => one && hasField(one, 'bpf_wq', 'bpf_task_work'))
  if (meta.map && deferred && (meta.map !== map || meta.mapUid !== uid)) {
    const [what, at] = hasField(deferred, 'bpf_task_work') ? ['bpf_task_work', 2] : ['workqueue', 1]
    fail(
      'EINVAL',
      `${what} pointer in R${at} map_uid=${meta.mapUid} doesn't match map pointer in R${at + 1} map_uid=${uid}`,
    )
  }
  meta.map = map
  meta.mapUid = uid
}

type Check = (env: Env, i: number, meta: KfuncMeta) => void

const isObject = (type: number): boolean => type === PTR_TO_MAP_VALUE || type === (PTR_TO_BTF_ID | MEM_ALLOC)

/** The root of a list or tree. */
const rootCheck =
  (kind: FieldKind): Check =>
  (env, i, meta) => {
    const reg = env.reg(i + 1)
    const type = typeOf(env, reg)
    if (!isObject(type))
      failReg(i + 1, 'EINVAL', `arg#${i} expected pointer to map value or allocated object`)
    if (type !== PTR_TO_MAP_VALUE && !refOf(env, reg)) {
      failReg(i + 1, 'EINVAL', 'allocated object must be referenced')
    }
    checkGraphRootArg(env, i + 1, kind, meta)
  }

function requireOwned(env: Env, i: number): void {
  const reg = env.reg(i + 1)
  if (typeOf(env, reg) !== (PTR_TO_BTF_ID | MEM_ALLOC)) {
    failReg(i + 1, 'EINVAL', `arg#${i} expected pointer to allocated object`)
  }
  if (!refOf(env, reg)) failReg(i + 1, 'EINVAL', 'allocated object must be referenced')
}

/** A field of a map value that is found through its BTF. */
const fieldCheck =
  (kind: FieldKind): Check =>
  (env, i, meta) => {
    if (typeOf(env, env.reg(i + 1)) !== PTR_TO_MAP_VALUE) {
      failReg(i + 1, 'EINVAL', `arg#${i} doesn't point to a map value`)
    }
    const { map, uid } = checkMapField(env, i + 1, kind)
    meta.map = map
    meta.mapUid = uid
  }

const DYNPTR_KINDS: Readonly<Record<string, number>> = {
  skb: DYNPTR_SKB,
  skb_meta: DYNPTR_SKB_META,
  xdp: DYNPTR_XDP,
}

const CHECKS: Readonly<Record<Exclude<PointerKind, 'null'>, Check>> = {
  ctx: (env, i) => {
    const type = typeOf(env, env.reg(i + 1))
    if (type !== PTR_TO_CTX) {
      failReg(i + 1, 'EINVAL', `arg#${i} expected pointer to ctx, but got ${typeName(type)}`)
    }
  },
  alloc_btf_id: (env, i, meta) => {
    const reg = env.reg(i + 1)
    const type = typeOf(env, reg)
    const perCpu = meta.kfunc.def.verify?.percpuObject === true
    if (type === (PTR_TO_BTF_ID | MEM_ALLOC)) {
      if (perCpu) failReg(i + 1, 'EINVAL', `arg#${i} expected for bpf_obj_drop_impl()`)
    } else if (type === (PTR_TO_BTF_ID | MEM_ALLOC | MEM_PERCPU)) {
      if (!perCpu) failReg(i + 1, 'EINVAL', `arg#${i} expected for bpf_percpu_obj_drop_impl()`)
    } else failReg(i + 1, 'EINVAL', `arg#${i} expected pointer to allocated object`)
    if (!refOf(env, reg)) failReg(i + 1, 'EINVAL', 'allocated object must be referenced')
    meta.argBtf = aux0(env, reg)
    meta.argBtfId = aux1(env, reg)
  },
  refcounted_kptr: (env, i, meta) => {
    const reg = env.reg(i + 1)
    const type = typeOf(env, reg)
    if (!isAllocatedObject(type)) {
      failReg(i + 1, 'EINVAL', `arg#${i} is neither owning or non-owning ref`)
    }
    if (!isNonOwningRef(type)) meta.owning = true
    const fields = structFields(env, aux0(env, reg), aux1(env, reg))
    if (fields.length === 0) failReg(i + 1, 'EFAULT', "verifier bug: Couldn't find btf_record")
    if (!fields.some((f) => f.kind === 'bpf_refcount')) {
      failReg(i + 1, 'EINVAL', `arg#${i} doesn't point to a type with bpf_refcount field`)
    }
    meta.argBtf = aux0(env, reg)
    meta.argBtfId = aux1(env, reg)
  },
  dynptr: (env, i, meta) => {
    const regno = i + 1
    checkDynptrPointer(env, regno)
    const { dynptr } = meta.kfunc.def.verify ?? {}
    const kind = (dynptr && DYNPTR_KINDS[dynptr]) || 0
    if (hasSuffix(meta.kfunc.params[i], '__uninit')) {
      const clone = dynptr === 'clone'
      const type = clone ? meta.dynptrType : kind
      checkNewDynptr(env, regno, type, env.insn, clone ? meta.dynptrRef : 0, (off) =>
        checkMemAccess(env, regno, off, 8, true, -1, false, false),
      )
      return
    }
    checkKnownDynptr(env, regno, kind)
    const record = dynptrRecord(env, env.reg(regno))
    meta.dynptrId = idOf(env, record)
    meta.dynptrType = aux0(env, record)
    meta.dynptrRef = refOf(env, record)
  },
  iter: (env, i, meta) => {
    if (meta.kfunc.def.verify?.lsmIterOrSleepable) {
      const lsmOrIter = env.type.name === 'lsm' || env.attachType === 'trace_iter'
      if (!lsmOrIter && !env.inSleepable) {
        fail('EINVAL', 'css_task_iter is only allowed in bpf_lsm, bpf_iter and sleepable progs')
      }
    }
    checkIteratorArg(env, i + 1, meta)
  },
  list_head: rootCheck('bpf_list_head'),
  rb_root: rootCheck('bpf_rb_root'),
  list_node: (env, i, meta) => {
    requireOwned(env, i)
    checkGraphNodeArg(env, i + 1, 'bpf_list_head', 'bpf_list_node', meta)
  },
  rb_node: (env, i, meta) => {
    if (meta.kfunc.def.verify?.graph?.insert) requireOwned(env, i)
    else {
      const reg = env.reg(i + 1)
      const { name } = meta.kfunc
      if (!isNonOwningRef(typeOf(env, reg)) && !refOf(env, reg)) {
        failReg(i + 1, 'EINVAL', `${name} can only take non-owning or refcounted bpf_rb_node pointer`)
      }
      if (inTreeCallback(env)) fail('EINVAL', `${name} not allowed in rbtree cb`)
    }
    checkGraphNodeArg(env, i + 1, 'bpf_rb_root', 'bpf_rb_node', meta)
  },
  map: (env, i, meta) => checkStruct(env, i, meta, env.kfuncTypes.struct('bpf_map')),
  btf_id: (env, i, meta) => {
    const reg = env.reg(i + 1)
    const type = typeOf(env, reg)
    const unsafe = (typeFlag(type) & ~(MEM_ALLOC | PTR_TRUSTED | NON_OWN_REF)) !== 0
    if ((baseType(type) !== PTR_TO_BTF_ID || (unsafe && !isRcuPointer(env, reg))) && !structOf(env, reg)) {
      const expected = typeName(baseType(type) | (type & (MEM_ALLOC | PTR_TRUSTED | NON_OWN_REF)))
      failReg(i + 1, 'EINVAL', `arg#${i} is ${typeName(type)} expected ${expected} or socket`)
    }
    checkStruct(env, i, meta, meta.kfunc.params[i]!.target)
  },
  const_str: (env, i) => {
    if (typeOf(env, env.reg(i + 1)) !== PTR_TO_MAP_VALUE) {
      failReg(i + 1, 'EINVAL', `arg#${i} doesn't point to a const string`)
    }
    checkConstString(env, i + 1)
  },
  wq: fieldCheck('bpf_wq'),
  timer: fieldCheck('bpf_timer'),
  task_work: fieldCheck('bpf_task_work'),
  irq_flag: (env, i, meta) => {
    if (typeOf(env, env.reg(i + 1)) !== PTR_TO_STACK) {
      failReg(i + 1, 'EINVAL', `arg#${i} doesn't point to an irq flag on stack`)
    }
    checkIrqFlagArg(env, i + 1, meta.kfunc)
  },
  res_spin_lock: (env, i, meta) => {
    const { lock, irq } = meta.kfunc.def.verify ?? {}
    if (!isObject(typeOf(env, env.reg(i + 1)))) {
      failReg(i + 1, 'EINVAL', `arg#${i} doesn't point to map value or allocated object`)
    }
    processSpinLock(env, i + 1, lock === 'acquire', { resilient: true, irq: irq !== undefined })
  },
  callback: (env, i, meta) => {
    const reg = env.reg(i + 1)
    if (typeOf(env, reg) !== PTR_TO_FUNC) failReg(i + 1, 'EINVAL', `arg${i} expected pointer to func`)
    meta.subprog = aux0(env, reg)
  },
  mem: (env, i, meta) => {
    const { target } = meta.kfunc.params[i]!
    const { btf } = env.kfuncTypes
    const size = btf.size(target)
    if (size === undefined) {
      fail(
        'EINVAL',
        `arg#${i} reference type('${env.kfuncTypes.described(target)}') size cannot be determined: -22`,
      )
    }
    checkMemory(env, i + 1, size)
  },
  mem_size: (env, i, meta) => {
    const param = meta.kfunc.params[i]!
    const reg = env.reg(i + 1)
    if (!isNullScalar(env, reg) || !isNullableParam(param)) checkSizedMemory(env, i)
    if (hasSuffix(meta.kfunc.params[i + 1], '__szk')) takeConstant(env, i + 2, meta)
  },
}

/** check_kfunc_mem_size_reg: memory to read and to write; null is fine where the size is 0. */
function checkSizedMemory(env: Env, i: number): void {
  const reg = env.reg(i + 1)
  const nullable = mayBeNull(typeOf(env, reg))
  if (nullable) {
    env.heap.copyReg(SAVED_REG, reg)
    markNotNull(env, reg)
  }
  try {
    checkMemorySize(env, i + 2, false, true, newSizeMeta())
    checkMemorySize(env, i + 2, true, true, newSizeMeta())
  } catch (error) {
    if (!(error instanceof Reject)) throw error
    const line = `arg#${i} arg#${i + 1} memory, len pair leads to invalid memory access`
    throw new Reject(error.errno, [...error.lines, line], error.register)
  } finally {
    if (nullable) env.heap.copyReg(reg, SAVED_REG)
  }
}

const NO_CAST = '___init'

/** process_kf_arg_ptr_to_btf_id: the struct behind the register is the parameter's, or begins with it. */
function checkStruct(env: Env, i: number, meta: KfuncMeta, need: number): void {
  const kernel = env.kfuncTypes
  const { btf } = kernel
  const { kfunc } = meta
  const reg = env.reg(i + 1)
  const known = structOf(env, reg)
  const from = known ? KERNEL_BTF : aux0(env, reg)
  const have = known || aux1(env, reg)
  const haveName = env.btfName(from, have)
  const needName = btf.name(need)
  const alias = haveName === needName + NO_CAST || needName === haveName + NO_CAST
  const strict = (hasFlag(kfunc, 'release') && refOf(env, reg) !== 0) || alias
  const print = (line: string): void => env.log.print(`${line}\n`)
  if (from === KERNEL_BTF && kernel.matches(have, offOf(env, reg), need, strict, print)) return
  // A program may pass the kernel's own struct where the function takes what programs see of it.
  if (needName === '__sk_buff' ? haveName === 'sk_buff' : needName === 'xdp_md' && haveName === 'xdp_buff')
    return
  const types = env.typesOf(from)
  const haveKind = types ? types.btf.kindName(have).toUpperCase() : 'UNKNOWN'
  failReg(
    i + 1,
    'EINVAL',
    `kernel function ${kfunc.name} args#${i} expected pointer to ${btf.kindName(need).toUpperCase()} ${needName} but R${i + 1} has a pointer to ${haveKind} ${haveName}`,
  )
}
