import type { MapSpec } from '@skep/registry'
import { contents, type ElfObject, type ElfSection, type ElfSymbol, STT } from './elf.ts'
import { ElfError } from './errors.ts'
import type { MapContext, PlacedMap } from './maps.ts'

/** type, key_size, value_size, max_entries; map_flags came later. */
const LEAST = 16
const FLAGS_END = 20

/** `SEC("maps")`, and one section for each map. */
const isMaps = (name: string): boolean => name === 'maps' || name.startsWith('maps/')

/** struct bpf_elf_map of iproute2 past map_flags; older objects have its beginning. */
const BPF_ELF_MAP: readonly Extra[] = ['id', 'pinning', 'inner_id', 'inner_idx']

/** What loaders other than libbpf read past map_flags, by the size of a definition: the words from byte 20 on. */
const LAYOUTS: Readonly<Record<number, readonly Extra[]>> = {
  // bpf_load.c of the kernel's samples. iproute2 began with id and pinning there.
  28: ['inner_map_idx', 'numa_node'],
  36: BPF_ELF_MAP,
}
type Extra = 'inner_map_idx' | 'numa_node' | 'id' | 'pinning' | 'inner_id' | 'inner_idx'
const MAPS_OF_MAPS: readonly number[] = [12, 13]

interface Definition {
  readonly section: ElfSection
  readonly symbol: ElfSymbol
  readonly words: readonly number[]
  readonly extra: Readonly<Partial<Record<Extra, number>>>
}

/**
 * `SEC("maps")` and `SEC("maps/name")`: structs of numbers, as libbpf took them before 1.0. All of a section are of one
 * size, which its size and the number of its symbols give. Fields past map_flags are those of the loaders that had them:
 * of their meanings only the template of a map of maps matters here. Others must be zero.
 */
export function legacyMaps({ elf, typeName, bpfElfMap }: MapContext): PlacedMap[] {
  const definitions = elf.sections
    .filter((s) => isMaps(s.name))
    .flatMap((section) => definitionsIn(elf, section, bpfElfMap))
  const spec = ({
    symbol,
    words: [type = 0, key = 0, value = 0, max = 0, flags = 0],
  }: Definition): MapSpec => ({
    name: symbol.name,
    type: typeName(type),
    keySize: key,
    valueSize: value,
    maxEntries: max,
    ...(flags ? { flags } : {}),
  })
  return definitions.map((definition) => {
    const template = templateOf(definition, definitions)
    return {
      section: definition.section.index,
      offset: definition.symbol.value,
      spec: {
        ...spec(definition),
        ...(template ? withTemplate(definition, spec(template)) : {}),
      },
    }
  })
}

/** Their loaders gave the size of a map's number, whatever the definition says. */
const withTemplate = ({ symbol }: Definition, inner: MapSpec): Partial<MapSpec> => ({
  valueSize: 4,
  inner: { ...inner, name: `${symbol.name}.inner` },
})

function definitionsIn(elf: ElfObject, section: ElfSection, bpfElfMap: boolean): Definition[] {
  const symbols = elf.symbols.filter(
    (s): s is ElfSymbol =>
      s.section === section.index && s.name !== '' && (s.type === STT.OBJECT || s.type === STT.NOTYPE),
  )
  if (symbols.length === 0) return []
  const data = contents(section)
  const stride = data.length / symbols.length
  if (!Number.isInteger(stride) || stride < LEAST) {
    throw new ElfError(
      'BAD_MAP',
      `${symbols.length} maps do not part ${data.length} bytes into definitions of at least ${LEAST}`,
      { section: section.name },
    )
  }
  const layout = bpfElfMap
    ? BPF_ELF_MAP.slice(0, Math.max(0, (stride - FLAGS_END) >> 2))
    : (LAYOUTS[stride] ?? [])
  const known = FLAGS_END + layout.length * 4
  return symbols
    .sort((a, b) => a.value - b.value)
    .map((symbol) => {
      const place = { section: section.name, symbol: symbol.name }
      if (symbol.value + stride > data.length)
        throw new ElfError('BAD_MAP', 'the definition ends past its section', place)
      const rest = data.subarray(symbol.value + known, symbol.value + stride).findIndex((byte) => byte !== 0)
      if (rest >= 0) {
        throw new ElfError(
          'BAD_MAP',
          `a value in a field past map_flags, in a definition of ${stride} bytes that no loader is known for; use SEC(".maps")`,
          { ...place, offset: symbol.value + known + rest },
        )
      }
      // Of a definition that ends inside a word, the rest of it is zero.
      const definition = new Uint8Array(known)
      definition.set(data.subarray(symbol.value, symbol.value + Math.min(stride, known)))
      const view = new DataView(definition.buffer)
      const word = (i: number): number => view.getUint32(i * 4, true)
      return {
        section,
        symbol,
        words: Array.from({ length: 5 }, (_, i) => word(i)),
        extra: Object.fromEntries(layout.map((name, i) => [name, word(5 + i)])),
      }
    })
}

/** The map that a map of maps is made after: by its place among all maps, or in iproute2 by its id. */
function templateOf(definition: Definition, all: readonly Definition[]): Definition | undefined {
  const { words, extra, section, symbol } = definition
  if (!MAPS_OF_MAPS.includes(words[0]!)) return undefined
  const { inner_map_idx: index, inner_id: id } = extra
  const found =
    index !== undefined ? all[index] : id ? all.find((d) => d !== definition && d.extra.id === id) : undefined
  if (found && !MAPS_OF_MAPS.includes(found.words[0]!)) return found
  if (index === undefined && !id) return undefined
  throw new ElfError(
    'BAD_MAP',
    `its template is map ${index ?? `of id ${id}`}, which is ${found ? 'a map of maps' : 'not there'}`,
    { section: section.name, symbol: symbol.name },
  )
}
