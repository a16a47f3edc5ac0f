import { type LinkedMap, mapLayout as layout, type MapOp } from '@skep/registry'
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
  const sums = word(layout.ARRAY_SUMS)
  const lookup = def.wasm?.lowerLookup?.({ spec, address, word })
  return {
    name: map.name,
    address,
    ops,
    ...(programs.length > 0 ? { programs: new Map(programs) } : {}),
    ...(def.wasm?.quiet && word(layout.MAP_FREE_FIELDS) === 0 ? { quiet: true } : {}),
    ...(lookup ? { lookup } : {}),
    ...(def.wasm?.array
      ? {
          array: {
            data: word(layout.MAP_DATA),
            stride: word(layout.MAP_STRIDE),
            maxEntries: map.maxEntries,
            ...(sums === 0 ? {} : { sums: { address: sums, stride: word(layout.ARRAY_SUMS_STRIDE) } }),
          },
        }
      : {}),
  }
}
