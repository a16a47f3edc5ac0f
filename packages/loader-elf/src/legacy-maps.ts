import type { ElfSymbol } from './elf.ts'
import { contents, STT } from './elf.ts'
import { ElfError } from './errors.ts'
import type { MapContext, PlacedMap } from './maps.ts'

const SECTION = 'maps'
/** type, key_size, value_size, max_entries; map_flags came later. */
const LEAST = 16
const KNOWN = 20

/**
 * `SEC("maps")`: structs of numbers, as libbpf took them before 1.0. All are of one size, which the section's size and the
 * number of its symbols give; fields past map_flags must be zero.
 */
export function legacyMaps({ elf, typeName }: MapContext): PlacedMap[] {
  const section = elf.section(SECTION)
  if (!section) return []
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
      { section: SECTION },
    )
  }
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  return symbols
    .sort((a, b) => a.value - b.value)
    .map((symbol) => {
      const place = { section: SECTION, symbol: symbol.name }
      if (symbol.value + stride > data.length)
        throw new ElfError('BAD_MAP', 'the definition ends past its section', place)
      const extra = data.subarray(symbol.value + KNOWN, symbol.value + stride).findIndex((byte) => byte !== 0)
      if (extra >= 0) {
        throw new ElfError(
          'BAD_MAP',
          'a value in a field past map_flags, which libbpf does not know; use SEC(".maps")',
          {
            ...place,
            offset: symbol.value + KNOWN + extra,
          },
        )
      }
      const word = (i: number): number => (i * 4 < stride ? view.getUint32(symbol.value + i * 4, true) : 0)
      return {
        section: section.index,
        offset: symbol.value,
        spec: {
          name: symbol.name,
          type: typeName(word(0)),
          keySize: word(1),
          valueSize: word(2),
          maxEntries: word(3),
          ...(word(4) ? { flags: word(4) } : {}),
        },
      }
    })
}
