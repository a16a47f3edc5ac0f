import { mapLayout as layout } from '@skep/registry'
import type { HostMap } from './host-map.ts'

/**
 * Updates and deletions so far, modulo 2^32, by host and programs; undefined for a type that does not count. A store through a
 * pointer that a lookup gave is none.
 */
export function countChanges(map: HostMap): number | undefined {
  return map.def.countsChanges ? map.arena.u32[(map.address + layout.MAP_CHANGES) >> 2] : undefined
}
