import { StringTable } from '@skep/btf'
import { ElfError } from './errors.ts'

/** ELF64 as far as BPF objects use it (System V ABI; Documentation/bpf/llvm_reloc.rst for the relocations). */

export const SHT = { NULL: 0, PROGBITS: 1, SYMTAB: 2, STRTAB: 3, RELA: 4, NOBITS: 8, REL: 9 } as const
export const SHF_EXECINSTR = 4
const SHF_COMPRESSED = 0x800
export const STT = { NOTYPE: 0, OBJECT: 1, FUNC: 2, SECTION: 3 } as const
export const STB = { LOCAL: 0, GLOBAL: 1, WEAK: 2 } as const
const STV = { INTERNAL: 1, HIDDEN: 2 } as const
/** From here on section indexes mean other things than sections: absolute, common, extended. */
export const SHN_LORESERVE = 0xff00
const SHN_XINDEX = 0xffff
const EM_BPF = 247
const ET_REL = 1
const HEADER_SIZE = 64
const SECTION_HEADER_SIZE = 64
const SYMBOL_SIZE = 24
const REL_SIZE = 16
const RELA_SIZE = 24
/** What clang 3.7 wrote, which had SHT_RELA, for R_BPF_64_64. */
const R_BPF_NONE = 0
const R_BPF_64_64 = 1

export interface ElfSection {
  readonly index: number
  readonly name: string
  readonly type: number
  readonly flags: number
  readonly size: number
  readonly link: number
  readonly info: number
  readonly entrySize: number
  readonly align: number
  /** Empty for NOBITS. */
  readonly data: Uint8Array
}

export interface ElfSymbol {
  /** A section's symbol has the section's name. */
  readonly name: string
  readonly type: number
  readonly binding: number
  /** Visibility hidden or internal: global in the object, not for others. */
  readonly hidden: boolean
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
}

/** The container of an object. */
export class ElfObject {
  readonly sections: readonly ElfSection[]
  readonly symbols: readonly ElfSymbol[]
  readonly #byName = new Map<string, ElfSection>()
  readonly #relocationSections = new Map<number, ElfSection[]>()

