// Lookups and updates from programs (a wasm loop over 1,000 keys) and from the host: npx vitest bench --run
// The mean is for 1,000 operations: milliseconds there are microseconds for one, so 0.005 is 5 ns.
import { type MapTypeDef, mapLayout } from '@skep/registry'
import { ModuleBuilder } from '@skep/wasm'
import { bench, describe } from 'vitest'
import { createWorld } from '../test/world.ts'
import { array } from './array.ts'
import { hash } from './hash.ts'
import { lpmTrie } from './lpm-trie.ts'
import { lruHash } from './lru-hash.ts'

const KEYS = 1000

/** run(map, keys, bytes of a key, value): calls an operation for each key in turn. */
function loopOver(operation: unknown, update: boolean): (...args: number[]) => number {
  const module = new ModuleBuilder('loop')
  const params = update ? (['i32', 'i32', 'i32', 'i64'] as const) : (['i32', 'i32'] as const)
  const call = module.importFunction('map', 'op', { params: [...params], results: ['i32'] })
  const type = { params: ['i32', 'i32', 'i32', 'i32'] as const, results: ['i32'] as const }
  const { code } = module.function(
    { params: [...type.params], results: [...type.results] },
    { export: 'run' },
  )
  const left = code.local('i32')
  const sum = code.local('i32')
  code.i32_const(KEYS).local_set(left)
  const again = code.loop()
  code.local_get(0).local_get(1)
  if (update) code.local_get(3).i64_const(0)
  code.call(call).local_get(sum).i32_add().local_set(sum)
  code.local_get(1).local_get(2).i32_add().local_set(1)
  code.local_get(left).i32_const(1).i32_sub().local_tee(left).br_if(again)
  code.end().local_get(sum)
  const bytes = module.encode()
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
    map: { op: operation as never },
  })
  return instance.exports['run'] as (...args: number[]) => number
}

const random = (seed: number) => (): number => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
  return seed
}

/** `spread` keys are inserted, and 1,000 of them used. */
function measure(name: string, def: MapTypeDef, keySize: number, spread = KEYS, flags = 0): void {
  describe(`${name}, ${spread} elements`, () => {
    const world = createWorld({ limit: 1 << 28 })
    const { arena } = world
    const map = world.create(def, { keySize, valueSize: 8, maxEntries: 2 * spread, flags })
    const stride = (keySize + 7) & ~7
    const next = random(1)
    const value = new Uint8Array(8)
    const block = arena.alloc(KEYS * stride)
    const keys: Uint8Array[] = []
    for (let n = 0; n < spread; n++) {
      const key = new Uint8Array(keySize)
      for (let i = 0; i < keySize; i += 4) new DataView(key.buffer).setUint32(i, next(), true)
      if (def === array) new DataView(key.buffer).setUint32(0, n, true)
      if (def === lpmTrie) new DataView(key.buffer).setUint32(0, 8 + (next() % 25), true)
      map.update(key, value)
      if (n % Math.floor(spread / KEYS) === 0 && keys.length < KEYS) {
        arena.u8.set(key, block + keys.length * stride)
        keys.push(key)
      }
    }
    const { lookup, update } = map.link().ops
    const scratch = arena.alloc(8)
    const [look, write] = [loopOver(lookup, false), loopOver(update, true)]
    bench('program: lookup × 1000', () => void look(map.address, block, stride, scratch))
    if (def !== lpmTrie)
      bench('program: update × 1000', () => void write(map.address, block, stride, scratch))
    bench('host: lookupAddress × 1000', () => {
      for (const key of keys) map.lookupAddress(key)
    })
    bench('host: lookup × 1000', () => {
      for (const key of keys) map.lookup(key)
    })
    bench('host: update × 1000', () => {
      for (const key of keys) map.update(key, value)
    })
  })
}

measure('array', array, 4)
measure('hash, 4-byte keys', hash, 4)
measure('hash, 16-byte keys', hash, 16)
measure('hash, 4-byte keys', hash, 4, 1_000_000)
measure('hash without preallocation', hash, 4, KEYS, mapLayout.BPF_F_NO_PREALLOC)
measure('lru_hash', lruHash, 4)
measure('lpm_trie, IPv4', lpmTrie, 8, KEYS, mapLayout.BPF_F_NO_PREALLOC)
