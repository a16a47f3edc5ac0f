import * as layout from './layout/fields.ts'

/** A field of a value or an object that programs reach through helpers only: bpf_spin_lock, bpf_timer, a kptr, …. */
export interface ValueField {
  /** As enum btf_field_type calls it: `bpf_timer`, `kptr_ref`, `bpf_list_head`, …. */
  readonly kind: string
  /** Bytes from the start of the value. */
  readonly offset: number
  readonly size: number
  /** Of a bpf_list_head or bpf_rb_root: where in an object its node is. */
  readonly nodeOffset?: number
}

const kinds: Readonly<Record<string, number>> = {
  bpf_spin_lock: layout.FIELD_SPIN_LOCK,
  bpf_res_spin_lock: layout.FIELD_RES_SPIN_LOCK,
  bpf_timer: layout.FIELD_TIMER,
  bpf_wq: layout.FIELD_WQ,
  bpf_task_work: layout.FIELD_TASK_WORK,
  kptr: layout.FIELD_KPTR,
  kptr_ref: layout.FIELD_KPTR_REF,
  kptr_percpu: layout.FIELD_KPTR_PERCPU,
  uptr: layout.FIELD_UPTR,
  bpf_list_head: layout.FIELD_LIST_HEAD,
  bpf_list_node: layout.FIELD_LIST_NODE,
  bpf_rb_root: layout.FIELD_RB_ROOT,
  bpf_rb_node: layout.FIELD_RB_NODE,
  bpf_refcount: layout.FIELD_REFCOUNT,
}

const locks: readonly string[] = ['bpf_spin_lock', 'bpf_res_spin_lock']

/** Whether a value of these fields holds on to something that must be given back with it: all but a lock. */
export const ownsAnything = (fields: readonly ValueField[]): boolean =>
  fields.some(({ kind }) => !locks.includes(kind))

/** The same fields at the same places (btf_record_equal). */
export const sameFields = (one: readonly ValueField[], other: readonly ValueField[]): boolean => {
  const text = (fields: readonly ValueField[]): string =>
    fields
      .map((f) => `${f.kind} ${f.offset} ${f.size} ${f.nodeOffset ?? 0}`)
      .sort()
      .join()
  return text(one) === text(other)
}

/** Bytes of a record of so many fields. */
export const fieldRecordSize = (fields: readonly ValueField[]): number =>
  layout.RECORD_FIELDS + layout.FIELD_SIZE * fields.length

/** The fields of a record. */
export function readFieldRecord(view: DataView, at: number): readonly ValueField[] {
  const names = new Map(Object.entries(kinds).map(([name, kind]) => [kind, name]))
  return Array.from({ length: view.getUint32(at + layout.RECORD_COUNT, true) }, (_, n) => {
    const field = at + layout.RECORD_FIELDS + n * layout.FIELD_SIZE
    const word = (offset: number): number => view.getUint32(field + offset, true)
    const nodeOffset = word(layout.FIELD_NODE)
    return {
      kind: names.get(word(layout.FIELD_KIND)) ?? '',
      offset: word(layout.FIELD_OFFSET),
      size: word(layout.FIELD_BYTES),
      ...(nodeOffset === 0 ? {} : { nodeOffset }),
    }
  })
}

/** Writes a record (layout/fields.ts) into memory that is zero. */
export function writeFieldRecord(
  view: DataView,
  at: number,
  {
    bytes,
    fields,
    indexed = false,
  }: { readonly bytes: number; readonly fields: readonly ValueField[]; readonly indexed?: boolean },
): void {
  const put = (offset: number, value: number): void => view.setUint32(at + offset, value, true)
  put(layout.RECORD_BYTES, bytes)
  put(layout.RECORD_COUNT, fields.length)
  put(layout.RECORD_INDEXED, indexed ? 1 : 0)
  const ordered = [...fields].sort((a, b) => a.offset - b.offset)
  for (const [n, { kind, offset, size, nodeOffset = 0 }] of ordered.entries()) {
    const field = layout.RECORD_FIELDS + n * layout.FIELD_SIZE
    put(field + layout.FIELD_KIND, kinds[kind] ?? 0)
    put(field + layout.FIELD_OFFSET, offset)
    put(field + layout.FIELD_BYTES, size)
    put(field + layout.FIELD_NODE, nodeOffset)
    if (kind === 'bpf_spin_lock') put(layout.RECORD_LOCK, offset + 1)
    if (kind === 'bpf_refcount') put(layout.RECORD_REFCOUNT, offset + 1)
  }
}
