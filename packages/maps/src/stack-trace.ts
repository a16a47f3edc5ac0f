import { defineMapType, mapLayout as layout, type MapTypeDef } from '@skep/registry'
import { checker, HOST_ACCESS, NUMA, refuse } from './check.ts'
import { mapsModule } from './module.ts'

/**
 * Stacks by id, written by bpf_get_stackid: addresses of frames, or struct bpf_stack_build_id with BPF_F_STACK_BUILD_ID. The
 * host reads and deletes. Which stack a program has is the host's to tell (the helpers' provider of stacks).
 */
export const stackTrace: MapTypeDef = defineMapType({
  name: 'stack_trace',
  id: 7,
  check: checker({
    key: { only: [4] },
    // sysctl_perf_event_max_stack frames of 8 bytes.
    value: { min: 8, max: 127 * 32 },
    flags: HOST_ACCESS | NUMA | layout.BPF_F_STACK_BUILD_ID,
    also: ({ valueSize, flags }) => {
      const frame = (flags ?? 0) & layout.BPF_F_STACK_BUILD_ID ? 32 : 8
      return valueSize % frame === 0 && valueSize / frame <= 127
        ? undefined
        : refuse('EINVAL', `value_size is ${valueSize}; it holds 1 to 127 frames of ${frame} bytes`)
    },
  }),
  value: 'plain',
  batches: [],
  helpers: ['bpf_get_stackid'],
  verify: { struct: 'bpf_stack_map' },
  wasm: {
    module: mapsModule,
    init: 'stack_trace_init',
    free: 'stack_trace_free',
    ops: {
      lookup_host: 'stack_trace_lookup',
      lookup_and_delete: 'stack_trace_lookup_and_delete',
      update: 'stack_trace_update',
      delete: 'stack_trace_delete',
      next_key: 'stack_trace_next_key',
    },
  },
})
