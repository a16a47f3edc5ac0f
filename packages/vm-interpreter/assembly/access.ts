/** What checked code may touch, and where ld_abs and ld_ind read. */
import { CTL_CTX, CTL_STACK_END, FAULT_ACCESS, FAULT_ALIGNMENT, FAULT_NONE } from '../../registry/src/layout/control'
import {
  ACT_CODE,
  ACT_REGISTERS,
  CODE_CONTEXT_SIZE,
  CODE_DATA,
  CODE_DATA_END,
  CODE_DATA_META,
  NO_FIELD,
} from '../src/layout'

// @ts-ignore: decorator
@external("memory", "contains")
declare function contains(address: u32, size: u32): i32

// @ts-ignore: decorator
@external("env", "control")
export declare const control: i32

// @ts-ignore: decorator
@inline
const R10: usize = 80

/**
 * The frames of this run, the context, the packet between the context's bounds, and bytes of live allocations that the
 * arena gives out to programs (map values). Nothing else, whatever the address.
 */
export function permitted(act: usize, address: u64, size: u32, write: bool): bool {
  if (address > 0xffff_ffff) return false
  const at = <u32>address
  const end = address + size
  const r10 = load<u32>(act + ACT_REGISTERS, R10)
  if (at >= load<u32>(control, CTL_STACK_END) && end <= <u64>r10 + stackAbove(act)) return true
  const code: usize = load<u32>(act, ACT_CODE)
  const context = load<u32>(control, CTL_CTX)
  if (at >= context && end <= <u64>context + load<u32>(code, CODE_CONTEXT_SIZE)) return !write || load<u32>(code, CODE_DATA) == NO_FIELD
  const data = load<u32>(code, CODE_DATA)
  if (data != NO_FIELD) {
    const meta = load<u32>(code, CODE_DATA_META)
    const from = load<u32>(context + (meta != NO_FIELD ? meta : data))
    if (at >= from && end <= <u64>load<u32>(context + load<u32>(code, CODE_DATA_END))) return true
  }
  return contains(at, size) != 0
}

/** Frames of the callers lie above r10: 512 bytes for each. */
@inline
function stackAbove(act: usize): u64 {
  return <u64>load<u32>(act, 92) * 512
}

export function refuseAtomic(act: usize, address: u64, size: u32): i32 {
  if (!permitted(act, address, size, true)) return FAULT_ACCESS
  return (address & (size - 1)) != 0 ? FAULT_ALIGNMENT : FAULT_NONE
}

/** The address of packet bytes, 0 outside the packet. Negative offsets (SKF_*_OFF) name no headers here. */
export function packetAt(act: usize, offset: i32, size: u32): usize {
  const code: usize = load<u32>(act, ACT_CODE)
  const field = load<u32>(code, CODE_DATA)
  if (field == NO_FIELD || offset < 0) return 0
  const context: usize = load<u32>(control, CTL_CTX)
  const data = load<u32>(context + field)
  const at = <u64>data + offset
  return at + size <= <u64>load<u32>(context + load<u32>(code, CODE_DATA_END)) ? <usize>at : 0
}
