import type { Btf } from './btf.ts'
import { BTF_KIND, KIND_SHAPES } from './kinds.ts'

/** A type as `bpftool -j btf dump` writes it: its fields by bpftool's names, in bpftool's order. */
export type BtfDescription = Readonly<Record<string, unknown>> & {
  readonly id: number
  readonly kind: string
  readonly name: string
}

type Fields = Record<string, unknown>

const LINKAGE: readonly string[] = ['static', 'global', 'extern']
const linkage = (btf: Btf, id: number): string => LINKAGE[btf.linkage(id)] ?? '(unknown)'
const shown = (name: string): string => (name === '' ? '(anon)' : name)

const encoding = (btf: Btf, id: number): string => {
  const { signed, char, bool } = btf.integer(id)
  return signed ? 'SIGNED' : char ? 'CHAR' : bool ? 'BOOL' : '(none)'
}

function composite(btf: Btf, id: number): Fields {
  const members = btf.members(id).map((member) => ({
    name: shown(member.name),
    type_id: member.type,
    bits_offset: member.bitOffset,
    ...(member.bitSize ? { bitfield_size: member.bitSize } : {}),
  }))
  return { size: btf.size(id), vlen: members.length, members }
}

function enumeration(btf: Btf, id: number): Fields {
  const values = btf.enumerators(id).map(({ name, value }) => ({ name: shown(name), val: value }))
  const sign = btf.flag(id) ? 'SIGNED' : 'UNSIGNED'
  return { encoding: sign, size: btf.size(id), vlen: values.length, values }
}

const target = (btf: Btf, id: number): Fields => ({ type_id: btf.target(id) })

/** What a kind has besides its name. */
const FIELDS: Readonly<Record<number, (btf: Btf, id: number) => Fields>> = {
  [BTF_KIND.INT]: (btf, id) => {
    const { bits, bitOffset } = btf.integer(id)
    return { size: btf.size(id), bits_offset: bitOffset, nr_bits: bits, encoding: encoding(btf, id) }
  },
  [BTF_KIND.FLOAT]: (btf, id) => ({ size: btf.size(id) }),
  [BTF_KIND.ARRAY]: (btf, id) => {
    const { element, index, count } = btf.array(id)
    return { type_id: element, index_type_id: index, nr_elems: count }
  },
  [BTF_KIND.STRUCT]: composite,
  [BTF_KIND.UNION]: composite,
  [BTF_KIND.ENUM]: enumeration,
  [BTF_KIND.ENUM64]: enumeration,
  [BTF_KIND.FWD]: (btf, id) => ({ fwd_kind: btf.flag(id) ? 'union' : 'struct' }),
  [BTF_KIND.FUNC]: (btf, id) => ({ ...target(btf, id), linkage: linkage(btf, id) }),
  [BTF_KIND.FUNC_PROTO]: (btf, id) => {
    const params = btf.params(id).map(({ name, type }) => ({ name: shown(name), type_id: type }))
    return { ret_type_id: btf.target(id), vlen: params.length, params }
  },
  [BTF_KIND.VAR]: (btf, id) => ({ ...target(btf, id), linkage: linkage(btf, id) }),
  [BTF_KIND.DATASEC]: (btf, id) => {
    const vars = btf.sectionVariables(id).map(({ type, offset, size }) => ({ type_id: type, offset, size }))
    return { size: btf.size(id), vlen: vars.length, vars }
  },
  [BTF_KIND.DECL_TAG]: (btf, id) => ({ ...target(btf, id), component_idx: btf.componentIndex(id) }),
}

/** A type's fields as `bpftool -j btf dump` gives them; values of enums are bigints. */
export function describeType(btf: Btf, id: number): BtfDescription {
  const kind = btf.kind(id)
  const fields = (FIELDS[kind] ?? target)(btf, id)
  return { id, kind: KIND_SHAPES[kind]!.name.toUpperCase(), name: shown(btf.name(id)), ...fields }
}

const isList = (value: unknown): value is readonly Fields[] => Array.isArray(value)

/** A type in the text of `bpftool btf dump`: a line, and one for each member, value, parameter or variable. */
export function formatType(btf: Btf, id: number): string {
  const { id: _, kind, name, ...fields } = describeType(btf, id)
  const suffix = kind !== 'ENUM64' ? '' : btf.flag(id) ? 'LL' : 'ULL'
  const pairs = (of: Fields): string =>
    Object.entries(of)
      .filter(([key, value]) => key !== 'name' && !isList(value))
      .map(([key, value]) => `${key}=${String(value)}${key === 'val' ? suffix : ''}`)
      // bpftool parts those of a variable by a comma, too.
      .join(kind === 'VAR' ? ', ' : ' ')
  const list = Object.values(fields).find(isList) ?? []
  const lines = list.map((one) => {
    if (kind !== 'DATASEC') return `\t'${String(one.name)}' ${pairs(one)}`
    const type = one.type_id as number
    return `\t${pairs(one)} (${KIND_SHAPES[btf.kind(type)]!.name.toUpperCase()} '${shown(btf.name(type))}')`
  })
  return [`[${id}] ${kind} '${name}' ${pairs(fields)}`.trimEnd(), ...lines].join('\n')
}
