import { defineMapType, type MapTypeDef } from '@skep/registry'
import { checker } from './check.ts'
import { mapsModule } from './module.ts'
import { completeRing, ringRules } from './ringbuf.ts'

/**
 * One ring of records from the host to programs, which take them with bpf_user_ringbuf_drain; max_entries is its bytes.
 * `openUserRingBuffer` writes it.
 */
export const userRingbuf: MapTypeDef = defineMapType({
  name: 'user_ringbuf',
  id: 31,
  check: checker(ringRules),
  complete: completeRing,
  value: 'opaque',
  batches: [],
  helpers: ['bpf_user_ringbuf_drain'],
  verify: { sleepable: true, struct: 'bpf_ringbuf_map' },
  wasm: { module: mapsModule, init: 'ringbuf_init', free: 'ringbuf_free', ops: {} },
})
