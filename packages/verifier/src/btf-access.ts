import type { Env } from './env.ts'
import { failReg } from './errors.ts'
import { btfAccess } from './kernel-types.ts'
import { typeName } from './reg-type.ts'
import { mapOf, typeOf } from './regs.ts'

/** check_ptr_to_btf_access: fields of kernel structs and local objects. */
export function checkBtfAccess(
  env: Env,
  regno: number,
  off: number,
  size: number,
  write: boolean,
  valueReg: number,
): void {
  btfAccess(env, regno, off, size, write, valueReg)
}

/** check_ptr_to_map_access: fields of struct bpf_map. Their layout is in kernel BTF. */
export function checkMapPointerAccess(
  env: Env,
  regno: number,
  off: number,
  _size: number,
  write: boolean,
  _valueReg: number,
): void {
  const map = mapOf(env, env.reg(regno))
  const name = map.def?.verify?.struct ?? 'bpf_map'
  if (!env.allowPtrLeaks) {
    failReg(regno, 'EPERM', `'struct ${name}' access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN`)
  }
  if (off < 0) failReg(regno, 'EACCES', `R${regno} is ${name} invalid negative access: off=${off}`)
  if (write) failReg(regno, 'EACCES', `only read from ${name} is supported`)
  failReg(regno, 'EACCES', `R${regno} invalid mem access '${typeName(typeOf(env, env.reg(regno)))}'`)
}
