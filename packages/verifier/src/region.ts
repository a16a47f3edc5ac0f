import type { Env } from './env.ts'
import { failReg } from './errors.ts'
import { fieldName, isKptr } from './fields.ts'
import { BPF_MAX_VAR_OFF } from './limits.ts'
import { umax64, value64 } from './log-state.ts'
import {
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_PACKET,
  PTR_TO_PACKET_END,
  PTR_TO_PACKET_META,
} from './reg-type.ts'
import { idOf, mapOf, sminIsLowest, sminIsNegative, typeOf } from './regs.ts'

/** Bounds of the memory that a pointer of known size points into. */

/** __check_mem_access: the bytes from a fixed offset on. `more` is a line that follows the reason. */
export function checkRegionBytes(
  env: Env,
  regno: number,
  off: number,
  size: number,
  memSize: number,
  zeroAllowed: boolean,
  more: string,
): void {
  if (off >= 0 && (size > 0 || (size === 0 && zeroAllowed)) && off + size <= memSize) return
  const reg = env.reg(regno)
  let line: string
  switch (typeOf(env, reg)) {
    case PTR_TO_MAP_KEY:
      line = `invalid access to map key, key_size=${memSize} off=${off} size=${size}`
      break
    case PTR_TO_MAP_VALUE:
      line = `invalid access to map value, value_size=${memSize} off=${off} size=${size}`
      break
    case PTR_TO_PACKET:
    case PTR_TO_PACKET_META:
    case PTR_TO_PACKET_END:
      line = `invalid access to packet, off=${off} size=${size}, R${regno}(id=${idOf(env, reg)},off=${off},r=${memSize})`
      break
    default:
      line = `invalid access to memory, mem_size=${memSize >>> 0} off=${off} size=${size}`
  }
  failReg(regno, 'EACCES', line, more)
}

/** check_mem_region_access: the bytes from a fixed offset plus all that the register may add. */
export function checkRegion(
  env: Env,
  regno: number,
  off: number,
  size: number,
  memSize: number,
  zeroAllowed: boolean,
): void {
  const reg = env.reg(regno)
  const smin = env.domain.smin(reg)
  if (
    sminIsNegative(env, reg) &&
    (sminIsLowest(env, reg) || off + smin !== ((off + smin) | 0) || smin + off < 0)
  ) {
    failReg(
      regno,
      'EACCES',
      `R${regno} min value is negative, either use unsigned index or do a if (index >=0) check.`,
    )
  }
  checkRegionBytes(
    env,
    regno,
    (smin + off) | 0,
    size,
    memSize,
    zeroAllowed,
    `R${regno} min value is outside of the allowed memory range`,
  )
  const umax = env.domain.umax(reg)
  if (umax >= BPF_MAX_VAR_OFF) {
    failReg(regno, 'EACCES', `R${regno} unbounded memory access, make sure to bounds check any such access`)
  }
  checkRegionBytes(
    env,
    regno,
    (umax + off) | 0,
    size,
    memSize,
    zeroAllowed,
    `R${regno} max value is outside of the allowed memory range`,
  )
}

/** check_map_access: inside the value, and not over its special fields. */
export function checkMapAccess(
  env: Env,
  regno: number,
  off: number,
  size: number,
  zeroAllowed: boolean,
  byInstruction: boolean,
): void {
  const reg = env.reg(regno)
  const map = mapOf(env, reg)
  checkRegion(env, regno, off, size, map.valueSize, zeroAllowed)
  if (map.fields.length === 0) return
  const low = env.domain.smin(reg) + off
  const high = Number(umax64(env, reg)) + off + size
  for (const field of map.fields) {
    if (low >= field.offset + field.size || field.offset >= high) continue
    const name = fieldName(field.kind)
    if (!isKptr(field.kind) && field.kind !== 'uptr') {
      failReg(regno, 'EACCES', `${name} cannot be accessed directly by load/store`)
    }
    if (!byInstruction) failReg(regno, 'EACCES', `${name} cannot be accessed indirectly by helper`)
    if (!env.domain.isConst(reg)) failReg(regno, 'EACCES', `${name} access cannot have variable offset`)
    const at = BigInt(off) + value64(env, reg)
    if (at !== BigInt(field.offset)) {
      failReg(
        regno,
        'EACCES',
        `${name} access misaligned expected=${field.offset} off=${BigInt.asUintN(64, at)}`,
      )
    }
    if (size !== 8) failReg(regno, 'EACCES', `${name} access size must be BPF_DW`)
  }
}

/** check_map_access_type: the map's flags allow it. */
export function checkMapFlags(env: Env, regno: number, off: number, size: number, write: boolean): void {
  const map = mapOf(env, env.reg(regno))
  if (write ? map.canWrite : map.canRead) return
  failReg(
    regno,
    'EACCES',
    `${write ? 'write into' : 'read from'} map forbidden, value_size=${map.valueSize} off=${off} size=${size}`,
  )
}
