import type { Insn } from '@skep/isa'
import type { Arena } from '@skep/memory'
import type { StructContext } from './context.ts'
import type { ProgramFacts } from './facts.ts'
import type { HelperDef, MapOp } from './helper.ts'
import type { LowerI32 } from './lower.ts'
import type { RemoteEngine } from './remote.ts'

/**
 * One execution context of a runtime: a worker or the main thread. A runtime has one control block, one function
 * table and one instance of every wasm module for each CPU; all share the arena.
 */
export interface Cpu {
  readonly arena: Arena
  readonly table: WebAssembly.Table
  /** Address of the control block (layout/control.ts). */
  readonly control: number
  readonly index: number
  /** Puts a wasm function into the table and returns its slot: the one given, or a free one. */
  addFunction(fn: unknown, slot?: number): number
  removeFunction(slot: number): void
}

/** The uniform wasm signature of helpers, callbacks and program entries: (i64, i64, i64, i64, i64) → i64. */
export type UniformFunction = (r1: bigint, r2: bigint, r3: bigint, r4: bigint, r5: bigint) => bigint

/** A helper ready to be called: as an import (direct call) or through the table. */
export interface LinkedHelper {
  readonly def: HelperDef
  /** Exported wasm function of the uniform signature. */
  readonly fn: UniformFunction
  readonly slot: number
}

/** Elements that lie one after another, 8 bytes or a multiple apart; `slots` 4 bytes. */
export interface LinkedArray {
  readonly data: number
  readonly stride: number
  readonly maxEntries: number
  /** Of a per-CPU array: the bytes from one CPU's values to the next CPU's; `data` is that of CPU 0. */
  readonly area?: number
  /** Elements are u32, and a lookup gives what is there: the address of an object, or 0. */
  readonly slots?: boolean
  /**
   * In shared memory, of small arrays: zeros for each CPU, `stride` bytes apart (a multiple of 64), that lie as the values do. What a program
   * adds to values during a batch may be added up there, and must be in the values, and this zeros again, when it ends.
   */
  readonly sums?: { readonly address: number; readonly stride: number }
}

/** The same of a map that only the run knows: where its values lie stands in its header (MAP_DATA). */
export interface LinkedInnerArray {
  readonly data?: undefined
  readonly stride: number
  /** Absent: elements of the map of maps may differ in it, and it stands in the header, too. */
  readonly maxEntries?: number
  /** Each CPU has values of its own, as many bytes behind the ones before as the word at MAP_PRIVATE says. */
  readonly perCpu?: boolean
}

/** What all elements of a map of maps have in common: calls whose map is one of them need not ask which type it is. */
export interface LinkedInner {
  readonly name: string
  readonly address?: undefined
  readonly ops: LinkedMap['ops']
  readonly array?: LinkedInnerArray
  /** `['arg', 0]` is the map, `['arg', 1]` the key's address. */
  readonly lookup?: LowerI32
  readonly quiet?: boolean
}

/** A map as a program sees it. */
export interface LinkedMap {
  readonly name: string
  /** Arena address of the header. */
  readonly address: number
  /** The type's wasm operations with their typed signatures (layout/map.ts), for direct calls. */
  readonly ops: Readonly<Partial<Record<MapOp, unknown>>>
  /** Set when elements lie in one array: engines may inline the lookup. */
  readonly array?: LinkedArray
  /** Of every map that has a template (MapSpec.inner), and only of those. */
  readonly inner?: LinkedInner
  /** `lowerLookup` of the map type, for this map: `['arg', 0]` is the key's address. */
  readonly lookup?: LowerI32
  /**
   * Set for an arena: pointers into its `pages` pages from `base` on are numbers that the program computes, which only hold
   * what they must at run time. Loads from outside give 0, stores outside and to a page whose byte in the table is 0 do
   * nothing, as the kernel's exception table has it.
   */
  readonly window?: { readonly base: number; readonly pages: number; readonly table: number }
  /** As `quiet` of the map type. */
  readonly quiet?: boolean
  /** Programs of the collection that a program array holds when it is loaded, by index; the host may put others there. */
  readonly programs?: ReadonlyMap<number, string>
}

/**
 * A program whose references are resolved: every ld_imm64 of a map or a map value is a plain 64-bit constant (an arena
 * address); ld_imm64 FUNC keeps the callback's slot in `imm64` and is turned into a function-table slot by the engine.
 */
