import type { BtfExt } from '@skep/btf'
import { type ElfObject, type ElfSection, SHF_EXECINSTR, SHT, STB, STT } from './elf.ts'
import { ElfError } from './errors.ts'

/** A function of the object: a range of slots of an executable section. */
export interface ElfFunction {
  readonly name: string
  readonly section: ElfSection
  readonly start: number
  readonly count: number
  readonly global: boolean
  /** BTF type id of its FUNC, 0 without. */
  readonly typeId: number
}

export const isCode = (section: ElfSection | undefined): boolean =>
  section !== undefined &&
  section.type === SHT.PROGBITS &&
  (section.flags & SHF_EXECINSTR) !== 0 &&
  section.size > 0

/** All functions, by section and start. */
export class FunctionIndex {
  readonly all: readonly ElfFunction[]
  readonly #at = new Map<string, ElfFunction>()

  constructor(elf: ElfObject, ext: BtfExt | undefined) {
    const all: ElfFunction[] = []
    for (const symbol of elf.symbols) {
      if (symbol.type !== STT.FUNC) continue
      const section = elf.sections[symbol.section]
      if (!section || !isCode(section)) continue
      const place = { section: section.name, symbol: symbol.name }
      if (symbol.value % 8 !== 0 || symbol.size % 8 !== 0 || symbol.size === 0) {
        throw new ElfError(
          'BAD_FUNCTION',
          `a function of ${symbol.size} bytes at ${symbol.value} is no whole number of instructions`,
          place,
        )
      }
      if (symbol.value + symbol.size > section.size) {
        throw new ElfError(
          'BAD_FUNCTION',
          `the function ends at ${symbol.value + symbol.size} of ${section.size} bytes`,
          place,
        )
      }
      const typeId = ext?.functions.get(section.name)?.find((f) => f.offset === symbol.value)?.type ?? 0
      const fn = {
        name: symbol.name,
        section,
        start: symbol.value / 8,
        count: symbol.size / 8,
        global: symbol.binding !== STB.LOCAL,
        typeId,
      }
      const key = `${section.index}:${fn.start}`
      // Two names for one place: the first is it, as in libbpf.
      if (this.#at.has(key)) continue
      this.#at.set(key, fn)
      all.push(fn)
    }
    this.all = all.sort((a, b) => a.section.index - b.section.index || a.start - b.start)
  }

  at(section: number, slot: number): ElfFunction | undefined {
    return this.#at.get(`${section}:${slot}`)
  }
}
