/** What helpers ask of a host: text and clocks. They go to the two functions that a standalone module may import. */
import { CTL_RET_HI } from '../../registry/src/layout/control'
import { EINVAL } from '../../registry/src/layout/errno'
import { ARGUMENTS, control, MOST_ARGUMENTS, scratch, TEXT, TEXT_SIZE, TICKS } from './env'
import { formatText } from './format'

/** Nanoseconds: 0 monotonic, 1 international atomic time. */
// @ts-ignore: decorator
@external("skep", "clock")
declare function hostClock(kind: i32): u64

// @ts-ignore: decorator
@external("skep", "printk")
declare function hostPrintk(text: u32, length: u32): void

/** For a module without `clock`: every reading is a microsecond after the last. */
export function clock_fallback(kind: i32): u64 {
  const now = load<u64>(scratch, TICKS) + 1000
  store<u64>(scratch, now, TICKS)
  return now
}

/** For a module without `printk`: the text is lost. */
export function printk_fallback(text: u32, length: u32): void {}

/** The low half; the high one at CTL_RET_HI. */
export function clock(kind: i32): u32 {
  const now = hostClock(kind)
  store<u32>(control, <u32>(now >> 32), CTL_RET_HI)
  return <u32>now
}

/** Nobody waits for records: hosts of a standalone module look for themselves. */
export function wake(map: u32): i32 {
  return 0
}

function terminated(text: u32, size: u32): bool {
  for (let n: u32 = 0; n < size; n++) if (load<u8>(text + n) == 0) return true
  return false
}

function print(format: u32, size: u32, count: u32): i32 {
  if (!terminated(format, size)) return -EINVAL
  const text = scratch + <u32>TEXT
  const length = formatText(format, count, text, TEXT_SIZE)
  if (length < 0) return length
  hostPrintk(text, min<u32>(length, TEXT_SIZE - 1))
  return length
}

export function printk(
  format: u32,
  size: u32,
  low1: u32,
  high1: u32,
  low2: u32,
  high2: u32,
  low3: u32,
  high3: u32,
): i32 {
  store<u32>(scratch, low1, ARGUMENTS)
  store<u32>(scratch, high1, ARGUMENTS + 4)
  store<u32>(scratch, low2, ARGUMENTS + 8)
  store<u32>(scratch, high2, ARGUMENTS + 12)
  store<u32>(scratch, low3, ARGUMENTS + 16)
  store<u32>(scratch, high3, ARGUMENTS + 20)
  return print(format, size, 3)
}

/** The number of words at `data`, copied to ARGUMENTS, or -EINVAL. */
function takeArguments(data: u32, length: u32): i32 {
  if ((length & 7) != 0 || length > MOST_ARGUMENTS * 8 || (length != 0 && data == 0)) return -EINVAL
  memory.copy(scratch + ARGUMENTS, data, length)
  return length >> 3
}

export function vprintk(format: u32, size: u32, data: u32, length: u32): i32 {
  const count = takeArguments(data, length)
  return count < 0 ? count : print(format, size, count)
}

export function snprintf(to: u32, size: u32, format: u32, data: u32, length: u32): i32 {
  const count = takeArguments(data, length)
  if (count < 0) return count
  const whole = formatText(format, count, to, size)
  if (whole < 0) return whole
  if (size > 0) store<u8>(to + min<u32>(whole, size - 1), 0)
  return whole + 1
}
