import type { Btf } from '@skep/btf'
import type { VariableSpec } from '@skep/registry'
import { contents, type ElfObject } from './elf.ts'
import { ElfError } from './errors.ts'
import { VariableReader } from './globals.ts'
import type { PlacedMap } from './maps.ts'

const SECTION = '.addr_space.1'
const ARENA = 33

export interface ArenaData {
  readonly section: number
  readonly map: string
  /** The arena with its first contents: they begin at its first byte. */
  readonly placed: PlacedMap
  readonly variables: readonly VariableSpec[]
}

/** Globals of address space 1: the first contents of the object's arena. Throws ElfError where it has none. */
export function readArena(
  elf: ElfObject,
  btf: Btf | undefined,
  maps: readonly PlacedMap[],
  typeNumber: (type: string | number) => number | undefined,
): ArenaData | undefined {
  const section = elf.section(SECTION)
  if (!section || section.size === 0) return undefined
  const arena = maps.find((m) => typeNumber(m.spec.type) === ARENA)
  if (!arena)
    throw new ElfError('BAD_SECTION', 'globals of an arena, but no map of type BPF_MAP_TYPE_ARENA', {
      section: SECTION,
    })
  const { name } = arena.spec
  const initial = [{ key: new Uint8Array(0), value: contents(section).slice() }]
  return {
    section: section.index,
    map: name,
    placed: { ...arena, spec: { ...arena.spec, initial } },
    variables: new VariableReader(elf, btf).of(section, name),
  }
}
