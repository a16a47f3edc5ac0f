import {
  type LinkedArray,
  type LinkedInner,
  type LinkedInnerArray,
  type LinkedMap,
  type LowerI32,
  mapLayout as layout,
  type MapOp,
  type MapSpec,
  type MapTypeDef,
} from '@skep/registry'
import { programOps, round8 } from './header.ts'
import type { HostMap } from './host-map.ts'
import type { HostMapParts } from './host-map-parts.ts'
import { type Operations, wasmOperations } from './map-operations.ts'

/** What the elements of a map of maps are. */
export interface InnerType {
  readonly spec: MapSpec
  /** Absent where it is none that the outer map's module serves: calls ask at run time. */
  readonly known?: { readonly def: MapTypeDef; readonly operations: Operations }
  /** Values hold special fields. */
  readonly special: boolean
}

/** Of a map with a template. */
export function innerType(parts: HostMapParts): InnerType | undefined {
  const { def, spec, inner, exports, innerFields = [] } = parts
  if (!spec.inner) return undefined
  const serves = exports && inner?.wasm && inner.wasm.module === def.wasm?.module
  return {
    spec: spec.inner,
    ...(serves ? { known: { def: inner, operations: wasmOperations(inner, spec.inner, exports) } } : {}),
    special: innerFields.length > 0,
  }
}

const opsOf = (operations: Operations): Partial<Record<MapOp, unknown>> => {
  const ops: Partial<Record<MapOp, unknown>> = {}
  for (const op of programOps) if (operations[op]) ops[op] = operations[op]
  return ops
}

const argument = (number: 0 | 1): LowerI32 => ['i32.wrap_i64', ['arg', number]]

/** A map as engines see it. */
export function linkMap(map: HostMap, operations: Operations, inner?: InnerType): LinkedMap {
  const { address, def, spec, arena } = map
  const programs = (spec.initial ?? []).flatMap((first) =>
    'program' in first ? [[first.index, first.program] as const] : [],
  )
  const number = (offset: number): number => arena.view.getUint32(address + offset, true)
  const lookup = def.wasm?.lowerLookup?.({
    spec,
    address: ['i32', address],
    key: argument(0),
    word: (offset) => ['i32', number(offset)],
  })
  const array = linkArray(def, map.maxEntries, number)
  return {
    name: map.name,
    address,
    ops: opsOf(operations),
    ...(programs.length > 0 ? { programs: new Map(programs) } : {}),
    ...(def.wasm?.quiet && number(layout.MAP_FREE_FIELDS) === 0 ? { quiet: true } : {}),
    ...(lookup ? { lookup } : {}),
    ...(array ? { array } : {}),
    ...(inner ? { inner: linkInner(map.name, inner) } : {}),
  }
}

/** Where the elements lie, if in one array or in one for each CPU. */
function linkArray(
  { wasm }: MapTypeDef,
  maxEntries: number,
  word: (offset: number) => number,
): LinkedArray | undefined {
  if (wasm?.slots) return { data: word(layout.MAP_DATA), stride: 4, maxEntries, slots: true }
  if (!wasm?.array && !wasm?.perCpuArray) return undefined
  const array = { data: word(layout.MAP_DATA), stride: word(layout.MAP_STRIDE), maxEntries }
  if (wasm.perCpuArray) return { ...array, area: word(layout.MAP_PRIVATE) }
  const address = word(layout.ARRAY_SUMS)
  return address === 0 ? array : { ...array, sums: { address, stride: word(layout.ARRAY_SUMS_STRIDE) } }
}

function linkInner(outer: string, { spec, known, special }: InnerType): LinkedInner {
  const name = `${outer}[]`
  if (!known) return { name, ops: {} }
  const { def, operations } = known
  const lookup = def.wasm?.lowerLookup?.({
    spec,
    address: argument(0),
    key: argument(1),
    word: (offset) => ['i32.load', argument(0), offset],
  })
  const array = innerArray(def, spec)
  return {
    name,
    ops: opsOf(operations),
    ...(def.wasm?.quiet && !special ? { quiet: true } : {}),
    ...(lookup ? { lookup } : {}),
    ...(array ? { array } : {}),
  }
}

function innerArray({ wasm, innerEntries }: MapTypeDef, spec: MapSpec): LinkedInnerArray | undefined {
  if (!wasm?.array && !wasm?.perCpuArray) return undefined
  const fixed = innerEntries && ((spec.flags ?? 0) & layout.BPF_F_INNER_MAP) === 0
  return {
    stride: round8(spec.valueSize),
    ...(fixed ? { maxEntries: spec.maxEntries } : {}),
    ...(wasm.perCpuArray ? { perCpu: true } : {}),
  }
}
