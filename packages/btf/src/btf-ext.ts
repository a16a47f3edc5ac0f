import type { Btf } from './btf.ts'
import { BtfError } from './errors.ts'

export interface BtfFuncInfo {
  /** Byte offset in the section. */
  readonly offset: number
  /** Type id of the BTF_KIND_FUNC. */
  readonly type: number
}

export interface BtfLineInfo {
  readonly offset: number
  readonly file: string
  readonly text: string
  readonly line: number
  readonly column: number
}

export interface BtfCoreRelocation {
  readonly offset: number
  readonly type: number
  /** `0:1:2`: members and indexes from the root type. */
  readonly access: string
  /** enum bpf_core_relo_kind. */
  readonly kind: number
}

/** .BTF.ext: records by section name. */
export interface BtfExt {
  readonly functions: ReadonlyMap<string, readonly BtfFuncInfo[]>
  readonly lines: ReadonlyMap<string, readonly BtfLineInfo[]>
  readonly relocations: ReadonlyMap<string, readonly BtfCoreRelocation[]>
}

const MAGIC = 0xeb9f

/** Reads .BTF.ext; throws BtfError. */
export function parseBtfExt(bytes: Uint8Array, btf: Btf): BtfExt {
  if (bytes.length < 24)
    throw new BtfError('TRUNCATED', 0, `.BTF.ext has ${bytes.length} bytes, its header alone 24`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.getUint16(0, true) !== MAGIC)
    throw new BtfError('BAD_MAGIC', 0, '.BTF.ext does not begin with 0xeb9f')
  const header = view.getUint32(4, true)

  function records<T>(at: number, least: number, read: (offset: number) => T): Map<string, T[]> {
    const out = new Map<string, T[]>()
    if (at + 8 > header) return out
    const start = header + view.getUint32(at, true)
    const end = start + view.getUint32(at + 4, true)
    if (start === end) return out
    if (end > bytes.length || start + 4 > end)
      throw new BtfError('TRUNCATED', at, 'a .BTF.ext section ends past the data')
    const size = view.getUint32(start, true)
    if (size < least || size % 4 !== 0)
      throw new BtfError('BAD_RECORD', start, `records of ${size} bytes; ${least} at least`)
    for (let pos = start + 4; pos < end; ) {
      if (pos + 8 > end) throw new BtfError('TRUNCATED', pos, 'a record header ends past its section')
      const section = btf.string(view.getUint32(pos, true))
      const count = view.getUint32(pos + 4, true)
      pos += 8
      if (count === 0 || count > (end - pos) / size) {
        throw new BtfError(
          'BAD_RECORD',
          pos,
          `${count} records of ${size} bytes do not fit the ${end - pos} left`,
        )
      }
      const list = out.get(section) ?? []
      for (let i = 0; i < count; i++, pos += size) list.push(read(pos))
      out.set(section, list)
    }
    return out
  }

  const word = (at: number): number => view.getUint32(at, true)
  return {
    functions: records(8, 8, (at) => ({ offset: word(at), type: word(at + 4) })),
    lines: records(16, 16, (at) => ({
      offset: word(at),
      file: btf.string(word(at + 4)),
      text: btf.string(word(at + 8)),
      line: word(at + 12) >>> 10,
      column: word(at + 12) & 0x3ff,
    })),
    relocations: records(24, 16, (at) => ({
      offset: word(at),
      type: word(at + 4),
      access: btf.string(word(at + 8)),
      kind: word(at + 12),
    })),
  }
}
