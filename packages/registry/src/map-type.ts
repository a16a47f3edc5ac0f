import type { ErrnoName } from './errno.ts'
import type { MapHandle } from './handles.ts'
import type { MapOp } from './helper.ts'
import type { LowerI32 } from './lower.ts'
import type { MapSpec } from './spec.ts'
import type { HostEnv, WasmModuleDef } from './wasm-module.ts'

/** Why bpf(2) refuses to create such a map. */
export interface MapRefusal {
  readonly errno: ErrnoName
  readonly reason: string
}

/**
 * Operations that only the host and the runtime call: `next_key(map, key or 0, out) → errno`; `lookup_host(map, key)` is a
 * lookup that leaves no trace (an LRU's reference bit), `lookup` when absent; `batch(map, cursor, keys, capacity, next) →
 * count or -errno` copies keys from a cursor on (0 first) and stores the next cursor, 0 at the end; `elements(map, cursor,
 * keys, values, capacity, next, remove) → count or -errno` is the same with values (all CPUs' values), and deletes if `remove`;
 * `elements_after(map, key or 0, keys, values, capacity)` goes on behind a key, and at the end gives fewer than asked for;
 * `update_each(map, keys, values, count, done) → errno` and `delete_each(map, keys, count, done) → errno` stop at the first
 * element that is refused and store how many were not;
 * `lookup_and_delete(map, key, out) → errno` copies the value (all CPUs' values) and deletes the element; `quiesce(map)`
 * gives memory of deleted elements back, called when no program runs; `alloc_pages`, `free_pages`, `reserve_pages` are those of
 * layout/arena.ts; `release(map, key)`: the object whose address is at `key` is gone.
 * `find(map, most) → count` notes where committed records of a ring are (layout/ring.ts), `pass(map)` gives them back.
 * `repair(map) → errno` makes a map whole again that the lock's holder left when its worker ended, who is the holder still.
 * `restore(map, begin)`: contents that another map had come now (1), or have come (0).
 */
export type MapHostOp =
  | 'next_key'
  | 'lookup_host'
  | 'lookup_and_delete'
  | 'batch'
  | 'elements'
  | 'elements_after'
  | 'update_each'
  | 'delete_each'
  | 'quiesce'
  | 'alloc_pages'
  | 'free_pages'
  | 'reserve_pages'
  | 'release'
  | 'find'
  | 'repair'
  | 'pass'
  | 'restore'

/** Batches of bpf(2), by the command's name: BPF_MAP_LOOKUP_BATCH and so on. */
export type MapBatchOp = 'lookup' | 'lookup_and_delete' | 'update' | 'delete'

/** Names of wasm exports by operation. */
export type MapExports = Readonly<Partial<Record<MapOp | MapHostOp, string>>>

/**
 * A map that programs look up in, as expressions: of a map that is made already its numbers, which do not change while it
 * lives, of an element of a map of maps what the run finds.
 */
export interface MapWords {
  readonly spec: MapSpec
  /** Arena address of the header. */
  readonly address: LowerI32
  /** Arena address of the key. */
  readonly key: LowerI32
  /** A u32 of the header (layout/map.ts). */
  word(offset: number): LowerI32
}

/** Where bpf_redirect_map through a map of the type leads. */
export interface MapRedirect {
  /** To a device, whose ifindex is the first word of a value, or to the network stack of a CPU, whose number is the key. */
  readonly to: 'device' | 'cpu'
  /**
   * A program of that attach type may have a word first. Updates take the address of its record in the second word of a
   * value of 8 bytes, 0 or less for none, and lookups give its id there (struct bpf_devmap_val, bpf_cpumap_val).
   */
  readonly program?: string
}

