import { BTF_KIND, type Btf } from '@skep/btf'
import type { MapInitial, MapSpec } from '@skep/registry'
import type { ElfObject, ElfRelocation, ElfSection, ElfSymbol } from './elf.ts'
import { STT } from './elf.ts'
import { ElfError } from './errors.ts'

/** A map and where its definition lies, so that relocations find it. */
export interface PlacedMap {
  readonly spec: MapSpec
  readonly section: number
  readonly offset: number
}

interface MapContext {
  readonly elf: ElfObject
  readonly btf: Btf | undefined
  /** The map type's name for a number. */
  readonly typeName: (id: number) => string | number
}

const inSection = (elf: ElfObject, section: ElfSection): ElfSymbol[] =>
  elf.symbols
    .filter(
      (s) => s.section === section.index && s.type !== STT.SECTION && s.type !== STT.FUNC && s.name !== '',
    )
    .sort((a, b) => a.value - b.value)

/** `SEC("maps")`: structs of at least type, key_size, value_size, max_entries, map_flags, as far as the symbols part them. */
export function legacyMaps(context: MapContext): PlacedMap[] {
  const section = context.elf.section('maps')
  if (!section) return []
  const symbols = inSection(context.elf, section)
  if (symbols.length === 0) return []
  const { data } = section
  const stride = data.length / symbols.length
  if (!Number.isInteger(stride) || stride < 16) {
    throw new ElfError(
      'BAD_MAP',
      `${symbols.length} maps do not part ${data.length} bytes into definitions of at least 16`,
      { section: 'maps' },
    )
  }
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  return symbols.map((symbol) => {
    const word = (i: number): number => (i * 4 < stride ? view.getUint32(symbol.value + i * 4, true) : 0)
    if (symbol.value + stride > data.length) {
      throw new ElfError('BAD_MAP', 'the definition ends past its section', {
        section: 'maps',
        symbol: symbol.name,
      })
    }
    for (let at = 20; at < stride; at++) {
      if (data[symbol.value + at] !== 0) {
        throw new ElfError(
          'BAD_MAP',
          'the definition has values in fields that libbpf does not know; use SEC(".maps")',
          { section: 'maps', symbol: symbol.name, offset: symbol.value + at },
        )
      }
    }
    return {
      section: section.index,
      offset: symbol.value,
      spec: {
        name: symbol.name,
        type: context.typeName(word(0)),
        keySize: word(1),
        valueSize: word(2),
        maxEntries: word(3),
        ...(word(4) ? { flags: word(4) } : {}),
      },
    }
  })
}

type Fields = { -readonly [K in keyof MapSpec]?: MapSpec[K] }

/** The integer that `__uint(name, n)` hides in a pointer to int[n], or that `__ulong` hides in an enum. */
function hiddenNumber(btf: Btf, type: number): number | undefined {
  const id = btf.resolve(type)
  if (btf.isEnum(id)) return Number(btf.enumerators(id)[0]?.value ?? 0n)
  if (btf.kind(id) !== BTF_KIND.PTR) return undefined
  const array = btf.resolve(btf.target(id))
  return btf.kind(array) === BTF_KIND.ARRAY ? btf.array(array).count : undefined
}

const numbers: Readonly<Record<string, keyof MapSpec>> = {
  max_entries: 'maxEntries',
  map_flags: 'flags',
  key_size: 'keySize',
  value_size: 'valueSize',
  map_extra: 'mapExtra',
}

function pointee(btf: Btf, type: number): number {
  const id = btf.resolve(type)
  return btf.kind(id) === BTF_KIND.PTR ? btf.target(id) : 0
}

