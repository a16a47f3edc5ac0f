import { BTF_KIND } from '@skep/btf'
import type { Env } from '../env.ts'
import { fail } from '../errors.ts'
import { KERNEL_BTF, PROGRAM_BTF } from '../kernel-btf.ts'
import { REG_AUX0, REG_AUX1, REG_ID, REG_REF_OBJ_ID, REG_TYPE } from '../layout.ts'
import { mayPointToSpinLock } from '../locks.ts'
import { DYNPTR_NAMES } from '../log-state.ts'
import { mayAccessPacket } from '../packet.ts'
import { isScalarStruct, structFields } from '../record.ts'
import { acquireReference } from '../refs.ts'
import {
  DYNPTR_TYPE_LOCAL,
  MEM_ALLOC,
  MEM_PERCPU,
  MEM_RCU,
  MEM_RDONLY,
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TO_MEM,
  PTR_TRUSTED,
  PTR_UNTRUSTED,
} from '../reg-type.ts'
import { idOf, markConstZero, markPointer, markUnknown } from '../regs.ts'
import { markGraphNode, setNonOwning } from './graph.ts'
import { isRcuIterator } from './iterator.ts'
import type { KfuncMeta } from './meta.ts'
import { hasFlag, isScalar } from './prototype.ts'

/** Bytes of an object that bpf_percpu_obj_new makes. */
const BPF_GLOBAL_PERCPU_MA_MAX_SIZE = 512

const NODE_STRUCTS: ReadonlySet<string> = new Set(['bpf_list_node', 'bpf_rb_node'])

/** r0 after the call, by the prototype and what is special about the function. */
export function setKfuncResult(env: Env, meta: KfuncMeta): void {
  const { kfunc } = meta
  const kernel = env.kfuncTypes
  const { btf } = kernel
  const { i32 } = env.heap
  const r0 = env.reg(0)
  const { verify } = kfunc.def
  const type = kfunc.result
  const pointer = btf.kind(type) === BTF_KIND.PTR
  const target = pointer ? btf.resolve(btf.target(type)) : 0
  const struct = btf.kind(target) === BTF_KIND.STRUCT
  const acquires = hasFlag(kfunc, 'acquire')
  const made = verify?.result === 'obj_new' || verify?.result === 'percpu_obj_new'
  if (acquires && !struct && !made && verify?.result !== 'refcount_acquire') {
    fail('EINVAL', 'acquire kernel function does not return PTR_TO_BTF_ID')
  }
  if (isScalar(kernel, type)) {
    if (verify?.lock === 'acquire') markConstZero(env, r0)
    else markUnknown(env, r0)
    return
  }
  if (!pointer) return
  const node = struct && NODE_STRUCTS.has(btf.name(target))
  setPointer(env, meta, target, struct, node)
  const nullable = hasFlag(kfunc, 'ret_null') && !(verify?.result === 'refcount_acquire' && meta.owning)
  if (nullable) {
    i32[(r0 + REG_TYPE) >> 2]! |= PTR_MAYBE_NULL
    i32[(r0 + REG_ID) >> 2] = ++env.idGen
  }
  if (acquires) {
    const id = acquireReference(env, env.insn)
    if (nullable) i32[(r0 + REG_ID) >> 2] = id
    i32[(r0 + REG_REF_OBJ_ID) >> 2] = id
  } else if (node) setNonOwning(env, r0)
  if (mayPointToSpinLock(env, r0) && !idOf(env, r0)) i32[(r0 + REG_ID) >> 2] = ++env.idGen
}

function setPointer(env: Env, meta: KfuncMeta, target: number, struct: boolean, node: boolean): void {
  const { btf } = env.kfuncTypes
  const { kfunc } = meta
  const r0 = env.reg(0)
  const result = kfunc.def.verify?.result
  if (node) {
    if (meta.root) markGraphNode(env, r0, meta.root, meta.rootBtf)
    return
  }
  if (result && result !== 'untrusted') {
    RESULTS[result](env, meta)
    return
  }
  if (btf.kind(target) === BTF_KIND.VOID) {
    markUnknown(env, r0)
    return
  }
  if (!struct) {
    let size = meta.resultSize
    let readOnly = meta.resultReadOnly
    if (!size) {
      size = btf.size(target) ?? 0
      readOnly = true
    }
    if (!size) {
      const what = env.kfuncTypes.described(target)
      fail('EINVAL', `kernel function ${kfunc.name} returns pointer type ${what} is not supported`)
    }
    let flags = readOnly ? MEM_RDONLY : 0
    if (hasFlag(kfunc, 'rcu_protected')) flags |= MEM_RCU
    markPointer(env, r0, PTR_TO_MEM | flags)
    env.heap.i32[(r0 + REG_AUX0) >> 2] = size
    if (meta.refObjId) env.heap.i32[(r0 + REG_REF_OBJ_ID) >> 2] = meta.refObjId
    return
  }
  let trust = 0
  if (result === 'untrusted') trust = PTR_UNTRUSTED
  else if (hasFlag(kfunc, 'iter_next')) trust = isRcuIterator(env, meta) ? MEM_RCU : PTR_TRUSTED
  markStruct(env, r0, trust, KERNEL_BTF, target)
}

