import { SOCKET_LAYOUTS } from '@skep/registry'
import { checkMapPointerAccess } from './btf-access.ts'
import { contextAccess } from './context.ts'
import type { Env } from './env.ts'
import { fail, failReg } from './errors.ts'
import { KERNEL_BTF } from './kernel-btf.ts'
import { checkBtfAccess, kernelStruct } from './kernel-types.ts'
import { checkKptrAccess } from './kptr.ts'
import { REG_AUX0, REG_AUX1, REG_ID, REG_REF_OBJ_ID, REG_VAR_OFF } from './layout.ts'
import { FLOW_KEYS_SIZE } from './limits.ts'
import { sourceLine } from './log.ts'
import { tnumText } from './log-state.ts'
import { checkPacketAccess, mayAccessPacket } from './packet.ts'
import {
  baseType,
  CONST_PTR_TO_MAP,
  isPacketPointer,
  isReadOnlyMem,
  isSocketPointer,
  mayBeNull,
  PTR_TO_ARENA,
  PTR_TO_BTF_ID,
  PTR_TO_BUF,
  PTR_TO_CTX,
  PTR_TO_FLOW_KEYS,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_SOCK_COMMON,
  PTR_TO_SOCKET,
  PTR_TO_STACK,
  PTR_TO_TCP_SOCK,
  PTR_TO_TP_BUFFER,
  PTR_TO_XDP_SOCK,
  PTR_UNTRUSTED,
  SCALAR_VALUE,
  typeName,
} from './reg-type.ts'
import { checkMapAccess, checkMapFlags, checkRegion } from './region.ts'
import {
  isPointerValue,
  mapOf,
  markKnown64,
  markPointer,
  markUnknown,
  offOf,
  sminIsNegative,
  typeOf,
} from './regs.ts'
import { TNUM_A } from './scratch.ts'
import { checkStackBounds, readStack, writeStack } from './stack.ts'
import { readTargetArg } from './target-args.ts'

const ALIGNMENT_NAMES: Readonly<Record<number, string>> = {
  [PTR_TO_FLOW_KEYS]: 'flow keys ',
  [PTR_TO_MAP_KEY]: 'key ',
  [PTR_TO_MAP_VALUE]: 'value ',
  [PTR_TO_CTX]: 'context ',
  [PTR_TO_STACK]: 'stack ',
  [PTR_TO_SOCKET]: 'sock ',
  [PTR_TO_SOCK_COMMON]: 'sock_common ',
  [PTR_TO_TCP_SOCK]: 'tcp_sock ',
  [PTR_TO_XDP_SOCK]: 'xdp_sock ',
}

/** check_ptr_alignment: strict for the stack, and elsewhere when the loader asks for it or the access is atomic. */
export function checkAlignment(env: Env, reg: number, off: number, size: number, strictOnce: boolean): void {
  const type = typeOf(env, reg)
  if (type === PTR_TO_ARENA) return
  if (size === 1) return
  if (!strictOnce && !env.privileges.strictAlignment && type !== PTR_TO_STACK) return
  const packet = type === PTR_TO_PACKET || type === PTR_TO_PACKET_META
  const fixed = offOf(env, reg) + off + (packet ? 2 : 0)
  const { tnum } = env.domain
  // Aligned: the fixed part and the variable part together have no bit below the size.
  tnum.constant(TNUM_A, fixed, 0)
  tnum.add(TNUM_A, reg + REG_VAR_OFF, TNUM_A)
  if (tnum.isAligned(TNUM_A, size)) return
  const variable = tnumText(env, reg)
  fail(
    'EACCES',
    packet
      ? `misaligned packet access off 2+${variable}+${offOf(env, reg)}+${off} size ${size}`
      : `misaligned ${ALIGNMENT_NAMES[type] ?? ''}access off ${variable}+${offOf(env, reg)}+${off} size ${size}`,
  )
}

/** __check_ptr_off_reg: a pointer in its original form, as contexts and objects must be. */
export function checkUnmodified(env: Env, reg: number, regno: number, fixedOffsetOk: boolean): void {
  const off = offOf(env, reg)
  const name = typeName(typeOf(env, reg))
  if (off < 0) failReg(regno, 'EACCES', `negative offset ${name} ptr R${regno} off=${off} disallowed`)
  if (!fixedOffsetOk && off) {
    failReg(regno, 'EACCES', `dereference of modified ${name} ptr R${regno} off=${off} disallowed`)
  }
  if (!env.domain.isZero(reg)) {
    failReg(regno, 'EACCES', `variable ${name} access var_off=${tnumText(env, reg)} disallowed`)
  }
}

function refuseLeak(env: Env, valueReg: number, where: string): void {
  if (valueReg >= 0 && isPointerValue(env, env.reg(valueReg))) {
    failReg(valueReg, 'EACCES', `R${valueReg} leaks addr into ${where}`)
  }
}

/**
 * check_mem_access: may `size` bytes at register plus offset be read, or written? `valueReg` is the register that is
 * stored or loaded; -1 for none.
 */