export interface MapTypeDef {
  /** BPF_MAP_TYPE_ name without prefix, lower case: `percpu_array`. */
  readonly name: string
  /** As in `enum bpf_map_type`; ids from 0x1_0000 are for plugins. */
  readonly id: number
  /** The checks of map_alloc_check: undefined when the spec is fine. */
  readonly check: (spec: MapSpec) => MapRefusal | undefined
  /** What libbpf makes of a spec before it creates the map: sizes that depend on the machine. */
  readonly complete?: (spec: MapSpec, cpus: number) => MapSpec
  /** How elements look to the host: one value, one for each CPU, or references to other objects. */
  readonly value: 'plain' | 'percpu' | 'program' | 'map' | 'opaque'
  /** As an inner map it has as many entries as the template, unless BPF_F_INNER_MAP is set (map_meta_equal). */
  readonly innerEntries?: boolean
  readonly redirect?: MapRedirect
  /** Batches that the host may ask for, ENOTSUPP for others; all that the operations allow when absent. */
  readonly batches?: readonly MapBatchOp[]
  /** Its operations count updates and deletions at MAP_CHANGES. */
  readonly countsChanges?: boolean
  /** How values without keys lie in memory, where a copy of them can be taken: in the order of pushes, or as bits. */
  readonly keyless?: 'sequence' | 'bits'
  /** Helpers that programs may call on it (names); any helper that takes a map when absent. */
  readonly helpers?: readonly string[]
  /** What the verifier may assume and allow. */
  readonly verify?: MapTraits
  /** Operations in wasm: `init(map) → errno`, `free(map)`, and the MapOps by exported name. */
  readonly wasm?: {
    readonly module: WasmModuleDef
    readonly init: string
    readonly free: string
    readonly ops: MapExports
    /** Exports that serve a map of this spec better (a hash by key size); they go before those of `ops`. */
    readonly variant?: (spec: MapSpec) => MapExports
    /**
     * Keys are u32 indices below max_entries of values at MAP_DATA, MAP_STRIDE apart, which is value_size rounded up to 8:
     * engines may inline lookups.
     */
    readonly array?: boolean
    /** The same, and each CPU's values begin as many bytes behind the one before as the u32 at MAP_PRIVATE says. */
    readonly perCpuArray?: boolean
    /** Keys are u32 indices below max_entries of u32 at MAP_DATA, and a program's lookup gives what is there. */
    readonly slots?: boolean
    /**
     * A lookup by a program, as an expression that engines write where the call stands; absent for a map of which there is
     * none. It is made of the map's words; `['call']` is the type's `lookup`, for what the expression does not find itself.
     */
    readonly lowerLookup?: (map: MapWords) => LowerI32 | undefined
    /**
     * The operations that programs reach, but for `for_each` and `redirect`, call nothing in JS and nothing through the
     * function table, and leave the control block alone: engines make less ado about a call.
     */
    readonly quiet?: boolean
  }
  /** Operations in JS, for plugins: made once for each map. Addresses are in the arena. */
  readonly create?: (env: HostEnv, map: MapHandle) => JsMapOps
  /** Why a program that uses it verifies but does not run here, and which plugin interface would supply it. */
  readonly absent?: string
}

/** Keys and values are arena addresses; errors are negative errnos. */
export interface JsMapOps {
  lookup?(key: number): number
  update?(key: number, value: number, flags: number): number
  delete?(key: number): number
  push?(value: number, flags: number): number
  pop?(value: number): number
  peek?(value: number): number
  nextKey?(key: number, out: number): number
  free?(): void
}

export interface MapTraits {
  /** Programs may hold pointers into its values (map_direct_value_addr for ld_imm64 with an offset). */
  readonly directValue?: boolean
  /** lookup with a constant key below max_entries never returns null (array). */
  readonly lookupNeverNull?: boolean
  /** Values may hold bpf_spin_lock, timer, kptr …. */
  readonly specialFields?: readonly string[]
  /** lookup gives a pointer of that kind instead of a value (`socket`, `xdp_sock`, `map`). */
  readonly lookupReturns?: 'map_value' | 'socket' | 'xdp_sock' | 'map'
  /** The key may be a null pointer or is absent (queue, stack). */
  readonly noKey?: boolean
  /** bpf_map_update_elem's value is a socket, not memory (sockmap, sockhash). */
  readonly valueIsSocket?: boolean
  /** bpf_map_peek_elem reads its value argument instead of filling it (bloom filter). */
  readonly peekReadsValue?: boolean
  /** Programs may read values only, whatever the map's flags are (devmap). */
  readonly readOnly?: boolean
  /** bpf_for_each_map_elem works on it. */
  readonly forEach?: boolean
  /** Sleepable programs may use it. */
  readonly sleepable?: boolean
  /** Helpers (names) that only programs of certain types may call on it, `type` or `type/attach_type`. */
  readonly guardedHelpers?: Readonly<Record<string, readonly string[]>>
  /** Memory that a program addresses as address space 1; an address in it is a number until it is cast (BPF_MAP_TYPE_ARENA). */
  readonly arena?: boolean
  /** A program may use one map of this type only. */
  readonly onePerProgram?: boolean
  /** The kernel struct behind a map pointer: `bpf_array`; `bpf_map` when absent. */
  readonly struct?: string
}
