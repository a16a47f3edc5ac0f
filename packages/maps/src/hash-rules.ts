import {
  mapLayout as layout,
  type MapBatchOp,
  type MapExports,
  type MapRefusal,
  type MapSpec,
} from '@skep/registry'
import { ACCESS, type CreationRules, KMALLOC_MAX_SIZE, refuse } from './check.ts'

/** sizeof(struct htab_elem): key and value must fit into one kmalloc beside it. */
const ELEMENT = 48
/** roundup_pow_of_two(max_entries) × sizeof(struct bucket) must stay below 2^32. */
const MOST_ENTRIES = 1 << 27

function checkElement(spec: MapSpec): MapRefusal | undefined {
  if (spec.keySize + spec.valueSize >= KMALLOC_MAX_SIZE - ELEMENT) {
    return refuse('E2BIG', `key_size + value_size is ${spec.keySize + spec.valueSize}; less than 4 MiB fit`)
  }
  if (spec.maxEntries > MOST_ENTRIES) return refuse('E2BIG', `max_entries is ${spec.maxEntries}`)
  return undefined
}

export const hashRules: CreationRules = {
  key: { min: 1 },
  value: { min: 1 },
  flags: ACCESS | layout.BPF_F_NUMA_NODE | layout.BPF_F_NO_PREALLOC | layout.BPF_F_ZERO_SEED,
  also: checkElement,
}

export const lruRules: CreationRules = {
  ...hashRules,
  flags: hashRules.flags | layout.BPF_F_NO_COMMON_LRU,
  afterFlags: ({ flags = 0 }) => {
    if (flags & layout.BPF_F_NO_PREALLOC)
      return refuse('ENOTSUPP', 'an LRU map is always preallocated; leave BPF_F_NO_PREALLOC out')
    if (flags & layout.BPF_F_NO_COMMON_LRU && flags & layout.BPF_F_NUMA_NODE)
      return refuse('EINVAL', 'lists for each CPU have no NUMA node; leave BPF_F_NUMA_NODE out')
    return undefined
  },
}

/** BPF_F_NO_COMMON_LRU: each CPU's list is as long as the others', and none is empty (htab_map_alloc). */
export function completeLru(spec: MapSpec, cpus: number): MapSpec {
  const flags = spec.flags ?? 0
  if (!(flags & layout.BPF_F_NO_COMMON_LRU) || spec.maxEntries === 0) return spec
  return { ...spec, maxEntries: Math.ceil(spec.maxEntries / cpus) * cpus }
}

/** The exports for keys of 4, 8 and 16 bytes: `hash_lookup4` and so on. */
export function bySize(lookup: string): (spec: MapSpec) => MapExports {
  return ({ keySize }) =>
    keySize === 4 || keySize === 8 || keySize === 16
      ? {
          lookup: `${lookup}${keySize}`,
          lookup_host: `hash_lookup${keySize}`,
          update: `hash_update${keySize}`,
          delete: `hash_delete${keySize}`,
        }
      : {}
}

/** BATCH_OPS of kernel/bpf/hashtab.c. */
export const hashBatches: readonly MapBatchOp[] = ['lookup', 'lookup_and_delete', 'update', 'delete']

/** What every hash type shares; each adds its own `lookup`. */
export const hashOps: MapExports = {
  repair: 'hash_repair',
  lookup_host: 'hash_lookup',
  lookup_and_delete: 'hash_lookup_and_delete',
  update: 'hash_update',
  delete: 'hash_delete',
  next_key: 'hash_next_key',
  batch: 'hash_batch',
  elements: 'hash_elements',
  update_each: 'map_update_each',
  delete_each: 'map_delete_each',
  for_each: 'hash_for_each',
  quiesce: 'hash_quiesce',
}
