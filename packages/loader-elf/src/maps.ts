import { BTF_KIND, BTF_LINKAGE, type Btf } from '@skep/btf'
import type { MapInitial, MapSpec } from '@skep/registry'
import { type ElfObject, type ElfSection, isCode, STT } from './elf.ts'
import { ElfError } from './errors.ts'

/** A map and where its definition lies, so that relocations find it. */
export interface PlacedMap {
  readonly spec: MapSpec
  readonly section: number
  readonly offset: number
}

export interface MapContext {
  readonly elf: ElfObject
  /** Finished: with the places of variables. */
  readonly btf: Btf | undefined
  /** The map type's name for a number. */
  readonly typeName: (id: number) => string | number
  /** Takes what is left out. */
  readonly notes: string[]
  /** Definitions in `SEC("maps")` are iproute2's. */
  readonly bpfElfMap: boolean
}

const SECTION = '.maps'
/** Values that `values` may hold, from libbpf.h's enum bpf_map_type. */
const MAPS_OF_MAPS: readonly number[] = [12, 13]
const PROG_ARRAY = 3
const POINTER_SIZE = 8
const PIN_BY_NAME = 1

const badMap = (symbol: string, message: string): ElfError =>
  new ElfError('BAD_MAP', message, { section: SECTION, symbol })

type Fields = { -readonly [K in keyof MapSpec]: MapSpec[K] }

/** What fields of a definition do to the map. */
interface Definition {
  readonly btf: Btf
  readonly name: string
  readonly inner: boolean
  readonly fields: Fields
  readonly notes: string[]
  /** enum bpf_map_type. */
  type: number
}

const INT_MAX = 0xffff_ffff

/** The number that `__uint(name, n)` hides in a pointer to int[n]. */
function hiddenInt({ btf, name }: Definition, member: string, typeId: number): number {
  const pointer = btf.resolve(typeId)
  const array = btf.resolve(btf.target(pointer))
  if (btf.kind(pointer) !== BTF_KIND.PTR || btf.kind(array) !== BTF_KIND.ARRAY)
    throw badMap(name, `field ${member} is no number; write __uint(${member}, n)`)
  return btf.array(array).count
}

/** The same, or what `__ulong(name, n)` hides in an enum. */
function hiddenLong(definition: Definition, member: string, typeId: number): number {
  const { btf, name } = definition
  const type = btf.resolve(typeId)
  if (!btf.isEnum(type)) return hiddenInt(definition, member, typeId)
  const [value, ...more] = btf.enumerators(type)
  if (!value || more.length > 0)
    throw badMap(name, `field ${member} is no number; write __ulong(${member}, n)`)
  const number = Number(BigInt.asUintN(64, value.value))
  if (!Number.isSafeInteger(number)) throw badMap(name, `${member} is ${value.value}, past 53 bits`)
  return number
}

/** A size given twice must be the same. */
function setSize(definition: Definition, field: 'keySize' | 'valueSize', size: number): void {
  const { fields, name } = definition
  if (fields[field] && fields[field] !== size)
    throw badMap(name, `${field === 'keySize' ? 'key' : 'value'} size ${size}, but ${fields[field]} before`)
  fields[field] = size
}

function typed(definition: Definition, member: 'key' | 'value', typeId: number): void {
  const { btf, name, fields } = definition
  const pointer = btf.resolve(typeId)
  if (btf.kind(pointer) !== BTF_KIND.PTR)
    throw badMap(name, `${member} is no pointer; write __type(${member}, T)`)
  const type = btf.target(pointer)
  const size = btf.size(type)
  if (size === undefined || size > INT_MAX)
    throw badMap(name, `the type of ${member} has no size; write __type(${member}, T) with a complete type`)
  setSize(definition, member === 'key' ? 'keySize' : 'valueSize', size)
  if (member === 'key') fields.btfKey = type
  else fields.btfValue = type
}

