import { defineMapType, mapLayout as layout, type MapTypeDef } from '@skep/registry'
import { ACCESS, checker, INT_MAX, NUMA } from './check.ts'
import { mapsModule } from './module.ts'

/** `struct bpf_array`'s values, zero from the start; nothing is ever inserted or deleted. */
export const array: MapTypeDef = defineMapType({
  name: 'array',
  id: 2,
  check: checker({
    key: { only: [4] },
    value: { min: 1, max: INT_MAX, past: 'E2BIG' },
    flags: ACCESS | NUMA | layout.BPF_F_MMAPABLE | layout.BPF_F_INNER_MAP,
  }),
  value: 'plain',
  countsChanges: true,
  batches: ['lookup', 'update'],
  innerEntries: true,
  verify: {
    directValue: true,
    lookupNeverNull: true,
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
    struct: 'bpf_array',
  },
  wasm: {
    module: mapsModule,
    quiet: true,
    init: 'array_init',
    free: 'array_free',
    array: true,
    ops: {
      lookup: 'array_lookup',
      update: 'array_update',
      delete: 'array_delete',
      next_key: 'array_next_key',
      batch: 'array_batch',
      elements: 'array_elements',
      update_each: 'map_update_each',
      for_each: 'array_for_each',
    },
  },
})
