import type { Arena } from '@skep/memory'
import type { HostEnv, MapSpec, MapTypeDef, ValueField } from '@skep/registry'

/** free_fields(map, value) of layout/map.ts's MAP_FREE_FIELDS. */
export type FreeFields = (map: number, value: number) => number

/** What a live map is made of. */
export interface HostMapParts {
  readonly arena: Arena
  readonly def: MapTypeDef
  readonly spec: MapSpec
  /** Unique in the runtime; programs read it as bpf_map.id. */
  readonly id: number
  /** Exports of an instance of the type's wasm module. */
  readonly exports?: WebAssembly.Exports | Readonly<Record<string, unknown>>
  /** The type of `spec.inner`: lets engines write the calls of programs on inner maps for it. */
  readonly inner?: MapTypeDef
  /** For map types in JS. */
  readonly env?: HostEnv
  /** Puts a function into this CPU's function table, at the slot given if one is, and returns its slot. */
  readonly slot: (fn: unknown, name: string, slot?: number) => number
  /** Header of a map that another CPU of the arena made: a handle on it, which leaves it there when it is closed. */
  readonly address?: number
  /** For hash functions; random when absent. */
  readonly seed?: bigint
  /** Special fields of the value, and of inner maps' values: updates leave them alone, the host reads zeros. */
  readonly fields?: readonly ValueField[]
  readonly innerFields?: readonly ValueField[]
  /** What frees them (PluginDef.freeFields); absent: nothing is put into them. */
  readonly freeFields?: FreeFields
}
