import { defineMapType, type MapTypeDef } from '@skep/registry'
import { checker } from './check.ts'
import { lowerHash } from './hash-lower.ts'
import { bySize, completeLru, hashBatches, hashOps, lruRules } from './hash-rules.ts'
import { mapsModule } from './module.ts'

/**
 * A hash that, when full, gives up elements that were not looked up lately (by programs: the host's lookups leave no mark): the
 * same ones as the kernel, where the runtime has as many CPUs. Like there, several go at once. With BPF_F_NO_COMMON_LRU each
 * CPU has its own share of the elements.
 */
export const lruHash: MapTypeDef = defineMapType({
  name: 'lru_hash',
  id: 9,
  check: checker(lruRules),
  complete: completeLru,
  value: 'plain',
  countsChanges: true,
  batches: hashBatches,
  verify: {
    forEach: true,
    sleepable: true,
    specialFields: ['timer', 'workqueue', 'task_work', 'kptr', 'refcount', 'list_head', 'rb_root'],
    struct: 'bpf_htab',
  },
  wasm: {
    module: mapsModule,
    quiet: true,
    init: 'lru_hash_init',
    free: 'hash_free',
    ops: { ...hashOps, restore: 'lru_restore', lookup: 'lru_hash_lookup' },
    variant: bySize('lru_hash_lookup'),
    lowerLookup: lowerHash({ lru: true }),
  },
})