  /** Use `readElf`. */
  constructor(sections: readonly ElfSection[], symbols: readonly ElfSymbol[]) {
    this.sections = sections
    this.symbols = symbols
    for (const section of sections) {
      if (!this.#byName.has(section.name)) this.#byName.set(section.name, section)
      if (section.type !== SHT.REL && section.type !== SHT.RELA) continue
      const same = this.#relocationSections.get(section.info)
      if (same) same.push(section)
      else this.#relocationSections.set(section.info, [section])
    }
  }

  /** The first section of that name. */
  section(name: string): ElfSection | undefined {
    return this.#byName.get(name)
  }

  /** What patches a section, in the order of the file. Throws ElfError. */
  relocations(section: ElfSection): ElfRelocation[] {
    return (this.#relocationSections.get(section.index) ?? []).flatMap((s) => this.#readRelocations(s))
  }

  #readRelocations(section: ElfSection): ElfRelocation[] {
    const place = { section: section.name }
    const withAddends = section.type === SHT.RELA
    const entrySize = withAddends ? RELA_SIZE : REL_SIZE
    if (section.entrySize !== entrySize) {
      throw new ElfError('BAD_SECTION', `relocations of ${section.entrySize} bytes, not ${entrySize}`, place)
    }
    const { data } = section
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
    return Array.from({ length: Math.floor(data.length / entrySize) }, (_, i) => {
      const at = i * entrySize
      const index = view.getUint32(at + 12, true)
      const symbol = this.symbols[index]
      if (!symbol) {
        throw new ElfError('BAD_RELOCATION', `symbol ${index} of ${this.symbols.length}`, {
          ...place,
          offset: at,
        })
      }
      const type = view.getUint32(at + 8, true)
      if (!withAddends) return { offset: word64(view, at), type, symbol }
      if (word64(view, at + 16) !== 0) {
        throw new ElfError(
          'UNSUPPORTED',
          'a relocation with an addend (SHT_RELA); BPF objects have them in the code (SHT_REL)',
          { ...place, offset: at },
        )
      }
      return { offset: word64(view, at), type: type === R_BPF_NONE ? R_BPF_64_64 : type, symbol }
    })
  }
}

/** Offsets and sizes of 64 bits, refused past what a file can hold. */
function word64(view: DataView, at: number): number {
  const high = view.getUint32(at + 4, true)
  return high === 0 ? view.getUint32(at, true) : Number.MAX_SAFE_INTEGER
}

interface Header {
  readonly sections: number
  readonly count: number
  readonly names: number
}

function readHeader(bytes: Uint8Array, view: DataView): Header {
  const refuse = (code: 'NOT_ELF' | 'NOT_BPF' | 'BIG_ENDIAN', message: string, offset: number): never => {
    throw new ElfError(code, message, { offset })
  }
  if (bytes.length < 4 || view.getUint32(0) !== 0x7f454c46)
    refuse(
      'NOT_ELF',
      'the file does not begin with the ELF magic; give an object made by clang -target bpf',
      0,
    )
  if (bytes.length < HEADER_SIZE) {
    throw new ElfError(
      'TRUNCATED',
      `the file has ${bytes.length} bytes, the ELF header alone ${HEADER_SIZE}`,
      { offset: bytes.length },
    )
  }
  if (bytes[4] !== 2) refuse('NOT_BPF', 'the object is not 64-bit ELF', 4)
  if (bytes[5] === 2) refuse('BIG_ENDIAN', 'the object is big-endian (bpfeb); compile with -target bpfel', 5)
  if (bytes[5] !== 1) refuse('NOT_ELF', `unknown ELF data encoding ${bytes[5]}`, 5)
  const machine = view.getUint16(18, true)
  // LLVM before 3.9 wrote 0.
  if (machine !== EM_BPF && machine !== 0)
    refuse(
      'NOT_BPF',
      `the object is for machine ${machine}, not BPF (247); compile with clang -target bpf`,
      18,
    )
  const type = view.getUint16(16, true)
  if (type !== ET_REL) {
    throw new ElfError('NOT_RELOCATABLE', `the file is of ELF type ${type}, not a relocatable object (1)`, {
      offset: 16,
    })
  }
  const entry = view.getUint16(58, true)
  if (entry !== SECTION_HEADER_SIZE)
    throw new ElfError('BAD_SECTION', `section headers of ${entry} bytes, not ${SECTION_HEADER_SIZE}`, {
      offset: 58,
    })
  const sections = word64(view, 40)
  const count = view.getUint16(60, true)
  const names = view.getUint16(62, true)
  const first = sections + SECTION_HEADER_SIZE <= bytes.length ? sections : undefined
  // Counts past 16 bits stand in the first section's header.
  return {
    sections,
    count: count === 0 && first !== undefined ? word64(view, first + 32) : count,
    names: names === SHN_XINDEX && first !== undefined ? view.getUint32(first + 40, true) : names,
  }
}

function readSections(bytes: Uint8Array, view: DataView): ElfSection[] {
  const { sections, count, names } = readHeader(bytes, view)
  if (sections + count * SECTION_HEADER_SIZE > bytes.length) {
    throw new ElfError('TRUNCATED', `${count} section headers end past the file's ${bytes.length} bytes`, {
      offset: sections,
    })
  }
  let total = 0
  const raw = Array.from({ length: count }, (_, i) => {
    const at = sections + i * SECTION_HEADER_SIZE
    const type = view.getUint32(at + 4, true)
    const offset = word64(view, at + 24)
    const size = word64(view, at + 32)
    const hasData = type !== SHT.NOBITS && type !== SHT.NULL
    if (hasData && offset + size > bytes.length) {
      throw new ElfError('TRUNCATED', `section ${i} ends past the file's ${bytes.length} bytes`, {
        offset: at,
      })
    }
    if (hasData) total += size
    return {
      name: view.getUint32(at, true),
      type,
      flags: word64(view, at + 8),
      size,
      link: view.getUint32(at + 40, true),
      info: view.getUint32(at + 44, true),
      entrySize: word64(view, at + 56),
      align: word64(view, at + 48),
      data: hasData ? bytes.subarray(offset, offset + size) : new Uint8Array(0),
    }
  })
  // Else a small file could hold a large section a thousand times over.
  if (total > bytes.length * 2)
    throw new ElfError('BAD_SECTION', `sections of ${total} bytes overlap in a file of ${bytes.length}`, {
      offset: sections,
    })
  const table = stringTable(raw[names]?.data, '.shstrtab')
  return raw.map((s, index) => {
    if (s.name > 0 && s.name >= table.size) {
      throw new ElfError(
        'BAD_SECTION',
        `the name of section ${index} is at ${s.name} of ${table.size} bytes`,
        {
          offset: sections + index * SECTION_HEADER_SIZE,
        },
      )
    }
    return { ...s, index, name: table.at(s.name) }
  })
}

const stringTable = (data: Uint8Array | undefined, section: string): StringTable =>
  new StringTable(
    data ?? new Uint8Array(0),
    (offset, message) => new ElfError('BAD_SECTION', message, { section, offset }),
  )

function readSymbols(sections: readonly ElfSection[]): ElfSymbol[] {
  const section = sections.find((s) => s.type === SHT.SYMTAB)
  if (!section) return []
  const place = { section: section.name }
  if (section.entrySize !== SYMBOL_SIZE)
    throw new ElfError('BAD_SECTION', `symbols of ${section.entrySize} bytes, not ${SYMBOL_SIZE}`, place)
  const strings = stringTable(sections[section.link]?.data, '.strtab')
  const { data } = section
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  return Array.from({ length: Math.floor(data.length / SYMBOL_SIZE) }, (_, i) => {
    const at = i * SYMBOL_SIZE
    const info = view.getUint8(at + 4)
    const visibility = view.getUint8(at + 5) & 3
    const index = view.getUint16(at + 6, true)
    const name = strings.at(view.getUint32(at, true))
    if (index === SHN_XINDEX)
      throw new ElfError('UNSUPPORTED', 'a symbol with an extended section index', { ...place, offset: at })
    return {
      name: name || (sections[index]?.name ?? ''),
      type: info & 15,
      binding: info >> 4,
      hidden: visibility === STV.INTERNAL || visibility === STV.HIDDEN,
      section: index,
      value: word64(view, at + 8),
      size: word64(view, at + 16),
    }
  })
}

/** Reads the container: sections and symbols, all bounds checked. Throws ElfError. */
export function readElf(bytes: Uint8Array): ElfObject {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const sections = readSections(bytes, view)
  return new ElfObject(sections, readSymbols(sections))
}

/** The bytes of a section that is read; refused when they are compressed. */
export function contents(section: ElfSection): Uint8Array {
  if (section.flags & SHF_COMPRESSED) {
    throw new ElfError('UNSUPPORTED', 'the section is compressed; use objcopy --decompress-debug-sections', {
      section: section.name,
    })
  }
  return section.data
}

export const isCode = (section: ElfSection | undefined): boolean =>
  section !== undefined &&
  section.type === SHT.PROGBITS &&
  (section.flags & SHF_EXECINSTR) !== 0 &&
  section.size > 0

/** A symbol that another object, or the kernel, is to define. */
export const isUndefined = (symbol: ElfSymbol): boolean =>
  symbol.section === 0 && symbol.binding !== STB.LOCAL && symbol.name !== '' && symbol.type === STT.NOTYPE
