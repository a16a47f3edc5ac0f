import type { Env } from './env.ts'
import { failReg } from './errors.ts'
import { KERNEL_BTF } from './kernel-btf.ts'
import { markLoaded } from './kernel-types.ts'
import { typeName } from './reg-type.ts'
import { mapOf, typeOf } from './regs.ts'

/** check_ptr_to_map_access: fields of struct bpf_map. Their layout is in kernel BTF. */
export function checkMapPointerAccess(
  env: Env,
  regno: number,
  off: number,
  size: number,
  write: boolean,
  valueReg: number,
): void {
  const map = mapOf(env, env.reg(regno))
  const name = map.def?.verify?.struct ?? 'bpf_map'
  if (!env.allowPtrLeaks) {
    failReg(regno, 'EPERM', `'struct ${name}' access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN`)
  }
  if (off < 0) failReg(regno, 'EACCES', `R${regno} is ${name} invalid negative access: off=${off}`)
  if (write) failReg(regno, 'EACCES', `only read from ${name} is supported`)
  const struct = env.kernel?.struct(name) ?? 0
  if (!env.kernel || !struct) {
    failReg(regno, 'EACCES', `R${regno} invalid mem access '${typeName(typeOf(env, env.reg(regno)))}'`)
  }
  const found = env.kernel.access(struct, off, size)
  if (found.what === 'error') failReg(regno, found.errno, found.text)
  if (valueReg >= 0) markLoaded(env, env.reg(valueReg), found, found.flags, KERNEL_BTF)
}
