import { defineMapType, mapLayout as layout, type MapTypeDef } from '@skep/registry'
import { checker, HOST_ACCESS, NUMA, withoutTypes } from './check.ts'
import { mapsModule } from './module.ts'

/** Rings by CPU for bpf_perf_event_output; `openPerfBuffer` makes and reads them. Without a reader the helper gives -ENOENT. */
export const perfEventArray: MapTypeDef = defineMapType({
  name: 'perf_event_array',
  id: 4,
  check: checker({
    key: { only: [4] },
    value: { only: [4] },
    flags: HOST_ACCESS | NUMA | layout.BPF_F_PRESERVE_ELEMS,
  }),
  // As map_set_def_max_entries. Types of key and value are for readers, who get records of them.
  complete: (spec, cpus) => ({
    ...withoutTypes(spec, 4),
    maxEntries: spec.maxEntries === 0 ? cpus : spec.maxEntries,
  }),
  value: 'opaque',
  batches: [],
  helpers: [
    'bpf_perf_event_read',
    'bpf_perf_event_output',
    'bpf_skb_output',
    'bpf_perf_event_read_value',
    'bpf_xdp_output',
  ],
  verify: { struct: 'bpf_array' },
  wasm: {
    module: mapsModule,
    init: 'slots_init',
    free: 'slots_free',
    ops: {
      update: 'perf_event_array_update',
      delete: 'slots_delete',
      next_key: 'array_next_key',
      batch: 'array_batch',
    },
  },
})
