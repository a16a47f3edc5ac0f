import type { HostMap } from '@skep/maps'
import { mapLayout, type ProgramTypeDef } from '@skep/registry'

/** The number of an expected attach type, 0 without one. */
export function attachTypeOf({ attachTypes }: ProgramTypeDef, asked: string | number | undefined): number {
  return typeof asked === 'number' ? asked : asked === undefined ? 0 : (attachTypes?.[asked]?.id ?? 0)
}

/**
 * Takes a program that is about to go out of a map of another collection: slots of program arrays, and elements that packets
 * are redirected to through it. A packet that it would have dropped must not pass.
 */
export function forgetProgram(map: HostMap, record: number, id: number): void {
  if (map.size === 0) return
  if (map.def.value === 'program') emptySlots(map, record)
  else if (map.def.redirect?.program !== undefined && map.valueSize === 8) deleteTargets(map, id)
}

// Past the handle, both: a program goes from a frozen map too.

function emptySlots({ arena: { u32 }, address, maxEntries }: HostMap, record: number): void {
  const word = (offset: number): number => (address + offset) >> 2
  const data = u32[word(mapLayout.MAP_DATA)]! >> 2
  const step = u32[word(mapLayout.MAP_STRIDE)]! >> 2
  for (let index = 0; index < maxEntries; index++) {
    if (u32[data + index * step] !== record) continue
    u32[data + index * step] = 0
    u32[word(mapLayout.MAP_COUNT)]!--
  }
}

function deleteTargets(map: HostMap, id: number): void {
  const { arena, address } = map
  const lookup = (map.operation('lookup_host') ?? map.operation('lookup'))!
  const [next, remove] = [map.operation('next_key')!, map.operation('delete')!]
  const keys = arena.alloc(16)
  const gone: number[] = []
  const before = keys + 8
  for (let from = 0; next(address, from, keys) === 0; from = before) {
    const element = lookup(address, keys) >>> 0
    if (element !== 0 && arena.u32[(element >> 2) + 1] === id) gone.push(arena.u32[keys >> 2]!)
    arena.u32[before >> 2] = arena.u32[keys >> 2]!
  }
  for (const key of gone) {
    arena.u32[keys >> 2] = key
    remove(address, keys)
  }
  arena.free(keys)
}
