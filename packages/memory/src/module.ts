import { moduleBytes } from './generated/module.ts'

/** What the module `memory` exports; wasm modules import it as `@external("memory", …)`. Numbers are u32. */
export interface MemoryExports {
  /** Zeroed bytes, or 0 when the limit does not allow them. An alignment below 16 counts as 16. */
  alloc(size: number, align: number): number
  /** 0, or 1 when no live allocation begins at the address, or 2 when the allocator's lock cannot be had. */
  free(address: number): number
  /** Bytes that were asked for, or 0 when no live allocation begins at the address. */
  sizeOf(address: number): number
  /** Start of the live allocation that the address lies in, or 0. */
  baseOf(address: number): number
  /** 1 when [address, address + size) lies in one live allocation, in bytes that programs may touch. */
  contains(address: number, size: number): number
  /**
   * Which bytes of a live allocation `contains` gives out: 0 all (as allocated), 1 none, else the address of a record of
   * three u32 {first, stride, size}: `size` bytes at the start of every `stride` bytes from `first` on. The record
   * must stay where it is as long as the allocation lives. 0, or 1 when no live allocation begins at the address.
   */
  setShape(address: number, shape: number): number
  used(): number
  peak(): number
  count(): number
  limit(): number
  cpus(): number
  init(limit: number, end: number, cpus: number): number
  /**
   * By what locks name this instance's CPU as their holder: bit 31, a number that each worker gets anew (19 bits), the CPU
   * (12 bits).
   */
  setOwner(tag: number): void
  /** Where the table of CPUs is: 32 bytes for each, the first word its worker's tag or 0. 0 before there is one. */
  setCpus(table: number): void
  cpuTable(): number
  /** 1 when the table of CPUs knows a worker of that tag no more. */
  isGone(tag: number): number
  /** Waits for the lock whose word is at the address: 0 when it is free, else the tag of a holder that does not let go. */
  wait(word: number): number
  /** The holder of the allocator's own lock, or 0. */
  lockHolder(): number
  /** 0 when every rule of the allocator's data holds, else the number of a broken one. Walks every block. */
  check(): number
}

const decoded = new Map<boolean, Uint8Array<ArrayBuffer>>()

/**
 * The allocator as a wasm module, of the shape that `@skep/registry` calls WasmModuleDef. Its state lies in the arena, so
 * any number of instances over one memory work on the same blocks.
 */
export const memoryModule: {
  readonly name: 'memory'
  readonly bytes: (shared: boolean) => Uint8Array<ArrayBuffer>
} = {
  name: 'memory',
  bytes: (shared) => {
    let bytes = decoded.get(shared)
    if (!bytes) {
      bytes = moduleBytes(shared)
      decoded.set(shared, bytes)
    }
    return bytes
  },
}
