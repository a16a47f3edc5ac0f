import type { BtfExt, BtfLineInfo } from '@skep/btf'
import { type ElfObject, type ElfSection, type ElfSymbol, isCode, STB, STT } from './elf.ts'
import { ElfError } from './errors.ts'

/** A function of the object: a range of slots of an executable section. */
export interface ElfFunction {
  readonly name: string
  readonly section: ElfSection
  readonly start: number
  readonly count: number
  /** Named outside its file: not static. */
  readonly global: boolean
  /** Verified where it is called, as a static function is, though it is global in the object. */
  readonly hidden: boolean
  /** BTF type id of its FUNC, 0 without. */
  readonly typeId: number
}

/** All functions, by section and start, and the records of .BTF.ext by function. */
export class FunctionIndex {
  readonly all: readonly ElfFunction[]
  readonly #at = new Map<ElfSection, Map<number, ElfFunction>>()
  readonly #ext: BtfExt | undefined
  readonly #lines = new Map<string, readonly BtfLineInfo[]>()

  constructor(elf: ElfObject, ext: BtfExt | undefined) {
    this.#ext = ext
    const types = new Map(
      [...(ext?.functions ?? [])].map(([section, list]) => [
        section,
        new Map(list.map((f) => [f.offset, f.type])),
      ]),
    )
    const all: ElfFunction[] = []
    for (const { symbol, section, size } of functionSymbols(elf)) {
      const place = { section: section.name, symbol: symbol.name }
      if (symbol.value % 8 !== 0 || size % 8 !== 0 || size <= 0) {
        throw new ElfError(
          'BAD_FUNCTION',
          `a function of ${size} bytes at ${symbol.value} is no whole number of instructions`,
          place,
        )
      }
      if (symbol.value + size > section.size) {
        throw new ElfError(
          'BAD_FUNCTION',
          `the function ends at ${symbol.value + size} of ${section.size} bytes`,
          place,
        )
      }
      const fn = {
        name: symbol.name,
        section,
        start: symbol.value / 8,
        count: size / 8,
        global: symbol.binding !== STB.LOCAL,
        hidden: symbol.hidden,
        typeId: types.get(section.name)?.get(symbol.value) ?? 0,
      }
      all.push(fn)
      let starts = this.#at.get(section)
      if (!starts) {
        starts = new Map()
        this.#at.set(section, starts)
      }
      // Of two names for one place the first is called.
      if (!starts.has(fn.start)) starts.set(fn.start, fn)
    }
    this.all = all.sort((a, b) => a.section.index - b.section.index || a.start - b.start)
  }

  /** The function that begins at a slot of a section. */
  at(section: ElfSection, slot: number): ElfFunction | undefined {
    return this.#at.get(section)?.get(slot)
  }

  /** Its line records, by offset. */
  lines(fn: ElfFunction): readonly BtfLineInfo[] {
    const all = this.#sectionLines(fn.section.name)
    const first = lowerBound(all, fn.start * 8)
    const last = lowerBound(all, (fn.start + fn.count) * 8)
    if (last - first > fn.count) {
      throw new ElfError('BAD_BTF', `${last - first} line records for ${fn.count} instructions`, {
        section: '.BTF.ext',
        symbol: fn.name,
      })
    }
    return all.slice(first, last)
  }

  #sectionLines(name: string): readonly BtfLineInfo[] {
    const known = this.#lines.get(name)
    if (known) return known
    const sorted = [...(this.#ext?.lines.get(name) ?? [])].sort((a, b) => a.offset - b.offset)
    this.#lines.set(name, sorted)
    return sorted
  }
}

interface FunctionSymbol {
  readonly symbol: ElfSymbol
  readonly section: ElfSection
  readonly size: number
}

/** Labels of blocks, that clang 3.7 left in the table of symbols. */
const isLabel = (name: string): boolean => /^L?BB\d/.test(name)

/**
 * The symbols of functions. Compilers before clang 7 gave them neither type nor size: in a section without any of type
 * FUNC the global ones are functions, each up to the next, and where there is none the one that it begins with.
 */
function functionSymbols(elf: ElfObject): FunctionSymbol[] {
  const typed: FunctionSymbol[] = []
  const untyped = new Map<ElfSection, ElfSymbol[]>()
  const local = new Map<ElfSection, ElfSymbol>()
  for (const symbol of elf.symbols) {
    const section = elf.sections[symbol.section]
    if (!section || !isCode(section)) continue
    if (symbol.type === STT.FUNC) typed.push({ symbol, section, size: symbol.size })
    else if (symbol.type !== STT.NOTYPE || isLabel(symbol.name)) continue
    else if (symbol.binding === STB.LOCAL) {
      if (symbol.value === 0) local.set(section, symbol)
    } else {
      const same = untyped.get(section)
      if (same) same.push(symbol)
      else untyped.set(section, [symbol])
    }
  }
  const known = new Set(typed.map((t) => t.section))
  for (const [section, symbol] of local) {
    if (!untyped.has(section)) untyped.set(section, [{ ...symbol, binding: STB.GLOBAL }])
  }
  for (const [section, symbols] of untyped) {
    if (known.has(section)) continue
    symbols.sort((a, b) => a.value - b.value)
    for (const [i, symbol] of symbols.entries())
      typed.push({ symbol, section, size: (symbols[i + 1]?.value ?? section.size) - symbol.value })
  }
  return typed
}

function lowerBound(lines: readonly BtfLineInfo[], offset: number): number {
  let from = 0
  let to = lines.length
  while (from < to) {
    const middle = (from + to) >>> 1
    if (lines[middle]!.offset < offset) from = middle + 1
    else to = middle
  }
  return from
}
