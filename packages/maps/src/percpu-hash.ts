import { defineMapType, mapLayout as layout, type MapTypeDef } from '@skep/registry'
import { type CreationRules, checker, PERCPU_MAX_SIZE } from './check.ts'
import { lowerHash } from './hash-lower.ts'
import { bySize, hashBatches, hashOps, hashRules } from './hash-rules.ts'
import { mapsModule } from './module.ts'

export const percpuHashRules: CreationRules = {
  ...hashRules,
  value: { min: 1, max: PERCPU_MAX_SIZE, past: 'E2BIG' },
  flags: hashRules.flags & ~layout.BPF_F_NUMA_NODE,
}

/** A hash whose elements have a value for each CPU. A program's update of a new key zeroes the other CPUs' values. */
export const percpuHash: MapTypeDef = defineMapType({
  name: 'percpu_hash',
  id: 5,
  check: checker(percpuHashRules),
  value: 'percpu',
  countsChanges: true,
  batches: hashBatches,
  verify: { forEach: true, sleepable: true, specialFields: ['kptr', 'refcount'], struct: 'bpf_htab' },
  wasm: {
    module: mapsModule,
    quiet: true,
    init: 'percpu_hash_init',
    free: 'hash_free',
    ops: {
      ...hashOps,
      lookup: 'percpu_hash_lookup',
      lookup_percpu: 'hash_lookup_percpu',
      update_each: 'percpu_update_each',
    },
    variant: bySize('percpu_hash_lookup'),
    lowerLookup: lowerHash({ perCpu: true }),
  },
})