export interface LinkedProgram {
  readonly name: string
  readonly insns: readonly Insn[]
  /** First slot of each subprogram, 0 first. */
  readonly subprograms: readonly number[]
  /** Absent: run with run-time checks (an engine without a checked mode refuses). */
  readonly facts?: ProgramFacts
  readonly helpers: ReadonlyMap<number, LinkedHelper>
  /** By the index that `facts.callMap` uses. */
  readonly maps: readonly LinkedMap[]
  /** Where ld_abs/ld_ind find the packet in the context. */
  readonly context?: StructContext
}

/** A program compiled for one CPU. */
export interface CompiledProgram {
  readonly name: string
  /** Wasm function of the uniform signature; goes into the function table for tail calls. */
  readonly entry: UniformFunction
  /** Address of interpreter code for PROG_CODE, 0 when there is none. */
  readonly code: number
  /** Runs once; the low half of r0, unsigned. The full r0 is at CTL_R0, faults at CTL_FAULT. */
  run(ctx: number): number
  /** As ProgramHandle.runBatch. Stops at the first fault; returns how many contexts were finished. */
  runBatch(ctxs: number, count: number, results: number): number
  /**
   * Has the host's optimising compiler work on the program's code now, by running it over a copy of the arena, with nothing
   * that it calls: no map changes. Stops when the milliseconds are over. Absent: there is nothing to warm.
   */
  readonly warmup?: (ctx: number, milliseconds: number) => void
  /** The function behind `run`, for a caller that does itself what `run` does around it. */
  readonly direct?: DirectRun
}

/** A program's function without anything around it: what a call from JS costs, and no more. */
export interface DirectRun {
  /**
   * Runs once; the low half of r0, signed. It stores CTL_PROG itself. A run that ends early throws, and may leave CTL_SP
   * anywhere.
   */
  readonly run: (ctx: number) => number
  /** It calls nothing but wasm that keeps to itself: no function in JS and no other program; CTL_SP stays as it is. */
  readonly alone: boolean
  /** Says where the program's record is, before the first run. */
  bind(record: number): void
  /** Makes what `run` threw a fault in the control block. What functions in JS threw is thrown again. */
  note(error: unknown): void
}

/** A compiled unit as it can be kept: what `Engine.restore` takes. */
export interface SavedUnit {
  readonly wasm: Uint8Array<ArrayBuffer>
  /** What the engine must know besides; survives JSON. */
  readonly about: unknown
  /** `wasm` compiled, where this process has done so. */
  readonly module?: WebAssembly.Module
}

export interface CompiledUnit {
  readonly programs: readonly CompiledProgram[]
  /** The wasm bytes, where the engine makes any. */
  readonly wasm?: Uint8Array
  /** Absent: nothing to keep. */
  readonly saved?: () => SavedUnit
  /** What `adopt` makes the same programs of on another CPU of the arena; can be sent to a worker. */
  readonly shared?: unknown
  release(): void
}

/** What is linked anew for each CPU: functions of that CPU's own instances of the modules. */
export type AdoptedProgram = Pick<LinkedProgram, 'name' | 'helpers' | 'maps'>

export interface Engine {
  readonly name: string
  /** Compiles the programs of one collection together. */
  compile(programs: readonly LinkedProgram[]): Promise<CompiledUnit>
  /**
   * The programs of a unit that another CPU of the arena compiled, without compiling them again; `shared` is that unit's.
   * Functions that the arena names by slot take the same slots. Absent: the engine's programs run on one CPU only.
   */
  adopt?(programs: readonly AdoptedProgram[], shared: unknown): Promise<CompiledUnit>
  /**
   * Another text for an engine that makes other code of the same programs: units are kept under it. Absent: they are not
   * kept longer than the process.
   */
  readonly version?: string
  /** A unit of `saved` of the same programs at the same addresses, without compiling their instructions again. */
  restore?(programs: readonly LinkedProgram[], saved: SavedUnit): Promise<CompiledUnit>
  /** Gives back what the engine has in the arena for itself; its programs are released before. */
  close?(): void
}

export interface EngineDef {
  readonly name: string
  /** Runs programs without facts under full run-time checks. */
  readonly checked: boolean
  readonly create: (cpu: Cpu) => Promise<Engine>
  /** Set where programs do not run in the runtime's memory: it takes whole collections, and `create` has nothing to give. */
  readonly remote?: () => Promise<RemoteEngine>
}
