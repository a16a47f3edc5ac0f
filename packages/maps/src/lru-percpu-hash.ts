import { defineMapType, mapLayout as layout, type MapTypeDef } from '@skep/registry'
import { checker, PERCPU_MAX_SIZE } from './check.ts'
import { bySize, hashOps, lruRules } from './hash-rules.ts'
import { mapsModule } from './module.ts'

/** An LRU hash whose elements have a value for each CPU. */
export const lruPercpuHash: MapTypeDef = defineMapType({
  name: 'lru_percpu_hash',
  id: 10,
  check: checker({
    ...lruRules,
    value: { min: 1, max: PERCPU_MAX_SIZE, past: 'E2BIG' },
    flags: lruRules.flags & ~layout.BPF_F_NUMA_NODE,
  }),
  value: 'percpu',
  verify: { forEach: true, sleepable: true, specialFields: ['kptr', 'refcount'], struct: 'bpf_htab' },
  wasm: {
    module: mapsModule,
    init: 'lru_percpu_hash_init',
    free: 'hash_free',
    ops: { ...hashOps, lookup: 'lru_percpu_hash_lookup', lookup_percpu: 'hash_lookup_percpu' },
    variant: bySize('lru_percpu_hash_lookup'),
  },
})
