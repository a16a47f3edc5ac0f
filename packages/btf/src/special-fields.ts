import type { Btf } from './btf.ts'
import { BTF_KIND } from './kinds.ts'

/** Kinds of special fields inside map values and local objects (enum btf_field_type). */
export type FieldKind =
  | 'bpf_spin_lock'
  | 'bpf_res_spin_lock'
  | 'bpf_timer'
  | 'bpf_wq'
  | 'bpf_task_work'
  | 'kptr'
  | 'kptr_ref'
  | 'kptr_percpu'
  | 'uptr'
  | 'bpf_list_head'
  | 'bpf_list_node'
  | 'bpf_rb_root'
  | 'bpf_rb_node'
  | 'bpf_refcount'

export interface SpecialField {
  readonly kind: FieldKind
  readonly offset: number
  readonly size: number
  /** For pointers: the BTF type pointed to. For a bpf_list_head or bpf_rb_root: the struct whose objects it holds. */
  readonly target?: number
  /** For a bpf_list_head or bpf_rb_root: where in such an object its node is. */
  readonly nodeOffset?: number
}

const SIZES: Readonly<Partial<Record<FieldKind, number>>> = {
  bpf_spin_lock: 4,
  bpf_res_spin_lock: 4,
  bpf_timer: 16,
  bpf_wq: 16,
  bpf_task_work: 8,
  bpf_list_head: 16,
  bpf_list_node: 24,
  bpf_rb_root: 16,
  bpf_rb_node: 32,
  bpf_refcount: 4,
}

const KPTR_TAGS: Readonly<Record<string, FieldKind>> = {
  kptr_untrusted: 'kptr',
  kptr: 'kptr_ref',
  percpu_kptr: 'kptr_percpu',
  uptr: 'uptr',
}

const CONTAINS = 'contains:'

const known = new WeakMap<Btf, Map<number, readonly SpecialField[]>>()

/** The special fields of a type, nested structs and arrays included, in order of offset (btf_parse_fields). */
export function specialFields(btf: Btf, type: number): readonly SpecialField[] {
  let types = known.get(btf)
  if (!types) {
    types = new Map()
    known.set(btf, types)
  }
  let fields = types.get(type)
  if (!fields) {
    fields = findFields(btf, type)
    types.set(type, fields)
  }
  return fields
}

function findFields(btf: Btf, type: number): readonly SpecialField[] {
  const found: SpecialField[] = []
  const id = btf.resolve(type)
  if (btf.kind(id) === BTF_KIND.DATASEC) {
    for (const { type: variable, offset } of btf.sectionVariables(id)) {
      collect(btf, btf.target(variable), offset, 0, found, btf.declTags(variable, -1))
    }
  } else collect(btf, id, 0, 0, found, [])
  return isConsistent(found) ? found.sort((a, b) => a.offset - b.offset) : []
}

/** BTF_FIELDS_MAX */
const FIELDS_MAX = 11
const UNIQUE: readonly FieldKind[] = [
  'bpf_spin_lock',
  'bpf_res_spin_lock',
  'bpf_timer',
  'bpf_wq',
  'bpf_task_work',
  'bpf_refcount',
]

/** Fields that the kernel cannot make sense of together count as none at all. */
function isConsistent(fields: readonly SpecialField[]): boolean {
  const count = (kind: FieldKind): number => fields.filter((f) => f.kind === kind).length
  if (fields.length > FIELDS_MAX || UNIQUE.some((kind) => count(kind) > 1)) return false
  const locks = count('bpf_spin_lock') + count('bpf_res_spin_lock')
  if (locks > 1) return false
  if (locks === 0 && count('bpf_list_head') + count('bpf_rb_root') > 0) return false
  return count('bpf_refcount') > 0 || count('bpf_list_node') === 0 || count('bpf_rb_node') === 0
}

/** `tags` are the declaration tags of the member or variable that is of this type. */
function collect(
  btf: Btf,
  type: number,
  offset: number,
  depth: number,
  found: SpecialField[],
  tags: readonly string[],
): void {
  if (depth > 4) return
  const pointer = pointerField(btf, type, offset)
  if (pointer) {
    found.push(pointer)
    return
  }
  const id = btf.resolve(type)
  if (btf.kind(id) === BTF_KIND.ARRAY) {
    const { element, count } = btf.array(id)
    const size = btf.size(element) ?? 0
    for (let i = 0; i < Math.min(count, 16); i++) {
      collect(btf, element, offset + i * size, depth + 1, found, tags)
    }
    return
  }
  if (!btf.isComposite(id)) return
  const kind = btf.name(id) as FieldKind
  const size = SIZES[kind]
  if (size !== undefined) {
    // A struct of that name and of another size is none (btf_find_struct).
    if (btf.size(id) === size) found.push({ kind, offset, size, ...contained(btf, tags) })
    return
  }
  for (const [i, member] of btf.members(id).entries()) {
    const at = offset + (member.bitOffset >> 3)
    collect(btf, member.type, at, depth + 1, found, btf.declTags(id, i))
  }
}

function pointerField(btf: Btf, type: number, offset: number): SpecialField | undefined {
  const pointer = btf.resolve(type)
  if (btf.kind(pointer) !== BTF_KIND.PTR) return undefined
  const tagged = btf.target(pointer)
  if (btf.kind(tagged) !== BTF_KIND.TYPE_TAG) return undefined
  const kind = KPTR_TAGS[btf.name(tagged)]
  return kind && { kind, offset, size: 8, target: btf.resolve(btf.target(tagged)) }
}

/** `contains:STRUCT:MEMBER`, the tag of a list or tree. */
function contained(btf: Btf, tags: readonly string[]): { target: number; nodeOffset: number } | undefined {
  const tag = tags.find((t) => t.startsWith(CONTAINS))
  if (tag === undefined) return undefined
  const [struct = '', member = ''] = tag.slice(CONTAINS.length).split(':')
  const target = btf.findByName(BTF_KIND.STRUCT, struct)
  const node = target === undefined ? undefined : btf.member(target, member)
  return target === undefined || !node ? undefined : { target, nodeOffset: node.bitOffset >> 3 }
}
