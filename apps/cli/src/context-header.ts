import type {
  ContextField,
  HelperDef,
  Platform,
  ProgramTypeDef,
  RawContext,
  StructContext,
} from '@skep/runtime'
import { RefusedError } from './report.ts'

/** Ids of helpers from here on are for plugins: no header of libbpf declares them. */
const PLUGIN_HELPERS = 0x1_0000
const UNSIGNED: Readonly<Record<number, string>> = { 1: '__u8', 2: '__u16', 4: '__u32', 8: '__u64' }

/**
 * The C header that authors of programs of a type include: its context as the verifier knows it, its verdicts, and the helpers
 * that plugins add for it. Throws RefusedError where the context has no fields to name.
 */
export function contextHeader(type: ProgramTypeDef, platform: Platform): string {
  const { context } = type
  if (context.kind === 'args') {
    throw new RefusedError(
      'NO_HEADER',
      `${type.name}: the context is the arguments of the function that a program attaches to; include vmlinux.h (skep btf dump … format c)`,
    )
  }
  const guard = `SKEP_${type.name.replace(/\W/g, '_').toUpperCase()}_H`
  const helpers = [...platform.helpers].filter(
    (helper) => helper.id !== undefined && helper.id >= PLUGIN_HELPERS && platform.allows(type, helper),
  )
  const sections = (type.sections ?? []).map((section) => section.name)
  return [
    `/* Programs of type ${type.name}; made by skep gen header. */`,
    ...(sections.length > 0 ? [`/* SEC("${sections.join('"), SEC("')}") */`] : []),
    `#ifndef ${guard}`,
    `#define ${guard}`,
    '',
    '#include <linux/types.h>',
    '',
    ...(context.kind === 'raw' ? rawContext(context) : structContext(context)),
    '',
    ...verdicts(type),
    ...constants(type),
    ...(helpers.length > 0 ? [...helpers.map(prototype), ''] : []),
    `#endif /* ${guard} */`,
    '',
  ].join('\n')
}

/** Its words, or bytes that have no names: at most what the verifier lets a program read. */
const rawContext = ({ name, size, words }: RawContext): string[] => [
  `struct ${identifier(name)} {`,
  ...(words?.map((word) => `\t__u64 ${word};`) ?? [`\t__u8 data[${size}];`]),
  '};',
  `_Static_assert(sizeof(struct ${identifier(name)}) == ${size}, "layout");`,
]

const identifier = (name: string): string => name.replace(/\W/g, '_')

function structContext({ name, size, fields }: StructContext): string[] {
  const struct = `struct ${identifier(name)}`
  const lines: string[] = []
  const checks: string[] = []
  const check = (what: string, value: number): void => {
    checks.push(`_Static_assert(${what} == ${value}, "layout");`)
  }
  let end = 0
  for (const field of [...fields].sort((a, b) => a.offset - b.offset)) {
    // Of fields that overlap the second begins where the first ends.
    const offset = Math.max(end, field.offset)
    const left = field.offset + field.size - offset
    if (left <= 0) continue
    if (offset > end) lines.push(`\t__u8 reserved_${end}[${offset - end}];`)
    lines.push(`\t${declaration({ ...field, offset, size: left })};`)
    check(`__builtin_offsetof(${struct}, ${field.name})`, offset)
    end = offset + left
  }
  if (end < size) lines.push(`\t__u8 reserved_${end}[${size - end}];`)
  check(`sizeof(${struct})`, size)
  return [`${struct} {`, ...lines, '};', ...checks]
}

function declaration(field: ContextField): string {
  const { name, size, pointer } = field
  // As __bpf_md_ptr of linux/bpf.h: 8 bytes, whatever the compiler's pointers have.
  if (pointer && size === 8) {
    const to = field.c ?? (field.btf ? `struct ${field.btf} *` : (POINTERS[pointer] ?? 'void *'))
    return `union {\n\t\t${to.endsWith('*') ? to : `${to} `}${name};\n\t\t__u64 :64;\n\t} __attribute__((aligned(8)))`
  }
  // What programs read at a time may be less than what the type has: seccomp reads a __u64 in halves.
  const bits = OF_TYPES_H.exec(field.c ?? '')?.[1]
  const unit = bits === undefined ? (field.unit ?? size) : Number(bits) / 8
  const scalar = bits === undefined ? UNSIGNED[unit] : field.c
  if (scalar === undefined) return `__u8 ${name}[${size}]`
  return size === unit ? `${scalar} ${name}` : `${scalar} ${name}[${size / unit}]`
}

/** What linux/types.h has; other names would need other headers. */
const OF_TYPES_H = /^__(?:[us]|be|le)(\d+)$/

/** Structs of the kernel that programs see by pointer. */
const POINTERS: Readonly<Record<string, string>> = {
  sock_common: 'struct bpf_sock *',
  socket: 'struct bpf_sock *',
  tcp_sock: 'struct bpf_tcp_sock *',
  xdp_sock: 'struct bpf_xdp_sock *',
  flow_keys: 'struct bpf_flow_keys *',
}

/** `DROP` is too plain a name for a header; `DROP | CN` is none. */
function verdicts({ name, verdicts: known }: ProgramTypeDef): string[] {
  const entries = Object.entries(known ?? {})
  if (entries.length === 0) return []
  const prefix = identifier(name).toUpperCase()
  const lines = entries.map(([value, text]) => {
    if (/\W/.test(text)) return `\t/* ${value}: ${text.replaceAll('*/', '')} */`
    return `\t${text.includes('_') ? text : `${prefix}_${text}`} = ${value},`
  })
  return [`enum ${identifier(name)}_verdict {`, ...lines, '};', '']
}

function constants({ name, constants: known }: ProgramTypeDef): string[] {
  const entries = Object.entries(known ?? {})
  if (entries.length === 0) return []
  const lines = entries.map(([constant, value]) => `\t${identifier(constant)} = 0x${value.toString(16)},`)
  return [`enum ${identifier(name)}_constant {`, ...lines, '};', '']
}

const INTEGERS: Readonly<Record<string, string>> = {
  u32: '__u32',
  i32: '__s32',
  u64: '__u64',
  i64: '__s64',
  address: 'void *',
}

/** A helper is a constant pointer to a function whose address is its id. */
function prototype({ name, id, args, returns }: HelperDef): string {
  const list = args
    .map(({ kind, js }) => (kind === 'anything' ? INTEGERS[js ?? 'u64'] : ARGUMENTS[kind]))
    .map((one, n) => one ?? (args[n]!.access === 'read' ? 'const void *' : 'void *'))
  const result =
    returns.kind === 'integer' ? INTEGERS[returns.js ?? 'i64']! : returns.kind === 'void' ? 'void' : 'void *'
  return `static ${result.endsWith('*') ? result : `${result} `}(*const ${name})(${list.join(', ') || 'void'}) = (void *)${id};`
}

const ARGUMENTS: Readonly<Record<string, string>> = {
  const_size: '__u32',
  const_size_or_zero: '__u32',
  const_str: 'const char *',
}
