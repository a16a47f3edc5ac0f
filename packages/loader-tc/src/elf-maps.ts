import { type ElfObject, type ElfSymbol, STT } from '@skep/loader-elf'
import { TcError } from './errors.ts'

/** struct bpf_elf_map (include/bpf_elf.h of iproute2), each field u32; of shorter structs the rest is 0. */
export interface BpfElfMap {
  readonly name: string
  /** enum bpf_map_type. */
  readonly type: number
  readonly sizeKey: number
  readonly sizeValue: number
  readonly maxElem: number
  readonly flags: number
  readonly id: number
  readonly pinning: number
  readonly innerId: number
  readonly innerIdx: number
}

const SECTION = 'maps'
const MOST_MAPS = 64
/** Bytes of the whole struct, and of the first version: up to max_elem. */
const WHOLE = 36
const LEAST = 16

const ARRAY_OF_MAPS = 12
const HASH_OF_MAPS = 13
export const isMapOfMaps = ({ type }: BpfElfMap): boolean => type === ARRAY_OF_MAPS || type === HASH_OF_MAPS

const bad = (says: string, mend: string): TcError => new TcError('BAD_MAP', says, { section: SECTION }, mend)

/** The definitions in `SEC("maps")`, by their places. Throws TcError. */
export function readElfMaps(elf: ElfObject): BpfElfMap[] {
  const section = elf.section(SECTION)
  if (!section || section.size === 0) return []
  const { data } = section
  const symbols = elf.symbols.filter(
    (s): s is ElfSymbol =>
      s.section === section.index && s.name !== '' && (s.type === STT.OBJECT || s.type === STT.NOTYPE),
  )
  const count = symbols.length
  if (count === 0 || count > MOST_MAPS)
    throw new TcError(
      count === 0 ? 'BAD_MAP' : 'TOO_MANY_MAPS',
      `${count} maps not supported in current map section!`,
      { section: SECTION },
      count === 0 ? 'name a struct bpf_elf_map there' : `iproute2 takes ${MOST_MAPS}`,
    )
  const size = data.length / count
  if (!Number.isInteger(size) || data.length % 4 !== 0)
    throw bad(
      'Number BPF map symbols are not multiple of struct bpf_elf_map!',
      `${count} maps in ${data.length} bytes`,
    )
  const bySlot = new Map(symbols.map((symbol) => [symbol.value, symbol.name]))
  for (let at = 0; at < data.length; at += size)
    if (!bySlot.has(at)) throw bad('Different struct bpf_elf_map in use!', `no map begins at offset ${at}`)
  if (size > WHOLE)
    throw bad('struct bpf_elf_map not supported, coming from future version?', `${size} bytes, not ${WHOLE}`)
  if (size < LEAST) throw bad('struct bpf_elf_map too small, not supported!', `${size} bytes, not ${LEAST}`)
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  const maps = Array.from({ length: count }, (_, n): BpfElfMap => {
    const word = (i: number): number => (4 * i < size ? view.getUint32(n * size + 4 * i, true) : 0)
    return {
      name: bySlot.get(n * size)!,
      type: word(0),
      sizeKey: word(1),
      sizeValue: word(2),
      maxElem: word(3),
      flags: word(4),
      id: word(5),
      pinning: word(6),
      innerId: word(7),
      innerIdx: word(8),
    }
  })
  checkInner(maps)
  return maps
}

function checkInner(maps: readonly BpfElfMap[]): void {
  for (const map of maps.filter(isMapOfMaps)) {
    const place = { section: SECTION, map: map.name }
    if (map.innerId === 0)
      throw new TcError(
        'NO_INNER_MAP',
        `Map '${map.name}' cannot be created since no inner map ID defined!`,
        place,
        'give it the id of another map as inner_id',
      )
    if (!maps.some((other) => other !== map && other.id === map.innerId))
      throw new TcError(
        'NO_INNER_MAP',
        `Map '${map.name}' cannot be loaded. Inner map with ID ${map.innerId} not found!`,
        place,
        'give a map that id',
      )
  }
}

/** A map's place in a map of maps at load: what `inner_idx` asks for. */
export interface InnerSlot {
  readonly outer: string
  readonly index: number
  readonly inner: string
}

const NO_INDEX = 0xffff_ffff

/** Maps that go into maps of maps: by id and inner_id, at inner_idx. Throws TcError BAD_SLOT. */
export function innerSlots(maps: readonly BpfElfMap[]): InnerSlot[] {
  const outers = maps.filter(isMapOfMaps)
  return maps
    .filter((map) => map.id !== 0 && map.innerId === 0 && map.innerIdx !== NO_INDEX)
    .flatMap((inner) =>
      outers
        .filter((outer) => outer.innerId === inner.id)
        .map((outer) => {
          if (outer.type === ARRAY_OF_MAPS && inner.innerIdx >= outer.maxElem)
            throw new TcError(
              'BAD_SLOT',
              `Outer map has ${outer.maxElem} elements, index ${inner.innerIdx} is invalid!`,
              { section: SECTION, map: inner.name },
              `inner_idx goes to ${outer.maxElem - 1}`,
            )
          return { outer: outer.name, index: inner.innerIdx, inner: inner.name }
        }),
    )
}
