import { defineMapType, mapLayout as layout, type MapTypeDef } from '@skep/registry'
import { checker, refuse } from './check.ts'
import { hash } from './hash.ts'
import { hashRules } from './hash-rules.ts'

/** Largest hint of how many elements there will be at first. */
const MOST_HINT = 0xffff

const plain = ({ struct: _, ...rest }: NonNullable<MapTypeDef['verify']>): typeof rest => rest

/**
 * The resizable hash of kernels after 6.18 (`struct bpf_rhtab` of kernel/bpf/hashtab.c): a hash whose elements come one by one,
 * with a hint of how many will come at first in `map_extra`. A hash with BPF_F_NO_PREALLOC grows with its elements here anyway,
 * so the hint is checked and has no other effect.
 */
export const rhash: MapTypeDef = defineMapType({
  ...hash,
  name: 'rhash',
  id: 35,
  check: checker({
    ...hashRules,
    needs: layout.BPF_F_NO_PREALLOC,
    extra: MOST_HINT,
    afterFlags: ({ mapExtra = 0, maxEntries }) =>
      mapExtra > maxEntries
        ? refuse('EINVAL', `map_extra hints at ${mapExtra} elements; max_entries is ${maxEntries}`)
        : undefined,
  }),
  verify: plain(hash.verify ?? {}),
})
