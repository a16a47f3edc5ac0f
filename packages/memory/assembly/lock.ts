/** One spin lock for the allocator; the work under it is short and never blocks. Nothing in the unshared build. */
import { LOCK } from './layout'

@inline
export function acquire(): void {
  if (SHARED) {
    while (atomic.cmpxchg<u32>(LOCK, 0, 1) != 0) {
      while (load<u32>(LOCK) != 0) {}
    }
  }
}

@inline
export function release(): void {
  if (SHARED) atomic.store<u32>(LOCK, 0)
}
