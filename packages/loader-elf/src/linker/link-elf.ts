import { type ElfRelocation, type ElfSection, type ElfSymbol, SHF_EXECINSTR, SHT, STB, STT } from '../elf.ts'
import { ElfError } from '../errors.ts'
import { type LinkInput, type ObjectToLink, readInput } from './input.ts'
import { type Layout, layOut, type OutputSection, type PlacedSection } from './sections.ts'
import { type GlobalSymbol, resolveGlobals } from './symbols.ts'
import { mergeTypes } from './types.ts'
import {
  RELOCATION_SIZE,
  type RelocationToWrite,
  relocationTable,
  type SectionToWrite,
  StringWriter,
  SYMBOL_ENTRY_SIZE,
  type SymbolToWrite,
  symbolTable,
  writeElf,
} from './write-elf.ts'

const R_BPF_64_64 = 1
const R_BPF_64_ABS64 = 2
const CALL = 0x85
const SHN_ABS = 0xfff1
const SHF_INFO_LINK = 0x40
const STT_FILE = 4

/**
 * One object of several, as `bpftool gen object` makes it: sections of one name behind each other, declarations resolved by
 * definitions, weak ones replaced by strong ones, types that are the same once. Static names stay apart. What no object
 * defines stays undefined. Pure; debug information is left out. Throws ElfError with the object's name in its message.
 */
export function linkElf(objects: readonly ObjectToLink[]): Uint8Array {
  if (objects.length === 0) throw new ElfError('NOT_ELF', 'no object is given to link')
  const inputs = objects.map(readInput)
  const layout = layOut(inputs)
  const globals = resolveGlobals(inputs)
  const symbols = new Symbols(inputs, layout, globals)
  const relocations = new Map<OutputSection, RelocationToWrite[]>()
  for (const input of inputs) {
    for (const section of input.elf.sections) {
      const place = layout.place(input, section.index)
      if (!place || (place.offset === 0 && relocations.has(place.output))) continue
      const moved = input.elf
        .relocations(section)
        .map((relocation) => move(input, section, place, relocation, layout, symbols))
      const list = relocations.get(place.output)
      if (list) list.push(...moved)
      else relocations.set(place.output, moved)
    }
  }
  return write(layout, relocations, symbols, mergeTypes(inputs, layout, globals))
}

/** The table of the result: symbols of files, of sections, local ones, global ones. */
class Symbols {
  readonly list: SymbolToWrite[] = []
  /** How many are local, the one of number 0 among them. */
  readonly locals: number
  readonly #sections = new Map<OutputSection, number>()
  readonly #own = new Map<ElfSymbol, number>()
  readonly #globals = new Map<string, number>()

  constructor(inputs: readonly LinkInput[], layout: Layout, globals: ReadonlyMap<string, GlobalSymbol>) {
    const local = { binding: STB.LOCAL, hidden: false, value: 0, size: 0 }
    for (const output of layout.sections)
      this.#sections.set(output, this.#add({ ...local, name: '', type: STT.SECTION, section: output.index }))
    for (const input of inputs) {
      this.#add({ ...local, name: input.name, type: STT_FILE, section: SHN_ABS })
      for (const symbol of input.elf.symbols) {
        const place = layout.place(input, symbol.section)
        if (symbol.binding !== STB.LOCAL || symbol.type === STT.SECTION || !place) continue
        const value = symbol.value + place.offset
        this.#own.set(symbol, this.#add({ ...symbol, section: place.output.index, value }))
      }
    }
    this.locals = this.list.length + 1
    for (const [name, { input, symbol, hidden }] of globals) {
      const place = layout.place(input, symbol.section)
      if (symbol.section !== 0 && !place) continue
      const value = symbol.value + (place?.offset ?? 0)
      this.#globals.set(name, this.#add({ ...symbol, hidden, section: place?.output.index ?? 0, value }))
    }
  }

