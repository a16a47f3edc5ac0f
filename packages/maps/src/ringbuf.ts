import { defineMapType, type MapSpec, type MapTypeDef } from '@skep/registry'
import { type CreationRules, checker, NUMA, refuse, withoutTypes } from './check.ts'
import { mapsModule } from './module.ts'

/** What ringbuf and user_ringbuf share (ringbuf_map_alloc). */
export const ringRules: CreationRules = {
  key: { only: [0] },
  value: { only: [0] },
  flags: NUMA,
  also: ({ maxEntries: n }) =>
    n >= 4096 && Number.isInteger(Math.log2(n))
      ? undefined
      : refuse('EINVAL', `max_entries is ${n}; a ring's bytes are a power of two and a multiple of 4096`),
}

const PAGE = 4096

/** adjust_ringbuf_sz: a power of two of pages. A type of the value is for readers, who get records of it. */
export const completeRing = (spec: MapSpec): MapSpec => {
  let maxEntries = PAGE
  while (maxEntries < spec.maxEntries && maxEntries < 2 ** 31) maxEntries *= 2
  return { ...withoutTypes(spec, 0), maxEntries: spec.maxEntries === 0 ? 0 : maxEntries }
}

/**
 * One ring of records from all CPUs' programs to the host, in the order of their reservations; max_entries is its bytes.
 * `openRingBuffer` reads it.
 */
export const ringbuf: MapTypeDef = defineMapType({
  name: 'ringbuf',
  id: 27,
  check: checker(ringRules),
  complete: completeRing,
  value: 'opaque',
  batches: [],
  helpers: [
    'bpf_ringbuf_output',
    'bpf_ringbuf_reserve',
    'bpf_ringbuf_query',
    'bpf_ringbuf_reserve_dynptr',
    'bpf_ringbuf_submit_dynptr',
    'bpf_ringbuf_discard_dynptr',
  ],
  verify: { sleepable: true, struct: 'bpf_ringbuf_map' },
  wasm: {
    module: mapsModule,
    init: 'ringbuf_init',
    free: 'ringbuf_free',
    ops: { find: 'ringbuf_find', pass: 'ringbuf_pass' },
  },
})
