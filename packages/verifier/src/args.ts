import type { FieldKind } from '@skep/btf'
import type { ArgDesc, ArgKind, HelperDef } from '@skep/registry'
import { checkDynptrArg, dynptrSlot } from './dynptr.ts'
import type { Env } from './env.ts'
import { fail, failReg } from './errors.ts'
import { fieldName } from './fields.ts'
import { checkHelperMemory, checkMemorySize, newSizeMeta, type SizeMeta } from './helper-memory.ts'
import { matchBtfArg } from './kernel-types.ts'
import { inTreeCallback } from './kfunc/graph.ts'
import { type KptrField, kptrExchange, matchKptr } from './kptr.ts'
import { processSpinLock, SPIN_LOCK } from './locks.ts'
import { value64 } from './log-state.ts'
import type { VerifierMap } from './maps.ts'
import { findField } from './maps.ts'
import { checkAlignment, checkMemAccess, checkUnmodified } from './memory-access.ts'
import { mayAccessPacket } from './packet.ts'
import { chainPrecision, markChainPrecision } from './precision.ts'
import { requireConstOffset } from './record.ts'
import {
  baseType,
  CONST_PTR_TO_DYNPTR,
  CONST_PTR_TO_MAP,
  DYNPTR_TYPE_MASK,
  isAllocatedObject,
  isPacketPointer,
  MEM_ALLOC,
  MEM_PERCPU,
  MEM_RCU,
  MEM_RDONLY,
  MEM_RINGBUF,
  mayBeNull,
  NON_OWN_REF,
  PTR_MAYBE_NULL,
  PTR_TO_ARENA,
  PTR_TO_BTF_ID,
  PTR_TO_BUF,
  PTR_TO_CTX,
  PTR_TO_FUNC,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_SOCK_COMMON,
  PTR_TO_SOCKET,
  PTR_TO_STACK,
  PTR_TO_TCP_SOCK,
  PTR_TO_XDP_SOCK,
  PTR_TRUSTED,
  PTR_UNTRUSTED,
  SCALAR_VALUE,
  typeName,
} from './reg-type.ts'
import { checkMapAccess } from './region.ts'
import {
  aux0,
  aux1,
  checkRead,
  frameOf,
  isNullScalar,
  isPointerValue,
  mapOf,
  offOf,
  refOf,
  typeOf,
} from './regs.ts'
import { isSpilledScalar, STACK_SPILL, STACK_ZERO } from './state.ts'

/** What the arguments of a call tell about it (struct bpf_call_arg_meta). */
export interface CallMeta extends SizeMeta {
  readonly helper: HelperDef
  map: VerifierMap | undefined
  mapUid: number
  /** Register whose reference is released, 0 for none. */
  releaseReg: number
  refObjId: number
  memSize: number
  /** Identity of the dynptr that the result is a part of. */
  memDynptr: number
  subprog: number
  /** Constant key of a lookup, or -1. */
  constKey: number
  btf: number
  btfId: number
  /** The per-CPU pointer is of an object that the program made. */
  perCpuObject: boolean
  /** The field that bpf_kptr_xchg exchanges. */
  kptr: KptrField | undefined
}

export const newCallMeta = (helper: HelperDef): CallMeta => ({
  helper,
  map: undefined,
  mapUid: 0,
  releaseReg: 0,
  refObjId: 0,
  memSize: 0,
  memDynptr: 0,
  subprog: 0,
  constKey: -1,
  btf: 0,
  btfId: 0,
  perCpuObject: false,
  kptr: undefined,
  ...newSizeMeta(),
})

const MEM_TYPES: readonly number[] = [
  PTR_TO_STACK,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_MEM | MEM_RINGBUF,
  PTR_TO_BUF,
  PTR_TO_BTF_ID | PTR_TRUSTED,
]
const SOCK_TYPES: readonly number[] = [PTR_TO_SOCK_COMMON, PTR_TO_SOCKET, PTR_TO_TCP_SOCK, PTR_TO_XDP_SOCK]
const SCALAR: readonly number[] = [SCALAR_VALUE]
const MAP_VALUE: readonly number[] = [PTR_TO_MAP_VALUE]

