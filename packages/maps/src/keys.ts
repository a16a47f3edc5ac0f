import type { Arena } from '@skep/memory'
import { errnoName } from '@skep/registry'
import type { MapBatch } from './batch.ts'
import type { Operation, Operations } from './map-operations.ts'

interface Iterated {
  readonly arena: Arena
  readonly address: number
  readonly keySize: number
  readonly maxEntries: number
  nextKey(key?: Uint8Array): Uint8Array | undefined
  lookupBatch(count: number): MapBatch
}

/** A map's keys, by the best of its operations; `fail` makes the error of a negative errno. */
export function keysOf(
  map: Iterated,
  { batch, elements_after }: Operations,
  fail: (result: number) => Error,
): Generator<Uint8Array> {
  if (batch) return keysByBatch(map, batch, fail)
  return elements_after ? keysAtOnce(map) : keysOneByOne(map)
}

function* keysByBatch(
  map: Iterated,
  batch: Operation,
  fail: (result: number) => Error,
): Generator<Uint8Array> {
  const { arena, keySize } = map
  let capacity = 64
  for (let cursor = 0; ; ) {
    const bytes = capacity * keySize
    // Taken for one call only: whoever abandons the iteration leaves nothing behind.
    const block = arena.alloc(bytes + 4, 16)
    const count = batch(map.address, cursor, block + 4, capacity, block)
    const keys = arena.u8.slice(block + 4, block + 4 + Math.max(count, 0) * keySize)
    cursor = arena.u32[block >> 2]!
    arena.free(block)
    if (count < 0) {
      if (errnoName(count) !== 'ENOSPC') throw fail(count)
      capacity *= 2
      continue
    }
    for (let n = 0; n < count; n++) yield keys.slice(n * keySize, (n + 1) * keySize)
    if (cursor === 0) return
    if (capacity < 4096) capacity *= 2
  }
}

/** As they are now, of one batch: where a key that is deleted tells nothing of those behind it. */
function* keysAtOnce(map: Iterated): Generator<Uint8Array> {
  const { keySize } = map
  const { keys, count } = map.lookupBatch(map.maxEntries)
  for (let n = 0; n < count; n++) yield keys.slice(n * keySize, (n + 1) * keySize)
}

/** The same by `nextKey`; never without end. */
function* keysOneByOne(map: Iterated): Generator<Uint8Array> {
  const keys: Uint8Array[] = []
  for (let key = map.nextKey(); key && keys.length < map.maxEntries; key = map.nextKey(key)) keys.push(key)
  yield* keys
}
