/**
 * Map types that programs may name and the verifier knows, but that hold nothing here yet: their creation checks, the
 * helpers that they take (check_map_func_compatibility) and why they are absent.
 */
import { defineMapType, mapLayout as layout, type MapTraits, type MapTypeDef } from '@skep/registry'
import { type CreationRules, checker, KMALLOC_MAX_SIZE, refuse, type SizeRule } from './check.ts'

const U32: SizeRule = { only: [4] }

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
    'nobody registers kernel structs here; those of .struct_ops sections open with openStructOps',
  ),
  unknown(34, 'insn_array', { sleepable: true }, 'no engine jumps through tables that a map holds'),
]
