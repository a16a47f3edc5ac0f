import { defineMapType, type MapTypeDef } from '@skep/registry'
import { ACCESS, checker, PERCPU_MAX_SIZE } from './check.ts'
import { mapsModule } from './module.ts'

/** An array for each CPU; programs see their own CPU's. */
export const percpuArray: MapTypeDef = defineMapType({
  name: 'percpu_array',
  id: 6,
  check: checker({
    key: { only: [4] },
    value: { min: 1, max: PERCPU_MAX_SIZE, past: 'E2BIG' },
    flags: ACCESS,
  }),
  value: 'percpu',
  countsChanges: true,
  batches: ['lookup', 'update'],
  innerEntries: true,
  verify: {
    lookupNeverNull: true,
    forEach: true,
    sleepable: true,
    specialFields: ['kptr', 'refcount'],
    struct: 'bpf_array',
  },
  wasm: {
    module: mapsModule,
    quiet: true,
    init: 'percpu_array_init',
    free: 'percpu_array_free',
    perCpuArray: true,
    ops: {
      lookup: 'percpu_array_lookup',
      lookup_percpu: 'percpu_array_lookup_percpu',
      update: 'percpu_array_update',
      delete: 'array_delete',
      next_key: 'array_next_key',
      batch: 'array_batch',
      elements: 'percpu_array_elements',
      update_each: 'percpu_update_each',
      for_each: 'percpu_array_for_each',
    },
  },
})
