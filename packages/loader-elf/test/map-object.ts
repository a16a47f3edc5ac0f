import { type BtfBuilder, buildBtf } from '@skep/btf'
import { buildElf, type ElfToBuild, OBJECT, type SectionToBuild } from './build-elf.ts'

/** A section of BTF. */
export const withBtf = (describe_: (b: BtfBuilder) => void): SectionToBuild => ({
  name: '.BTF',
  data: buildBtf(describe_),
})

/** A `.maps` with one map of these fields: numbers as __uint writes them, ids of types as they are. */
export function mapObject(
  describe_: (b: BtfBuilder, uint: (n: number) => number) => [name: string, type: number][],
  more: Partial<ElfToBuild> = {},
): Uint8Array {
  let size = 0
  const btf = buildBtf((b) => {
    const int = b.int('int', 4, { signed: true })
    const uint = (n: number): number => b.pointer(b.array(int, n, int))
    const members = describe_(b, uint).map(([name, type]) => ({ name, type }))
    const struct = b.struct('', members)
    size = members.filter((m) => m.name !== 'values').length * 8
    b.dataSection('.maps', 0, [{ type: b.variable('m', struct), offset: 0, size }])
  })
  return buildElf({
    sections: [
      { name: '.maps', data: new Uint8Array(size) },
      { name: '.BTF', data: btf },
      ...(more.sections ?? []),
    ],
    symbols: [{ name: 'm', section: '.maps', size, type: OBJECT }, ...(more.symbols ?? [])],
    ...(more.relocations ? { relocations: more.relocations } : {}),
  })
}
