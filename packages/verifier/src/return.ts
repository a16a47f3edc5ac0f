import type { ReturnRange } from '@skep/registry'
import type { Env } from './env.ts'
import { failReg } from './errors.ts'
import { KERNEL_BTF } from './kernel-btf.ts'
import { REG_S32_MAX, REG_S32_MIN } from './layout.ts'
import { smax64, smin64 } from './log-state.ts'
import { checkUnmodified } from './memory-access.ts'
import { markChainPrecision } from './precision.ts'
import { baseType, PTR_TO_BTF_ID, SCALAR_VALUE, typeName } from './reg-type.ts'
import { aux0, aux1, checkRead, isPointerValue, refOf, typeOf } from './regs.ts'

/** verbose_invalid_scalar: how the register is outside its range. */
export function outOfRangeText(
  env: Env,
  reg: number,
  min: number,
  max: number,
  where: string,
  name: string,
): string {
  const smin = smin64(env, reg)
  const smax = smax64(env, reg)
  let text = `${where} the register ${name} has`
  const unknown = smin === -(2n ** 63n) && smax === 2n ** 63n - 1n
  if (smin !== -(2n ** 63n)) text += ` smin=${smin}`
  if (smax !== 2n ** 63n - 1n) text += ` smax=${smax}`
  if (unknown) text += ' unknown scalar value'
  return `${text} should have been in [${min}, ${max}]`
}

export const within = (env: Env, reg: number, min: number, max: number): boolean =>
  env.domain.smin(reg) >= min && env.domain.smax(reg) <= max

/** What the main program may return: by attach type, else by program type. */
function rangeOf(env: Env): ReturnRange | undefined {
  const attach = env.attachType === undefined ? undefined : env.type.attachTypes?.[env.attachType]
  return attach && 'returns' in attach ? attach.returns : env.type.returns
}

const NULL: ReturnRange = { min: 0, max: 0 }

/** A referenced object of the type that the target returns, as it came. */
function isOwnedObject(env: Env, struct: number): boolean {
  const reg = env.reg(0)
  if (baseType(typeOf(env, reg)) !== PTR_TO_BTF_ID || !refOf(env, reg)) return false
  if (aux0(env, reg) !== KERNEL_BTF || aux1(env, reg) !== struct) return false
  checkUnmodified(env, reg, 0, false)
  return true
}

/** check_return_code: r0 when the program ends. */
export function checkReturnCode(env: Env, regno = 0): void {
  const frame = env.cur.frames[0]!
  const reg = env.reg(regno)
  const name = `R${regno}`
  const returns = env.attachTarget?.returns
  if (frame.subprog === 0 || frame.inExceptionCallback) {
    if (returns?.kind === 'nothing') return
    if (returns?.kind === 'object' && !frame.inExceptionCallback && isOwnedObject(env, returns.struct)) return
  }
  checkRead(env, regno)
  if (isPointerValue(env, reg)) failReg(regno, 'EACCES', `${name} leaks addr as return value`)
  let where = 'At program exit'
  let range: ReturnRange | undefined
  if (frame.inAsyncCallback) {
    where = 'At async callback return'
    range = { min: frame.returnMin, max: frame.returnMax }
  } else if (frame.subprog > 0 && !frame.inExceptionCallback) {
    if (typeOf(env, reg) !== SCALAR_VALUE) {
      failReg(
        regno,
        'EINVAL',
        `At subprogram exit the register ${name} is not a scalar value (${typeName(typeOf(env, reg))})`,
      )
    }
    return
  } else if (returns) {
    if (returns.kind === 'range') range = returns.range
    else if (returns.kind === 'object') range = NULL
  } else range = rangeOf(env)
  if (!range) return
  if (typeOf(env, reg) !== SCALAR_VALUE) {
    failReg(
      regno,
      'EINVAL',
      `${where} the register ${name} is not a known value (${typeName(typeOf(env, reg))})`,
    )
  }
  markChainPrecision(env, regno)
  const target = returns?.kind === 'range' && !frame.inAsyncCallback ? returns : undefined
  const { i32 } = env.heap
  const inside = target?.half
    ? i32[(reg + REG_S32_MIN) >> 2]! >= range.min && i32[(reg + REG_S32_MAX) >> 2]! <= range.max
    : within(env, reg, range.min, range.max)
  if (inside) return
  const note = target?.note ? [target.note] : []
  failReg(regno, 'EINVAL', outOfRangeText(env, reg, range.min, range.max, where, name), ...note)
}
