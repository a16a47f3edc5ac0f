/** What iterator programs write into the file that they are read through (kernel/trace/bpf_trace.c, fs/seq_file.c). */
import { EINVAL, EOVERFLOW } from '../../registry/src/layout/errno'
import { SEQ_BUFFER, SEQ_COUNT, SEQ_SIZE } from '../../registry/src/layout/seq'
import { CTL_RET_HI } from '../../registry/src/layout/control'
import { control, copyBytes, pointer, result } from './env'

// @ts-ignore: decorator
@external("host", "snprintf")
declare function hostSnprintf(to: u32, size: u32, format: u32, data: u32, length: u32): i32

// @ts-ignore: decorator
@external("host", "showType")
declare function hostShowType(to: u32, size: u32, from: u32, fromSize: u32, low: u32, high: u32): i32

/** seq_set_overflow: full, which the reader takes for a text that is to be made again in more room. */
function overflow(file: usize): u64 {
  store<u64>(file, load<u64>(file, SEQ_SIZE), SEQ_COUNT)
  return result(-EOVERFLOW)
}

export function seq_write(file: u64, data: u64, size: u64, r4: u64, r5: u64): u64 {
  const at = pointer(file)
  const count = load<u64>(at, SEQ_COUNT)
  if (count + <u64>(<u32>size) >= load<u64>(at, SEQ_SIZE)) return overflow(at)
  copyBytes(<usize>(load<u64>(at, SEQ_BUFFER) + count), pointer(data), <u32>size)
  store<u64>(at, count + <u64>(<u32>size), SEQ_COUNT)
  return 0
}

export function seq_printf(file: u64, format: u64, formatSize: u64, data: u64, length: u64): u64 {
  const at = pointer(file)
  let end: u32 = 0
  while (end < <u32>formatSize && load<u8>(pointer(format) + end) != 0) end++
  if (end == <u32>formatSize) return result(-EINVAL)
  const count = load<u64>(at, SEQ_COUNT)
  const room = load<u64>(at, SEQ_SIZE) - count
  const to = load<u64>(at, SEQ_BUFFER) + count
  // With the NUL, which is not counted.
  const printed = hostSnprintf(<u32>to, <u32>room, <u32>format, <u32>data, <u32>length)
  if (printed < 0) return result(printed)
  if (<u64>printed > room) return overflow(at)
  store<u64>(at, count + <u64>printed - 1, SEQ_COUNT)
  return 0
}

export function seq_printf_btf(file: u64, from: u64, fromSize: u64, flags: u64, r5: u64): u64 {
  const at = pointer(file)
  const count = load<u64>(at, SEQ_COUNT)
  const room = load<u64>(at, SEQ_SIZE) - count
  const to = <u32>(load<u64>(at, SEQ_BUFFER) + count)
  store<u32>(control, 0, CTL_RET_HI)
  const shown = hostShowType(to, <u32>room, <u32>from, <u32>fromSize, <u32>flags, <u32>(flags >> 32))
  const length = <u64>load<u32>(control, CTL_RET_HI)
  if (length >= room) overflow(at)
  else store<u64>(at, count + length, SEQ_COUNT)
  return result(shown)
}
