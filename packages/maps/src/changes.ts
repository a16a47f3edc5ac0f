import { mapLayout as layout } from '@skep/registry'
import { array } from './array.ts'
import { hash } from './hash.ts'
import type { HostMap } from './host-map.ts'
import { lpmTrie } from './lpm-trie.ts'
import { lruHash } from './lru-hash.ts'
import { lruPercpuHash } from './lru-percpu-hash.ts'
import { percpuArray } from './percpu-array.ts'
import { percpuHash } from './percpu-hash.ts'
import { queue, stack } from './queue-stack.ts'

/** Types whose operations count their changes (assembly/env.ts, `counted`). */
const counting: ReadonlySet<number> = new Set(
  [array, percpuArray, hash, percpuHash, lruHash, lruPercpuHash, lpmTrie, queue, stack].map(({ id }) => id),
)

/**
 * Updates and deletions so far, modulo 2^32, by host and programs; undefined for a type that does not count. A store through a
 * pointer that a lookup gave is none.
 */
export function countChanges(map: HostMap): number | undefined {
  return counting.has(map.def.id) ? map.arena.u32[(map.address + layout.MAP_CHANGES) >> 2] : undefined
}
