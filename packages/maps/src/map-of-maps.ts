import { defineMapType, type MapRefusal, type MapSpec, type MapTypeDef, mapLayout } from '@skep/registry'
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

/** Why a map cannot be an element of one whose template is `inner` (map_meta_equal), or undefined. */
export function mismatch(inner: MapSpec, def: MapTypeDef, spec: MapSpec): string | undefined {
  const type = typeof inner.type === 'number' ? def.id : def.name
  const flags = inner.flags ?? 0
  const pairs: readonly (readonly [string, unknown, unknown])[] = [
    ['type', type, inner.type],
    ['key_size', spec.keySize, inner.keySize],
    ['value_size', spec.valueSize, inner.valueSize],
    ['map_flags', spec.flags ?? 0, flags],
    ...(def.innerEntries && (flags & mapLayout.BPF_F_INNER_MAP) === 0
      ? [['max_entries', spec.maxEntries, inner.maxEntries] as const]
      : []),
  ]
  const odd = pairs.find(([, is, wanted]) => is !== wanted)
  return odd && `the inner map's ${odd[0]} is ${odd[1]}, and its template has ${odd[2]}`
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
