import { assemble } from '@skep/isa'
import type { Row, RowMap } from '@skep/registry'

/** A program, and what the verifier says of it: accepts it, or refuses it with a line of the log. */
export interface Case {
  readonly name: string
  /**
   * Assembly text. `r1 = map NAME` loads a map's address, `r1 = value NAME+8` an address in its first value, `kcall NAME`
   * calls a function of the kernel.
   */
  readonly asm: string
  /** Default `socket_filter`. */
  readonly type?: string
  readonly attach?: string
  /** What it attaches to, in the running kernel's BTF. */
  readonly to?: string
  readonly flags?: number
  readonly license?: string
  readonly unprivileged?: boolean
  /** The decisive line of the refusal; the program is accepted when absent. */
  readonly reject?: string
  /** Default `EACCES`. */
  readonly errno?: string
}

/** Maps that cases refer to by name. */
export const MAPS: Readonly<Record<string, RowMap>> = {
  hash: { name: 'hash', type: 'hash', key_size: 8, value_size: 48, max_entries: 4 },
  array: { name: 'array', type: 'array', key_size: 4, value_size: 16, max_entries: 4 },
  globals: { name: 'globals', type: 'array', key_size: 4, value_size: 16, max_entries: 1 },
  constants: {
    name: 'constants',
    type: 'array',
    key_size: 4,
    value_size: 16,
    max_entries: 1,
    flags: 0x80,
    frozen: true,
    init: '2a000000000000000500000000000000',
  },
  programs: { name: 'programs', type: 'prog_array', key_size: 4, value_size: 4, max_entries: 4 },
  ringbuf: { name: 'ringbuf', type: 'ringbuf', key_size: 0, value_size: 0, max_entries: 4096 },
  queue: { name: 'queue', type: 'queue', key_size: 0, value_size: 8, max_entries: 4 },
  sockmap: { name: 'sockmap', type: 'sockmap', key_size: 4, value_size: 4, max_entries: 4 },
  storage: { name: 'storage', type: 'cgroup_storage', key_size: 8, value_size: 8, max_entries: 0 },
  other_storage: {
    name: 'other_storage',
    type: 'cgroup_storage',
    key_size: 8,
    value_size: 8,
    max_entries: 0,
  },
  arena: { name: 'arena', type: 'arena', key_size: 0, value_size: 0, max_entries: 1, flags: 0x400 },
  mapped_arena: {
    name: 'mapped_arena',
    type: 'arena',
    key_size: 0,
    value_size: 0,
    max_entries: 1,
    flags: 0x400,
    map_extra: 0x1_0000_0000,
  },
  devmap: { name: 'devmap', type: 'devmap', key_size: 4, value_size: 4, max_entries: 4 },
  outer: {
    name: 'outer',
    type: 'array_of_maps',
    key_size: 4,
    value_size: 4,
    max_entries: 2,
    inner: { name: 'inner', type: 'array', key_size: 4, value_size: 8, max_entries: 1 },
  },
}

const MARK = 0x5eed0000
const KFUNC_MARK = 0x5eee0000
const LD_IMM64 = 0x18
const CALL = 0x85
const PSEUDO_KFUNC_CALL = 2

const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

/** The case as a row of `skep verify --jsonl`, which the running kernel takes too. */
export function rowOf(test: Case): Row {
  const names = [...new Set([...test.asm.matchAll(/= (?:map|value) (\w+)/g)].map((m) => m[1]!))]
  const offsets: number[] = []
  const text = test.asm.replace(/r(\d) = (map|value) (\w+)(?:\+(\d+))?/g, (_, reg, kind, name, offset) => {
    offsets.push(kind === 'value' ? Number(offset ?? 0) : -1)
    return `lddw r${reg}, ${MARK + names.indexOf(name)}`
  })
  const functions: string[] = []
  const calls = text.replace(/kcall (\w+)/g, (_, name) => `call ${KFUNC_MARK + functions.push(name) - 1}`)
  const insns = assemble(calls)
  const view = new DataView(insns.buffer, insns.byteOffset, insns.length)
  const refs: { insn: number; map: number }[] = []
  const kfuncs: { insn: number; name: string }[] = []
  for (let at = 0; at < insns.length; at += 8) {
    const call = view.getInt32(at + 4, true) - KFUNC_MARK
    if (insns[at] === CALL && call >= 0 && call < functions.length) {
      view.setInt32(at + 4, 0, true)
      insns[at + 1]! |= PSEUDO_KFUNC_CALL << 4
      kfuncs.push({ insn: at >> 3, name: functions[call]! })
    }
    if (insns[at] !== LD_IMM64) continue
    const map = view.getInt32(at + 4, true) - MARK
    if (map >= 0 && map < names.length) {
      const offset = offsets[refs.length]!
      insns[at + 1]! |= (offset < 0 ? 1 : 2) << 4
      view.setInt32(at + 4, 0, true)
      view.setInt32(at + 12, Math.max(offset, 0), true)
      refs.push({ insn: at >> 3, map })
    }
    at += 8
  }
  return {
    name: test.name,
    type: test.type ?? 'socket_filter',
    license: test.license ?? 'GPL',
    insns: hex(insns),
    maps: names.map((name) => MAPS[name]!),
    refs,
    ...(kfuncs.length === 0 ? {} : { kfuncs }),
    ...(test.attach === undefined ? {} : { attach_type: test.attach }),
    ...(test.to === undefined ? {} : { attach_to: test.to }),
    ...(test.flags === undefined ? {} : { flags: test.flags }),
    ...(test.unprivileged === undefined ? {} : { unprivileged: test.unprivileged }),
  }
}