  #add(symbol: SymbolToWrite): number {
    return this.list.push(symbol)
  }

  section(output: OutputSection): number {
    return this.#sections.get(output)!
  }

  of({ symbol }: ElfRelocation): number | undefined {
    return symbol.binding === STB.LOCAL ? this.#own.get(symbol) : this.#globals.get(symbol.name)
  }
}

/** A relocation at its new place. What it adds to a section's start grows by what stands before. */
function move(
  input: LinkInput,
  section: ElfSection,
  place: PlacedSection,
  relocation: ElfRelocation,
  layout: Layout,
  symbols: Symbols,
): RelocationToWrite {
  const { symbol, type } = relocation
  const offset = relocation.offset + place.offset
  const where = { section: section.name, symbol: symbol.name, offset: relocation.offset }
  if (relocation.offset + 8 > section.size)
    throw new ElfError('BAD_RELOCATION', `${input.name}: patches something past its section`, where)
  if (symbol.type !== STT.SECTION) {
    const number = symbols.of(relocation)
    if (number === undefined)
      throw new ElfError(
        'BAD_RELOCATION',
        `${input.name}: refers to what is left out when objects are linked`,
        where,
      )
    return { offset, type, symbol: number }
  }
  const target = layout.place(input, symbol.section)
  if (!target)
    throw new ElfError('BAD_RELOCATION', `${input.name}: refers to a section that is left out`, where)
  grow(place.output, offset, type, target)
  return { offset, type, symbol: symbols.section(target.output) }
}

/** Calls count instructions, all else bytes. */
function grow(output: OutputSection, at: number, type: number, target: PlacedSection): void {
  if (output.type === SHT.NOBITS) return
  const view = new DataView(output.data.buffer, output.data.byteOffset, output.data.byteLength)
  const add = (to: number, by: number): void => view.setInt32(to, view.getInt32(to, true) + by, true)
  if ((output.flags & SHF_EXECINSTR) === 0) {
    // A pointer, or the half of one.
    add(at, target.offset)
    return
  }
  const isCall = view.getUint8(at) === CALL && type !== R_BPF_64_64 && type !== R_BPF_64_ABS64
  add(at + 4, isCall ? target.offset / 8 : target.offset)
}

function write(
  layout: Layout,
  relocations: ReadonlyMap<OutputSection, readonly RelocationToWrite[]>,
  symbols: Symbols,
  types: { readonly btf: Uint8Array; readonly ext: Uint8Array | undefined } | undefined,
): Uint8Array {
  const strings = new StringWriter()
  const sections: SectionToWrite[] = layout.sections.map(({ name, type, flags, align, size, data }) => ({
    name,
    type,
    flags,
    align,
    size,
    data,
  }))
  const table = symbolTable(symbols.list, strings)
  const relocated = [...relocations].filter(([, list]) => list.length > 0)
  const symtab = sections.length + relocated.length + (types ? (types.ext ? 3 : 2) : 1)
  for (const [output, list] of relocated) {
    sections.push({
      name: `.rel${output.name}`,
      type: SHT.REL,
      flags: SHF_INFO_LINK,
      align: 8,
      entrySize: RELOCATION_SIZE,
      link: symtab,
      info: output.index,
      data: relocationTable(list),
    })
  }
  if (types) sections.push({ name: '.BTF', type: SHT.PROGBITS, flags: 0, align: 8, data: types.btf })
  if (types?.ext) sections.push({ name: '.BTF.ext', type: SHT.PROGBITS, flags: 0, align: 8, data: types.ext })
  sections.push({
    name: '.symtab',
    type: SHT.SYMTAB,
    flags: 0,
    align: 8,
    entrySize: SYMBOL_ENTRY_SIZE,
    link: symtab + 1,
    info: symbols.locals,
    data: table,
  })
  for (const { name } of sections) strings.add(name)
  strings.add('.strtab')
  sections.push({ name: '.strtab', type: SHT.STRTAB, flags: 0, align: 1, data: strings.bytes() })
  return writeElf(sections, sections.length, strings)
}
