import { mapLayout as layout, type MapSpec } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { rhash } from './rhash.ts'

const spec: MapSpec = {
  name: 'r',
  type: 'rhash',
  keySize: 4,
  valueSize: 8,
  maxEntries: 16,
  flags: layout.BPF_F_NO_PREALLOC,
}

describe('the creation of an rhash', () => {
  it.each<[string, Partial<MapSpec>]>([
    ['no hint', {}],
    ['a hint of all', { mapExtra: 16 }],
    ['the largest hint', { maxEntries: 1 << 20, mapExtra: 0xffff }],
  ])('takes %s', (_, change) => {
    expect(rhash.check({ ...spec, ...change })).toBeUndefined()
  })

  it.each<[string, Partial<MapSpec>, string]>([
    ['elements made beforehand', { flags: 0 }, 'map_flags lacks 0x1'],
    ['a hint of more than there can be', { mapExtra: 17 }, 'map_extra hints at 17'],
    ['a hint past 16 bits', { maxEntries: 1 << 20, mapExtra: 0x1_0000 }, 'map_extra is 65536'],
    ['no key', { keySize: 0 }, 'key_size is 0'],
  ])('refuses %s', (_, change, reason) => {
    const refusal = rhash.check({ ...spec, ...change })
    expect(refusal?.errno).toBe('EINVAL')
    expect(refusal?.reason).toContain(reason)
  })
})
