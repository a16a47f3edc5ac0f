import { readFileSync } from 'node:fs'
import { parseBtf } from '@skep/btf'
import type { CollectionSpec } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { parseElf } from './index.ts'
import { linkElf } from './linker.ts'

const bytes = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../testdata/${name}`, import.meta.url)))
const object = (name: string) => ({ name, bytes: bytes(name) })

/** A spec without the numbers of types, which may be told apart otherwise. */
function plain({ programs, maps, variables, license, btf }: CollectionSpec): unknown {
  const types = parseBtf(btf!)
  const name = (id: number | undefined): string =>
    id ? `${types.kind(id)} ${types.name(id)} ${types.size(id)}` : ''
  return {
    license,
    programs: programs.map((one) => ({
      ...one,
      functions: one.functions.map((f) => ({ ...f, typeId: name(f.typeId) })),
    })),
    maps: maps.map((one) => ({ ...one, btfKey: name(one.btfKey), btfValue: name(one.btfValue) })),
    variables: variables.map((one) => ({ ...one, typeId: name(one.typeId) })),
  }
}

describe('linkElf', () => {
  const linked = linkElf([object('linked_a.o'), object('linked_b.o')])

  it('gives what bpftool gen object gives, as it is loaded', () => {
    expect(plain(parseElf(linked))).toEqual(plain(parseElf(bytes('linked.o'))))
  })

  it('has types that are the same once', () => {
    const types = parseBtf(parseElf(linked).btf!)
    const theirs = parseBtf(parseElf(bytes('linked.o')).btf!)
    expect(types.count).toBe(theirs.count)
  })

  it('links what is linked already, and one object alone', () => {
    expect(plain(parseElf(linkElf([{ name: 'linked.o', bytes: linked }])))).toEqual(plain(parseElf(linked)))
    expect(plain(parseElf(linkElf([object('maps.o')])))).toEqual(plain(parseElf(bytes('maps.o'))))
    expect(plain(parseElf(linkElf([object('data.o')])))).toEqual(plain(parseElf(bytes('data.o'))))
    expect(plain(parseElf(linkElf([object('functions.o')])))).toEqual(plain(parseElf(bytes('functions.o'))))
  })

  it('keeps relocations by types', () => {
    const kernelBtf = bytes('core_kernel.btf')
    const both = linkElf([object('core.o'), object('linked_a.o'), object('linked_b.o')])
    const ours = parseElf(both, { kernelBtf }).programs.find(({ name }) => name === 'bitfields')!
    const alone = parseElf(bytes('core.o'), { kernelBtf }).programs.find(({ name }) => name === 'bitfields')!
    expect(ours.insns).toEqual(alone.insns)
  })

  it('leaves undefined what none defines', () => {
    expect(() => parseElf(linkElf([object('linked_a.o')]))).toThrow(
      /not defined in this object.*(in_b|from_b)/,
    )
  })

  it('refuses with the objects’ names', () => {
    const twice = () => linkElf([object('linked_a.o'), { ...object('linked_a.o'), name: 'again.o' }])
    expect(twice).toThrow(
      'linked_a.o and again.o both define it; make one static or __weak (symbol program_a)',
    )
    expect(() => linkElf([object('linked_a.o'), { name: 'x.o', bytes: new Uint8Array(9) }])).toThrow(
      /^x\.o: .*magic/,
    )
    expect(() => linkElf([])).toThrow('no object is given')
  })

  it('gives an object or a typed error for objects that are damaged', () => {
    const good = bytes('linked_b.o')
    let linkedAnyway = 0
    for (let i = 0; i < 300; i++) {
      const damaged = good.slice()
      // Numbers spread over the file, by a fixed rule.
      for (let k = 0; k < 1 + (i % 3); k++)
        damaged[(i * 7919 + k * 104729) % damaged.length]! ^= 1 << ((i + k) % 8)
      try {
        linkElf([object('linked_a.o'), { name: 'damaged.o', bytes: damaged }])
        linkedAnyway++
      } catch (error) {
        expect((error as Error).name, (error as Error).stack).toBe('ElfError')
      }
    }
    expect(linkedAnyway).toBeGreaterThan(0)
  })
})
