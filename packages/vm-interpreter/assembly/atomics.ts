/** Atomic instructions: real atomics where the memory is shared, plain operations where it is not. */
import * as h from '../src/layout/handlers'
import { REC_DST, REC_SRC } from '../src/layout/structures'

@inline
function add<T>(at: usize, value: T): T {
  if (SHARED) return atomic.add<T>(at, value)
  const old = load<T>(at)
  store<T>(at, (old + value) as T)
  return old
}

@inline
function or<T>(at: usize, value: T): T {
  if (SHARED) return atomic.or<T>(at, value)
  const old = load<T>(at)
  store<T>(at, (old | value) as T)
  return old
}

@inline
function and<T>(at: usize, value: T): T {
  if (SHARED) return atomic.and<T>(at, value)
  const old = load<T>(at)
  store<T>(at, (old & value) as T)
  return old
}

@inline
function xor<T>(at: usize, value: T): T {
  if (SHARED) return atomic.xor<T>(at, value)
  const old = load<T>(at)
  store<T>(at, (old ^ value) as T)
  return old
}

@inline
function xchg<T>(at: usize, value: T): T {
  if (SHARED) return atomic.xchg<T>(at, value)
  const old = load<T>(at)
  store<T>(at, value)
  return old
}

@inline
function cmpxchg<T>(at: usize, expected: T, value: T): T {
  if (SHARED) return atomic.cmpxchg<T>(at, expected, value)
  const old = load<T>(at)
  if (old == expected) store<T>(at, value)
  return old
}

@inline
function acquire<T>(at: usize): T {
  if (SHARED) return atomic.load<T>(at)
  return load<T>(at)
}

@inline
function release<T>(at: usize, value: T): void {
  if (SHARED) atomic.store<T>(at, value)
  else store<T>(at, value)
}

/** Bytes that an atomic instruction touches. */
@inline
export function atomicSize(handler: i32): u32 {
  if (handler < h.ATOMIC32_ADD) return 8
  if (handler < h.LOAD_ACQ_B) return 4
  return 1 << ((handler - h.LOAD_ACQ_B) & 3)
}

/** The instruction of a record, at an address that may be touched. */
export function doAtomic(regs: usize, at: usize, handler: i32, address: usize): void {
  const dst = regs + load<u8>(at, REC_DST)
  const src = regs + load<u8>(at, REC_SRC)
  const value = load<u64>(src)
  const half = <u32>value
  switch (handler) {
    case h.ATOMIC64_ADD: add<u64>(address, value); return
    case h.ATOMIC64_FETCH_ADD: store<u64>(src, add<u64>(address, value)); return
    case h.ATOMIC64_OR: or<u64>(address, value); return
    case h.ATOMIC64_FETCH_OR: store<u64>(src, or<u64>(address, value)); return
    case h.ATOMIC64_AND: and<u64>(address, value); return
    case h.ATOMIC64_FETCH_AND: store<u64>(src, and<u64>(address, value)); return
    case h.ATOMIC64_XOR: xor<u64>(address, value); return
    case h.ATOMIC64_FETCH_XOR: store<u64>(src, xor<u64>(address, value)); return
    case h.ATOMIC64_XCHG: store<u64>(src, xchg<u64>(address, value)); return
    case h.ATOMIC64_CMPXCHG: store<u64>(regs, cmpxchg<u64>(address, load<u64>(regs), value)); return
    case h.ATOMIC32_ADD: add<u32>(address, half); return
    case h.ATOMIC32_FETCH_ADD: store<u64>(src, <u64>add<u32>(address, half)); return
    case h.ATOMIC32_OR: or<u32>(address, half); return
    case h.ATOMIC32_FETCH_OR: store<u64>(src, <u64>or<u32>(address, half)); return
    case h.ATOMIC32_AND: and<u32>(address, half); return
    case h.ATOMIC32_FETCH_AND: store<u64>(src, <u64>and<u32>(address, half)); return
    case h.ATOMIC32_XOR: xor<u32>(address, half); return
    case h.ATOMIC32_FETCH_XOR: store<u64>(src, <u64>xor<u32>(address, half)); return
    case h.ATOMIC32_XCHG: store<u64>(src, <u64>xchg<u32>(address, half)); return
    case h.ATOMIC32_CMPXCHG: store<u64>(regs, <u64>cmpxchg<u32>(address, load<u32>(regs), half)); return
    case h.LOAD_ACQ_B: store<u64>(dst, <u64>acquire<u8>(address)); return
    case h.LOAD_ACQ_H: store<u64>(dst, <u64>acquire<u16>(address)); return
    case h.LOAD_ACQ_W: store<u64>(dst, <u64>acquire<u32>(address)); return
    case h.LOAD_ACQ_DW: store<u64>(dst, acquire<u64>(address)); return
    case h.STORE_REL_B: release<u8>(address, <u8>value); return
    case h.STORE_REL_H: release<u16>(address, <u16>value); return
    case h.STORE_REL_W: release<u32>(address, half); return
    case h.STORE_REL_DW: release<u64>(address, value); return
  }
}
