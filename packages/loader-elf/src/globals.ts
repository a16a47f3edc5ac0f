import { BTF_KIND, BTF_LINKAGE, type Btf } from '@skep/btf'
import type { MapSpec, VariableSpec } from '@skep/registry'
import { contents, type ElfObject, type ElfSection, SHT, STT } from './elf.ts'
import { ElfError } from './errors.ts'

const BPF_F_RDONLY_PROG = 0x80
const BPF_F_MMAPABLE = 0x400
/** All data sections of an object together: zeros cost nothing in the file. */
const MAX_DATA = 64 * 1024 * 1024

const isData = (name: string): boolean => /^\.(rodata|data|bss)(\.|$)/.test(name)

export interface Globals {
  readonly maps: readonly { readonly spec: MapSpec; readonly section: number }[]
  readonly variables: readonly VariableSpec[]
}

/**
 * `.rodata*`, `.data*` and `.bss*` as one-element arrays named like their sections, and the variables in them. `btf` is
 * finished. Throws ElfError.
 */
export function readGlobals(elf: ElfObject, btf: Btf | undefined): Globals {
  const sections = elf.sections.filter(
    (s) => isData(s.name) && s.size > 0 && (s.type === SHT.PROGBITS || s.type === SHT.NOBITS),
  )
  let total = 0
  for (const section of sections) {
    total += section.size
    if (total <= MAX_DATA) continue
    throw new ElfError('BAD_SECTION', `${total} bytes of globals; at most ${MAX_DATA}`, {
      section: section.name,
    })
  }
  const reader = new VariableReader(elf, btf)
  return {
    maps: sections.map((section) => ({ section: section.index, spec: dataMap(section, btf) })),
    variables: sections.flatMap((section) => reader.of(section, section.name)),
  }
}

/** The variables of sections: by BTF, and by symbols where it is silent. */
export class VariableReader {
  readonly #btf: Btf | undefined
  readonly #symbols = new Map<number, { name: string; value: number; size: number }[]>()

  constructor(elf: ElfObject, btf: Btf | undefined) {
    this.#btf = btf
    for (const symbol of elf.symbols) {
      if (symbol.type !== STT.OBJECT) continue
      const same = this.#symbols.get(symbol.section)
      if (same) same.push(symbol)
      else this.#symbols.set(symbol.section, [symbol])
    }
  }

  of(section: ElfSection, map: string): VariableSpec[] {
    const btf = this.#btf
    const id = btf?.findByName(BTF_KIND.DATASEC, section.name)
    const typed = (btf && id !== undefined ? btf.sectionVariables(id) : [])
      .filter((v) => btf!.kind(v.type) === BTF_KIND.VAR)
      .map(({ type, offset, size }) => ({
        name: btf!.name(type),
        map,
        offset,
        size,
        typeId: btf!.target(type),
      }))
    const names = new Set(typed.map((v) => v.name))
    const untyped = (this.#symbols.get(section.index) ?? [])
      .filter((s) => !names.has(s.name))
      .map((s) => ({ name: s.name, map, offset: s.value, size: s.size }))
    const all = [...typed, ...untyped].sort((a, b) => a.offset - b.offset)
    for (const { name, offset, size } of all) {
      if (offset + size <= section.size) continue
      throw new ElfError('BAD_SYMBOL', `the variable ends at ${offset + size} of ${section.size} bytes`, {
        section: section.name,
        symbol: name,
      })
    }
    return all
  }
}

function dataMap(section: ElfSection, btf: Btf | undefined): MapSpec {
  const readonly = section.name.startsWith('.rodata')
  const typeId = btf?.findByName(BTF_KIND.DATASEC, section.name)
  const flags = (isMappable(btf, typeId) ? BPF_F_MMAPABLE : 0) | (readonly ? BPF_F_RDONLY_PROG : 0)
  return {
    name: section.name,
    type: 'array',
    keySize: 4,
    valueSize: section.size,
    maxEntries: 1,
    ...(flags ? { flags } : {}),
    // What is not in the file is zero, as a new map is.
    ...(section.type === SHT.NOBITS
      ? {}
      : { initial: [{ key: new Uint8Array(4), value: contents(section).slice() }] }),
    ...(readonly ? { frozen: true } : {}),
    ...(typeId === undefined ? {} : { btfValue: typeId }),
  }
}

/** A section in which nothing is for the host needs no mapping, and its BTF is not known then. */
export const isMappable = (btf: Btf | undefined, typeId: number | undefined): boolean =>
  btf !== undefined &&
  typeId !== undefined &&
  btf
    .sectionVariables(typeId)
    .some((v) => btf.kind(v.type) === BTF_KIND.VAR && btf.linkage(v.type) !== BTF_LINKAGE.STATIC)
