import { defineMapType, type MapTypeDef } from '@skep/registry'
import { checker, HOST_ACCESS, NUMA } from './check.ts'
import { mapsModule } from './module.ts'

/**
 * Slots for bpf_tail_call. The host updates with a u32, the address of a program's record (`ProgramHandle.record`), and
 * looks up the program's id. All programs in it are of one type.
 */
export const progArray: MapTypeDef = defineMapType({
  name: 'prog_array',
  id: 3,
  check: checker({ key: { only: [4] }, value: { only: [4] }, flags: HOST_ACCESS | NUMA }),
  value: 'program',
  batches: [],
  helpers: ['bpf_tail_call'],
  verify: { struct: 'bpf_array' },
  wasm: {
    module: mapsModule,
    init: 'slots_init',
    free: 'slots_free',
    ops: {
      lookup_host: 'slots_lookup_host',
      update: 'prog_array_update',
      delete: 'slots_delete',
      next_key: 'array_next_key',
      batch: 'array_batch',
    },
  },
})
