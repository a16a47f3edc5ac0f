import { BtfBuilder } from '@skep/btf'
import { assemble } from '@skep/isa'
import type { Row, RowMap } from '@skep/registry'

/**
 * A program to begin with: a search for programs that tell mutants of the verifier apart changes these by and by. What
 * Linux says of a seed is not known here; it is recorded.
 */
export interface Seed {
  readonly name: string
  /**
   * As in `Case`; `r2 = func LABEL` loads a function's address, `kcall NAME` calls a function of the kernel, `kcall none` one
   * that the loader did not find.
   */
  readonly asm: string
  readonly type?: string
  readonly attach?: string
  readonly flags?: number
  readonly license?: string
  readonly unprivileged?: boolean
  /**
   * Prototypes of the functions in the order of the text, for `func_info`: `static|global RESULT NAME(PARAM, ...)`. A
   * parameter is `int`, `u64`, `ctx`, `dynptr`, `void *`, `mem N` (a pointer to a struct of N bytes), `fwd`, `float` or
   * `struct`, with tags after it: `mem 16 nonnull`. Programs that load a function's address have prototypes without
   * parameters when none are given. A record that is `int` alone refers to that type instead.
   */
  readonly functions?: readonly string[]
  /** Where the records of `func_info` begin, in slots, instead of where the functions do; below 0 from the end. */
  readonly infoAt?: readonly number[]
  /** Declaration tags of the main program. */
  readonly tags?: readonly string[]
  /** Fields of instructions that the text cannot say, by slot. */
  readonly patch?: Readonly<Record<number, InsnFields>>
}

