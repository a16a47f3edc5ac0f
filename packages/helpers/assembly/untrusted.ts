/** Memory at addresses that nobody proved: what kernel functions that take strings and raw addresses read. */
import { EFAULT, ERANGE } from '../../registry/src/layout/errno'
import { contains } from './env'

/** Where the kernel's half of the address space begins. */
const KERNEL: u64 = 0xffff_8000_0000_0000
/** Bytes that are asked for at once. */
const WINDOW: u32 = 64

/** Why there is no reading at an address: copy_from_kernel_nofault_allowed refuses a user's, others fault. */
@inline
export function unreadable(address: u64): i32 {
  return address >= KERNEL ? -EFAULT : -ERANGE
}

/** How far from an address on memory may be read, in small steps; 0 for not at all. */
export function readable(address: u64): u32 {
  if (address >> 32 != 0) return 0
  if (contains(<u32>address, WINDOW) != 0) return WINDOW
  return contains(<u32>address, 1) != 0 ? 1 : 0
}

/** copy_from_kernel_nofault: 0 or an errno. */
export function readMemory(to: usize, size: u32, from: u64): i32 {
  if (size == 0) return 0
  if (from >> 32 != 0 || contains(<u32>from, size) == 0) return -EFAULT
  memory.copy(to, <usize>from, size)
  return 0
}

/** strncpy_from_kernel_nofault: the bytes written with the NUL, or an errno. */
export function readString(to: usize, size: u32, from: u64): i32 {
  if (size == 0) return 0
  let known: u32 = 0
  for (let i: u32 = 0; i < size; i++) {
    if (known == 0) {
      known = readable(from + i)
      if (known == 0) {
        if (from >= KERNEL) store<u8>(to + i, 0)
        return -EFAULT
      }
    }
    known--
    const c = load<u8>(<usize>from + i)
    store<u8>(to + i, c)
    if (c == 0) return i + 1
  }
  store<u8>(to + size - 1, 0)
  return size
}
