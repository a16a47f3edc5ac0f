import { ElfError } from './errors.ts'

/** ELF64 as far as BPF objects use it (System V ABI; Documentation/bpf/llvm_reloc.rst for the relocations). */

export const SHT = { PROGBITS: 1, SYMTAB: 2, STRTAB: 3, RELA: 4, NOBITS: 8, REL: 9 } as const
export const SHF_EXECINSTR = 4
export const STT = { NOTYPE: 0, OBJECT: 1, FUNC: 2, SECTION: 3 } as const
export const STB = { LOCAL: 0, GLOBAL: 1, WEAK: 2 } as const
const EM_BPF = 247
const ET_REL = 1

export interface ElfSection {
  readonly index: number
  readonly name: string
  readonly type: number
  readonly flags: number
  readonly size: number
  readonly link: number
  readonly info: number
  /** Empty for NOBITS. */
  readonly data: Uint8Array
}

export interface ElfSymbol {
  readonly name: string
  readonly type: number
  readonly binding: number
  /** 0 for undefined symbols. */
  readonly section: number
  /** Bytes from the start of the section. */
  readonly value: number
  readonly size: number
}

export interface ElfRelocation {
  /** Bytes from the start of the section that it patches. */
  readonly offset: number
  readonly type: number
  readonly symbol: ElfSymbol
  readonly addend: number
}

export interface ElfObject {
  readonly sections: readonly ElfSection[]
  readonly symbols: readonly ElfSymbol[]
  /** By the index of the section that they patch. */
  readonly relocations: ReadonlyMap<number, readonly ElfRelocation[]>
  section(name: string): ElfSection | undefined
}

const decoder = new TextDecoder()

function cString(bytes: Uint8Array, at: number): string {
  if (at >= bytes.length) return ''
  const end = bytes.indexOf(0, at)
  return decoder.decode(bytes.slice(at, end < 0 ? bytes.length : end))
}

/** Offsets and sizes of 64 bits, refused past what a file can hold. */
function word64(view: DataView, at: number): number {
  const high = view.getUint32(at + 4, true)
  return high === 0 ? view.getUint32(at, true) : Number.MAX_SAFE_INTEGER
}

function header(bytes: Uint8Array, view: DataView): { shoff: number; shnum: number; shstrndx: number } {
  const magic = bytes.length >= 4 && view.getUint32(0) === 0x7f454c46
  if (!magic)
    throw new ElfError(
      'NOT_ELF',
      'the file does not begin with the ELF magic; give an object made by clang -target bpf',
      { offset: 0 },
    )
  if (bytes.length < 64)
    throw new ElfError('TRUNCATED', `the file has ${bytes.length} bytes, the ELF header alone 64`, {
      offset: bytes.length,
    })
  if (bytes[4] !== 2) throw new ElfError('NOT_BPF', 'the object is not 64-bit ELF', { offset: 4 })
  if (bytes[5] === 2)
    throw new ElfError('BIG_ENDIAN', 'the object is big-endian (bpfeb); compile with -target bpfel', {
      offset: 5,
    })
  if (bytes[5] !== 1) throw new ElfError('NOT_ELF', `unknown ELF data encoding ${bytes[5]}`, { offset: 5 })
  const machine = view.getUint16(18, true)
  // LLVM before 3.9 wrote 0.
  if (machine !== EM_BPF && machine !== 0) {
    throw new ElfError(
      'NOT_BPF',
      `the object is for machine ${machine}, not BPF (247); compile with clang -target bpf`,
      { offset: 18 },
    )
  }
  const type = view.getUint16(16, true)
  if (type !== ET_REL)
    throw new ElfError('NOT_RELOCATABLE', `the file is of ELF type ${type}, not a relocatable object (1)`, {
      offset: 16,
    })
  const shentsize = view.getUint16(58, true)
  if (shentsize !== 64)
    throw new ElfError('BAD_SECTION', `section headers of ${shentsize} bytes, not 64`, { offset: 58 })
  return { shoff: word64(view, 40), shnum: view.getUint16(60, true), shstrndx: view.getUint16(62, true) }
}