interface InsnFields {
  readonly code?: number
  readonly dst?: number
  readonly src?: number
  readonly off?: number
  readonly imm?: number
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

interface ValueTypes {
  readonly btf: string
  readonly ids: Readonly<Record<string, number>>
}

/** BTF of map values with special fields. */
const values: ValueTypes = (() => {
  const b = new BtfBuilder()
  const int = b.int('int', 4, { signed: true })
  const u32 = b.int('unsigned int', 4)
  const u64 = b.int('unsigned long', 8)
  const lock = b.struct('bpf_spin_lock', [{ name: 'val', type: u32 }])
  const opaque = b.array(u64, 2, int)
  const timer = b.struct('bpf_timer', [{ name: '__opaque', type: opaque }])
  const locked = b.struct('locked', [
    { name: 'count', type: u32 },
    { name: 'lock', type: lock },
    { name: 'sum', type: u64 },
  ])
  const timed = b.struct('timed', [
    { name: 'count', type: u64 },
    { name: 'timer', type: timer },
    { name: 'last', type: u64 },
  ])
  const both = b.struct('both', [
    { name: 'lock', type: lock },
    { name: 'pad', type: u32 },
    { name: 'timer', type: timer },
    { name: 'data', type: b.array(u64, 4, int) },
  ])
  const work = b.struct('bpf_wq', [{ name: '__opaque', type: opaque }])
  const worked = b.struct('worked', [
    { name: 'work', type: work },
    { name: 'count', type: u64 },
  ])
  const listNode = b.struct('bpf_list_node', [{ name: '__opaque', type: b.array(u64, 3, int) }])
  b.struct('element', [
    { name: 'data', type: u64 },
    { name: 'node', type: listNode },
  ])
  const head = b.struct('bpf_list_head', [{ name: '__opaque', type: opaque }])
  const listed = b.struct('listed', [
    { name: 'lock', type: lock },
    { name: 'pad', type: u32 },
    { name: 'head', type: head },
  ])
  b.declTag('contains:element:node', listed, 2)
  const resilient = b.struct('bpf_res_spin_lock', [{ name: 'val', type: u32 }])
  const resilientValue = b.struct('resilient', [
    { name: 'count', type: u64 },
    { name: 'lock', type: resilient },
  ])
  const plain = b.struct('plain', [
    { name: 'a', type: u64 },
    { name: 'b', type: u64 },
  ])
  return {
    btf: base64(b.build()),
    ids: { int, u32, u64, locked, timed, both, plain, worked, listed, resilient: resilientValue },
  }
})()

const typed = (
  name: string,
  type: string,
  value: string,
  size: number,
  more: Partial<RowMap> = {},
): RowMap => ({
  name,
  type,
  key_size: 4,
  value_size: size,
  max_entries: 4,
  btf: values.btf,
  btf_key: values.ids['int']!,
  btf_value: values.ids[value]!,
  ...more,
})

const simple = (
  name: string,
  type: string,
  keySize: number,
  valueSize: number,
  more: Partial<RowMap> = {},
): RowMap => ({ name, type, key_size: keySize, value_size: valueSize, max_entries: 4, ...more })

const inner: RowMap = { name: 'inner', type: 'array', key_size: 4, value_size: 8, max_entries: 1 }

/** Maps that seeds refer to by name. */
const MAPS: Readonly<Record<string, RowMap>> = Object.fromEntries(
  [
    simple('hash', 'hash', 8, 48),
    simple('array', 'array', 4, 16),
    simple('percpu', 'percpu_array', 4, 16),
    simple('lru', 'lru_hash', 4, 24),
    simple('globals', 'array', 4, 64, { max_entries: 1 }),
    simple('constants', 'array', 4, 32, {
      max_entries: 1,
      flags: 0x80,
      frozen: true,
      init: '2a00000000000000ff00000000000080257525642025730a0025700000000000',
    }),
    simple('readonly', 'array', 4, 16, { flags: 0x80 }),
    simple('writeonly', 'array', 4, 16, { flags: 0x100 }),
    simple('programs', 'prog_array', 4, 4),
    simple('ringbuf', 'ringbuf', 0, 0, { max_entries: 4096 }),
    simple('userring', 'user_ringbuf', 0, 0, { max_entries: 4096 }),
    simple('queue', 'queue', 0, 8),
    simple('stackmap', 'stack', 0, 8),
    simple('bloom', 'bloom_filter', 0, 8),
    simple('sockmap', 'sockmap', 4, 4),
    simple('sockhash', 'sockhash', 4, 4),
    simple('devmap', 'devmap', 4, 4),
    simple('cpumap', 'cpumap', 4, 4),
    simple('xskmap', 'xskmap', 4, 4),
    simple('traces', 'stack_trace', 4, 8 * 16),
    simple('perf', 'perf_event_array', 4, 4),
    simple('reuseport', 'reuseport_sockarray', 4, 4),
    simple('cgroups', 'cgroup_array', 4, 4),
    simple('lpm', 'lpm_trie', 8, 8, { flags: 1 }),
    simple('outer', 'array_of_maps', 4, 4, { inner }),
    simple('outerhash', 'hash_of_maps', 4, 4, { inner }),
    simple('local', 'cgroup_storage', 16, 16, { max_entries: 0 }),
    typed('locked', 'array', 'locked', 16),
    typed('lockedhash', 'hash', 'locked', 16),
    typed('timed', 'array', 'timed', 32),
    typed('both', 'hash', 'both', 56),
    typed('plain', 'hash', 'plain', 16),
    typed('resilient', 'array', 'resilient', 16),
    typed('resilient2', 'array', 'resilient', 16),
    typed('worked', 'array', 'worked', 24),
    typed('listed', 'array', 'listed', 24),
    simple('local2', 'cgroup_storage', 16, 16, { max_entries: 0 }),
    simple('localpercpu', 'percpu_cgroup_storage', 16, 16, { max_entries: 0 }),
    simple('arena', 'arena', 0, 0, { max_entries: 2, flags: 0x400, map_extra: 0x1_0000_0000 }),
    simple('arena2', 'arena', 0, 0, { max_entries: 1, flags: 0x400, map_extra: 0x2_0000_0000 }),
    simple('unplaced', 'arena', 0, 0, { max_entries: 1, flags: 0x400 }),
    typed('sockets', 'sk_storage', 'plain', 16, { max_entries: 0, flags: 1 }),
  ].map((map) => [map.name!, map]),
)

/** Marks the call of a kernel function in assembled text. */
const KFUNC_MARK = 0x5eee0000

const CONTEXT: Readonly<Record<string, string>> = {
  xdp: 'xdp_md',
  kprobe: 'pt_regs',
  sock_ops: 'bpf_sock_ops',
  sk_msg: 'sk_msg_md',
}

function functionInfo(seed: Seed, insns: Uint8Array): { btf: string; func_info: string } {
  const view = new DataView(insns.buffer, insns.byteOffset, insns.length)
  const starts = new Set([0])
  for (let at = 0; at < insns.length; at += 8) {
    const target = (at >> 3) + 1 + view.getInt32(at + 4, true)
    const src = insns[at + 1]! >> 4
    if (insns[at] === 0x85 && src === 1) starts.add(target)
    if (insns[at] === 0x18) {
      if (src === 4) starts.add(target)
      at += 8
    }
  }
  const b = new BtfBuilder()
  const int = b.int('int', 4, { signed: true })
  const u64 = b.int('unsigned long', 8)
  const tags: (readonly [tag: string, param: number])[] = []
  const typeOf = (text: string, index: number): number => {
    const [what = '', ...words] = text.trim().split(/\s+/)
    for (const word of words) if (!/^\d+$|^\*$/.test(word)) tags.push([`arg:${word}`, index])
    switch (what) {
      case 'int':
        return int
      case 'u64':
        return u64
      case 'char':
        return b.int('char', 1, { signed: true })
      case 'short':
        return b.int('short', 2, { signed: true })
      case 'i128':
        return b.int('__int128', 16)
      case 'alias':
        return b.typedef('number', b.const(int))
      case 'enum':
        return b.enum('choice', { one: 1, two: 2 })
      case 'ctx':
        return b.pointer(b.struct(CONTEXT[seed.type ?? ''] ?? '__sk_buff', [{ name: 'a', type: u64 }]))
      case 'dynptr':
        return b.pointer(b.struct('bpf_dynptr', [{ name: 'opaque', type: b.array(u64, 2, int) }]))
      case 'void':
        return words[0] === '*' ? b.pointer(0) : 0
      case 'fwd':
        return b.pointer(b.forward('unknown'))
      case 'float':
        return b.float('double', 8)
      case 'struct':
        return b.struct('whole', [{ name: 'a', type: u64 }])
      case 'mem': {
        const size = Number(words[0])
        return size === 4 || size === 8
          ? b.pointer(b.const(size === 4 ? int : u64))
          : b.pointer(b.struct(`bytes${size}`, [{ name: 'data', type: b.array(int, size >> 2, int) }]))
      }
      default:
        throw new Error(`seed "${seed.name}": no type ${text}`)
    }
  }
  const sorted = [...starts].sort((x, y) => x - y)
  const texts =
    seed.functions ?? sorted.map((_, i) => (i === 0 ? 'global int main(ctx)' : `static int f${i}()`))
  const ids = texts.map((text, i) => {
    if (text === 'int') return int
    const [, linkage, result, name, list] = /^(static|global) (\w+) (\w+)\((.*)\)$/.exec(text)!
    tags.length = 0
    const params = list!
      .split(',')
      .filter((param) => param.trim() !== '')
      .map((param, i) => [`p${i}`, typeOf(param, i)] as const)
    const func = b.func(name!, b.funcProto(typeOf(result!, -1), params), linkage as 'static' | 'global')
    for (const [tag, param] of tags) b.declTag(tag, func, param)
    if (i === 0) for (const tag of seed.tags ?? []) b.declTag(tag, func)
    return func
  })
  const info = new Uint8Array(ids.length * 8)
  const out = new DataView(info.buffer)
  for (const [i, id] of ids.entries()) {
    const at = seed.infoAt?.[i] ?? sorted[i] ?? 0
    out.setUint32(i * 8, at < 0 ? (insns.length >> 3) + at : at, true)
    out.setUint32(i * 8 + 4, id, true)
  }
  return { btf: base64(b.build()), func_info: Buffer.from(info).toString('hex') }
}

/** A map by its name; `text_HEX` is a frozen one that holds these bytes, `many_N` one of many alike. */
const mapOf = (name: string): RowMap | undefined =>
  name.startsWith('many_')
    ? simple(name, 'array', 4, 4, { max_entries: 1 })
    : name.startsWith('text_')
      ? simple(name.slice(0, 15), 'array', 4, 16, {
          max_entries: 1,
          flags: 0x80,
          frozen: true,
          init: name.slice(5).padEnd(32, '0').slice(0, 32),
        })
      : MAPS[name]

/** The seed as a row of `skep verify --jsonl`. */
export function rowOfSeed(seed: Seed): Row {
  const names: string[] = []
  const refs: { insn: number; map: number }[] = []
  const index = (name: string): number => {
    if (!names.includes(name)) names.push(name)
    if (!mapOf(name)) throw new Error(`seed "${seed.name}": no map ${name}`)
    return names.indexOf(name)
  }
  const functions: string[] = []
  const kfuncs: { insn: number; name: string }[] = []
  const text = seed.asm
    .replace(/r(\d) = map (\w+)/g, (_, reg, name) => `lddw r${reg}, map_fd(${index(name)})`)
    .replace(
      /r(\d) = value (\w+)(?:\+(\d+))?/g,
      (_, reg, name, off) => `lddw r${reg}, map_value(${index(name)}, ${off ?? 0})`,
    )
    .replace(/r(\d) = func (\w+)/g, 'lddw r$1, func($2)')
    .replace(/kcall (\w+)/g, (_, name) => `call ${KFUNC_MARK + functions.push(name) - 1}`)
  const insns = assemble(text)
  const view = new DataView(insns.buffer, insns.byteOffset, insns.length)
  for (const [slot, fields] of Object.entries(seed.patch ?? {})) {
    const at = Number(slot) * 8
    const regs = insns[at + 1]!
    insns[at] = fields.code ?? insns[at]!
    insns[at + 1] = (fields.dst ?? regs & 15) | ((fields.src ?? regs >> 4) << 4)
    if (fields.off !== undefined) view.setInt16(at + 2, fields.off, true)
    if (fields.imm !== undefined) view.setInt32(at + 4, fields.imm, true)
  }
  for (let at = 0; at < insns.length; at += 8) {
    const name = insns[at] === 0x85 ? functions[view.getInt32(at + 4, true) - KFUNC_MARK] : undefined
    if (name) {
      insns[at + 1] = 0x20
      view.setInt32(at + 4, 0, true)
      if (name !== 'none') kfuncs.push({ insn: at >> 3, name })
    }
    if (insns[at] !== 0x18) continue
    const kind = insns[at + 1]! >> 4
    if (kind === 1 || kind === 2) {
      refs.push({ insn: at >> 3, map: view.getInt32(at + 4, true) })
      view.setInt32(at + 4, 0, true)
    }
    at += 8
  }
  return {
    name: seed.name,
    type: seed.type ?? 'socket_filter',
    license: seed.license ?? 'GPL',
    insns: Buffer.from(insns).toString('hex'),
    maps: names.map((name) => mapOf(name)!),
    refs,
    ...(kfuncs.length === 0 ? {} : { kfuncs }),
    ...(seed.attach === undefined ? {} : { attach_type: seed.attach }),
    ...(seed.flags === undefined ? {} : { flags: seed.flags }),
    ...(seed.unprivileged === undefined ? {} : { unprivileged: seed.unprivileged }),
    ...(seed.functions || /= func /.test(seed.asm) ? functionInfo(seed, insns) : {}),
  }
}
