import { KprobeAttachError } from './errors.ts'

/** Where events come from that are no calls of one function: a channel, a hook, an observer. */
export interface EventSource {
  readonly name: string
  /** Calls `emit` with the values of each event, until what is returned is called. */
  subscribe(emit: (...values: unknown[]) => void): () => void
}

export type FieldType = 'u8' | 'u16' | 'u32' | 'u64' | 's8' | 's16' | 's32' | 's64' | 'string'

/** An event with a record. */
export interface Tracepoint extends EventSource {
  /** Makes the record's fields, in order, of what the source emits; that is the fields when absent. */
  readonly values?: (...values: unknown[]) => readonly unknown[]
  /** By name, in order. */
  readonly fields: Readonly<Record<string, FieldType>>
}

/** A field as the record has it. Bytes, from the record's begin. */
export interface RecordField {
  readonly name: string
  readonly type: FieldType
  readonly offset: number
  readonly size: number
}

/** Bytes of the common fields, which programs may not read. */
const COMMON = 8
/** A text is a word: the offset of its bytes in the record, and in the upper half how many, with the NUL (`__data_loc`). */
const sizeOf = (type: FieldType): number => (type === 'string' ? 4 : Number(type.slice(1)) / 8)

/** Fields as a kernel's record has them, each at a multiple of its size. Throws KprobeAttachError BAD_OPTION. */
export function recordFields({ name, fields }: Pick<Tracepoint, 'name' | 'fields'>): {
  readonly fields: readonly RecordField[]
  readonly size: number
} {
  let offset = COMMON
  const placed = Object.entries(fields).map(([field, type]): RecordField => {
    if (!/^(?:[us](?:8|16|32|64)|string)$/.test(type) || !/^[a-z_]\w*$/i.test(field)) {
      throw new KprobeAttachError(
        'BAD_OPTION',
        `tracepoint ${name}: field ${field} of type ${type}; types are u8 to u64, s8 to s64 and string`,
      )
    }
    const size = sizeOf(type)
    const at = Math.ceil(offset / size) * size
    offset = at + size
    return { name: field, type, offset: at, size }
  })
  return { fields: placed, size: Math.ceil(offset / 8) * 8 }
}

/** The C struct of a tracepoint's record, as vmlinux.h has those of kernels: `trace_event_raw_*`. */
export function tracepointHeader(tracepoint: Pick<Tracepoint, 'name' | 'fields'>): string {
  const { fields } = recordFields(tracepoint)
  const lines = fields.map(({ name, type }) => {
    if (type === 'string') return `\t__u32 __data_loc_${name}; /* offset, length with the NUL << 16 */`
    return `\t__${type} ${name};`
  })
  const name = `trace_event_raw_${tracepoint.name.split(':').at(-1)!.replace(/\W/g, '_')}`
  const check = (what: string, value: number): string => `_Static_assert(${what} == ${value}, "layout");`
  return [
    `/* SEC("tp"), tracepoint ${tracepoint.name} */`,
    '#include <linux/types.h>',
    '',
    `struct ${name} {`,
    `\t__u8 common[${COMMON}];`,
    ...lines,
    '};',
    ...fields.map((field) =>
      check(
        `__builtin_offsetof(struct ${name}, ${field.type === 'string' ? '__data_loc_' : ''}${field.name})`,
        field.offset,
      ),
    ),
    '',
  ].join('\n')
}
