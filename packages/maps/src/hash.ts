import { defineMapType, type MapTypeDef } from '@skep/registry'
import { checker } from './check.ts'
import { lowerHash } from './hash-lower.ts'
import { bySize, hashBatches, hashOps, hashRules } from './hash-rules.ts'
import { mapsModule } from './module.ts'

/** Elements preallocated, unless BPF_F_NO_PREALLOC; E2BIG when full. */
export const hash: MapTypeDef = defineMapType({
  name: 'hash',
  id: 1,
  check: checker(hashRules),
  value: 'plain',
  countsChanges: true,
  batches: hashBatches,
  verify: {
    forEach: true,
    sleepable: true,
    specialFields: [
      'spin_lock',
      'timer',
      'workqueue',
      'task_work',
      'kptr',
      'refcount',
      'list_head',
      'rb_root',
    ],
    struct: 'bpf_htab',
  },
  wasm: {
    module: mapsModule,
    quiet: true,
    init: 'hash_init',
    free: 'hash_free',
    ops: { ...hashOps, lookup: 'hash_lookup' },
    variant: bySize('hash_lookup'),
    lowerLookup: lowerHash(),
  },
})