/** Kinds of registers that each kind of argument takes (compatible_reg_types). */
const COMPATIBLE: Readonly<Record<ArgKind, readonly number[]>> = {
  anything: [],
  map_key: MEM_TYPES,
  map_value: MEM_TYPES,
  mem: MEM_TYPES,
  const_size: SCALAR,
  const_size_or_zero: SCALAR,
  const_alloc_size_or_zero: SCALAR,
  const_map_ptr: [CONST_PTR_TO_MAP],
  ctx: [PTR_TO_CTX],
  sock_common: SOCK_TYPES,
  btf_id_sock_common: [...SOCK_TYPES, PTR_TO_BTF_ID, PTR_TO_BTF_ID | PTR_TRUSTED],
  socket: [PTR_TO_SOCKET],
  btf_id: [PTR_TO_BTF_ID, PTR_TO_BTF_ID | PTR_TRUSTED, PTR_TO_BTF_ID | MEM_RCU],
  spin_lock: [PTR_TO_MAP_VALUE, PTR_TO_BTF_ID | MEM_ALLOC],
  ringbuf_mem: [PTR_TO_MEM | MEM_RINGBUF],
  percpu_btf_id: [
    PTR_TO_BTF_ID | MEM_PERCPU,
    PTR_TO_BTF_ID | MEM_PERCPU | MEM_RCU,
    PTR_TO_BTF_ID | MEM_PERCPU | PTR_TRUSTED,
  ],
  func: [PTR_TO_FUNC],
  stack: [PTR_TO_STACK],
  const_str: MAP_VALUE,
  timer: MAP_VALUE,
  kptr_xchg_dest: [PTR_TO_MAP_VALUE, PTR_TO_BTF_ID | MEM_ALLOC],
  dynptr: [PTR_TO_STACK, CONST_PTR_TO_DYNPTR],
  arena: [PTR_TO_ARENA, SCALAR_VALUE],
}

/** The argument is MEM_RDONLY: no prototype says so of keys and values. */
const readsOnly = (desc: ArgDesc): boolean =>
  desc.access === 'read' && desc.kind !== 'map_key' && desc.kind !== 'map_value'
const writes = (desc: ArgDesc): boolean => desc.access === 'write' || desc.access === 'readwrite'

/** check_reg_type: the register is of a kind that the argument takes. */
function checkRegType(env: Env, regno: number, kind: ArgKind, desc: ArgDesc, meta: CallMeta): void {
  const reg = env.reg(regno)
  const actual = typeOf(env, reg)
  const compatible = COMPATIBLE[kind]
  let type = actual
  if (readsOnly(desc)) type &= ~MEM_RDONLY
  if (desc.nullable) type &= ~PTR_MAYBE_NULL
  if (kind === 'mem') type &= ~DYNPTR_TYPE_MASK
  const kptrSource = meta.helper.returns.kind === 'kptr' && regno === 2
  if (kptrSource && type & MEM_ALLOC) type &= ~(MEM_ALLOC | MEM_PERCPU)
  if (!compatible.includes(type)) {
    failReg(
      regno,
      'EACCES',
      `R${regno} type=${typeName(actual)} expected=${compatible.map(typeName).join(', ')}`,
    )
  }
  if (baseType(actual) !== PTR_TO_BTF_ID) return
  if (compatible === MEM_TYPES) {
    if (!readsOnly(desc)) {
      failReg(
        regno,
        'EACCES',
        `${meta.helper.name}() may write into memory pointed by R${regno} type=${typeName(actual)}`,
      )
    }
    return
  }
  if (isAllocatedObject(actual)) {
    if (actual & (PTR_MAYBE_NULL | PTR_UNTRUSTED)) {
      failReg(regno, 'EFAULT', 'verifier bug: invalid PTR_TO_BTF_ID register for type match')
    }
    if (meta.kptr && kptrSource) matchKptr(env, regno, meta.kptr)
    return
  }
  // Whatever object of the kernel's or the program's own.
  if (actual & MEM_PERCPU) return
  if (mayBeNull(actual) && (!desc.nullable || desc.release)) {
    failReg(regno, 'EACCES', `Possibly NULL pointer passed to helper arg${regno}`)
  }
  if (meta.kptr && kptrSource) matchKptr(env, regno, meta.kptr)
  else matchBtfArg(env, regno, kind, desc, meta.helper)
}

/** check_func_arg_reg_off: offsets that the pointer may have. */
export function checkArgOffset(env: Env, regno: number, desc: ArgDesc): void {
  const reg = env.reg(regno)
  const type = typeOf(env, reg)
  if (desc.release) {
    if (desc.kind === 'dynptr' && type === PTR_TO_STACK) return
    if (offOf(env, reg)) {
      failReg(
        regno,
        'EINVAL',
        `R${regno} must have zero offset when passed to release func or trusted arg to kfunc`,
      )
    }
    checkUnmodified(env, reg, regno, false)
    return
  }
  switch (type) {
    case PTR_TO_STACK:
    case PTR_TO_PACKET:
    case PTR_TO_PACKET_META:
    case PTR_TO_MAP_KEY:
    case PTR_TO_MAP_VALUE:
    case PTR_TO_MEM:
    case PTR_TO_MEM | MEM_RDONLY:
    case PTR_TO_MEM | MEM_RINGBUF:
    case PTR_TO_BUF:
    case PTR_TO_BUF | MEM_RDONLY:
    case PTR_TO_ARENA:
    case SCALAR_VALUE:
      return
    case PTR_TO_BTF_ID:
    case PTR_TO_BTF_ID | MEM_ALLOC:
    case PTR_TO_BTF_ID | PTR_TRUSTED:
    case PTR_TO_BTF_ID | MEM_RCU:
    case PTR_TO_BTF_ID | MEM_ALLOC | NON_OWN_REF:
    case PTR_TO_BTF_ID | MEM_ALLOC | NON_OWN_REF | MEM_RCU:
      checkUnmodified(env, reg, regno, true)
      return
    default:
      checkUnmodified(env, reg, regno, false)
  }
}

