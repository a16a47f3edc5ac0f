import type { ReturnRange } from '@skep/registry'
import type { Env } from './env.ts'
import { failReg } from './errors.ts'
import { smax64, smin64 } from './log-state.ts'
import { markChainPrecision } from './precision.ts'
import { SCALAR_VALUE, typeName } from './reg-type.ts'
import { checkRead, isPointerValue, typeOf } from './regs.ts'

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

/** check_return_code: r0 when the program ends. */
export function checkReturnCode(env: Env): void {
  const frame = env.cur.frames[0]!
  const reg = env.reg(0)
  checkRead(env, 0)
  if (isPointerValue(env, reg)) failReg(0, 'EACCES', 'R0 leaks addr as return value')
  let where = 'At program exit'
  let range: ReturnRange | undefined
  if (frame.inAsyncCallback) {
    where = 'At async callback return'
    range = { min: frame.returnMin, max: frame.returnMax }
  } else if (frame.subprog > 0 && !frame.inExceptionCallback) {
    if (typeOf(env, reg) !== SCALAR_VALUE) {
      failReg(
        0,
        'EINVAL',
        `At subprogram exit the register R0 is not a scalar value (${typeName(typeOf(env, reg))})`,
      )
    }
    return
  } else range = rangeOf(env)
  if (!range) return
  if (typeOf(env, reg) !== SCALAR_VALUE) {
    failReg(0, 'EINVAL', `${where} the register R0 is not a known value (${typeName(typeOf(env, reg))})`)
  }
  markChainPrecision(env, 0)
  if (!within(env, reg, range.min, range.max)) {
    failReg(0, 'EINVAL', outOfRangeText(env, reg, range.min, range.max, where, 'R0'))
  }
}
