import { defineMapType, type MapTypeDef } from '@skep/registry'
import { checker } from './check.ts'
import { lowerHash } from './hash-lower.ts'
import { bySize, hashBatches, hashOps, lruRules } from './hash-rules.ts'
import { mapsModule } from './module.ts'

/**
 * A hash that, when full, gives up an element that was not looked up lately (by programs: the host's lookups leave no
 * mark). BPF_F_NO_COMMON_LRU is taken and changes nothing: there is one list either way.
 */
export const lruHash: MapTypeDef = defineMapType({
  name: 'lru_hash',
  id: 9,
  check: checker(lruRules),
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
    ops: { ...hashOps, lookup: 'lru_hash_lookup' },
    variant: bySize('lru_hash_lookup'),
    lowerLookup: lowerHash({ lru: true }),
  },
})
