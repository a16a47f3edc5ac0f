import type { Env } from './env.ts'
import { failReg } from './errors.ts'
import { checkBtfAccess } from './kernel-types.ts'
import { BPF_MAX_VAR_SIZ } from './limits.ts'
import { umax64, umin64 } from './log-state.ts'
import { checkBuffer, checkMemAccess } from './memory-access.ts'
import { checkPacketAccess } from './packet.ts'
import { markChainPrecision } from './precision.ts'
import {
  baseType,
  isReadOnlyMem,
  PTR_TO_BTF_ID,
  PTR_TO_BUF,
  PTR_TO_CTX,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_STACK,
  typeName,
} from './reg-type.ts'
import { checkMapAccess, checkMapFlags, checkRegion } from './region.ts'
import { aux0, isNullScalar, mapOf, offOf, sminIsNegative, typeOf } from './regs.ts'
import { checkStackInitialized, type RawAccess } from './stack.ts'

/** check_helper_mem_access: a helper reads or writes `size` bytes where the register points. */
export function checkHelperMemory(
  env: Env,
  regno: number,
  size: number,
  write: boolean,
  zeroAllowed: boolean,
  meta: RawAccess | undefined,
): void {
  const reg = env.reg(regno)
  const type = typeOf(env, reg)
  const refuseWrite = (): never => failReg(regno, 'EACCES', `R${regno} cannot write into ${typeName(type)}`)
  switch (baseType(type)) {
    case PTR_TO_PACKET:
    case PTR_TO_PACKET_META:
      checkPacketAccess(env, regno, offOf(env, reg), size, zeroAllowed)
      return
    case PTR_TO_MAP_KEY:
      if (write) refuseWrite()
      checkRegion(env, regno, offOf(env, reg), size, mapOf(env, reg).keySize, false)
      return
    case PTR_TO_MAP_VALUE:
      checkMapFlags(env, regno, offOf(env, reg), size, write)
      checkMapAccess(env, regno, offOf(env, reg), size, zeroAllowed, false)
      return
    case PTR_TO_MEM:
      if (isReadOnlyMem(type) && write) refuseWrite()
      checkRegion(env, regno, offOf(env, reg), size, aux0(env, reg) >>> 0, zeroAllowed)
      return
    case PTR_TO_BUF: {
      const readOnly = isReadOnlyMem(type)
      if (readOnly && write) refuseWrite()
      checkBuffer(env, regno, offOf(env, reg), readOnly ? 'rdonly' : 'rdwr', size)
      return
    }
    case PTR_TO_STACK:
      checkStackInitialized(env, regno, offOf(env, reg), size, zeroAllowed, write, meta)
      return
    case PTR_TO_BTF_ID:
      checkBtfAccess(env, regno, offOf(env, reg), size, false, -1)
      return
    case PTR_TO_CTX:
      if (env.type.plainContext) {
        if (size === 0) {
          if (zeroAllowed) return
          failReg(regno, 'EACCES', `R${regno} type=ctx expected=fp`)
        }
        checkMemAccess(env, regno, size - 1, 1, write)
        return
      }
      break
    default:
  }
  if (zeroAllowed && size === 0 && isNullScalar(env, reg)) return
  failReg(regno, 'EACCES', `R${regno} type=${typeName(type)} expected=fp`)
}

/** What is found out about a size argument. */
export interface SizeMeta extends RawAccess {
  /** The size argument's largest value, for results that it bounds. */
  sizeMax: number
}

export const newSizeMeta = (): SizeMeta => ({ raw: false, accessSize: 0, accessReg: 0, sizeMax: 0 })

/** check_mem_size_reg: register `regno` holds the size of the memory that the register before it points to. */
export function checkMemorySize(
  env: Env,
  regno: number,
  write: boolean,
  zeroAllowed: boolean,
  meta: SizeMeta,
): void {
  const reg = env.reg(regno)
  const umax = env.domain.umax(reg)
  meta.sizeMax = umax
  if (sminIsNegative(env, reg)) {
    failReg(regno, 'EACCES', `R${regno} min value is negative, either use unsigned or 'var &= const'`)
  }
  if (!zeroAllowed && env.domain.umin(reg) === 0) {
    failReg(
      regno,
      'EACCES',
      `R${regno} invalid zero-sized read: u64=[${BigInt.asIntN(64, umin64(env, reg))},${BigInt.asIntN(64, umax64(env, reg))}]`,
    )
  }
  if (umax >= BPF_MAX_VAR_SIZ) {
    failReg(regno, 'EACCES', `R${regno} unbounded memory access, use 'var &= const' or 'if (var < const)'`)
  }
  const known = env.domain.isConst(reg) !== 0
  checkHelperMemory(env, regno - 1, umax, write, zeroAllowed, known ? meta : undefined)
  markChainPrecision(env, regno)
}
