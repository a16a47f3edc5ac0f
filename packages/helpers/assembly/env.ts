/** What every helper may use: the allocator's idea of live memory, this CPU's control block, errnos as results. */
import { CTL_OWNER } from '../../registry/src/layout/control'

// @ts-ignore: decorator
@external("memory", "contains")
export declare function contains(address: u32, size: u32): i32

// @ts-ignore: decorator
@external("env", "control")
export declare const control: i32

// @ts-ignore: decorator
@external("memory", "wait")
declare function wait(word: u32): u32

/** Takes a lock that names its holder (@skep/memory's assembly/lock.ts); false when that one does not let go. */
@inline
export function take(word: usize): bool {
  const owner = load<u32>(control, CTL_OWNER) | 0x8000_0000
  while (atomic.cmpxchg<u32>(word, 0, owner) != 0) {
    if (wait(<u32>word) != 0) return false
  }
  return true
}

/** A negative errno (or any i32) as r0: sign-extended. */
@inline
export function result(value: i32): u64 {
  return <u64>(<i64>value)
}

/** A pointer argument whose upper half the verifier has proved zero. */
@inline
export function pointer(register: u64): usize {
  return <usize>register
}

/** memmove: a few bytes without a call out of wasm, many with memory.copy. */
export function copyBytes(to: usize, from: usize, size: usize): void {
  if (size > 64 || (to > from && to < from + size)) {
    memory.copy(to, from, size)
    return
  }
  while (size >= 8) {
    store<u64>(to, load<u64>(from))
    to += 8
    from += 8
    size -= 8
  }
  while (size > 0) {
    store<u8>(to++, load<u8>(from++))
    size--
  }
}
