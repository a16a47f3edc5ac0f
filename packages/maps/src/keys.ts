import type { Arena } from '@skep/memory'
import { errnoName } from '@skep/registry'
import type { Operation } from './map-operations.ts'

/** A map's keys through its `batch` operation; `fail` makes the error of a negative errno. */
export function* keysByBatch(
  map: { readonly arena: Arena; readonly address: number; readonly keySize: number },
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

/** A map's keys by its `nextKey`; never without end. */
export function* keysOneByOne(map: {
  readonly maxEntries: number
  nextKey(key?: Uint8Array): Uint8Array | undefined
}): Generator<Uint8Array> {
  const keys: Uint8Array[] = []
  for (let key = map.nextKey(); key && keys.length < map.maxEntries; key = map.nextKey(key)) keys.push(key)
  yield* keys
}
