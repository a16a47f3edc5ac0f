import { control, sockLayout } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { createWorld } from '../test/world.ts'
import { cpumap, devmap, devmapHash, xskmap } from './forward.ts'
import type { HostMap } from './host-map.ts'

const u32 = (n: number): Uint8Array => new Uint8Array(Uint32Array.of(n).buffer)
const [ABORTED, DROP, PASS, TX, REDIRECT] = [0, 1, 2, 3, 4]
const BROADCAST = 8n

describe('redirects through maps', () => {
  const world = createWorld({ cpus: 4 })
  const { arena } = world
  const context = arena.alloc(64) + control.RUN_HEADER_SIZE
  arena.view.setUint32(world.controls[0]! + control.CTL_CTX, context, true)
  const word = (offset: number): number => arena.view.getUint32(context + offset, true)
  const asked = (): number[] => [
    word(control.RUN_REDIRECT),
    word(control.RUN_REDIRECT_MAP),
    word(control.RUN_REDIRECT_KEY),
    word(control.RUN_REDIRECT_FLAGS),
  ]
  const redirect = (map: HostMap, key: number | bigint, flags: number | bigint): number =>
    world.exports[0]![map.def.wasm!.ops.redirect!]!(map.address, BigInt(key), BigInt(flags))

  it.each([
    ['devmap', devmap, 7, 3],
    ['devmap_hash', devmapHash, 7, 0xffff_fff0],
    ['cpumap', cpumap, 192, 3],
    ['xskmap', xskmap, 7, 3],
  ] as const)('%s: an element, none, and flags', (_, def, value, key) => {
    using map = world.create(def, { keySize: 4, valueSize: 4, maxEntries: 8 })
    map.update(u32(key), u32(value))
    expect(map.lookup(u32(key))).toEqual(u32(value))
    expect(map.size).toBe(1)
    expect(redirect(map, key, 0)).toBe(REDIRECT)
    expect(asked()).toEqual([2, map.address, key, 0])
    expect(redirect(map, BigInt(key) + (1n << 32n), PASS)).toBe(REDIRECT)
    expect(asked()).toEqual([2, map.address, key, PASS])
    for (const action of [ABORTED, DROP, PASS, TX]) {
      expect(redirect(map, 5, action)).toBe(action)
      expect(word(control.RUN_REDIRECT)).toBe(0)
    }
    expect(redirect(map, key, 32)).toBe(ABORTED)
    map.delete(u32(key))
    expect(map.size).toBe(0)
    expect(map.lookup(u32(key))).toBeUndefined()
    expect(redirect(map, key, DROP)).toBe(DROP)
    const broadcasts = def.name.startsWith('devmap')
    expect(redirect(map, key, BROADCAST)).toBe(broadcasts ? REDIRECT : ABORTED)
  })

  it('xskmap shows programs a socket with the queue', () => {
    using map = world.create(xskmap, { keySize: 4, valueSize: 4, maxEntries: 8 })
    map.update(u32(6), u32(9))
    const key = arena.alloc(4)
    arena.u8.set(u32(6), key)
    const socket = world.exports[0]!['xskmap_lookup']!(map.address, key) >>> 0
    expect(arena.view.getUint32(socket, true)).toBe(6)
    expect(arena.view.getUint32(socket + sockLayout.SOCK_SELF, true)).toBe(0)
    expect(arena.contains(socket, 4)).toBe(true)
    expect(arena.contains(socket + 4, 4)).toBe(false)
    arena.free(key)
  })

  it('takes no program by a file descriptor', () => {
    using map = world.create(devmap, { keySize: 4, valueSize: 8, maxEntries: 2 })
    const value = (a: number, b: number): Uint8Array => new Uint8Array(Int32Array.of(a, b).buffer)
    expect(() => map.update(u32(0), value(1, 3))).toThrow(expect.objectContaining({ code: 'EINVAL' }))
    map.update(u32(0), value(1, -1))
    expect(map.lookup(u32(0))).toEqual(value(1, 0))
    using cpus = world.create(cpumap, { keySize: 4, valueSize: 4, maxEntries: 8 })
    expect(() => cpus.update(u32(4), u32(8))).toThrow(expect.objectContaining({ code: 'ENODEV' }))
    expect(() => cpus.update(u32(3), u32(16_385))).toThrow(expect.objectContaining({ code: 'EOVERFLOW' }))
  })
})
