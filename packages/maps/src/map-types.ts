import type { MapTypeDef } from '@skep/registry'
import { absentMapTypes } from './absent.ts'
import { arenaMap } from './arena.ts'
import { array } from './array.ts'
import { bloomFilter } from './bloom-filter.ts'
import { cgroupStorage, percpuCgroupStorage } from './cgroup-storage.ts'
import { cpumap, devmap, devmapHash, xskmap } from './forward.ts'
import { hash } from './hash.ts'
import { lpmTrie } from './lpm-trie.ts'
import { lruHash } from './lru-hash.ts'
import { lruPercpuHash } from './lru-percpu-hash.ts'
import { arrayOfMaps, hashOfMaps } from './map-of-maps.ts'
import { percpuArray } from './percpu-array.ts'
import { percpuHash } from './percpu-hash.ts'
import { perfEventArray } from './perf-event-array.ts'
import { progArray } from './prog-array.ts'
import { queue, stack } from './queue-stack.ts'
import { rhash } from './rhash.ts'
import { ringbuf } from './ringbuf.ts'
import { cgroupArray, reuseportSockarray, sockhash, sockmap } from './sockmap.ts'
import { stackTrace } from './stack-trace.ts'
import { cgrpStorage, inodeStorage, skStorage, taskStorage } from './storage.ts'
import { userRingbuf } from './user-ringbuf.ts'

/** Every map type of Linux, by id: those that work here and those that are known by name. */
export const builtinMapTypes: readonly MapTypeDef[] = [
  hash,
  rhash,
  array,
  progArray,
  percpuHash,
  percpuArray,
  lruHash,
  lruPercpuHash,
  lpmTrie,
  queue,
  stack,
  bloomFilter,
  ringbuf,
  userRingbuf,
  arenaMap,
  stackTrace,
  cgroupStorage,
  percpuCgroupStorage,
  cgroupArray,
  sockmap,
  sockhash,
  reuseportSockarray,
  skStorage,
  inodeStorage,
  taskStorage,
  cgrpStorage,
  perfEventArray,
  arrayOfMaps,
  hashOfMaps,
  devmap,
  devmapHash,
  cpumap,
  xskmap,
  ...absentMapTypes,
].sort((a, b) => a.id - b.id)
