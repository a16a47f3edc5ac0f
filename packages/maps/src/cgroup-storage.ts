import { defineMapType, type MapTypeDef } from '@skep/registry'
import { ACCESS, type CreationRules, checker, NUMA, PERCPU_MAX_SIZE, refuse } from './check.ts'
import { mapsModule } from './module.ts'

const ALL_FLAGS = 0xf_ffff

/** cgroup_storage_map_alloc: a value that is too large comes before wrong flags and max_entries. */
const rules = (most: number): CreationRules => {
  const rest = checker({
    key: { min: 0 },
    value: { min: 0 },
    entries: { only: [0] },
    flags: ACCESS | NUMA,
  })
  return {
    // bpf_cgroup_storage_key, or the cgroup's id alone.
    key: { only: [8, 16] },
    value: { min: 1 },
    entries: { min: 0 },
    flags: ALL_FLAGS,
    also: (spec) =>
      spec.valueSize > most
        ? refuse('E2BIG', `value_size is ${spec.valueSize}; it may be ${most} at most`)
        : rest(spec),
  }
}

/** One value, which bpf_get_local_storage gives to the programs of the map; its key is zeros. Linux has one an attachment. */
export const cgroupStorage: MapTypeDef = defineMapType({
  name: 'cgroup_storage',
  id: 19,
  check: checker(rules(65_407)),
  value: 'plain',
  batches: [],
  helpers: ['bpf_get_local_storage'],
  verify: { onePerProgram: true, specialFields: ['spin_lock'], struct: 'bpf_cgroup_storage_map' },
  wasm: {
    module: mapsModule,
    init: 'cgroup_storage_init',
    free: 'cgroup_storage_free',
    ops: {
      lookup: 'cgroup_storage_get',
      lookup_host: 'hash_lookup',
      update: 'cgroup_storage_update',
      delete: 'cgroup_storage_delete',
      next_key: 'cgroup_storage_next_key',
    },
  },
})

/** The same with a value for each CPU. */
export const percpuCgroupStorage: MapTypeDef = defineMapType({
  name: 'percpu_cgroup_storage',
  id: 21,
  check: checker(rules(PERCPU_MAX_SIZE)),
  value: 'percpu',
  batches: [],
  helpers: ['bpf_get_local_storage'],
  verify: { onePerProgram: true, struct: 'bpf_cgroup_storage_map' },
  wasm: {
    module: mapsModule,
    init: 'percpu_cgroup_storage_init',
    free: 'cgroup_storage_free',
    ops: {
      lookup: 'percpu_cgroup_storage_get',
      lookup_percpu: 'hash_lookup_percpu',
      update: 'percpu_cgroup_storage_update',
      delete: 'cgroup_storage_delete',
      next_key: 'cgroup_storage_next_key',
    },
  },
})
