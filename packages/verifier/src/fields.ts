import { BTF_KIND, type Btf } from '@skep/btf'

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
  /** For pointers: the BTF type pointed to. */
  readonly target?: number
}

const SIZES: Readonly<Partial<Record<FieldKind, number>>> = {
  bpf_spin_lock: 4,
  bpf_res_spin_lock: 8,
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

/** btf_field_type_name: how messages call it. */
export const fieldName = (kind: FieldKind): string =>
  kind === 'kptr_ref' ? 'kptr' : kind === 'kptr_percpu' ? 'percpu_kptr' : kind

export const isKptr = (kind: FieldKind): boolean =>
  kind === 'kptr' || kind === 'kptr_ref' || kind === 'kptr_percpu'

/** The special fields of a type, nested structs and arrays included, in order of offset (btf_parse_fields). */
export function specialFields(btf: Btf, type: number): readonly SpecialField[] {
  const found: SpecialField[] = []
  const id = btf.resolve(type)
  if (btf.kind(id) === BTF_KIND.DATASEC) {
    for (const { type: variable, offset } of btf.sectionVariables(id)) {
      collect(btf, btf.target(variable), offset, 0, found)
    }
  } else collect(btf, id, 0, 0, found)
  return found.sort((a, b) => a.offset - b.offset)
}

function collect(btf: Btf, type: number, offset: number, depth: number, found: SpecialField[]): void {
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
    for (let i = 0; i < Math.min(count, 16); i++) collect(btf, element, offset + i * size, depth + 1, found)
    return
  }
  if (!btf.isComposite(id)) return
  const kind = btf.name(id) as FieldKind
  const size = SIZES[kind]
  if (size !== undefined) {
    found.push({ kind, offset, size })
    return
  }
  for (const member of btf.members(id)) {
    collect(btf, member.type, offset + (member.bitOffset >> 3), depth + 1, found)
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