const FIELDS: Readonly<Record<string, (definition: Definition, member: string, typeId: number) => void>> = {
  type: (d, member, type) => {
    d.type = hiddenInt(d, member, type)
  },
  max_entries: (d, member, type) => {
    d.fields.maxEntries = hiddenInt(d, member, type)
  },
  map_flags: (d, member, type) => {
    d.fields.flags = hiddenInt(d, member, type)
  },
  map_extra: (d, member, type) => {
    d.fields.mapExtra = hiddenLong(d, member, type)
  },
  // There is one memory node here.
  numa_node: (d, member, type) => void hiddenInt(d, member, type),
  key_size: (d, member, type) => setSize(d, 'keySize', hiddenInt(d, member, type)),
  value_size: (d, member, type) => setSize(d, 'valueSize', hiddenInt(d, member, type)),
  key: (d, _, type) => typed(d, 'key', type),
  value: (d, _, type) => typed(d, 'value', type),
  pinning: (d, member, type) => {
    const value = hiddenInt(d, member, type)
    if (d.inner) throw badMap(d.name, 'the template of a map of maps cannot be pinned')
    if (value === PIN_BY_NAME) d.fields.pinning = 'by_name'
    else if (value !== 0)
      d.notes.push(
        `map ${d.name} is not pinned: pinning ${value} is neither LIBBPF_PIN_NONE nor LIBBPF_PIN_BY_NAME, but another loader's`,
      )
  },
}

/** One `struct { __uint(type, …); … }` of `.maps`, or the template inside one. */
function define(context: MapContext, name: string, structType: number, inner: boolean): MapSpec {
  const btf = context.btf!
  const struct = btf.resolve(structType)
  if (btf.kind(struct) !== BTF_KIND.STRUCT) throw badMap(name, 'the map is not a struct in BTF')
  const definition: Definition = {
    btf,
    name,
    inner,
    notes: context.notes,
    type: 0,
    fields: { name, type: 0, keySize: 0, valueSize: 0, maxEntries: 0 },
  }
  const { fields } = definition
  const members = btf.members(struct)
  for (const [i, member] of members.entries()) {
    const field = Object.hasOwn(FIELDS, member.name) ? FIELDS[member.name] : undefined
    if (field) field(definition, member.name, member.type)
    else if (member.name !== 'values') throw badMap(name, `unknown field ${member.name}`)
    else if (i !== members.length - 1) throw badMap(name, 'values must be the last field')
    else values(context, definition, member.type)
  }
  if (definition.type === 0) throw badMap(name, 'the map has no type; write __uint(type, BPF_MAP_TYPE_…)')
  fields.type = context.typeName(definition.type)
  if (fields.flags === 0) delete fields.flags
  if (fields.mapExtra === 0) delete fields.mapExtra
  return fields
}

/** `__array(values, struct …)` and `__array(values, int (…))`. */
function values(context: MapContext, definition: Definition, typeId: number): void {
  const { btf, name, type, fields } = definition
  const ofMaps = MAPS_OF_MAPS.includes(type)
  if (definition.inner) throw badMap(name, 'a map of maps of maps; only one level is possible')
  if (!ofMaps && type !== PROG_ARRAY)
    throw badMap(name, 'values are for maps of maps and program arrays, and the type comes first')
  setSize(definition, 'valueSize', 4)
  const array = btf.resolve(typeId)
  if (btf.kind(array) !== BTF_KIND.ARRAY || btf.array(array).count !== 0)
    throw badMap(name, 'values is no array without length; write __array(values, T)')
  const pointer = btf.resolve(btf.array(array).element)
  const element = btf.resolve(btf.target(pointer))
  const kind = btf.kind(pointer) === BTF_KIND.PTR ? btf.kind(element) : undefined
  if (kind !== (ofMaps ? BTF_KIND.STRUCT : BTF_KIND.FUNC_PROTO))
    throw badMap(name, `values are no ${ofMaps ? 'maps' : 'functions'}`)
  if (ofMaps) fields.inner = define(context, `${name}.inner`, element, true)
}

