/** bpf_dynptr_* (kernel/bpf/helpers.c) over memory: map values and ring buffer records. */
import { E2BIG, EINVAL } from '../../registry/src/layout/errno'
import { copyBytes, pointer, result } from './env'

// struct bpf_dynptr_kern, 16 bytes: u64 data; u32 size, with the type in bits 28 to 30 and BIT(31) for read-only; u32
// offset.
const DATA: usize = 0
const SIZE: usize = 8
const OFFSET: usize = 12

export const DYNPTR_MAX_SIZE: u32 = (1 << 24) - 1
const TYPE_SHIFT: u32 = 28
const RDONLY: u32 = 1 << 31
const DYNPTR_LOCAL: u32 = 1
export const DYNPTR_RINGBUF: u32 = 2

export function clearDynptr(at: usize): void {
  store<u64>(at, 0, DATA)
  store<u64>(at, 0, SIZE)
}

export function writeDynptr(at: usize, data: usize, type: u32, size: u32): void {
  store<u64>(at, <u64>data, DATA)
  store<u32>(at, size | (type << TYPE_SHIFT), SIZE)
  store<u32>(at, 0, OFFSET)
}

@inline
export function dynptrData(at: usize): usize {
  return <usize>load<u64>(at, DATA)
}

@inline
function outside(at: usize, offset: u32, length: u32): bool {
  const size = load<u32>(at, SIZE) & DYNPTR_MAX_SIZE
  return length > size || offset > size - length
}

@inline
function place(at: usize, offset: u32): usize {
  return dynptrData(at) + load<u32>(at, OFFSET) + offset
}

export function dynptr_from_mem(data: u64, size: u64, flags: u64, dynptr: u64, r5: u64): u64 {
  const at = pointer(dynptr)
  clearDynptr(at)
  if (<u32>size > DYNPTR_MAX_SIZE) return result(-E2BIG)
  if (flags != 0) return result(-EINVAL)
  writeDynptr(at, pointer(data), DYNPTR_LOCAL, <u32>size)
  return 0
}

export function dynptr_read(to: u64, length: u64, dynptr: u64, offset: u64, flags: u64): u64 {
  const at = pointer(dynptr)
  if (dynptrData(at) == 0 || flags != 0) return result(-EINVAL)
  if (outside(at, <u32>offset, <u32>length)) return result(-E2BIG)
  copyBytes(pointer(to), place(at, <u32>offset), <u32>length)
  return 0
}

export function dynptr_write(dynptr: u64, offset: u64, from: u64, length: u64, flags: u64): u64 {
  const at = pointer(dynptr)
  if (dynptrData(at) == 0 || load<u32>(at, SIZE) & RDONLY) return result(-EINVAL)
  if (outside(at, <u32>offset, <u32>length)) return result(-E2BIG)
  if (flags != 0) return result(-EINVAL)
  copyBytes(place(at, <u32>offset), pointer(from), <u32>length)
  return 0
}

export function dynptr_data(dynptr: u64, offset: u64, length: u64, r4: u64, r5: u64): u64 {
  const at = pointer(dynptr)
  if (dynptrData(at) == 0 || load<u32>(at, SIZE) & RDONLY) return 0
  return outside(at, <u32>offset, <u32>length) ? 0 : <u64>place(at, <u32>offset)
}
