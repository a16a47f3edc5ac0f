import type { Link } from './attach-point.ts'
import type { ProgramHandle } from './handles.ts'
import type { Platform } from './platform.ts'
import type { TestRunInput, TestRunOutput } from './program-type.ts'
import type { CollectionSpec, ProgramSpec } from './spec.ts'

/**
 * An engine with maps and programs of its own, outside of the runtime's memory: the Linux kernel. It takes specs as loaders
 * give them, and judges programs itself. What it throws has the kernel's `errno` where there is one.
 */
export interface RemoteEngine {
  /** CPUs that a per-CPU value has an element for. */
  readonly cpus: number
  /** Makes maps and loads programs; attaches nothing. When it rejects, nothing stays behind. */
  load(spec: CollectionSpec, options: RemoteLoadOptions): Promise<RemoteCollection>
  /** Collections are closed before. */
  close(): void
}

export interface RemoteLoadOptions {
  /** What names in the spec mean to the runtime: for errors about what the engine lacks. */
  readonly platform: Platform
  /** Those of the spec's programs that are loaded. */
  readonly programs: readonly ProgramSpec[]
  /** Path under which maps with LIBBPF_PIN_BY_NAME are looked for and pinned. */
  readonly pinRoot?: string
}

/** A program that the engine refused. */
export interface RemoteRefusal {
  readonly program: ProgramSpec
  readonly errno: string
  /** The line of the log that says why. */
  readonly line: string
  /** Slot of the instruction where its verifier stopped. */
  readonly insn: number
  readonly log: string
}

export interface RemoteCollection {
  readonly maps: ReadonlyMap<string, RemoteMap>
  readonly programs: ReadonlyMap<string, RemoteProgram>
  /** The first program that was refused: the collection holds nothing then. */
  readonly refused?: RemoteRefusal
  close(): void
}

/** Elements of a batch, one after another. */
export interface RemoteBatch {
  readonly keys: Uint8Array
  readonly values: Uint8Array
  readonly count: number
  readonly next: Uint8Array | undefined
}

/** A map by bytes, as bpf(2) has it. */
export interface RemoteMap {
  readonly id: number
  /** What programs and other maps refer to it by where a local map's address stands: a file descriptor. */
  readonly handle: number
  readonly maxEntries: number
  lookup(key: Uint8Array, flags: number): Uint8Array | undefined
  lookupAndDelete(key: Uint8Array, flags: number): Uint8Array | undefined
  update(key: Uint8Array, value: Uint8Array, flags: number): void
  delete(key: Uint8Array): boolean
  nextKey(key: Uint8Array | undefined): Uint8Array | undefined
  includes(value: Uint8Array): boolean
  freeze(): void
  lookupBatch(count: number, from: Uint8Array | undefined, remove: boolean): RemoteBatch
  /** How many were done when one was refused, or all. */
  updateBatch(keys: Uint8Array, values: Uint8Array, flags: number): number
  deleteBatch(keys: Uint8Array): number
  /** The values of an array with BPF_F_MMAPABLE in place, until the map is closed. */
  pages(bytes: number): Uint8Array
  /** The reader of a ring buffer. */
  ring(): RemoteRing
  /** The readers of a perf event array, of a ring with so many bytes for each CPU. */
  perf(bytes: number): RemotePerf
  pin(path: string): void
}

/** Records are good during the call that gets them; false ends the reading. */
export interface RemoteRing {
  /** All of the ring, behind its positions. */
  readonly memory: DataView
  read(take: (at: number, bytes: number) => unknown, limit: number): number
  readonly available: number
  /** Resolves when there may be something to read, or after a while. */
  wait(): Promise<void>
  close(): void
}

export interface RemotePerf {
  read(take: (cpu: number, data: Uint8Array, lost: number) => unknown, limit: number): number
  wait(): Promise<void>
  close(): void
}

export interface RemoteProgram {
  readonly id: number
  /** As a map's. */
  readonly handle: number
  testRun(input: TestRunInput & { readonly repeat?: number }): TestRunOutput & { readonly retval: number }
  /**
   * Attaches the program, whose face to the host is `face`, to a target as the attach point of that name takes it, with its
   * options. `closed` is called once when the link is closed.
   */
  attach(point: string, target: unknown, face: ProgramHandle, closed: () => void): Link
  pin(path: string): void
}
