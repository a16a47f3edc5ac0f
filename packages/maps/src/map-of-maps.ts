import { defineMapType, type MapRefusal, type MapSpec, type MapTypeDef } from '@skep/registry'
import { checker, HOST_ACCESS, NUMA, refuse, type SizeRule } from './check.ts'
import { hashBatches, hashRules } from './hash-rules.ts'
import { mapsModule } from './module.ts'

const U32: SizeRule = { only: [4] }

/** bpf_map_meta_alloc: what may be the template of a map of maps. */
function checkInner(spec: MapSpec): MapRefusal | undefined {
  if (!spec.inner) return refuse('EINVAL', 'a map of maps needs the spec of its inner maps')
  const refused = ['prog_array', 'cgroup_storage', 'percpu_cgroup_storage', 'struct_ops', 3, 19, 21, 26]
  if (refused.includes(spec.inner.type))
    return refuse('ENOTSUPP', `maps of type ${spec.inner.type} cannot be inner maps`)
  if (spec.inner.inner) return refuse('EINVAL', 'maps of maps nest one level deep')
  return undefined
}

/** Slots for maps of one shape. The host updates with a u32, the address of the inner map, and looks up its id. */
export const arrayOfMaps: MapTypeDef = defineMapType({
  name: 'array_of_maps',
  id: 12,
  check: checker({ key: U32, value: U32, flags: HOST_ACCESS | NUMA, also: checkInner }),
  value: 'map',
  batches: ['lookup', 'update'],
  helpers: ['bpf_map_lookup_elem'],
  verify: { lookupReturns: 'map', sleepable: true, struct: 'bpf_array' },
  wasm: {
    module: mapsModule,
    quiet: true,
    init: 'slots_init',
    free: 'slots_free',
    slots: true,
    ops: {
      lookup: 'array_of_maps_lookup',
      lookup_host: 'slots_lookup_host',
      update: 'slots_update',
      delete: 'slots_delete',
      next_key: 'array_next_key',
      batch: 'array_batch',
    },
  },
})

/** The same by keys of any size. */
export const hashOfMaps: MapTypeDef = defineMapType({
  name: 'hash_of_maps',
  id: 13,
  check: checker({
    ...hashRules,
    value: U32,
    also: (spec) => checkInner(spec) ?? hashRules.also?.(spec),
  }),
  value: 'map',
  batches: hashBatches,
  helpers: ['bpf_map_lookup_elem'],
  verify: { lookupReturns: 'map', sleepable: true, struct: 'bpf_htab' },
  wasm: {
    module: mapsModule,
    quiet: true,
    init: 'hash_init',
    free: 'hash_free',
    ops: {
      lookup: 'hash_of_maps_lookup',
      lookup_host: 'hash_lookup',
      update: 'hash_of_maps_update',
      delete: 'hash_delete',
      next_key: 'hash_next_key',
      batch: 'hash_batch',
      quiesce: 'hash_quiesce',
    },
  },
})
