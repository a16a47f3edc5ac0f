/** What a run has beside its context: the words below it (registry's layout/control.ts, the run header). */
import {
  CTL_CTX,
  RUN_COOKIE,
  RUN_RETVAL,
  RUN_SESSION_COOKIE,
  RUN_SESSION_RETURN,
} from '../../registry/src/layout/control'
import { control, pointer, result } from './env'

/** The cookie that the attachment was given. */
export function get_attach_cookie(context: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  return load<u64>(pointer(context) + RUN_COOKIE)
}

/** Whether a session probe runs at its return. */
export function session_is_return(r1: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  return load<u32>(<usize>load<u32>(control, CTL_CTX) + RUN_SESSION_RETURN)
}

/** The address of the u64 that entry and return of one call share. */
export function session_cookie(r1: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  return <u64>(load<u32>(control, CTL_CTX) + RUN_SESSION_COOKIE)
}

/** What the system call returns so far: what cgroup programs before this one, or it, made it. */
export function get_retval(r1: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  return result(load<i32>(<usize>load<u32>(control, CTL_CTX) + RUN_RETVAL))
}

export function set_retval(value: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  store<i32>(<usize>load<u32>(control, CTL_CTX) + RUN_RETVAL, <i32>value)
  return 0
}