export function checkMemAccess(
  env: Env,
  regno: number,
  insnOff: number,
  size: number,
  write: boolean,
  valueReg = -1,
  strictOnce = false,
  signExtends = false,
): void {
  const reg = env.reg(regno)
  const type = typeOf(env, reg)
  checkAlignment(env, reg, insnOff, size, strictOnce)
  const off = insnOff + offOf(env, reg)
  const loads = !write && valueReg >= 0
  if (type === PTR_TO_STACK) {
    checkStackBounds(env, regno, off, size, write)
    if (write) writeStack(env, regno, off, size, valueReg)
    else readStack(env, regno, off, size, valueReg)
  } else if (type === PTR_TO_MAP_VALUE) {
    checkMapValue(env, regno, off, size, write, valueReg)
  } else if (type === PTR_TO_CTX) {
    checkContext(env, regno, off, size, write, valueReg, signExtends)
  } else if (isPacketPointer(type)) {
    if (write && !mayAccessPacket(env, true, undefined)) fail('EACCES', 'cannot write into packet')
    if (write) refuseLeak(env, valueReg, 'packet')
    checkPacketAccess(env, regno, off, size, false)
    if (loads) markUnknown(env, env.reg(valueReg))
  } else if (type === PTR_TO_MAP_KEY) {
    if (write) failReg(regno, 'EACCES', `write to change key R${regno} not allowed`)
    checkRegion(env, regno, off, size, mapOf(env, reg).keySize, false)
    if (loads) markUnknown(env, env.reg(valueReg))
  } else if (baseType(type) === PTR_TO_MEM) {
    checkMem(env, regno, off, size, write, valueReg)
  } else if (type === PTR_TO_FLOW_KEYS) {
    if (write) refuseLeak(env, valueReg, 'flow keys')
    if (off < 0 || off + size > FLOW_KEYS_SIZE) {
      failReg(regno, 'EACCES', `invalid access to flow keys off=${off} size=${size}`)
    }
    if (loads) markUnknown(env, env.reg(valueReg))
  } else if (isSocketPointer(type)) {
    checkSocket(env, regno, off, size, write)
    if (valueReg >= 0) markUnknown(env, env.reg(valueReg))
  } else if (type === PTR_TO_TP_BUFFER) {
    checkBuffer(env, regno, off, 'tracepoint', size)
    if (loads) markUnknown(env, env.reg(valueReg))
  } else if (baseType(type) === PTR_TO_BTF_ID && !mayBeNull(type)) {
    checkBtfAccess(env, regno, off, size, write, valueReg)
  } else if (type === CONST_PTR_TO_MAP) {
    checkMapPointerAccess(env, regno, off, size, write, valueReg)
  } else if (baseType(type) === PTR_TO_BUF && !mayBeNull(type)) {
    const readOnly = isReadOnlyMem(type)
    if (readOnly && write) failReg(regno, 'EACCES', `R${regno} cannot write into ${typeName(type)}`)
    checkBuffer(env, regno, off, readOnly ? 'rdonly' : 'rdwr', size)
    if (valueReg >= 0 && (readOnly || !write)) markUnknown(env, env.reg(valueReg))
  } else if (type === PTR_TO_ARENA) {
    if (loads) markUnknown(env, env.reg(valueReg))
  } else {
    failReg(regno, 'EACCES', `R${regno} invalid mem access '${typeName(type)}'`)
  }
  if (size < 8 && loads && typeOf(env, env.reg(valueReg)) === SCALAR_VALUE) {
    if (signExtends) env.domain.coerceToSizeSx(env.reg(valueReg), size)
    else env.domain.coerceToSize(env.reg(valueReg), size)
  }
}

function checkMapValue(
  env: Env,
  regno: number,
  off: number,
  size: number,
  write: boolean,
  valueReg: number,
): void {
  const reg = env.reg(regno)
  if (write) refuseLeak(env, valueReg, 'map')
  checkMapFlags(env, regno, off, size, write)
  checkMapAccess(env, regno, off, size, false, true)
  const map = mapOf(env, reg)
  const constant = env.domain.isConst(reg) !== 0
  const at = off + (constant ? env.domain.constLo(reg) : 0)
  // Accesses of other special fields were refused before.
  const field = constant ? map.fields.find((f) => f.offset === at) : undefined
  if (field) {
    checkKptrAccess(env, map, field, valueReg)
    return
  }
  if (write || valueReg < 0) return
  const value = env.reg(valueReg)
  if (constant && map.constant) loadConstant(env, value, map.constant, at, size)
  else markUnknown(env, value)
}

/** Contents of a read-only, frozen map are constants. Signs are extended with those of other loads. */
function loadConstant(env: Env, reg: number, bytes: Uint8Array, at: number, size: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let lo: number
  let hi = 0
  switch (size) {
    case 1:
      lo = view.getUint8(at)
      break
    case 2:
      lo = view.getUint16(at, true)
      break
    case 4:
      lo = view.getInt32(at, true)
      break
    default:
      lo = view.getInt32(at, true)
      hi = view.getInt32(at + 4, true)
  }
  markKnown64(env, reg, lo, hi)
}

