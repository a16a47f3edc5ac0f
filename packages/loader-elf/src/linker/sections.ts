import { contents, type ElfSection, SHF_EXECINSTR, SHT } from '../elf.ts'
import { ElfError } from '../errors.ts'
import type { LinkInput } from './input.ts'

const SHF_ALLOC = 2
/** The same in all objects, and once in the result. */
export const ONCE: readonly string[] = ['license', 'version']

/** A page of any machine. */
const MAX_ALIGN = 65_536

/** A section of the result, made of those of its name. */
export interface OutputSection {
  readonly name: string
  readonly type: number
  readonly flags: number
  /** Of the result, as a section number: 1 for the first. */
  readonly index: number
  align: number
  size: number
  data: Uint8Array
}

export interface PlacedSection {
  readonly output: OutputSection
  /** Bytes from the start of the output section. */
  readonly offset: number
}

export interface Layout {
  readonly sections: readonly OutputSection[]
  place(input: LinkInput, section: number): PlacedSection | undefined
}

const isKept = (section: ElfSection): boolean =>
  (section.type === SHT.PROGBITS || section.type === SHT.NOBITS) &&
  (section.flags & SHF_ALLOC) !== 0 &&
  section.size > 0

/** Puts sections of one name behind each other. Throws ElfError. */
export function layOut(inputs: readonly LinkInput[]): Layout {
  const byName = new Map<string, OutputSection>()
  const placed = new Map<LinkInput, Map<number, PlacedSection>>()
  const parts = new Map<OutputSection, { readonly at: number; readonly data: Uint8Array }[]>()
  for (const input of inputs) {
    const own = new Map<number, PlacedSection>()
    placed.set(input, own)
    for (const section of input.elf.sections) {
      if (!isKept(section)) continue
      let output = byName.get(section.name)
      if (output && (output.type !== section.type || (output.flags ^ section.flags) & SHF_EXECINSTR))
        throw new ElfError('BAD_SECTION', `${input.name}: the section is of another kind than before`, {
          section: section.name,
        })
      if (output && ONCE.includes(section.name)) {
        checkSame(output, parts.get(output)![0]!.data, section, input)
        own.set(section.index, { output, offset: 0 })
        continue
      }
      if (!output) {
        const { name, type, flags } = section
        output = { name, type, flags, index: byName.size + 1, align: 1, size: 0, data: new Uint8Array(0) }
        byName.set(name, output)
        parts.set(output, [])
      }
      const align = alignOf(section, input)
      const offset = Math.ceil(output.size / align) * align
      output.align = Math.max(output.align, align)
      output.size = offset + section.size
      own.set(section.index, { output, offset })
      parts.get(output)!.push({ at: offset, data: contents(section) })
    }
  }
  for (const [output, list] of parts) {
    if (output.type === SHT.NOBITS) continue
    output.data = new Uint8Array(output.size)
    for (const { at, data } of list) output.data.set(data, at)
  }
  return {
    sections: [...byName.values()],
    place: (input, section) => placed.get(input)?.get(section),
  }
}

function alignOf({ name, align }: ElfSection, input: LinkInput): number {
  if (align <= MAX_ALIGN && Number.isInteger(Math.log2(Math.max(1, align)))) return Math.max(1, align)
  throw new ElfError(
    'BAD_SECTION',
    `${input.name}: aligned to ${align} bytes; a power of two, ${MAX_ALIGN} at most`,
    {
      section: name,
    },
  )
}

function checkSame(output: OutputSection, known: Uint8Array, section: ElfSection, input: LinkInput): void {
  const data = contents(section)
  if (data.length === known.length && data.every((byte, i) => byte === known[i])) return
  throw new ElfError('BAD_SECTION', `${input.name}: other contents than in the objects before`, {
    section: output.name,
  })
}
