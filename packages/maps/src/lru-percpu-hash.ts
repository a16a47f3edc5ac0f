import { defineMapType, mapLayout as layout, type MapTypeDef } from '@skep/registry'
import { checker, PERCPU_MAX_SIZE, refuse } from './check.ts'
import { lowerHash } from './hash-lower.ts'
import { bySize, completeLru, hashBatches, hashOps, lruRules } from './hash-rules.ts'
import { mapsModule } from './module.ts'

/** An LRU hash whose elements have a value for each CPU. */
export const lruPercpuHash: MapTypeDef = defineMapType({
  name: 'lru_percpu_hash',
  id: 10,
  check: checker({
    ...lruRules,
    value: { min: 1, max: PERCPU_MAX_SIZE, past: 'E2BIG' },
    afterFlags: (spec) =>
      lruRules.afterFlags?.(spec) ??
      ((spec.flags ?? 0) & layout.BPF_F_NUMA_NODE
        ? refuse('EINVAL', 'per-CPU values have no NUMA node; leave BPF_F_NUMA_NODE out')
        : undefined),
  }),
  complete: completeLru,
  value: 'percpu',
  countsChanges: true,
  batches: hashBatches,
  verify: { forEach: true, sleepable: true, specialFields: ['kptr', 'refcount'], struct: 'bpf_htab' },
  wasm: {
    module: mapsModule,
    quiet: true,
    init: 'lru_percpu_hash_init',
    free: 'hash_free',
    ops: {
      ...hashOps,
      restore: 'lru_restore',
      lookup: 'lru_percpu_hash_lookup',
      lookup_percpu: 'hash_lookup_percpu',
      update_each: 'percpu_update_each',
    },
    variant: bySize('lru_percpu_hash_lookup'),
    lowerLookup: lowerHash({ lru: true, perCpu: true }),
  },
})
