/**
 * Locks between workers, and the one of the allocator; the work under it is short and never blocks. A lock's word is 0,
 * or the owner tag of the CPU that holds it: bit 31, a number that every worker gets anew (19 bits), the CPU (12 bits).
 * So whoever waits finds out that the holder is gone. Nothing of it is in the unshared build.
 */
import { CPU_ENTRY_SHIFT, CPU_TABLE, LOCK } from './layout'

const TAGGED: u32 = 0x8000_0000
const CPU_MASK: u32 = 0xfff
/** How often a waiter looks before it gives up: a second or two. Critical sections take less than a microsecond. */
const PATIENCE: u32 = 0x4000_0000
/** How often it looks before it asks whether the holder is still there. */
const ASK: u32 = 0xfff

/** The tag of this instance's CPU. */
let owner: u32 = TAGGED

export function setOwner(tag: u32): void {
  owner = tag | TAGGED
}

/** Where the table of CPUs is; 0 before there is one. */
export function setCpus(table: u32): void {
  store<u32>(CPU_TABLE, table)
}

export function cpuTable(): u32 {
  return load<u32>(CPU_TABLE)
}

/** Whether the worker of that tag has gone without saying so. */
export function isGone(tag: u32): bool {
  if (SHARED) {
    const table = load<u32>(CPU_TABLE)
    return table != 0 && atomic.load<u32>(table + ((tag & CPU_MASK) << CPU_ENTRY_SHIFT)) != tag
  }
  return false
}

/** Waits until a lock is free: 0, or its holder's tag when that is gone or keeps it too long. */
export function wait(word: u32): u32 {
  if (SHARED) {
    let turns: u32 = 0
    for (;;) {
      const holder = atomic.load<u32>(word)
      if (holder == 0) return 0
      if ((++turns & ASK) == 0 && (turns >= PATIENCE || isGone(holder))) return holder
    }
  }
  return 0
}

/** False when the lock cannot be had. */
@inline
export function acquire(): bool {
  if (SHARED) {
    while (atomic.cmpxchg<u32>(LOCK, 0, owner) != 0) {
      if (wait(<u32>LOCK) != 0) return false
    }
  }
  return true
}

@inline
export function release(): void {
  if (SHARED) atomic.store<u32>(LOCK, 0)
}

/** The tag of the allocator's lock's holder, or 0. */
export function lockHolder(): u32 {
  return load<u32>(LOCK)
}
