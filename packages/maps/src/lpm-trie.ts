import { defineMapType, mapLayout as layout, type MapTypeDef } from '@skep/registry'
import { ACCESS, checker, KMALLOC_MAX_SIZE, NUMA } from './check.ts'
import { mapsModule } from './module.ts'

/** sizeof(struct lpm_trie_node) and the longest data. */
const NODE = 24 + 256

/** Longest prefix match over keys of a u32 prefix length and up to 256 bytes of data, most significant bit first. */
export const lpmTrie: MapTypeDef = defineMapType({
  name: 'lpm_trie',
  id: 11,
  check: checker({
    key: { min: 5, max: 260 },
    value: { min: 1, max: KMALLOC_MAX_SIZE - NODE },
    flags: ACCESS | NUMA | layout.BPF_F_NO_PREALLOC,
    needs: layout.BPF_F_NO_PREALLOC,
  }),
  value: 'plain',
  countsChanges: true,
  batches: ['lookup', 'update', 'delete'],
  verify: { struct: 'lpm_trie' },
  wasm: {
    module: mapsModule,
    quiet: true,
    init: 'lpm_trie_init',
    free: 'lpm_trie_free',
    ops: {
      lookup: 'lpm_trie_lookup',
      update: 'lpm_trie_update',
      delete: 'lpm_trie_delete',
      next_key: 'lpm_trie_next_key',
      elements_after: 'lpm_trie_elements_after',
      update_each: 'map_update_each',
      delete_each: 'map_delete_each',
      quiesce: 'lpm_trie_quiesce',
      repair: 'lpm_trie_repair',
    },
    variant: ({ keySize }) => (keySize === 8 ? { lookup: 'lpm_trie_lookup4' } : {}),
  },
})
