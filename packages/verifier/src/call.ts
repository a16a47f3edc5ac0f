import type { HelperDef } from '@skep/registry'
import { type CallMeta, checkArg, newCallMeta } from './args.ts'
import { pushCallback } from './callbacks.ts'
import { DYNPTR_SKB, DYNPTR_SKB_META, dynptrRecord, releaseDynptr } from './dynptr.ts'
import type { Env } from './env.ts'
import { fail, failReg } from './errors.ts'
import { checkFormatArgs } from './format-string.ts'
import { callbackOf, helperAt, helperName, isHelperId, isProbeAllowed } from './helper-lookup.ts'
import { setBtfResult } from './kernel-types.ts'
import { releaseKptr, setExchanged } from './kptr.ts'
import { REG_AUX0, REG_AUX1, REG_ID, REG_REF_OBJ_ID, REG_TYPE } from './layout.ts'
import { MAX_ERRNO } from './limits.ts'
import { LOG_LEVEL2 } from './log.ts'
import { checkMapCompatibility } from './map-compat.ts'
import { hasField } from './maps.ts'
import { checkMemAccess } from './memory-access.ts'
import { clearPacketPointers } from './packet.ts'
import { markChainPrecision } from './precision.ts'
import { acquireReference, checkResourceLeak, releaseReference } from './refs.ts'
import {
  MEM_RDONLY,
  MEM_RINGBUF,
  mayBeNull,
  PTR_MAYBE_NULL,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_SOCK_COMMON,
  PTR_TO_SOCKET,
  PTR_TO_TCP_SOCK,
  SCALAR_VALUE,
  typeName,
} from './reg-type.ts'
import {
  aux0,
  clearCallerSaved,
  idOf,
  isNullScalar,
  markPointer,
  markUnknown,
  refOf,
  typeOf,
} from './regs.ts'
import { returnEarly } from './subprog-calls.ts'

const WRITES_MAP: ReadonlySet<string> = new Set(['update', 'delete', 'push', 'pop'])

/** The helper that the instruction calls, when this program may call it here. */
function resolveHelper(env: Env): HelperDef {
  const id = env.program.imm[env.insn]!
  if (!isHelperId(env, id)) fail('EINVAL', `invalid func ${helperName(env, id)}`)
  const helper = helperAt(env, env.insn)
  if (!helper) return fail('EINVAL', `program of this type cannot use helper ${helperName(env, id)}`)
  if (helper.gplOnly && !env.privileges.gplCompatible) {
    fail('EINVAL', 'cannot call GPL-restricted function from non-GPL compatible program')
  }
  if (!isProbeAllowed(env, helper)) fail('EINVAL', 'helper call is not allowed in probe')
  if (helper.mightSleep) {
    if (!env.inSleepable) fail('EINVAL', 'helper call might sleep in a non-sleepable prog')
    const { cur } = env
    const where = cur.activeRcuLocks
      ? 'rcu_read_lock region'
      : cur.activePreemptLocks
        ? 'non-preemptible region'
        : cur.activeIrqId
          ? 'IRQ-disabled region'
          : undefined
    if (where) fail('EINVAL', `sleepable helper ${helperName(env, id)} in ${where}`)
  }
  return helper
}

/** check_helper_call */
export function checkHelperCall(env: Env): void {
  checkDescribedCall(env, resolveHelper(env))
}

/** A call of anything that is described as a helper is. */
export function checkDescribedCall(env: Env, helper: HelperDef): void {
  const { insn } = env
  const meta = newCallMeta(helper)
  for (let i = 0; i < helper.args.length; i++) checkArg(env, i, meta)
  recordMap(env, meta)
  for (let i = 0; i < meta.accessSize; i++) {
    checkMemAccess(env, meta.accessReg, i, 1, true)
  }
  if (meta.releaseReg) release(env, meta)
  const changesPacket = checkEffects(env, meta)
  clearCallerSaved(env, env.regs)
  setResult(env, meta, insn)
  refineResult(env, meta)
  checkMapCompatibility(env, meta)
  checkCaller(env, helper)
  if (!helper.tailCall) {
    if (changesPacket) clearPacketPointers(env)
  } else if (env.cur.curframe > 0) {
    // The function that is called may change the packet, and it returns to this function's caller.
    if (changesPacket) clearPacketPointers(env)
    returnEarly(env, false)
  }
}