function readSections(bytes: Uint8Array, view: DataView): ElfSection[] {
  const { shoff, shnum, shstrndx } = header(bytes, view)
  if (shoff + shnum * 64 > bytes.length) {
    throw new ElfError('TRUNCATED', `${shnum} section headers end past the file's ${bytes.length} bytes`, {
      offset: shoff,
    })
  }
  const raw = Array.from({ length: shnum }, (_, i) => {
    const at = shoff + i * 64
    const type = view.getUint32(at + 4, true)
    const offset = word64(view, at + 24)
    const size = word64(view, at + 32)
    if (type !== SHT.NOBITS && type !== 0 && offset + size > bytes.length) {
      throw new ElfError('TRUNCATED', `section ${i} ends past the file's ${bytes.length} bytes`, {
        offset: at,
      })
    }
    return {
      name: view.getUint32(at, true),
      type,
      flags: word64(view, at + 8),
      size,
      link: view.getUint32(at + 40, true),
      info: view.getUint32(at + 44, true),
      data: type === SHT.NOBITS || type === 0 ? new Uint8Array(0) : bytes.subarray(offset, offset + size),
    }
  })
  const names = raw[shstrndx]?.data ?? new Uint8Array(0)
  return raw.map((s, index) => ({ ...s, index, name: cString(names, s.name) }))
}

function readSymbols(sections: readonly ElfSection[]): ElfSymbol[] {
  const table = sections.find((s) => s.type === SHT.SYMTAB)
  if (!table) return []
  const strings = sections[table.link]?.data ?? new Uint8Array(0)
  const view = new DataView(table.data.buffer, table.data.byteOffset, table.data.byteLength)
  return Array.from({ length: Math.floor(table.data.length / 24) }, (_, i) => {
    const at = i * 24
    const info = view.getUint8(at + 4)
    const section = view.getUint16(at + 6, true)
    return {
      name: cString(strings, view.getUint32(at, true)) || (sections[section]?.name ?? ''),
      type: info & 15,
      binding: info >> 4,
      section,
      value: word64(view, at + 8),
      size: word64(view, at + 16),
    }
  })
}

function readRelocations(
  sections: readonly ElfSection[],
  symbols: readonly ElfSymbol[],
): Map<number, ElfRelocation[]> {
  const out = new Map<number, ElfRelocation[]>()
  for (const s of sections) {
    if (s.type !== SHT.REL && s.type !== SHT.RELA) continue
    // Debug sections' relocations are not ours to resolve.
    if (sections[s.info]?.name.startsWith('.debug') || sections[s.info]?.name === '.BTF.ext') continue
    const step = s.type === SHT.REL ? 16 : 24
    const view = new DataView(s.data.buffer, s.data.byteOffset, s.data.byteLength)
    const list = out.get(s.info) ?? []
    for (let at = 0; at + step <= s.data.length; at += step) {
      const index = view.getUint32(at + 12, true)
      const symbol = symbols[index]
      if (!symbol) {
        throw new ElfError('BAD_RELOCATION', `a relocation names symbol ${index} of ${symbols.length}`, {
          section: s.name,
          offset: at,
        })
      }
      list.push({
        offset: word64(view, at),
        type: view.getUint32(at + 8, true),
        symbol,
        addend: s.type === SHT.RELA ? view.getInt32(at + 16, true) : 0,
      })
    }
    out.set(s.info, list)
  }
  return out
}

/** Reads the container: sections, symbols, relocations. Throws ElfError. */
export function readElf(bytes: Uint8Array): ElfObject {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const sections = readSections(bytes, view)
  const symbols = readSymbols(sections)
  const byName = new Map(sections.map((s) => [s.name, s]))
  return {
    sections,
    symbols,
    relocations: readRelocations(sections, symbols),
    section: (name) => byName.get(name),
  }
}
