/** Kernel functions: open-coded iterators over numbers, and sections that one thread cannot be disturbed in. */
import { E2BIG, EINVAL } from '../../registry/src/layout/errno'
import { pointer, result } from './env'

export * from './bits'
export * from './dynptr-kfunc'
export * from './crypto'
export * from './run'
export * from './seq'
export * from './string-kfunc'
export * from './throw'

/** BPF_MAX_LOOPS (kernel/bpf/bpf_iter.c). */
const MAX_LOOPS: i64 = 8 * 1024 * 1024

// struct bpf_iter_num_kern: the number given last, and the end (s32 each).
const CUR: u32 = 0
const END: u32 = 4

function clear(it: usize): void {
  store<u64>(it, 0)
}

export function iter_num_new(iterator: u64, start: u64, end: u64, r4: u64, r5: u64): u64 {
  const it = pointer(iterator)
  const first = <i32>start
  const last = <i32>end
  clear(it)
  if (first > last) return result(-EINVAL)
  if (<i64>last - <i64>first > MAX_LOOPS) return result(-E2BIG)
  store<i32>(it, first - 1, CUR)
  store<i32>(it, last, END)
  return 0
}

/** The address of the next number, or null. */
export function iter_num_next(iterator: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  const it = pointer(iterator)

  if (<i64>(load<i32>(it, CUR) + 1) >= <i64>load<i32>(it, END)) {
    clear(it)
    return 0
  }
  store<i32>(it, load<i32>(it, CUR) + 1, CUR)
  return <u64>(it + CUR)
}

export function iter_num_destroy(iterator: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  clear(pointer(iterator))
  return 0
}

/** RCU sections, and sections without preemption: nothing else runs meanwhile. */
export function nothing(r1: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  return 0
}

/** There are no interrupts: the flags that are saved are none. */
export function local_irq_save(flags: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  store<u64>(pointer(flags), 0)
  return 0
}