function markStruct(env: Env, reg: number, flags: number, btf: number, id: number): void {
  markPointer(env, reg, PTR_TO_BTF_ID | flags)
  env.heap.i32[(reg + REG_AUX0) >> 2] = btf
  env.heap.i32[(reg + REG_AUX1) >> 2] = id
}

type Result = (env: Env, meta: KfuncMeta) => void

/** The type id that a constant argument gives; a number beyond 32 bits is none. */
const constant = (meta: KfuncMeta): number => meta.constant?.lo ?? 0

/** bpf_obj_new and bpf_percpu_obj_new: a new object of a struct of the program's own BTF. */
const newObject =
  (perCpu: boolean): Result =>
  (env, meta) => {
    const id = constant(meta) >>> 0
    if (meta.constant?.hi) fail('EINVAL', 'local type ID argument must be in range [0, U32_MAX]')
    const { local } = env
    if (!local) fail('EINVAL', 'bpf_obj_new/bpf_percpu_obj_new requires prog BTF')
    const { btf } = local
    if (btf.kind(id) !== BTF_KIND.STRUCT) {
      fail('EINVAL', 'bpf_obj_new/bpf_percpu_obj_new type ID argument must be of a struct')
    }
    if (perCpu) {
      const size = btf.size(id) ?? 0
      if (size > BPF_GLOBAL_PERCPU_MA_MAX_SIZE) {
        fail(
          'EINVAL',
          `bpf_percpu_obj_new type size (${size}) is greater than ${BPF_GLOBAL_PERCPU_MA_MAX_SIZE}`,
        )
      }
      const notes: string[] = []
      if (!isScalarStruct(local, id, notes)) {
        fail('EINVAL', ...notes, 'bpf_percpu_obj_new type ID argument must be of a struct of scalars')
      }
      if (structFields(env, PROGRAM_BTF, id).length > 0) {
        fail('EINVAL', 'bpf_percpu_obj_new type ID argument must not contain special fields')
      }
    }
    markStruct(env, env.reg(0), MEM_ALLOC | (perCpu ? MEM_PERCPU : 0), PROGRAM_BTF, id)
  }

const slice =
  (writable: boolean): Result =>
  (env, meta) => {
    const r0 = env.reg(0)
    const type = DYNPTR_TYPE_LOCAL << (meta.dynptrType - DYNPTR_NAMES.indexOf('local'))
    if (writable && !mayAccessPacket(env, true, true)) {
      fail('EINVAL', 'the prog does not allow writes to packet data')
    }
    markPointer(env, r0, PTR_TO_MEM | type | (writable ? 0 : MEM_RDONLY))
    env.heap.i32[(r0 + REG_AUX0) >> 2] = constant(meta)
    env.heap.i32[(r0 + REG_AUX1) >> 2] = meta.dynptrId
  }

const RESULTS: Readonly<
  Record<
    Exclude<NonNullable<NonNullable<KfuncMeta['kfunc']['def']['verify']>['result']>, 'untrusted'>,
    Result
  >
> = {
  obj_new: newObject(false),
  percpu_obj_new: newObject(true),
  refcount_acquire: (env, meta) => markStruct(env, env.reg(0), MEM_ALLOC, meta.argBtf, meta.argBtfId),
  kern_ctx: (env) => markStruct(env, env.reg(0), PTR_TRUSTED, KERNEL_BTF, kernelContext(env)),
  rdonly_cast: (env, meta) => {
    const { btf } = env.kfuncTypes
    const r0 = env.reg(0)
    const id = constant(meta) >>> 0
    if (meta.constant?.hi || !btf.has(id)) {
      const value = (BigInt(meta.constant?.hi ?? 0) << 32n) | BigInt(id)
      fail('EINVAL', `Unknown type ID ${value} passed to kfunc bpf_rdonly_cast`)
    }
    if (btf.isComposite(id)) markStruct(env, r0, PTR_UNTRUSTED, KERNEL_BTF, id)
    else if (btf.kind(id) === BTF_KIND.VOID) markPointer(env, r0, PTR_TO_MEM | MEM_RDONLY | PTR_UNTRUSTED)
    else fail('EINVAL', 'kfunc bpf_rdonly_cast type ID argument must be of a struct or void')
  },
  dynptr_slice: slice(false),
  dynptr_slice_rdwr: slice(true),
}

/** get_kern_ctx_btf_id: the kernel's own struct behind this program type's context. */
function kernelContext(env: Env): number {
  const { btf } = env.kfuncTypes
  const pairs = btf.findByName(BTF_KIND.STRUCT, 'bpf_ctx_convert')
  const name = `BPF_PROG_TYPE_${env.type.name.toUpperCase()}_kern`
  const id = pairs === undefined ? undefined : btf.member(pairs, name)?.type
  if (id === undefined || btf.kind(id) !== BTF_KIND.STRUCT) {
    fail('EINVAL', `kern ctx type id ${id ?? 0} is not a struct`)
  }
  return id
}
