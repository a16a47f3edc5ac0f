import {
  decodeBase64,
  type FunctionInfo,
  type MapSpec,
  type Platform,
  type ProgramSpec,
  type Reference,
  type Row,
  type RowMap,
} from '@skep/registry'
import type { VerifyInput } from './verify.ts'

const hexBytes = (hex: string): Uint8Array => {
  const bytes = new Uint8Array(hex.length >> 1)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(hex.slice(i * 2, i * 2 + 2), 16)
  return bytes
}

/**
 * What to verify, from a row of `skep verify --jsonl`. Pure; the row's shape is the caller's to check. Types by number
 * become names where the platform knows them.
 */
export function specFromRow(row: Row, platform: Platform): VerifyInput {
  const insns = hexBytes(row.insns)
  const names = uniqueNames(row.maps ?? [])
  const maps = (row.maps ?? []).map((map, i) => mapSpec(row.maps!, map, names[i]!, platform, 0))
  const program: ProgramSpec = {
    name: row.name ?? '',
    section: '',
    type: platform.programTypes.get(row.type)?.name ?? row.type,
    ...(row.attach_type === undefined ? {} : { attachType: row.attach_type }),
    flags: row.flags ?? 0,
    license: row.license ?? 'GPL',
    insns,
    references: references(row, insns, names),
    functions: row.btf && row.func_info ? functionInfo(row.func_info) : [],
    lines: [],
    ...(row.attach_to ? { attachTo: row.attach_to } : {}),
  }
  return {
    program,
    maps,
    ...(row.btf ? { btf: decodeBase64(row.btf) } : {}),
    ...(row.unprivileged === undefined ? {} : { unprivileged: row.unprivileged }),
  }
}

/** References name maps, so names that are missing or used twice get the map's index. */
function uniqueNames(maps: readonly RowMap[]): readonly string[] {
  const seen = new Set<string>()
  return maps.map((map, i) => {
    const name = map.name && !seen.has(map.name) ? map.name : `${map.name ?? ''}#${i}`
    seen.add(name)
    return name
  })
}

function mapSpec(
  all: readonly RowMap[],
  map: RowMap,
  name: string,
  platform: Platform,
  depth: number,
): MapSpec {
  const inner = typeof map.inner === 'number' ? all[map.inner] : map.inner
  const keySize = map.key_size ?? 0
  return {
    name,
    type: platform.mapTypes.get(map.type)?.name ?? map.type,
    keySize,
    valueSize: map.value_size ?? 0,
    maxEntries: map.max_entries ?? 0,
    flags: map.flags ?? 0,
    mapExtra: map.map_extra ?? 0,
    ...(inner && depth < 8 ? { inner: mapSpec(all, inner, inner.name ?? '', platform, depth + 1) } : {}),
    ...(map.init === undefined
      ? {}
      : { initial: [{ key: new Uint8Array(keySize), value: hexBytes(map.init) }] }),
    ...(map.frozen === undefined ? {} : { frozen: map.frozen }),
    ...(map.btf ? { btf: decodeBase64(map.btf) } : {}),
    ...(map.btf_key === undefined ? {} : { btfKey: map.btf_key }),
    ...(map.btf_value === undefined ? {} : { btfValue: map.btf_value }),
  }
}

const LD_IMM64 = 0x18
const PSEUDO_MAP_FD = 1
const PSEUDO_MAP_VALUE = 2

function references(row: Row, insns: Uint8Array, names: readonly string[]): readonly Reference[] {
  const view = new DataView(insns.buffer)
  const found: Reference[] = []
  for (const { insn, map } of row.refs ?? []) {
    const at = insn * 8
    const name = names[map]
    if (name === undefined || at + 8 > insns.length || insns[at] !== LD_IMM64) continue
    const kind = insns[at + 1]! >> 4
    // Rows have no fd_array for the kinds that are an index into it.
    if (kind === PSEUDO_MAP_VALUE) {
      const offset = at + 16 <= insns.length ? view.getInt32(at + 12, true) : 0
      found.push({ insn, kind: 'map_value', map: name, offset })
    } else if (kind === PSEUDO_MAP_FD) found.push({ insn, kind: 'map', map: name })
  }
  for (const { insn, name } of row.kfuncs ?? []) found.push({ insn, kind: 'kfunc', name })
  return found
}

function functionInfo(hex: string): readonly FunctionInfo[] {
  const bytes = hexBytes(hex)
  const view = new DataView(bytes.buffer)
  return Array.from({ length: bytes.length >> 3 }, (_, i) => ({
    insn: view.getUint32(i * 8, true),
    typeId: view.getUint32(i * 8 + 4, true),
  }))
}
