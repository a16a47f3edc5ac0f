/** bpf_throw (kernel/bpf/helpers.c): the run ends here, and what it returns is the cookie. */
import { CTL_FAULT, CTL_R0, FAULT_EXCEPTION } from '../../registry/src/layout/control'
import { control } from './env'

/** The runtime makes this fault the run's result. An exception callback was called before (runtime's exceptions.ts). */
export function throw_exception(cookie: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  store<u64>(control, cookie, CTL_R0)
  store<i32>(control, FAULT_EXCEPTION, CTL_FAULT)
  unreachable()
  return 0
}
