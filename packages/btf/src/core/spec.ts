import type { Btf } from '../btf.ts'
import type { BtfCoreRelocation } from '../btf-ext.ts'
import { CoreError } from './error.ts'

export interface CoreKind {
  /** As libbpf writes it in logs: `byte_off`. */
  readonly name: string
  readonly on: 'field' | 'type' | 'enumerator'
}

/** By enum bpf_core_relo_kind (include/uapi/linux/bpf.h). */
export const CORE_KINDS: readonly CoreKind[] = [
  { name: 'byte_off', on: 'field' },
  { name: 'byte_sz', on: 'field' },
  { name: 'field_exists', on: 'field' },
  { name: 'signed', on: 'field' },
  { name: 'lshift_u64', on: 'field' },
  { name: 'rshift_u64', on: 'field' },
  { name: 'local_type_id', on: 'type' },
  { name: 'target_type_id', on: 'type' },
  { name: 'type_exists', on: 'type' },
  { name: 'type_size', on: 'type' },
  { name: 'enumval_exists', on: 'enumerator' },
  { name: 'enumval_value', on: 'enumerator' },
  { name: 'type_matches', on: 'type' },
]

export const CORE = {
  FIELD_BYTE_OFFSET: 0,
  FIELD_BYTE_SIZE: 1,
  FIELD_EXISTS: 2,
  FIELD_SIGNED: 3,
  FIELD_LSHIFT_U64: 4,
  FIELD_RSHIFT_U64: 5,
  TYPE_ID_LOCAL: 6,
  TYPE_ID_TARGET: 7,
  TYPE_EXISTS: 8,
  TYPE_SIZE: 9,
  ENUMVAL_EXISTS: 10,
  ENUMVAL_VALUE: 11,
  TYPE_MATCHES: 12,
} as const

/** BPF_CORE_SPEC_MAX_LEN. */
export const MAX_ACCESS = 64

/** One step that means something to the source: a named member, or an index. */
export interface CoreAccessor {
  /** The type that holds the member; for an index the type of the element. */
  readonly type: number
  readonly index: number
  /** Absent for an index. */
  readonly name?: string
}

/** What a relocation names, in the local types or in the target's. */
export interface CoreSpec {
  readonly btf: Btf
  readonly kind: number
  readonly root: number
  /** Named steps: anonymous structs on the way are left out. */
  readonly accessors: readonly CoreAccessor[]
  /** Every step, as the access string has them. */
  readonly raw: readonly number[]
  readonly bitOffset: number
}

/** A name without its flavour: `task_struct___old` is `task_struct`. */
export function essentialName(name: string): string {
  for (let at = name.length - 5; at >= 0; at--) {
    if (name[at] !== '_' && name.startsWith('___', at + 1) && name[at + 4] !== '_')
      return name.slice(0, at + 1)
  }
  return name
}

/** An array of no length at the end of the struct that holds it. */
export function isFlexible(btf: Btf, holder: CoreAccessor | undefined, count: number): boolean {
  return holder?.name !== undefined && count === 0 && holder.index === btf.vlen(holder.type) - 1
}

/** Reads the access string of a record against the local types. Throws CoreError. */
export function parseCoreSpec(btf: Btf, relocation: BtfCoreRelocation): CoreSpec {
  const { type, access, kind } = relocation
  const bad = (message: string): CoreError =>
    new CoreError(
      'BAD_ACCESS',
      `access "${access}" of [${type}] ${btf.kindName(type)} ${btf.name(type)}: ${message}`,
    )
  const known = CORE_KINDS[kind]
  if (!known) throw new CoreError('UNKNOWN_KIND', `CO-RE relocation kind ${kind} is unknown`)
  if (!btf.has(type)) throw bad(`there are only ${btf.count} types`)
  const spec = { btf, kind, root: type, accessors: [], raw: [], bitOffset: 0 }
  if (known.on === 'type') {
    if (access !== '0') throw bad('a type is accessed as "0"')
    return spec
  }
  if (!/^\d+(:\d+)*$/.test(access)) throw bad('not numbers with colons between them')
  const raw = access.split(':').map(Number)
  if (raw.length > MAX_ACCESS) throw bad(`more than ${MAX_ACCESS} steps`)
  if (raw.some((step) => step > 0x7fff_ffff)) throw bad('a step is past 31 bits')
  const first = raw[0]!
  const root = btf.resolve(type)
  if (known.on === 'enumerator') {
    const name = btf.isEnum(root) && raw.length === 1 ? btf.enumerators(root)[first]?.name : undefined
    if (name === undefined) throw bad('names no enumerator')
    return { ...spec, raw, accessors: [{ type: root, index: first, name }] }
  }

  const sizeOf = (id: number): number => {
    const size = btf.size(id)
    if (size === undefined) throw bad(`type ${id} has no size`)
    return size
  }
  const accessors: CoreAccessor[] = [{ type: root, index: first }]
  let bitOffset = first * sizeOf(root) * 8
  let at = root
  for (const step of raw.slice(1)) {
    at = btf.resolve(at)
    if (btf.isComposite(at)) {
      const member = btf.members(at)[step]
      if (!member) throw bad(`type ${at} has no member ${step}`)
      bitOffset += member.bitOffset
      if (member.name !== '') accessors.push({ type: at, index: step, name: member.name })
      at = member.type
    } else if (btf.kindName(at) === 'array') {
      const { element, count } = btf.array(at)
      if (step >= count && !isFlexible(btf, accessors.at(-1), count))
        throw bad(`type ${at} has ${count} elements`)
      at = btf.resolve(element)
      accessors.push({ type: at, index: step })
      bitOffset += step * sizeOf(at) * 8
    } else {
      throw bad(`type ${at} is a ${btf.kindName(at)} and has no parts`)
    }
  }
  return { ...spec, raw, accessors, bitOffset }
}

/** `<byte_off> [4] struct foo.bar[2] (0:1:2 @ offset 8)`, as libbpf writes it. */
export function formatCoreSpec(spec: CoreSpec): string {
  const { btf, root } = spec
  const kind = CORE_KINDS[spec.kind]
  const head = `<${kind?.name ?? 'unknown'}> [${root}] ${btf.kindName(root)} ${btf.name(root) || '<anon>'}`
  if (!kind || kind.on === 'type') return head
  if (kind.on === 'enumerator') {
    const value = btf.enumerators(btf.resolve(root))[spec.raw[0]!]
    return `${head}::${value?.name} = ${value?.value}`
  }
  const path = spec.accessors
    .map((a, i) => (a.name !== undefined ? `.${a.name}` : i > 0 || a.index > 0 ? `[${a.index}]` : ''))
    .join('')
  const bytes = Math.floor(spec.bitOffset / 8)
  const bits = spec.bitOffset % 8
  return `${head}${path} (${spec.raw.join(':')} @ offset ${bytes}${bits ? `.${bits}` : ''})`
}
