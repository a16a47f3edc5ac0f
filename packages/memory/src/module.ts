import { shared as sharedText, unshared as unsharedText } from './generated/module.ts'

/** What the module `memory` exports; wasm modules import it as `@external("memory", …)`. Numbers are u32. */
export interface MemoryExports {
  /** Zeroed bytes, or 0 when the limit does not allow them. An alignment below 16 counts as 16. */
  alloc(size: number, align: number): number
  /** 0, or 1 when no live allocation begins at the address. */
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
      bytes = Uint8Array.from(atob(shared ? sharedText : unsharedText), (c) => c.charCodeAt(0))
      decoded.set(shared, bytes)
    }
    return bytes
  },
}
