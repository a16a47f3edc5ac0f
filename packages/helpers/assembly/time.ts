/** Clocks. CTL_TIME is the time when the runtime caches or fixes it; otherwise the host is asked. */
import { CTL_RET_HI, CTL_TIME } from '../../registry/src/layout/control'
import { control } from './env'

const MONOTONIC: i32 = 0
const TAI: i32 = 1
/** CONFIG_HZ of the reference kernel, and INITIAL_JIFFIES: five minutes before 32 bits wrap. */
const HZ: u64 = 250
const INITIAL_JIFFIES: u64 = 0x1_0000_0000 - 300 * HZ

/** Nanoseconds: the low half; the high one at CTL_RET_HI. */
// @ts-ignore: decorator
@external("host", "clock")
declare function clock(kind: i32): u32

@inline
function ask(kind: i32): u64 {
  const low = clock(kind)
  return (<u64>load<u32>(control, CTL_RET_HI) << 32) | low
}

@inline
function now(): u64 {
  const cached = load<u64>(control, CTL_TIME)
  return cached != 0 ? cached : ask(MONOTONIC)
}

export function ktime_get_ns(r1: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  return now()
}

export function ktime_get_tai_ns(r1: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  return ask(TAI)
}

/** The clock of the last tick: 4 ms. */
export function ktime_get_coarse_ns(r1: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  const time = now()
  return time - (time % (1_000_000_000 / HZ))
}

export function jiffies64(r1: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  return INITIAL_JIFFIES + now() / (1_000_000_000 / HZ)
}