/** Calls that some program types may write but not have (check_get_func_ip). */
function checkCaller(env: Env, helper: HelperDef): void {
  const callers = helper.verify?.callers
  if (!callers) return
  const rule = callers[env.type.name]
  if (rule === true || (env.attachType !== undefined && rule?.includes(env.attachType))) return
  const name = helperName(env, helper.id)
  if (rule) fail('ENOTSUPP', `func ${name} supported only for fentry/fexit/fmod_ret programs`)
  fail('ENOTSUPP', `func ${name} not supported for program type ${env.type.id}`)
}

/** record_func_map and record_func_key */
function recordMap(env: Env, meta: CallMeta): void {
  const { helper, map } = meta
  if (helper.mapOp && WRITES_MAP.has(helper.mapOp) && map && !map.canWrite) {
    fail('EACCES', 'write into map forbidden')
  }
  env.facts.noteCallMap(env.insn, map ? map.index : -1)
  if (!helper.tailCall) return
  if (map?.def?.value !== 'program') fail('EINVAL', 'expected prog array map for tail call')
  const key = env.reg(3)
  if (typeOf(env, key) !== SCALAR_VALUE || !env.domain.isConst(key)) return
  if (env.domain.umax(key) < map.maxEntries) markChainPrecision(env, 3)
}

function release(env: Env, meta: CallMeta): void {
  const regno = meta.releaseReg
  const reg = env.reg(regno)
  const desc = meta.helper.args[regno - 1]!
  if (desc.kind === 'dynptr') {
    releaseDynptr(env, reg)
    return
  }
  const released =
    meta.helper.returns.kind === 'kptr' && meta.refObjId
      ? releaseKptr(env, meta.refObjId)
      : meta.refObjId
        ? releaseReference(env, meta.refObjId)
        : isNullScalar(env, reg)
  if (!released) {
    fail('EINVAL', `func ${helperName(env, meta.helper.id)} reference has not been acquired before`)
  }
}

/** What the helper does to the state besides its result. True when packet pointers are invalid afterwards. */
function checkEffects(env: Env, meta: CallMeta): boolean {
  const { helper } = meta
  let changesPacket = helper.changesPacketData ?? false
  if (helper.tailCall) checkResourceLeak(env, false, true, 'tail_call')
  for (let i = 0; i < helper.args.length; i++) {
    const desc = helper.args[i]!
    const reg = env.reg(i + 1)
    if (desc.zero && !isNullScalar(env, reg)) {
      fail('EINVAL', `${helper.name.replace(/^bpf_/, '')}() doesn't support non-zero flags`)
    }
    if (desc.mapValueOnly && typeOf(env, reg) !== PTR_TO_MAP_VALUE) {
      failReg(i + 1, 'EACCES', `Unsupported reg type ${typeName(typeOf(env, reg))} for ${helper.name} data`)
    }
    if (desc.kind !== 'dynptr') continue
    if (helper.verify?.dynptr === 'data') {
      const record = dynptrRecord(env, reg)
      meta.memDynptr = idOf(env, record)
      meta.refObjId = refOf(env, record)
    }
    if (!helper.verify?.writesDynptr) continue
    const type = aux0(env, dynptrRecord(env, reg))
    if (type === DYNPTR_SKB || type === DYNPTR_SKB_META) changesPacket = true
  }
  const callback = callbackOf(helper)
  if (callback === 'loop') {
    if (isNullScalar(env, env.reg(4))) markChainPrecision(env, 4)
    markChainPrecision(env, 1)
    const frame = env.cur.frame
    if (frame.callbackDepth < env.domain.umax(env.reg(1))) pushCallback(env, callback, meta.subprog, meta.map)
    else {
      frame.callbackDepth = 0
      if (env.log.level & LOG_LEVEL2) {
        env.log.print(`frame${env.cur.curframe} bpf_loop iteration limit reached\n`)
      }
    }
  } else if (callback) pushCallback(env, callback, meta.subprog, meta.map)
  const { format } = helper.verify ?? {}
  if (format) checkFormatArgs(env, format.format, format.size)
  return changesPacket
}

