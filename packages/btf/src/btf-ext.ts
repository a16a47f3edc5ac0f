import type { Btf } from './btf.ts'
import { BtfError } from './errors.ts'
import { BTF_MAGIC, littleEndian } from './parse.ts'

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

/** The least header: func_info and line_info; core_relo came later. */
const HEADER_SIZE = 24

/**
 * Reads .BTF.ext of the endianness of its magic, with the strings of its BTF. Records may be longer than what is known of
 * them. Throws BtfError.
 */
export function parseBtfExt(bytes: Uint8Array, btf: Btf): BtfExt {
  if (bytes.length < HEADER_SIZE)
    throw new BtfError('TRUNCATED', 0, `.BTF.ext has ${bytes.length} bytes, its header alone ${HEADER_SIZE}`)
  // Everything after the first word is words of 32 bits.
  const view = littleEndian(bytes, '.BTF.ext', () => [[4, bytes.length]])
  if (view.getUint8(2) !== 1)
    throw new BtfError('BAD_HEADER', 2, `.BTF.ext version ${view.getUint8(2)}, not 1`)
  const header = view.getUint32(4, true)
  if (header > bytes.length || header < HEADER_SIZE)
    throw new BtfError('BAD_HEADER', 4, `a header of ${header} bytes in ${bytes.length}`)

  function records<T>(at: number, least: number, read: (offset: number) => T): Map<string, T[]> {
    const out = new Map<string, T[]>()
    if (at + 8 > header) return out
    const start = header + view.getUint32(at, true)
    const end = start + view.getUint32(at + 4, true)
    if (start === end) return out
    if (end > view.byteLength || start + 4 > end)
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

/**
 * Writes .BTF.ext, little-endian. `string` gives the offset of a string in the BTF that it goes with: `builder.string`, before
 * `builder.build()`.
 */
export function buildBtfExt(ext: Partial<BtfExt>, string: (text: string) => number): Uint8Array {
  const words: number[] = []
  const sections: [offset: number, bytes: number][] = []
  function put<T>(
    records: ReadonlyMap<string, readonly T[]> | undefined,
    size: number,
    each: (r: T) => number[],
  ): void {
    const start = words.length
    const filled = [...(records ?? [])].filter(([, list]) => list.length > 0)
    if (filled.length > 0) words.push(size)
    for (const [section, list] of filled) {
      words.push(string(section), list.length)
      for (const record of list) words.push(...each(record))
    }
    sections.push([start * 4, (words.length - start) * 4])
  }
  put(ext.functions, 8, (r) => [r.offset, r.type])
  put(ext.lines, 16, (r) => [r.offset, string(r.file), string(r.text), (r.line << 10) | r.column])
  put(ext.relocations, 16, (r) => [r.offset, r.type, string(r.access), r.kind])
  const header = 8 + sections.length * 8
  const out = new Uint8Array(header + words.length * 4)
  const view = new DataView(out.buffer)
  view.setUint16(0, BTF_MAGIC, true)
  view.setUint8(2, 1)
  for (const [i, word] of [header, ...sections.flat(), ...words].entries())
    view.setUint32(4 + i * 4, word, true)
  return out
}
