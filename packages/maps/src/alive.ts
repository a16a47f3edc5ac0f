import type { Arena } from '@skep/memory'
import type { HostMap } from './host-map.ts'

const alive = new WeakMap<Arena, Map<number, HostMap>>()

/** Maps by the address of their header, in each arena: what an element of a map of maps may be. */
export function aliveIn(arena: Arena): Map<number, HostMap> {
  let maps = alive.get(arena)
  if (!maps) alive.set(arena, (maps = new Map()))
  return maps
}