/** resolve_map_arg_type: what a value argument is depends on the map. */
function resolveKind(meta: CallMeta, desc: ArgDesc): ArgDesc {
  if (desc.kind !== 'map_value') return desc
  const traits = meta.map?.def?.verify
  if (traits?.valueIsSocket) {
    if (desc.uninit || desc.nullable) fail('EINVAL', 'invalid arg_type for sockmap/sockhash')
    return { ...desc, kind: 'btf_id_sock_common' }
  }
  if (traits?.peekReadsValue && meta.helper.mapOp === 'peek') {
    const { uninit: _, ...rest } = desc
    return { ...rest, access: 'read' }
  }
  return desc
}

function checkRelease(env: Env, regno: number, desc: ArgDesc, meta: CallMeta): void {
  const reg = env.reg(regno)
  if (desc.kind === 'dynptr') {
    if (typeOf(env, reg) !== PTR_TO_STACK) failReg(regno, 'EINVAL', 'cannot release unowned const bpf_dynptr')
    const spi = dynptrSlot(env, reg)
    if (spi < 0 || !refOf(env, frameOf(env, reg).slot(spi))) {
      failReg(regno, 'EINVAL', `arg ${regno} is an unacquired reference`)
    }
  } else if (!refOf(env, reg) && !isNullScalar(env, reg)) {
    failReg(regno, 'EINVAL', `R${regno} must be referenced when passed to release function`)
  }
  meta.releaseReg = regno
}

/** check_func_arg: one argument of a helper. */
export function checkArg(env: Env, index: number, meta: CallMeta): void {
  const regno = index + 1
  const declared = meta.helper.args[index]!
  checkRead(env, regno)
  const reg = env.reg(regno)
  if (declared.kind === 'anything') {
    if (isPointerValue(env, reg)) failReg(regno, 'EACCES', `R${regno} leaks addr into helper function`)
    return
  }
  if (isPacketPointer(typeOf(env, reg)) && !mayAccessPacket(env, false, meta.helper.pktAccess ?? false)) {
    fail('EACCES', 'helper access to the packet is not allowed')
  }
  const desc = resolveKind(meta, declared)
  if (!(isNullScalar(env, reg) && desc.nullable)) {
    checkRegType(env, regno, desc.kind, desc, meta)
    checkArgOffset(env, regno, desc)
  }
  if (desc.release) checkRelease(env, regno, desc, meta)
  const ref = refOf(env, reg)
  if (ref && desc.kind !== 'kptr_xchg_dest') {
    if (meta.refObjId) {
      failReg(regno, 'EACCES', `more than one arg with ref_obj_id R${regno} ${ref} ${meta.refObjId}`)
    }
    meta.refObjId = ref
  }
  checkArgValue(env, index, desc, meta)
}

function checkArgValue(env: Env, index: number, desc: ArgDesc, meta: CallMeta): void {
  const regno = index + 1
  const reg = env.reg(regno)
  switch (desc.kind) {
    case 'const_map_ptr':
      checkMapArg(env, reg, meta)
      break
    case 'map_key': {
      const { keySize } = meta.map!
      checkHelperMemory(env, regno, keySize, false, false, undefined)
      if (meta.map!.def?.verify?.lookupNeverNull) meta.constKey = constantKey(env, reg, keySize)
      break
    }
    case 'map_value':
      if (desc.nullable && isNullScalar(env, reg)) return
      meta.raw = desc.uninit ?? false
      checkHelperMemory(env, regno, meta.map!.valueSize, writes(desc), false, meta)
      break
    case 'percpu_btf_id':
      if (!aux1(env, reg)) failReg(regno, 'EACCES', `Helper has invalid btf_id in R${regno}`)
      meta.perCpuObject = (typeOf(env, reg) & MEM_RCU) !== 0
      meta.btf = aux0(env, reg)
      meta.btfId = aux1(env, reg)
      break
    case 'spin_lock':
      if (inTreeCallback(env)) fail('EACCES', "can't spin_{lock,unlock} in rbtree cb")
      processSpinLock(env, regno, meta.helper.verify?.lock === 'acquire', SPIN_LOCK)
      break
    case 'timer': {
      const { map, uid } = checkMapField(env, regno, 'bpf_timer')
      meta.map = map
      meta.mapUid = uid
      break
    }
    case 'func':
      meta.subprog = aux0(env, reg)
      break
    case 'mem':
      meta.raw = desc.uninit ?? false
      if (desc.size !== undefined) {
        checkHelperMemory(env, regno, desc.size, writes(desc), false, meta)
        if (desc.aligned) checkAlignment(env, reg, 0, desc.size, true)
      }
      break
    case 'const_size':
    case 'const_size_or_zero':
      checkMemorySize(
        env,
        regno,
        writes(meta.helper.args[index - 1]!),
        desc.kind === 'const_size_or_zero',
        meta,
      )
      break
    case 'dynptr':
      checkDynptrArg(env, regno, desc, env.insn, (off) => checkMemAccess(env, regno, off, 8, true))
      break
    case 'const_alloc_size_or_zero':
      if (!env.domain.isConst(reg)) failReg(regno, 'EACCES', `R${regno} is not a known constant'`)
      meta.memSize = env.domain.constLo(reg)
      markChainPrecision(env, regno)
      break
    case 'const_str':
      checkConstString(env, regno)
      break
    case 'kptr_xchg_dest':
      kptrExchange(env, regno, meta)
      break
    default:
  }
}

