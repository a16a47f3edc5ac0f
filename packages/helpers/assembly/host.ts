/** Helpers that JavaScript performs (src/impl/host.ts), with 64-bit registers as halves. */
import { CTL_RET_HI } from '../../registry/src/layout/control'
import { control, result } from './env'

// @ts-ignore: decorator
@external("host", "printk")
declare function hostPrintk(
  format: u32,
  size: u32,
  low1: u32,
  high1: u32,
  low2: u32,
  high2: u32,
  low3: u32,
  high3: u32,
): i32

// @ts-ignore: decorator
@external("host", "vprintk")
declare function hostVprintk(format: u32, size: u32, data: u32, length: u32): i32

// @ts-ignore: decorator
@external("host", "snprintf")
declare function hostSnprintf(to: u32, size: u32, format: u32, data: u32, length: u32): i32

// @ts-ignore: decorator
@external("host", "task")
declare function hostTask(what: i32): u32

// @ts-ignore: decorator
@external("host", "comm")
declare function hostComm(to: u32, size: u32): i32

// @ts-ignore: decorator
@external("host", "netnsCookie")
declare function hostNetnsCookie(context: u32): u32

export function trace_printk(format: u64, size: u64, a: u64, b: u64, c: u64): u64 {
  return result(
    hostPrintk(
      <u32>format,
      <u32>size,
      <u32>a,
      <u32>(a >> 32),
      <u32>b,
      <u32>(b >> 32),
      <u32>c,
      <u32>(c >> 32),
    ),
  )
}

export function trace_vprintk(format: u64, size: u64, data: u64, length: u64, r5: u64): u64 {
  return result(hostVprintk(<u32>format, <u32>size, <u32>data, <u32>length))
}

export function snprintf(to: u64, size: u64, format: u64, data: u64, length: u64): u64 {
  return result(hostSnprintf(<u32>to, <u32>size, <u32>format, <u32>data, <u32>length))
}

@inline
function task(what: i32): u64 {
  const low = hostTask(what)
  return (<u64>load<u32>(control, CTL_RET_HI) << 32) | low
}

export function get_current_pid_tgid(r1: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  return task(0)
}

export function get_current_uid_gid(r1: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  return task(1)
}

export function get_cgroup_classid(r1: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  return <u64>(<u32>task(2))
}

export function get_netns_cookie(context: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  const low = hostNetnsCookie(<u32>context)
  return (<u64>load<u32>(control, CTL_RET_HI) << 32) | low
}

export function get_current_comm(to: u64, size: u64, r3: u64, r4: u64, r5: u64): u64 {
  return result(hostComm(<u32>to, <u32>size))
}

// @ts-ignore: decorator
@external("host", "showType")
declare function hostShowType(to: u32, size: u32, from: u32, fromSize: u32, low: u32, high: u32): i32

/** The length that the text has is in the control block, whether there was room for it or not. */
export function snprintf_btf(to: u64, size: u64, from: u64, fromSize: u64, flags: u64): u64 {
  const failed = hostShowType(<u32>to, <u32>size, <u32>from, <u32>fromSize, <u32>flags, <u32>(flags >> 32))
  return result(failed < 0 ? failed : load<i32>(control, CTL_RET_HI))
}
