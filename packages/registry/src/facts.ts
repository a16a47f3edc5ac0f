/**
 * What the verifier proved about a program, by instruction slot: engines read it to leave checks out. An engine that
 * gets no facts (checked mode) checks at run time instead.
 */
export interface ProgramFacts {
  /** 1 where some path executes the slot. */
  readonly reachable: Uint8Array
  /** For loads, stores and atomics: one of `ACCESS`. */
  readonly access: Uint8Array
  /**
   * At helper calls: index of the one map that its map argument is on every path (in the program's map list), or -1. Behind
   * the list's end come the templates of its maps of maps, in their order: the map is an element of that one.
   */
  readonly callMap: Int32Array
  /** At helper calls with a callback: slot where the callback begins, or -1. */
  readonly callback: Int32Array
  /** Bits of `FACT`. */
  readonly flags: Uint8Array
  /** First slot of each subprogram, the main program (0) first. */
  readonly subprograms: readonly number[]
  /** Bytes of stack that each subprogram uses, rounded as the kernel does. */
  readonly stackDepth: readonly number[]
  /** First slot of the function that the cookies of bpf_throw go through; absent where they are the result themselves. */
  readonly exceptionCallback?: number
  /**
   * Bytes of buffers that the program reaches into, of those that it may only read (an iterator's key) and of others (its
   * value): max_rdonly_access and max_rdwr_access of struct bpf_prog_aux. Whoever gives it buffers gives so many bytes. Absent
   * where it reaches into none.
   */
  readonly bufferAccess?: { readonly rdonly: number; readonly rdwr: number }
}

/** What kind of memory an access touches on every path; `mixed` when paths differ. */
export const ACCESS = {
  unknown: 0,
  ctx: 1,
  stack: 2,
  packet: 3,
  map_value: 4,
  mem: 5,
  /** Kernel objects by BTF: may fault, reads give 0. */
  btf: 6,
  arena: 7,
  mixed: 8,
} as const

export const FACT = {
  /** A division's or modulo's divisor is never zero. */
  divisorNonZero: 1,
  /** The destination's upper 32 bits are zero before and after. */
  fits32: 2,
  /** A conditional jump always goes to its target, or never. */
  alwaysTaken: 4,
  neverTaken: 8,
} as const
