import { defineMapType, type MapTypeDef } from '@skep/registry'
import { ACCESS, type CreationRules, checker, KMALLOC_MAX_SIZE, NUMA } from './check.ts'
import { mapsModule } from './module.ts'

const rules: CreationRules = {
  key: { only: [0] },
  value: { min: 1, max: KMALLOC_MAX_SIZE, past: 'E2BIG' },
  flags: ACCESS | NUMA,
}

const helpers = ['bpf_map_push_elem', 'bpf_map_pop_elem', 'bpf_map_peek_elem'] as const

const shared = {
  push: 'queue_push',
  delete: 'queue_delete',
  next_key: 'queue_next_key',
  repair: 'queue_repair',
} as const

/** First in, first out. The host's lookup peeks, its update pushes; keys are empty. */
export const queue: MapTypeDef = defineMapType({
  name: 'queue',
  id: 22,
  check: checker(rules),
  value: 'plain',
  countsChanges: true,
  batches: [],
  keyless: 'sequence',
  helpers,
  verify: { noKey: true, sleepable: true, struct: 'bpf_queue_stack' },
  wasm: {
    module: mapsModule,
    quiet: true,
    init: 'queue_init',
    free: 'queue_free',
    ops: { ...shared, pop: 'queue_pop', peek: 'queue_peek' },
  },
})

/** Last in, first out. */
export const stack: MapTypeDef = defineMapType({
  name: 'stack',
  id: 23,
  check: checker(rules),
  value: 'plain',
  countsChanges: true,
  batches: [],
  keyless: 'sequence',
  helpers,
  verify: { noKey: true, sleepable: true, struct: 'bpf_queue_stack' },
  wasm: {
    module: mapsModule,
    quiet: true,
    init: 'queue_init',
    free: 'queue_free',
    ops: { ...shared, pop: 'stack_pop', peek: 'stack_peek' },
  },
})
