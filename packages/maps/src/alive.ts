import type { Arena } from '@skep/memory'
import { onObjectRelease } from '@skep/registry'
import type { HostMap } from './host-map.ts'

const alive = new WeakMap<Arena, Map<number, HostMap>>()

/** Maps by the address of their header, in each arena: what an element of a map of maps may be. */
export function aliveIn(arena: Arena): Map<number, HostMap> {
  const known = alive.get(arena)
  if (known) return known
  const maps = new Map<number, HostMap>()
  alive.set(arena, maps)
  onObjectRelease(arena, (address) => letGo(arena, maps, address))
  return maps
}

/** What maps keep for an object goes with it. */
function letGo(arena: Arena, maps: ReadonlyMap<number, HostMap>, address: number): void {
  const key = arena.exports.alloc(8, 8) >>> 0
  if (key === 0) return
  arena.u32[key >> 2] = address
  for (const map of maps.values()) map.operation('release')?.(map.address, key)
  arena.free(key)
}
