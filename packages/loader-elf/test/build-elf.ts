/** ELF objects written field by field, for what no compiler writes. */

export interface SectionToBuild {
  readonly name: string
  readonly type?: number
  readonly flags?: number
  readonly data?: Uint8Array
  /** Of NOBITS, or to lie about the data. */
  readonly size?: number
  readonly link?: number
  readonly info?: number
  readonly entrySize?: number
}

export interface SymbolToBuild {
  readonly name: string
  /** A section's name, `undefined` or a number. */
  readonly section?: string | number
  readonly value?: number
  readonly size?: number
  readonly type?: number
  readonly binding?: number
  readonly visibility?: number
}

export interface ElfToBuild {
  readonly sections: readonly SectionToBuild[]
  readonly symbols?: readonly SymbolToBuild[]
  /** By the section that they patch: offset, type, index into `symbols`. */
  readonly relocations?: Readonly<
    Record<string, readonly (readonly [offset: number, type: number, symbol: number])[]>
  >
}

const encoder = new TextEncoder()

class Strings {
  bytes = Uint8Array.of(0)

  add(text: string): number {
    const at = this.bytes.length
    const more = encoder.encode(`${text}\0`)
    const grown = new Uint8Array(at + more.length)
    grown.set(this.bytes)
    grown.set(more, at)
    this.bytes = grown
    return at
  }
}

/** Slots as pairs of words, little-endian. */
export const words = (...list: readonly number[]): Uint8Array => {
  const view = new DataView(new ArrayBuffer(list.length * 4))
  for (const [i, word] of list.entries()) view.setUint32(i * 4, word, true)
  return new Uint8Array(view.buffer)
}

export function buildElf({ sections, symbols = [], relocations = {} }: ElfToBuild): Uint8Array {
  const strings = new Strings()
  const names = new Strings()
  const all: SectionToBuild[] = [{ name: '', type: 0 }, ...sections]
  const indexOf = (name: string): number => all.findIndex((s) => s.name === name)

  const table = new Uint8Array((symbols.length + 1) * 24)
  const symbolView = new DataView(table.buffer)
  for (const [i, symbol] of symbols.entries()) {
    const at = (i + 1) * 24
    const section = typeof symbol.section === 'string' ? indexOf(symbol.section) : (symbol.section ?? 0)
    symbolView.setUint32(at, symbol.name === '' ? 0 : strings.add(symbol.name), true)
    symbolView.setUint8(at + 4, ((symbol.binding ?? 1) << 4) | (symbol.type ?? 0))
    symbolView.setUint8(at + 5, symbol.visibility ?? 0)
    symbolView.setUint16(at + 6, section, true)
    symbolView.setBigUint64(at + 8, BigInt(symbol.value ?? 0), true)
    symbolView.setBigUint64(at + 16, BigInt(symbol.size ?? 0), true)
  }
  const symtab = all.length + Object.keys(relocations).length
  for (const [name, list] of Object.entries(relocations)) {
    const data = new Uint8Array(list.length * 16)
    const view = new DataView(data.buffer)
    for (const [i, [offset, type, symbol]] of list.entries()) {
      view.setBigUint64(i * 16, BigInt(offset), true)
      view.setUint32(i * 16 + 8, type, true)
      view.setUint32(i * 16 + 12, symbol + 1, true)
    }
    all.push({ name: `.rel${name}`, type: 9, data, link: symtab, info: indexOf(name), entrySize: 16 })
  }
  all.push({ name: '.symtab', type: 2, data: table, link: symtab + 1, info: 1, entrySize: 24 })
  all.push({ name: '.strtab', type: 3, data: strings.bytes })
  all.push({ name: '.shstrtab', type: 3 })
  const nameOffsets = all.map((s) => names.add(s.name))
  all[all.length - 1] = { name: '.shstrtab', type: 3, data: names.bytes }

  const dataSize = all.reduce((sum, s) => sum + (s.data?.length ?? 0), 0)
  const headers = 64 + Math.ceil(dataSize / 8) * 8
  const out = new Uint8Array(headers + all.length * 64)
  const view = new DataView(out.buffer)
  out.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1])
  for (const [at, value] of [
    [16, 1],
    [18, 247],
    [52, 64],
    [58, 64],
    [60, all.length],
    [62, all.length - 1],
  ] as const)
    view.setUint16(at, value, true)
  view.setUint32(20, 1, true)
  view.setBigUint64(40, BigInt(headers), true)
  let at = 64
  for (const [i, s] of all.entries()) {
    const header = headers + i * 64
    const data = s.data ?? new Uint8Array(0)
    out.set(data, at)
    view.setUint32(header, nameOffsets[i]!, true)
    view.setUint32(header + 4, s.type ?? 1, true)
    view.setBigUint64(header + 8, BigInt(s.flags ?? 0), true)
    view.setBigUint64(header + 24, BigInt(at), true)
    view.setBigUint64(header + 32, BigInt(s.size ?? data.length), true)
    view.setUint32(header + 40, s.link ?? 0, true)
    view.setUint32(header + 44, s.info ?? 0, true)
    view.setBigUint64(header + 56, BigInt(s.entrySize ?? 0), true)
    at += data.length
  }
  return out
}

/** `r0 = 0; exit`. */
export const RETURN_0: Uint8Array = words(0xb7, 0, 0x95, 0)
/** SHF_ALLOC | SHF_EXECINSTR. */
export const CODE = 6
export const FUNC = 2
export const OBJECT = 1
export const LOCAL = 0

/** A program of these instructions in a section `xdp`, with more sections, symbols and relocations. */
export function program(code: Uint8Array, more: Partial<ElfToBuild> = {}): Uint8Array {
  return buildElf({
    sections: [{ name: 'xdp', flags: CODE, data: code }, ...(more.sections ?? [])],
    symbols: [{ name: 'main', section: 'xdp', size: code.length, type: FUNC }, ...(more.symbols ?? [])],
    ...(more.relocations ? { relocations: more.relocations } : {}),
  })
}
