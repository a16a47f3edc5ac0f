import { defineMapType, mapLayout as layout, type MapTypeDef } from '@skep/registry'
import { ACCESS, checker, KMALLOC_MAX_SIZE, NUMA } from './check.ts'
import { mapsModule } from './module.ts'

/** Values without keys; peek says ENOENT for one that was never pushed. map_extra: how many hash functions, 5 for 0. */
export const bloomFilter: MapTypeDef = defineMapType({
  name: 'bloom_filter',
  id: 30,
  check: checker({
    key: { only: [0] },
    value: { min: 1, max: KMALLOC_MAX_SIZE, past: 'E2BIG' },
    flags: ACCESS | NUMA | layout.BPF_F_ZERO_SEED,
    extra: 15,
  }),
  value: 'plain',
  batches: [],
  keyless: 'bits',
  helpers: ['bpf_map_push_elem', 'bpf_map_peek_elem'],
  verify: { noKey: true, peekReadsValue: true, struct: 'bpf_bloom_filter' },
  wasm: {
    module: mapsModule,
    quiet: true,
    init: 'bloom_filter_init',
    free: 'bloom_filter_free',
    ops: {
      push: 'bloom_filter_push',
      peek: 'bloom_filter_peek',
      delete: 'bloom_filter_delete',
      next_key: 'bloom_filter_next_key',
    },
  },
})
