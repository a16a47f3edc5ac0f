/** Loops with a callback, and locks. */
import {
  CTL_CPU,
  CTL_FAULT,
  CTL_FAULT_ADDR,
  CTL_FAULT_PC,
  CTL_OWNER,
  CTL_RANDOM,
  FAULT_LOCK,
} from '../../registry/src/layout/control'
import { E2BIG, EDEADLK, EINVAL, ETIMEDOUT } from '../../registry/src/layout/errno'
import { control, pointer, result, take } from './env'

/** BPF_MAX_LOOPS (kernel/bpf/bpf_iter.c). */
const MAX_LOOPS: u32 = 8 * 1024 * 1024

/** Stops when the callback returns non-zero; returns how often it ran. */
export function loop(count: u64, callback: u64, context: u64, flags: u64, r5: u64): u64 {
  if (flags != 0) return result(-EINVAL)
  const times = <u32>count
  if (times > MAX_LOOPS) return result(-E2BIG)
  for (let i: u32 = 0; i < times; i++) {
    const stop = call_indirect<u64>(<u32>callback, <u64>i, context, <u64>0, <u64>0, <u64>0)
    if (stop != 0 || load<i32>(control, CTL_FAULT) != 0) return <u64>(i + 1)
  }
  return <u64>times
}

/** Without threads nobody else runs inside a critical section. A lock that its holder does not let go ends the run. */
export function spin_lock(lock: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  if (SHARED && !take(pointer(lock))) {
    store<i32>(control, FAULT_LOCK, CTL_FAULT)
    store<u32>(control, -1, CTL_FAULT_PC)
    store<u32>(control, <u32>lock, CTL_FAULT_ADDR)
    unreachable()
  }
  return 0
}

export function spin_unlock(lock: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  if (SHARED) atomic.store<u32>(pointer(lock), 0)
  return 0
}

/**
 * A lock that fails instead of waiting for ever (kernel/bpf/rqspinlock.c), and at once if its holder asks again. With
 * threads it names its holder, as take() has it; without, whoever holds it is the one that asks.
 */
export function res_spin_lock(lock: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  const word = pointer(lock)
  const owner = load<u32>(control, CTL_OWNER) | 0x8000_0000
  if (!SHARED) {
    if (load<u32>(word) != 0) return result(-EDEADLK)
    store<u32>(word, owner)
    return 0
  }
  if (atomic.load<u32>(word) == owner) return result(-EDEADLK)
  return result(take(word) ? 0 : -ETIMEDOUT)
}

export function res_spin_unlock(lock: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  if (SHARED) atomic.store<u32>(pointer(lock), 0)
  else store<u32>(pointer(lock), 0)
  return 0
}

export function res_spin_lock_irqsave(lock: u64, flags: u64, r3: u64, r4: u64, r5: u64): u64 {
  store<u64>(pointer(flags), 0)
  return res_spin_lock(lock, 0, 0, 0, 0)
}

export function get_smp_processor_id(r1: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  return load<u32>(control, CTL_CPU)
}

/** One node holds everything. */
export function get_numa_node_id(r1: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  return 0
}

/** xorshift128+ (Vigna, 2014); the state is seeded by the runtime and is this CPU's own. */
export function get_prandom_u32(r1: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  let a = load<u64>(control, CTL_RANDOM)
  const b = load<u64>(control, CTL_RANDOM + 8)
  store<u64>(control, b, CTL_RANDOM)
  a ^= a << 23
  a ^= b ^ (a >> 18) ^ (b >> 5)
  store<u64>(control, a, CTL_RANDOM + 8)
  return (a + b) >> 32
}
