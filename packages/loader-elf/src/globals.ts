import { BTF_KIND, type Btf } from '@skep/btf'
import type { MapSpec, VariableSpec } from '@skep/registry'
import { type ElfObject, type ElfSection, SHT, STT } from './elf.ts'
import { ElfError } from './errors.ts'

const BPF_F_RDONLY_PROG = 0x80
const BPF_F_MMAPABLE = 0x400
/** Largest data section taken; a hostile .bss size must not make us allocate it. */
const MAX_DATA = 64 * 1024 * 1024

const isData = (name: string): boolean => /^\.(rodata|data|bss)(\.|$)/.test(name)

export interface Globals {
  readonly maps: readonly { readonly spec: MapSpec; readonly section: number }[]
  readonly variables: readonly VariableSpec[]
}

/** `.rodata*`, `.data*` and `.bss*` as one-element arrays named like their sections, and the variables in them. */
export function readGlobals(elf: ElfObject, btf: Btf | undefined): Globals {
  const maps: { spec: MapSpec; section: number }[] = []
  const variables: VariableSpec[] = []
  for (const section of elf.sections) {
    if (!isData(section.name) || section.size === 0) continue
    if (section.size > MAX_DATA) {
      throw new ElfError('BAD_SECTION', `${section.size} bytes of globals; at most ${MAX_DATA}`, {
        section: section.name,
      })
    }
    maps.push({ section: section.index, spec: dataMap(section, btf) })
    for (const symbol of elf.symbols) {
      if (symbol.section !== section.index || symbol.type !== STT.OBJECT) continue
      if (symbol.value + symbol.size > section.size) {
        throw new ElfError('BAD_SYMBOL', 'the variable ends past its section', {
          section: section.name,
          symbol: symbol.name,
        })
      }
      const typeId = btf?.find(symbol.name, BTF_KIND.VAR)[0]
      variables.push({
        name: symbol.name,
        map: section.name,
        offset: symbol.value,
        size: symbol.size,
        ...(typeId === undefined ? {} : { typeId: btf!.target(typeId) }),
      })
    }
  }
  return { maps, variables }
}

function dataMap(section: ElfSection, btf: Btf | undefined): MapSpec {
  const readonly = section.name.startsWith('.rodata')
  const value = new Uint8Array(section.size)
  if (section.type !== SHT.NOBITS) value.set(section.data)
  const typeId = btf?.find(section.name, BTF_KIND.DATASEC)[0]
  return {
    name: section.name,
    type: 'array',
    keySize: 4,
    valueSize: section.size,
    maxEntries: 1,
    flags: BPF_F_MMAPABLE | (readonly ? BPF_F_RDONLY_PROG : 0),
    initial: [{ key: new Uint8Array(4), value }],
    ...(readonly ? { frozen: true } : {}),
    ...(typeId === undefined ? {} : { btfValue: typeId }),
  }
}

/**
 * The object's BTF with what the compiler leaves to the loader: sizes of data sections and offsets of their variables
 * (libbpf's btf_fixup_datasec). A copy.
 */
export function fixDataSections(btf: Btf, elf: ElfObject): Uint8Array {
  const bytes = btf.bytes.slice()
  const view = new DataView(bytes.buffer)
  for (let id = 1, at = btf.typeOffset(id); id < btf.count; id++, at = btf.typeOffset(id)) {
    if (btf.kind(id) !== BTF_KIND.DATASEC) continue
    const section = elf.section(btf.name(id))
    if (!section) continue
    view.setUint32(at + 8, section.size, true)
    for (const [i, variable] of btf.sectionVariables(id).entries()) {
      const name = btf.name(variable.type)
      const symbol = elf.symbols.find((s) => s.section === section.index && s.name === name)
      if (symbol) view.setUint32(at + 12 + i * 12 + 4, symbol.value, true)
    }
  }
  return bytes
}
