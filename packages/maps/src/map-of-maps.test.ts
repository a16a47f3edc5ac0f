import { describe, expect, it } from 'vitest'
import { createWorld } from '../test/world.ts'
import { hash } from './hash.ts'
import type { HostMap } from './host-map.ts'
import { arrayOfMaps, hashOfMaps } from './map-of-maps.ts'

const u32 = (n: number): Uint8Array => new Uint8Array(Uint32Array.of(n).buffer)

describe.each([
  ['array_of_maps', arrayOfMaps, 'array_of_maps_lookup'],
  ['hash_of_maps', hashOfMaps, 'hash_of_maps_lookup'],
] as const)('%s', (_, def, lookup) => {
  const world = createWorld()
  const { arena } = world
  const template = { name: 'i', type: 'hash', keySize: 4, valueSize: 4, maxEntries: 4 }
  const outer = (): HostMap => world.create(def, { keySize: 4, valueSize: 4, maxEntries: 4, inner: template })
  const inner = (): HostMap => world.create(hash, template)
  const key = arena.alloc(4)
  const asProgram = (map: HostMap, n: number): number => {
    arena.u8.set(u32(n), key)
    return world.exports[0]![lookup]!(map.address, key) >>> 0
  }

  it('gives programs the inner map and the host its id', () => {
    using map = outer()
    using first = inner()
    expect(asProgram(map, 1)).toBe(0)
    map.setMap(u32(1), first)
    expect(asProgram(map, 1)).toBe(first.address)
    expect(map.lookup(u32(1))).toEqual(u32(first.id))
    expect([...map.keys()].filter((k) => map.lookup(k))).toEqual([u32(1)])
    expect(map.delete(u32(1))).toBe(true)
    expect(asProgram(map, 1)).toBe(0)
    expect(() => first.setMap(u32(1), first)).toThrow(expect.objectContaining({ code: 'EINVAL' }))
  })

  it('says what is wrong with a map or an address', () => {
    using map = outer()
    using other = world.create(hash, { ...template, valueSize: 8 })
    expect(() => map.setMap(u32(1), other)).toThrow(
      "update: EINVAL: the inner map's value_size is 8, and its template has 4",
    )
    expect(() => map.update(u32(1), u32(12345))).toThrow('update: EBADF: give the address of a live object')
    const gone = inner()
    gone.close()
    expect(() => map.setMap(u32(1), gone)).toThrow(expect.objectContaining({ code: 'EBADF' }))
  })

  it('keeps a closed map until it is no element any more', () => {
    const map = outer()
    const before = arena.count
    const one = inner()
    const mine = arena.count - before
    map.setMap(u32(1), one)
    map.setMap(u32(2), one)
    map.setMap(u32(2), one)
    one.close()
    expect(() => one.lookup(u32(1))).toThrow(expect.objectContaining({ code: 'EBADF' }))
    expect(arena.count).toBe(before + mine)
    expect(map.lookup(u32(1))).toEqual(u32(one.id))
    using two = inner()
    map.setMap(u32(1), two)
    expect(arena.count).toBe(before + 2 * mine)
    map.delete(u32(2))
    expect(arena.count).toBe(before + mine)
    map.setMap(u32(3), two)
    map.close()
    expect(two.lookup(u32(1))).toBeUndefined()
  })
})
