import type { MapSpec, MapTypeDef } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { createWorld } from '../test/world.ts'
import { array } from './array.ts'
import { countChanges } from './changes.ts'
import { hash } from './hash.ts'
import { lpmTrie } from './lpm-trie.ts'
import { lruHash } from './lru-hash.ts'
import { percpuArray } from './percpu-array.ts'
import { progArray } from './prog-array.ts'
import { queue, stack } from './queue-stack.ts'

const u32 = (...words: number[]): Uint8Array => new Uint8Array(Uint32Array.from(words).buffer)

describe('countChanges', () => {
  it.each<[string, MapTypeDef, Partial<MapSpec>]>([
    ['array', array, {}],
    ['percpu_array', percpuArray, {}],
    ['hash', hash, {}],
    ['hash of 8-byte keys', hash, { keySize: 8 }],
    ['hash of 16-byte keys', hash, { keySize: 16 }],
    ['hash of other keys', hash, { keySize: 12 }],
    ['lru_hash', lruHash, {}],
    ['lpm_trie', lpmTrie, { keySize: 8, flags: 1 }],
  ])('counts what succeeds: %s', (_name, def, more) => {
    const map = createWorld().create(def, { keySize: 4, valueSize: 4, maxEntries: 4, ...more })
    const key = new Uint8Array(map.keySize)
    key[0] = 1
    const value = new Uint8Array(map.hostValueSize)
    expect(countChanges(map)).toBe(0)
    map.update(key, value)
    map.update(key, value)
    expect(countChanges(map)).toBe(2)
    expect(() => map.update(key, value, 1)).toThrow('EEXIST')
    map.lookup(key)
    expect(countChanges(map)).toBe(2)
    if (def.wasm?.array || def.value === 'percpu') return
    map.delete(key)
    map.delete(key)
    expect(countChanges(map)).toBe(3)
  })

  it.each([queue, stack])('counts pushes and pops: $name', (def) => {
    const map = createWorld().create(def, { keySize: 0, valueSize: 4, maxEntries: 1 })
    map.push(u32(1))
    expect(() => map.push(u32(1))).toThrow('E2BIG')
    map.peek()
    map.pop()
    map.pop()
    expect(countChanges(map)).toBe(2)
  })

  it('says of other types that it does not know', () => {
    expect(countChanges(createWorld().create(progArray, { keySize: 4, valueSize: 4 }))).toBeUndefined()
  })
})