function checkMem(
  env: Env,
  regno: number,
  off: number,
  size: number,
  write: boolean,
  valueReg: number,
): void {
  const reg = env.reg(regno)
  const type = typeOf(env, reg)
  const readOnly = isReadOnlyMem(type)
  if (mayBeNull(type)) failReg(regno, 'EACCES', `R${regno} invalid mem access '${typeName(type)}'`)
  if (write && readOnly) failReg(regno, 'EACCES', `R${regno} cannot write into ${typeName(type)}`)
  if (write) refuseLeak(env, valueReg, 'mem')
  if (!(readOnly && type & PTR_UNTRUSTED)) {
    checkRegion(env, regno, off, size, env.heap.i32[(reg + REG_AUX0) >> 2]! >>> 0, false)
  }
  if (valueReg >= 0 && (!write || readOnly)) markUnknown(env, env.reg(valueReg))
}

function checkContext(
  env: Env,
  regno: number,
  off: number,
  size: number,
  write: boolean,
  valueReg: number,
  signExtends: boolean,
): void {
  const reg = env.reg(regno)
  if (write) refuseLeak(env, valueReg, 'ctx')
  checkUnmodified(env, reg, regno, false)
  const { context } = env.type
  if (context.kind === 'args' && context.btf) {
    checkTargetArg(env, regno, off, size, write, valueReg)
    return
  }
  const access = contextAccess(context, off, size, write, signExtends, env.attachType ?? '')
  if (!access)
    failReg(regno, 'EACCES', `invalid bpf_context access off=${off} size=${size}`, ...sourceLine(env))
  if (write || valueReg < 0) return
  const value = env.reg(valueReg)
  if (access.type === SCALAR_VALUE) {
    markUnknown(env, value)
    return
  }
  markPointer(env, value, access.type)
  const { i32 } = env.heap
  if (mayBeNull(access.type)) i32[(value + REG_ID) >> 2] = ++env.idGen
  if (baseType(access.type) === PTR_TO_BTF_ID) {
    const { btf, id } = kernelStruct(env, access.field?.btf ?? '')
    i32[(value + REG_AUX0) >> 2] = btf
    i32[(value + REG_AUX1) >> 2] = id
  }
}

/** An argument of what the program attaches to, typed by the kernel's BTF. */
function checkTargetArg(
  env: Env,
  regno: number,
  off: number,
  size: number,
  write: boolean,
  valueReg: number,
): void {
  const access = readTargetArg(env, regno, off, size, write)
  if (valueReg < 0) return
  const value = env.reg(valueReg)
  if (access.type === SCALAR_VALUE) {
    markUnknown(env, value)
    if (access.range) env.domain.narrowS32(value, access.range.min, access.range.max)
    return
  }
  markPointer(env, value, access.type)
  const { i32 } = env.heap
  if (mayBeNull(access.type)) i32[(value + REG_ID) >> 2] = ++env.idGen
  if (baseType(access.type) !== PTR_TO_BTF_ID) return
  i32[(value + REG_REF_OBJ_ID) >> 2] = access.ref ?? 0
  i32[(value + REG_AUX0) >> 2] = KERNEL_BTF
  i32[(value + REG_AUX1) >> 2] = access.id
}

function checkSocket(env: Env, regno: number, off: number, size: number, write: boolean): void {
  const reg = env.reg(regno)
  const type = typeOf(env, reg)
  if (write) failReg(regno, 'EACCES', `R${regno} cannot write into ${typeName(type)}`)
  if (sminIsNegative(env, reg)) {
    failReg(
      regno,
      'EACCES',
      `R${regno} min value is negative, either use unsigned index or do a if (index >=0) check.`,
    )
  }
  const name = typeName(type) as keyof typeof SOCKET_LAYOUTS
  if (!contextAccess(SOCKET_LAYOUTS[name], off, size, false, false, '')) {
    failReg(regno, 'EACCES', `R${regno} invalid ${name} access off=${off} size=${size}`)
  }
}

/** __check_buffer_access: memory whose size is checked when the program is attached or run. */
export function checkBuffer(
  env: Env,
  regno: number,
  off: number,
  what: 'rdonly' | 'rdwr' | 'tracepoint',
  size: number,
): void {
  const reg = env.reg(regno)
  if (off < 0) failReg(regno, 'EACCES', `R${regno} invalid ${what} buffer access: off=${off}, size=${size}`)
  if (!env.domain.isZero(reg)) {
    failReg(
      regno,
      'EACCES',
      `R${regno} invalid variable buffer offset: off=${off}, var_off=${tnumText(env, reg)}`,
    )
  }
  // How long it is, is known when the program is attached.
  if (what !== 'tracepoint') env.facts.noteBuffer(what, off + size)
}