/** One `struct { __uint(type, …); … }` of `.maps`. */
function mapFromStruct(context: MapContext, name: string, structType: number, depth: number): MapSpec {
  const btf = context.btf!
  const bad = (message: string): ElfError =>
    new ElfError('BAD_MAP', message, { section: '.maps', symbol: name })
  const struct = btf.resolve(structType)
  if (btf.kind(struct) !== BTF_KIND.STRUCT) throw bad('the map is not a struct in BTF')
  const fields: Fields = { name, type: 0, keySize: 0, valueSize: 0, maxEntries: 0 }
  for (const member of btf.members(struct)) {
    const number = hiddenNumber(btf, member.type)
    const target = numbers[member.name]
    if (target) {
      if (number === undefined)
        throw bad(`field ${member.name} is no number; write __uint(${member.name}, n)`)
      Object.assign(fields, { [target]: number })
    } else if (member.name === 'type') {
      if (number === undefined) throw bad('field type is no number; write __uint(type, BPF_MAP_TYPE_…)')
      fields.type = context.typeName(number)
    } else if (member.name === 'key' || member.name === 'value') {
      const type = pointee(btf, member.type)
      const size = btf.size(type)
      if (size === undefined)
        throw bad(
          `the type of ${member.name} has no size; write __type(${member.name}, T) with a complete type`,
        )
      if (member.name === 'key') Object.assign(fields, { keySize: size, btfKey: type })
      else Object.assign(fields, { valueSize: size, btfValue: type })
    } else if (member.name === 'pinning') {
      if (number !== 0 && number !== 1)
        throw bad(`pinning ${number} is neither LIBBPF_PIN_NONE nor LIBBPF_PIN_BY_NAME`)
      if (number === 1) fields.pinning = 'by_name'
    } else if (member.name === 'values') {
      const element =
        btf.kind(btf.resolve(member.type)) === BTF_KIND.ARRAY
          ? btf.array(btf.resolve(member.type)).element
          : 0
      const inner = btf.resolve(pointee(btf, element))
      if (btf.kind(inner) === BTF_KIND.STRUCT) {
        if (depth > 0) throw bad('a map of maps of maps; only one level is possible')
        fields.inner = mapFromStruct(context, `${name}.inner`, inner, depth + 1)
      } else if (btf.kind(inner) !== BTF_KIND.FUNC_PROTO) {
        throw bad('values is neither an array of maps nor of functions')
      }
      fields.valueSize ||= 4
      fields.keySize ||= 4
    } else if (member.name !== 'numa_node') {
      throw bad(`unknown field ${member.name}`)
    }
  }
  if (fields.flags === 0) delete fields.flags
  return fields as MapSpec
}

/** `SEC(".maps")`: definitions in BTF, first slots in relocations. */
export function btfMaps(context: MapContext): PlacedMap[] {
  const { elf, btf } = context
  const section = elf.section('.maps')
  if (!section) return []
  if (!btf)
    throw new ElfError('BAD_MAP', 'the object has .maps but no BTF; compile with -g', { section: '.maps' })
  const dataSection = btf.find('.maps', BTF_KIND.DATASEC)[0]
  const types = new Map(
    (dataSection === undefined ? [] : btf.sectionVariables(dataSection)).map((v) => [
      btf.name(v.type),
      v.type,
    ]),
  )
  const relocations = elf.relocations.get(section.index) ?? []
  return inSection(elf, section).map((symbol) => {
    const variable = types.get(symbol.name)
    if (variable === undefined) {
      throw new ElfError('BAD_MAP', 'BTF has no variable for the map; compile with -g', {
        section: '.maps',
        symbol: symbol.name,
      })
    }
    const structType = btf.target(variable)
    const spec = mapFromStruct(context, symbol.name, structType, 0)
    const initial = initialSlots(context, symbol, btf.resolve(structType), relocations)
    return {
      section: section.index,
      offset: symbol.value,
      spec: initial.length > 0 ? { ...spec, initial } : spec,
    }
  })
}

function initialSlots(
  context: MapContext,
  symbol: ElfSymbol,
  struct: number,
  relocations: readonly ElfRelocation[],
): MapInitial[] {
  const values = context.btf!.member(struct, 'values')
  if (!values) return []
  const start = symbol.value + values.bitOffset / 8
  return relocations
    .filter((r) => r.offset >= start && r.offset < symbol.value + symbol.size)
    .map((r) => {
      const index = (r.offset - start) / 8
      const target = r.symbol
      if (!Number.isInteger(index)) {
        throw new ElfError('BAD_MAP', 'a first value does not lie on a slot', {
          section: '.maps',
          symbol: symbol.name,
          offset: r.offset,
        })
      }
      return target.type === STT.FUNC ? { index, program: target.name } : { index, map: target.name }
    })
}
