/**
 * Map types that programs may name and the verifier knows, but that hold nothing here yet: their creation checks, the
 * helpers that they take (check_map_func_compatibility) and why they are absent.
 */
import { defineMapType, mapLayout as layout, type MapTraits, type MapTypeDef } from '@skep/registry'
import {
  ACCESS,
  type CreationRules,
  checker,
  HOST_ACCESS,
  KMALLOC_MAX_SIZE,
  NUMA,
  PERCPU_MAX_SIZE,
  refuse,
  type SizeRule,
} from './check.ts'

const U32: SizeRule = { only: [4] }
const NONE: SizeRule = { only: [0] }
/** A file descriptor, or a struct whose second half is one. */
const FD_OR_PAIR: SizeRule = { only: [4, 8] }
const FD_FLAGS = HOST_ACCESS | NUMA

const supply = (what: string): string =>
  `${what}; a plugin supplies it with defineMapType({ create }), on a platform made without this one`

function absent(
  id: number,
  name: string,
  value: MapTypeDef['value'],
  rules: CreationRules,
  helpers: readonly string[] | undefined,
  verify: MapTraits,
  reason: string,
): MapTypeDef {
  return defineMapType({
    name,
    id,
    check: checker(rules),
    value,
    ...(helpers ? { helpers } : {}),
    verify,
    absent: supply(reason),
  })
}

const ALL_FLAGS = 0xf_ffff

/** cgroup_storage_map_alloc: a value that is too large comes before wrong flags and max_entries. */
const cgroupStorageRules = (most: number): CreationRules => {
  const rest = checker({ key: { min: 0 }, value: { min: 0 }, entries: NONE, flags: ACCESS | NUMA })
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

const unknown = (id: number, name: string, verify: MapTraits, reason: string): MapTypeDef =>
  defineMapType({
    name,
    id,
    check: () => refuse('EINVAL', `Linux 6.18 has no map type ${name}`),
    value: 'opaque',
    verify,
    absent: supply(reason),
  })

export const absentMapTypes: readonly MapTypeDef[] = [
  absent(
    19,
    'cgroup_storage',
    'opaque',
    cgroupStorageRules(65_407),
    ['bpf_get_local_storage'],
    { onePerProgram: true, specialFields: ['spin_lock'], struct: 'bpf_cgroup_storage_map' },
    'there are no cgroups without a provider of them',
  ),
  absent(
    21,
    'percpu_cgroup_storage',
    'opaque',
    cgroupStorageRules(PERCPU_MAX_SIZE),
    ['bpf_get_local_storage'],
    { onePerProgram: true, struct: 'bpf_cgroup_storage_map' },
    'there are no cgroups without a provider of them',
  ),
  absent(
    26,
    'struct_ops',
    'opaque',
    {
      key: U32,
      value: { min: 1, max: KMALLOC_MAX_SIZE, past: 'E2BIG' },
      entries: { only: [1] },
      flags: layout.BPF_F_LINK | layout.BPF_F_VTYPE_BTF_OBJ_FD,
      also: ({ btfValue }) =>
        btfValue ? undefined : refuse('EINVAL', 'struct_ops needs the BTF type of its kernel struct'),
    },
    undefined,
    { struct: 'bpf_struct_ops_map' },
    'interfaces of callbacks are not built yet',
  ),
  unknown(34, 'insn_array', { sleepable: true }, 'jump tables are not built yet'),
  unknown(35, 'rhash', { forEach: true }, 'resizable hashes are not built yet'),
]