/** `SEC(".maps")`: definitions in BTF, first slots in relocations. Throws ElfError. */
export function btfMaps(context: MapContext): PlacedMap[] {
  const { elf, btf } = context
  const section = elf.section(SECTION)
  if (!section || section.size === 0) return []
  if (!btf)
    throw new ElfError('BAD_MAP', 'the object has .maps but no BTF; compile with -g', { section: SECTION })
  const types = btf.findByName(BTF_KIND.DATASEC, SECTION)
  if (types === undefined)
    throw new ElfError('BAD_MAP', 'BTF does not describe the section; compile with -g', { section: SECTION })
  const variables = btf.sectionVariables(types).map((variable) => {
    const name = btf.name(variable.type)
    if (btf.kind(variable.type) !== BTF_KIND.VAR || name === '') throw badMap(name, 'no variable in BTF')
    if (btf.linkage(variable.type) === BTF_LINKAGE.EXTERN)
      throw badMap(name, 'the map is defined in another object; link the objects with bpftool gen object')
    if (variable.offset + variable.size > section.size)
      throw badMap(name, 'the definition ends past its section')
    return { ...variable, name, struct: btf.target(variable.type) }
  })
  const slots = initialSlots(elf, section, variables)
  const known = new Map<number, MapSpec>()
  return variables.map(({ name, struct, offset }) => {
    // Many maps of one type are one definition.
    const definition = known.get(struct) ?? define(context, name, struct, false)
    known.set(struct, definition)
    const inner = definition.inner && { ...definition.inner, name: `${name}.inner` }
    const initial = slots.get(offset)?.map((slot) => firstValue(context, name, struct, offset, slot))
    return {
      section: section.index,
      offset,
      spec: { ...definition, name, ...(inner ? { inner } : {}), ...(initial ? { initial } : {}) },
    }
  })
}

interface Slot {
  /** Bytes from the start of the section. */
  readonly at: number
  readonly value: MapInitial
}

/** Relocations of `.maps` by the offset of the definition that they lie in. */
function initialSlots(
  elf: ElfObject,
  section: ElfSection,
  variables: readonly { name: string; offset: number; size: number }[],
): Map<number, Slot[]> {
  const sorted = [...variables].sort((a, b) => a.offset - b.offset)
  const out = new Map<number, Slot[]>()
  const maps = new Map(variables.map((v) => [v.offset, v.name]))
  for (const { offset, symbol } of elf.relocations(section)) {
    const place = { section: SECTION, symbol: symbol.name, offset }
    let from = 0
    let to = sorted.length
    while (from < to) {
      const middle = (from + to) >>> 1
      if (sorted[middle]!.offset <= offset) from = middle + 1
      else to = middle
    }
    const owner = sorted[from - 1]
    if (!owner || offset + POINTER_SIZE > owner.offset + owner.size)
      throw new ElfError('BAD_MAP', 'a first value lies in no map', place)
    const isProgram = symbol.type === STT.FUNC && isCode(elf.sections[symbol.section])
    // A static map is named by its section and an offset where the pointer will be.
    const target = symbol.type === STT.SECTION ? addend(section, offset) : symbol.value
    const map = symbol.section === section.index ? maps.get(target) : undefined
    if (!isProgram && map === undefined)
      throw new ElfError('BAD_MAP', 'a first value is neither a map of this section nor a program', place)
    const value = isProgram ? { index: 0, program: symbol.name } : { index: 0, map: map! }
    const list = out.get(owner.offset)
    if (list) list.push({ at: offset, value })
    else out.set(owner.offset, [{ at: offset, value }])
  }
  return out
}

function addend(section: ElfSection, offset: number): number {
  const { data } = section
  if (offset + POINTER_SIZE > data.length) return 0
  return new DataView(data.buffer, data.byteOffset + offset, 4).getUint32(0, true)
}

function firstValue(
  context: MapContext,
  name: string,
  struct: number,
  start: number,
  slot: Slot,
): MapInitial {
  const btf = context.btf!
  const members = btf.members(btf.resolve(struct))
  const last = members.at(-1)
  const index = last?.name === 'values' ? (slot.at - start - last.bitOffset / 8) / POINTER_SIZE : -1
  if (!Number.isInteger(index) || index < 0)
    throw new ElfError('BAD_MAP', 'a first value does not lie on a slot of values', {
      section: SECTION,
      symbol: name,
      offset: slot.at,
    })
  return { ...slot.value, index }
}
