import * as z from 'zod'
import type { ErrnoName } from './errno.ts'
import type { MapHandle } from './handles.ts'
import type { MapOp } from './helper.ts'
import { parseDefinition } from './parse.ts'
import type { MapSpec } from './spec.ts'
import type { HostEnv, WasmModuleDef } from './wasm-module.ts'

/** Why bpf(2) refuses to create such a map. */
export interface MapRefusal {
  readonly errno: ErrnoName
  readonly reason: string
}

export interface MapTypeDef {
  /** BPF_MAP_TYPE_ name without prefix, lower case: `percpu_array`. */
  readonly name: string
  /** As in `enum bpf_map_type`; ids from 0x1_0000 are for plugins. */
  readonly id: number
  /** The checks of map_alloc_check: undefined when the spec is fine. */
  readonly check: (spec: MapSpec) => MapRefusal | undefined
  /** How elements look to the host: one value, one for each CPU, or references to other objects. */
  readonly value: 'plain' | 'percpu' | 'program' | 'map' | 'opaque'
  /** Helpers that programs may call on it (names); any helper that takes a map when absent. */
  readonly helpers?: readonly string[]
  /** What the verifier may assume and allow. */
  readonly verify?: MapTraits
  /** Operations in wasm: `init(map) → errno`, `free(map)`, and the MapOps by exported name. */
  readonly wasm?: {
    readonly module: WasmModuleDef
    readonly init: string
    readonly free: string
    readonly ops: Readonly<Partial<Record<MapOp | 'next_key', string>>>
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
}

const shape = z
  .object({
    name: z.string().regex(/^[a-z][a-z0-9_]*$/, 'lower case letters, digits and _'),
    id: z.number().int().positive(),
    check: z.custom((f) => typeof f === 'function', 'a function'),
    value: z.enum(['plain', 'percpu', 'program', 'map', 'opaque']),
    helpers: z.array(z.string()).optional(),
    verify: z.object({}).loose().optional(),
    wasm: z
      .object({
        module: z.object({ name: z.string() }).loose(),
        init: z.string(),
        free: z.string(),
        ops: z.record(z.string(), z.string()),
      })
      .optional(),
    create: z.custom((f) => typeof f === 'function', 'a function').optional(),
    absent: z.string().optional(),
  })
  .strict()

/** Checks and freezes a map type. Throws DefinitionError with the path to the field. */
export const defineMapType = <const D extends MapTypeDef>(definition: D): D =>
  parseDefinition('mapType', shape, definition)
