import { BtfBuilder } from '@skep/btf'
import type { MapSpec, MapTypeDef } from '@skep/registry'
import { createPlatform, definePlugin } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { findField, hasField, MapTable } from './maps.ts'

const fine = (): undefined => undefined
const types: readonly MapTypeDef[] = [
  { name: 'list', id: 0x1_0001, check: fine, value: 'plain', verify: { directValue: true } },
  { name: 'fixed', id: 0x1_0002, check: fine, value: 'plain', verify: { readOnly: true, directValue: true } },
  { name: 'bare', id: 0x1_0003, check: fine, value: 'plain' },
  { name: 'plain', id: 0x1_0004, check: fine, value: 'plain', verify: {} },
]
const platform = createPlatform([definePlugin({ name: 'maps', mapTypes: types })])

const spec = (name: string, more: Partial<MapSpec> = {}): MapSpec => ({
  name,
  type: 'list',
  keySize: 4,
  valueSize: 8,
  maxEntries: 2,
  ...more,
})
const table = (...specs: readonly MapSpec[]): MapTable => new MapTable(specs, platform, undefined)

describe('the table of maps', () => {
  it('has inner maps behind the others, and they have no name', () => {
    const leaf = spec('leaf', { maxEntries: 7 })
    const { list } = table(spec('one', { inner: spec('middle', { inner: leaf }) }), spec('two'), {
      ...spec('three', { inner: spec('other', { maxEntries: 9 }) }),
    })
    expect(list.map(({ name, index }) => `${index} ${name}`)).toEqual([
      '0 one',
      '1 two',
      '2 three',
      '3 ',
      '4 ',
      '5 ',
    ])
    expect(list.map(({ inner }) => inner?.index)).toEqual([3, undefined, 4, 5, undefined, undefined])
    expect(list.map(({ maxEntries }) => maxEntries)).toEqual([2, 2, 2, 2, 9, 7])
  })

  it('finds maps by name, the first of two', () => {
    const maps = table(spec('a'), spec('b', { maxEntries: 3 }), spec('b', { inner: spec('inner') }))
    expect(maps.byName('a')?.index).toBe(0)
    expect(maps.byName('b')?.index).toBe(1)
    expect(maps.byName('inner')).toBeUndefined()
    expect(maps.byName('c')).toBeUndefined()
  })

  it('keeps fifteen characters of a name', () => {
    const maps = table(spec('a_name_of_twenty_one_'))
    expect(maps.list[0]!.name).toBe('a_name_of_twent')
    expect(maps.byName('a_name_of_twenty_one_')).toBe(maps.list[0])
  })

  it('knows the number of a type, and of one that the platform lacks', () => {
    expect(table(spec('a', { type: 'list' })).list[0]!.typeId).toBe(0x1_0001)
    expect(table(spec('a', { type: 0x1_0003 })).list[0]!.def?.name).toBe('bare')
    const unknown = table(spec('a', { type: 77 }), spec('b', { type: 'nothing' })).list
    expect(unknown.map(({ typeId, def }) => [typeId, def])).toEqual([
      [77, undefined],
      [0, undefined],
    ])
    expect(unknown[0]).toMatchObject({ canRead: true, canWrite: true, constant: undefined, fields: [] })
  })

  it('knows who may write', () => {
    const may = (more: Partial<MapSpec>): string => {
      const { canRead, canWrite } = table(spec('a', more)).list[0]!
      return `${canRead ? 'r' : '-'}${canWrite ? 'w' : '-'}`
    }
    expect(may({})).toBe('rw')
    expect(may({ flags: 0x80 })).toBe('r-')
    expect(may({ flags: 0x100 })).toBe('-w')
    expect(may({ flags: 0x180 })).toBe('--')
    expect(may({ flags: 0x279 & ~0x80 & ~0x100 })).toBe('rw')
    expect(may({ type: 'fixed' })).toBe('r-')
    expect(may({ type: 'bare' })).toBe('rw')
    expect(may({ type: 'plain', flags: 0x80 })).toBe('r-')
  })

  it('takes the contents of what is read-only and frozen for constants', () => {
    const key = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes)
    const constant = (more: Partial<MapSpec>): number[] | undefined => {
      const bytes = table(spec('a', { flags: 0x80, frozen: true, ...more })).list[0]!.constant
      return bytes && [...bytes]
    }
    const zeros = [0, 0, 0, 0, 0, 0, 0, 0]
    expect(constant({})).toEqual(zeros)
    expect(constant({ type: 'fixed', flags: 0 })).toEqual(zeros)
    expect(constant({ type: 'bare' })).toBeUndefined()
    expect(constant({ type: 'plain' })).toBeUndefined()
    expect(constant({ type: 99 })).toBeUndefined()
    expect(constant({ flags: 0 })).toBeUndefined()
    expect(constant({ frozen: false })).toBeUndefined()
    const value = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    expect(constant({ initial: [{ key: key(0, 0, 0, 0), value }] })).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    expect(constant({ initial: [{ key: key(0, 0, 0, 0), value: value.subarray(0, 2) }] })).toEqual([
      1, 2, 0, 0, 0, 0, 0, 0,
    ])
    expect(constant({ initial: [{ key: key(0, 1, 0, 0), value }] })).toEqual(zeros)
    expect(constant({ initial: [{ key: key(1, 0, 0, 0), value }] })).toEqual(zeros)
    expect(constant({ initial: [{ key: key(0, 0, 0, 0), map: 'other' }] as never })).toEqual(zeros)
  })

  it('knows the special fields of described values', () => {
    const b = new BtfBuilder()
    const int = b.int('int', 4)
    const timer = b.struct('bpf_timer', [{ name: 'opaque', type: b.array(int, 4, int) }])
    const value = b.struct('value', [{ name: 'timer', type: timer }])
    const btf = b.build()
    const [described, undescribed, without] = table(
      spec('a', { btf, btfKey: int, btfValue: value, valueSize: 16 }),
      spec('b', { btf, valueSize: 16 }),
      spec('c', { btfValue: value, valueSize: 16 }),
    ).list
    expect(described).toMatchObject({ hasBtf: true, fields: [{ kind: 'bpf_timer', offset: 0, size: 16 }] })
    expect(described!.btf?.name(value)).toBe('value')
    expect(hasField(described!, 'bpf_timer')).toBe(true)
    expect(hasField(described!, 'kptr', 'bpf_timer')).toBe(true)
    expect(hasField(described!, 'bpf_spin_lock')).toBe(false)
    expect(findField(described!, 'bpf_timer')?.size).toBe(16)
    expect(findField(described!, 'bpf_wq')).toBeUndefined()
    for (const map of [undescribed!, without!]) {
      expect(map).toMatchObject({ hasBtf: false, fields: [], btf: undefined })
    }
  })
})
