/** Accesses through numbers that a program takes for pointers into its arena (LinkedMap.window of the registry). */
import * as h from '../src/layout/handlers'
import {
  CODE_WINDOW,
  CODE_WINDOW_PAGES,
  CODE_WINDOW_TABLE,
  REC_DST,
  REC_IMM,
  REC_INNER,
  REC_OFF,
  REC_SRC,
} from '../src/layout/structures'
import { atomicSize, doAtomic } from './atomics'

const PAGE_SHIFT: u32 = 12

/** Bytes of a load or store whose handlers stand in the order of their sizes. */
@inline
function sizeOf(handler: i32, first: i32): u32 {
  return 1 << (handler - first)
}

/** Whether bytes lie in the window, and for a store at either end in a page that is there. */
@inline
function within(code: usize, address: u32, size: u32, writes: bool): bool {
  const at = address - load<u32>(code, CODE_WINDOW)
  const pages = load<u32>(code, CODE_WINDOW_PAGES)
  if (pages == 0 || at > (pages << PAGE_SHIFT) - size) return false
  if (!writes) return true
  const table = load<u32>(code, CODE_WINDOW_TABLE)
  return (load<u8>(table + (at >> PAGE_SHIFT)) & load<u8>(table + ((at + size - 1) >> PAGE_SHIFT))) != 0
}

@inline
function loaded(handler: i32, at: usize): u64 {
  switch (handler) {
    case h.LDX_B: return load<u8>(at)
    case h.LDX_H: return load<u16>(at)
    case h.LDX_W: return load<u32>(at)
    case h.LDX_DW: return load<u64>(at)
    case h.LDXSX_B: return <u64>(<i64>load<i8>(at))
    case h.LDXSX_H: return <u64>(<i64>load<i16>(at))
    default: return <u64>(<i64>load<i32>(at))
  }
}

@inline
function storeBytes(at: usize, size: u32, value: u64): void {
  switch (size) {
    case 1: store<u8>(at, <u8>value); return
    case 2: store<u16>(at, <u16>value); return
    case 4: store<u32>(at, <u32>value); return
    default: store<u64>(at, value)
  }
}

/**
 * Does the access of a record: elsewhere a load gives 0, a store does nothing, an atomic operation leaves its
 * register.
 */
export function accessWindow(regs: usize, code: usize, at: usize): void {
  const handler = <i32>load<u32>(at, REC_INNER)
  const dst = regs + load<u8>(at, REC_DST)
  const src = regs + load<u8>(at, REC_SRC)
  const offset = load<i32>(at, REC_OFF)
  if (handler <= h.LDXSX_W) {
    const address = load<u32>(src) + offset
    const size = handler <= h.LDX_DW ? sizeOf(handler, h.LDX_B) : sizeOf(handler, h.LDXSX_B)
    store<u64>(dst, within(code, address, size, false) ? loaded(handler, address) : 0)
    return
  }
  if (handler >= h.LOAD_ACQ_B && handler <= h.LOAD_ACQ_DW) {
    const address = load<u32>(src) + offset
    if (within(code, address, atomicSize(handler), false)) doAtomic(regs, at, handler, address)
    else store<u64>(dst, 0)
    return
  }
  const address = load<u32>(dst) + offset
  if (handler <= h.ST_DW) {
    const size = sizeOf(handler, h.ST_B)
    if (within(code, address, size, true)) storeBytes(address, size, <u64>(<i64>load<i32>(at, REC_IMM)))
    return
  }
  if (handler <= h.STX_DW) {
    const size = sizeOf(handler, h.STX_B)
    if (within(code, address, size, true)) storeBytes(address, size, load<u64>(src))
    return
  }
  if (within(code, address, atomicSize(handler), true)) doAtomic(regs, at, handler, address)
}
