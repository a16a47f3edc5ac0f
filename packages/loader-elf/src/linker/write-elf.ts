/** ELF64 of machine BPF, little-endian: what a linker of objects writes (System V ABI). */

export interface SectionToWrite {
  readonly name: string
  readonly type: number
  readonly flags: number
  readonly align: number
  readonly entrySize?: number
  readonly link?: number
  readonly info?: number
  readonly data: Uint8Array
  /** Of a section without data in the file; else that of `data`. */
  readonly size?: number
}

export interface SymbolToWrite {
  readonly name: string
  readonly type: number
  readonly binding: number
  readonly hidden: boolean
  readonly section: number
  readonly value: number
  readonly size: number
}

const HEADER_SIZE = 64
const SECTION_HEADER_SIZE = 64
const SYMBOL_SIZE = 24
const REL_SIZE = 16
const EM_BPF = 247
const STV_HIDDEN = 2

/** A table of strings: each once. */
export class StringWriter {
  readonly #offsets = new Map<string, number>()
  readonly #parts: Uint8Array[] = []
  #end = 0

  constructor() {
    this.add('')
  }

  add(text: string): number {
    const known = this.#offsets.get(text)
    if (known !== undefined) return known
    const at = this.#end
    const bytes = new TextEncoder().encode(`${text}\0`)
    this.#offsets.set(text, at)
    this.#parts.push(bytes)
    this.#end += bytes.length
    return at
  }

  bytes(): Uint8Array {
    return joined(this.#parts, this.#end)
  }
}

function joined(parts: readonly Uint8Array[], size: number): Uint8Array {
  const out = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

const put64 = (view: DataView, at: number, value: number): void => {
  view.setUint32(at, value >>> 0, true)
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true)
}

/** The bytes of a table of symbols, those of the table itself aside. */
export function symbolTable(symbols: readonly SymbolToWrite[], strings: StringWriter): Uint8Array {
  const out = new Uint8Array((symbols.length + 1) * SYMBOL_SIZE)
  const view = new DataView(out.buffer)
  for (const [i, symbol] of symbols.entries()) {
    const at = (i + 1) * SYMBOL_SIZE
    view.setUint32(at, strings.add(symbol.name), true)
    view.setUint8(at + 4, (symbol.binding << 4) | symbol.type)
    view.setUint8(at + 5, symbol.hidden ? STV_HIDDEN : 0)
    view.setUint16(at + 6, symbol.section, true)
    put64(view, at + 8, symbol.value)
    put64(view, at + 16, symbol.size)
  }
  return out
}

export interface RelocationToWrite {
  readonly offset: number
  readonly type: number
  /** Of the table, where 0 is no symbol. */
  readonly symbol: number
}

export function relocationTable(relocations: readonly RelocationToWrite[]): Uint8Array {
  const out = new Uint8Array(relocations.length * REL_SIZE)
  const view = new DataView(out.buffer)
  for (const [i, { offset, type, symbol }] of relocations.entries()) {
    put64(view, i * REL_SIZE, offset)
    view.setUint32(i * REL_SIZE + 8, type, true)
    view.setUint32(i * REL_SIZE + 12, symbol, true)
  }
  return out
}

export const RELOCATION_SIZE: number = REL_SIZE
export const SYMBOL_ENTRY_SIZE: number = SYMBOL_SIZE

/** A relocatable object. Section 0 is added; `names` is the number of the section with their names. */
export function writeElf(
  sections: readonly SectionToWrite[],
  names: number,
  strings: StringWriter,
): Uint8Array {
  let end = HEADER_SIZE
  const placed = sections.map((section) => {
    const align = Math.max(1, section.align)
    const offset = Math.ceil(end / align) * align
    end = offset + section.data.length
    return { section, offset, name: strings.add(section.name) }
  })
  const table = Math.ceil(end / 8) * 8
  const out = new Uint8Array(table + (sections.length + 1) * SECTION_HEADER_SIZE)
  const view = new DataView(out.buffer)
  out.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1])
  view.setUint16(16, 1, true)
  view.setUint16(18, EM_BPF, true)
  view.setUint32(20, 1, true)
  put64(view, 40, table)
  view.setUint16(52, HEADER_SIZE, true)
  view.setUint16(58, SECTION_HEADER_SIZE, true)
  view.setUint16(60, sections.length + 1, true)
  view.setUint16(62, names, true)
  for (const [i, { section, offset, name }] of placed.entries()) {
    out.set(section.data, offset)
    const at = table + (i + 1) * SECTION_HEADER_SIZE
    view.setUint32(at, name, true)
    view.setUint32(at + 4, section.type, true)
    put64(view, at + 8, section.flags)
    put64(view, at + 24, offset)
    put64(view, at + 32, section.size ?? section.data.length)
    view.setUint32(at + 40, section.link ?? 0, true)
    view.setUint32(at + 44, section.info ?? 0, true)
    put64(view, at + 48, Math.max(1, section.align))
    put64(view, at + 56, section.entrySize ?? 0)
  }
  return out
}