/** r0 by the helper's result. */
function setResult(env: Env, meta: CallMeta, insn: number): void {
  const { helper } = meta
  const { returns } = helper
  const { i32 } = env.heap
  const r0 = env.reg(0)
  let flags = returns.nullable ? PTR_MAYBE_NULL : 0
  if (returns.readonly) flags |= MEM_RDONLY
  switch (returns.kind) {
    case 'integer':
      markUnknown(env, r0)
      break
    case 'void':
      return
    case 'map_value': {
      const map = meta.map!
      if (helper.mapOp === 'lookup' && meta.constKey >= 0 && meta.constKey < map.maxEntries) {
        flags &= ~PTR_MAYBE_NULL
      }
      markPointer(env, r0, PTR_TO_MAP_VALUE | flags)
      env.setMap(r0, map, 0)
      i32[(r0 + REG_AUX1) >> 2] = meta.mapUid
      if (!(flags & PTR_MAYBE_NULL) && hasField(map, 'bpf_spin_lock', 'bpf_res_spin_lock')) {
        i32[(r0 + REG_ID) >> 2] = ++env.idGen
      }
      break
    }
    case 'socket':
      markPointer(env, r0, PTR_TO_SOCKET | flags)
      break
    case 'sock_common':
      markPointer(env, r0, PTR_TO_SOCK_COMMON | flags)
      break
    case 'tcp_sock':
      markPointer(env, r0, PTR_TO_TCP_SOCK | flags)
      break
    case 'mem':
      markPointer(env, r0, PTR_TO_MEM | flags | (returns.ringbuf ? MEM_RINGBUF : 0))
      i32[(r0 + REG_AUX0) >> 2] = returns.size ?? meta.memSize
      break
    default:
      if (meta.kptr) setExchanged(env, r0, meta.kptr)
      else setBtfResult(env, r0, meta, flags)
  }
  if (mayBeNull(i32[(r0 + REG_TYPE) >> 2]!)) i32[(r0 + REG_ID) >> 2] = ++env.idGen
  const dynptrData = helper.verify?.dynptr === 'data'
  if (dynptrData) i32[(r0 + REG_AUX1) >> 2] = meta.memDynptr
  if (helper.verify?.pointerCast || dynptrData) {
    i32[(r0 + REG_REF_OBJ_ID) >> 2] = meta.refObjId
  } else if (acquires(meta)) {
    const id = acquireReference(env, insn)
    i32[(r0 + REG_ID) >> 2] = id
    i32[(r0 + REG_REF_OBJ_ID) >> 2] = id
  }
}

/** is_acquire_function */
function acquires(meta: CallMeta): boolean {
  const { helper, map } = meta
  if (helper.returns.acquire) return true
  const maps = helper.verify?.acquireFromMaps
  return maps !== undefined && map?.def !== undefined && maps.includes(map.def.name)
}

/** do_refine_retval_range */
function refineResult(env: Env, meta: CallMeta): void {
  const { returns, verify } = meta.helper
  if (returns.kind !== 'integer') return
  const r0 = env.reg(0)
  if (verify?.boundedBySizeArg !== undefined) env.domain.narrowS32(r0, -MAX_ERRNO, meta.sizeMax)
  else if (returns.cpu) env.domain.narrowU32(r0, 0, env.privileges.cpus - 1)
  else if (returns.min !== undefined && returns.max !== undefined) {
    env.domain.narrowS32(r0, returns.min, returns.max)
  }
}
