/**
 * Reads of addresses that nobody proved. Memory here is what is allocated in the arena; any other address faults as it
 * does in the kernel: -EFAULT and a destination of zeros.
 */
import { EFAULT } from '../../registry/src/layout/errno'
import { contains, copyBytes, pointer, result } from './env'

export function probe_read(to: u64, size: u64, from: u64, r4: u64, r5: u64): u64 {
  const bytes = <u32>size
  if (bytes == 0) return 0
  if (from >> 32 != 0 || contains(<u32>from, bytes) == 0) {
    memory.fill(pointer(to), 0, bytes)
    return result(-EFAULT)
  }
  copyBytes(pointer(to), pointer(from), bytes)
  return 0
}

/** Up to and with the NUL; cut, with a NUL for the last byte, when there is no room. The bytes written, or -EFAULT. */
export function probe_read_str(to: u64, size: u64, from: u64, r4: u64, r5: u64): u64 {
  const room = <u32>size
  if (room == 0) return 0
  const out = pointer(to)
  const text = pointer(from)
  // One check for the whole where it fits, else one for each byte.
  const whole = from >> 32 == 0 && contains(<u32>from, room) != 0
  for (let i: u32 = 0; i < room; i++) {
    if (!whole && ((from + i) >> 32 != 0 || contains(<u32>(text + i), 1) == 0)) {
      memory.fill(out, 0, room)
      return result(-EFAULT)
    }
    const c = load<u8>(text + i)
    store<u8>(out + i, c)
    if (c == 0) return i + 1
  }
  store<u8>(out + room - 1, 0)
  return room
}
