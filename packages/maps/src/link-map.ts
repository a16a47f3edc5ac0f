import {
  type LinkedArray,
  type LinkedMap,
  mapLayout as layout,
  type MapOp,
  type MapTypeDef,
} from '@skep/registry'
import { programOps } from './header.ts'
import type { HostMap } from './host-map.ts'
import type { Operations } from './map-operations.ts'

/** A map as engines see it. */
export function linkMap(map: HostMap, operations: Operations): LinkedMap {
  const { address, def, spec, arena } = map
  const ops: Partial<Record<MapOp, unknown>> = {}
  for (const op of programOps) if (operations[op]) ops[op] = operations[op]
  const programs = (spec.initial ?? []).flatMap((first) =>
    'program' in first ? [[first.index, first.program] as const] : [],
  )
  const word = (offset: number): number => arena.view.getUint32(address + offset, true)
  const lookup = def.wasm?.lowerLookup?.({ spec, address, word })
  const array = linkArray(def, map.maxEntries, word)
  return {
    name: map.name,
    address,
    ops,
    ...(programs.length > 0 ? { programs: new Map(programs) } : {}),
    ...(def.wasm?.quiet && word(layout.MAP_FREE_FIELDS) === 0 ? { quiet: true } : {}),
    ...(lookup ? { lookup } : {}),
    ...(array ? { array } : {}),
  }
}

/** Where the elements lie, if in one array or in one for each CPU. */
function linkArray(
  { wasm }: MapTypeDef,
  maxEntries: number,
  word: (offset: number) => number,
): LinkedArray | undefined {
  if (!wasm?.array && !wasm?.perCpuArray) return undefined
  const array = { data: word(layout.MAP_DATA), stride: word(layout.MAP_STRIDE), maxEntries }
  if (wasm.perCpuArray) return { ...array, area: word(layout.MAP_PRIVATE) }
  const address = word(layout.ARRAY_SUMS)
  return address === 0 ? array : { ...array, sums: { address, stride: word(layout.ARRAY_SUMS_STRIDE) } }
}