function checkMapArg(env: Env, reg: number, meta: CallMeta): void {
  const map = mapOf(env, reg)
  const uid = aux1(env, reg)
  if (meta.map && (meta.map !== map || meta.mapUid !== uid)) {
    fail(
      'EINVAL',
      `timer pointer in R1 map_uid=${meta.mapUid} doesn't match map pointer in R2 map_uid=${uid}`,
    )
  }
  meta.map = map
  meta.mapUid = uid
}

/** get_constant_map_key: the key, when it is a known constant on the stack; else -1. */
function constantKey(env: Env, reg: number, keySize: number): number {
  if (typeOf(env, reg) !== PTR_TO_STACK || !env.domain.isConst(reg)) return -1
  const frame = frameOf(env, reg)
  const byte = -(offOf(env, reg) + env.domain.constLo(reg)) - 1
  const spi = byte >> 3
  const types = frame.types(spi)
  const { u8 } = env.heap
  let zeros = 0
  for (let i = byte & 7; i >= 0 && u8[types + i] === STACK_ZERO; i--) zeros++
  if (zeros >= keySize) return 0
  const slot = frame.slot(spi)
  if (!isSpilledScalar(env.heap, slot)) return -1
  let spilled = 0
  for (let i = byte & 7; i >= 0 && u8[types + i] === STACK_SPILL; i--) spilled++
  if (spilled !== keySize || !env.domain.isConst(slot)) return -1
  env.backtrack.setSlot(frame.frameno, spi)
  chainPrecision(env, env.cur)
  const key = BigInt.asIntN(64, value64(env, slot))
  return key >= 0n && key < 2n ** 52n ? Number(key) : -1
}

/** check_map_field_pointer: a pointer to a special field of a map value. */
export function checkMapField(env: Env, regno: number, kind: FieldKind): { map: VerifierMap; uid: number } {
  const reg = env.reg(regno)
  const map = mapOf(env, reg)
  const name = fieldName(kind)
  requireConstOffset(env, regno, name)
  if (!map.hasBtf) failReg(regno, 'EINVAL', `map '${map.name}' has to have BTF in order to use ${name}`)
  const field = findField(map, kind)
  if (!field) failReg(regno, 'EINVAL', `map '${map.name}' has no valid ${name}`)
  const at = value64(env, reg) + BigInt(offOf(env, reg))
  if (at !== BigInt(field.offset)) {
    failReg(
      regno,
      'EINVAL',
      `off ${BigInt.asIntN(64, at)} doesn't point to 'struct ${name}' that is at ${field.offset}`,
    )
  }
  return { map, uid: aux1(env, reg) }
}

/** check_reg_const_str: a string that ends inside a read-only map. */
export function checkConstString(env: Env, regno: number): void {
  const reg = env.reg(regno)
  const map = mapOf(env, reg)
  if (map.canWrite || !map.spec.frozen) {
    failReg(regno, 'EACCES', `R${regno} does not point to a readonly map'`)
  }
  if (!env.domain.isConst(reg)) failReg(regno, 'EACCES', `R${regno} is not a constant address'`)
  if (!map.constant) failReg(regno, 'EACCES', 'no direct value access support for this map type')
  checkMapAccess(env, regno, offOf(env, reg), map.valueSize - offOf(env, reg), false, false)
  const at = offOf(env, reg) + env.domain.constLo(reg)
  if (map.constant.indexOf(0, at) < 0) failReg(regno, 'EINVAL', 'string is not zero-terminated')
}
