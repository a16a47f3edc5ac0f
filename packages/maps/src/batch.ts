import { mapLayout as layout, type MapBatchOp } from '@skep/registry'
import { MapError } from './errors.ts'
import type { HostMap } from './host-map.ts'
import type { Operation } from './map-operations.ts'

/** Elements that follow one another. */
export interface MapBatch {
  readonly keys: Uint8Array
  readonly values: Uint8Array
  readonly count: number
  /** Where the next call goes on; undefined when this was the last part. */
  readonly next: Uint8Array | undefined
}

/** How many elements a batch did: all, or those before the one that the map refused, with its error. */
export interface BatchResult {
  readonly count: number
  readonly error?: MapError
}

/** Whether bpf(2) has such a batch for the type. */
function allow(map: HostMap, op: MapBatchOp, called: string, flags = 0): void {
  const { batches } = map.def
  if (batches && !batches.includes(op))
    throw new MapError('ENOTSUPP', map.name, called, `maps of type ${map.type} have no such batch`)
  if (flags !== 0 && flags !== layout.BPF_F_LOCK)
    throw new MapError('EINVAL', map.name, called, `flags are ${flags}; a batch takes 0 or BPF_F_LOCK`)
}

/** The map's `batch` operation, where it has one, and what an errno of it means. */
interface ByCursor {
  readonly batch: Operation | undefined
  /** Gives the address of a value whose bytes are what the host sees; absent where they are not. */
  readonly address: Operation | undefined
  readonly fail: (result: number) => MapError
}

/** BPF_MAP_LOOKUP_BATCH and BPF_MAP_LOOKUP_AND_DELETE_BATCH. Of hashes whole buckets, as in the kernel. */
export function lookupBatch(
  map: HostMap,
  by: ByCursor,
  count: number,
  from: Uint8Array | undefined,
  remove: boolean,
): MapBatch {
  allow(map, remove ? 'lookup_and_delete' : 'lookup', 'lookupBatch')
  // Nobody has more: `count` is no reason to take memory.
  let wanted = Math.min(count, map.maxEntries + 1)
  if (by.batch && by.address && !remove) {
    const part = copied(map, by.batch, by.address, by.fail, wanted, from)
    if (part) return part
  }
  const keys: Uint8Array[] = []
  const values: Uint8Array[] = []
  let next = from
  // Elements that are not there do not count: as many more are looked at.
  do {
    const found = by.batch ? fromCursor(map, by.batch, by.fail, wanted, next) : afterKey(map, wanted, next)
    next = found.next
    wanted = 0
    for (const key of found.keys) {
      const value = map.lookup(key)
      if (!value) {
        wanted++
        continue
      }
      keys.push(key)
      values.push(value)
      if (remove) map.delete(key)
    }
  } while (wanted > 0 && next)
  return {
    keys: concat(keys, map.keySize),
    values: concat(values, map.hostValueSize),
    count: keys.length,
    next,
  }
}

/** Keys and values in two copies, no object for each; undefined when an element is gone meanwhile. */
function copied(
  map: HostMap,
  batch: Operation,
  address: Operation,
  fail: ByCursor['fail'],
  most: number,
  from: Uint8Array | undefined,
): MapBatch | undefined {
  const { arena, keySize, valueSize } = map
  if (most === 0) return undefined
  const block = arena.alloc(most * keySize + 4, 16)
  try {
    const first = block + 4
    const count = batch(map.address, cursorOf(from), first, most, block)
    if (count < 0) throw fail(count)
    const { u8, u32 } = arena
    const keys = u8.slice(first, first + count * keySize)
    const next = u8.slice(block, first)
    const values = new Uint8Array(count * valueSize)
    const words = valueSize % 4 === 0 ? new Uint32Array(values.buffer) : undefined
    for (let n = 0; n < count; n++) {
      const at = address(map.address, first + n * keySize) >>> 0
      if (at === 0) return undefined
      if (words && valueSize <= 64) {
        for (let to = (n * valueSize) >> 2, word = at >> 2, left = valueSize >> 2; left > 0; left--)
          words[to++] = u32[word++]!
      } else {
        values.set(u8.subarray(at, at + valueSize), n * valueSize)
      }
    }
    return { keys, values, count, next: next.every((byte) => byte === 0) ? undefined : next }
  } finally {
    arena.free(block)
  }
}

const cursorOf = (from: Uint8Array | undefined): number =>
  from ? new DataView(from.buffer, from.byteOffset).getUint32(0, true) : 0

interface Found {
  readonly keys: readonly Uint8Array[]
  readonly next: Uint8Array | undefined
}

function fromCursor(
  map: HostMap,
  batch: Operation,
  fail: ByCursor['fail'],
  count: number,
  from: Uint8Array | undefined,
): Found {
  const { arena, keySize } = map
  if (count === 0) return { keys: [], next: from ?? new Uint8Array(4) }
  const block = arena.alloc(count * keySize + 4, 16)
  try {
    const got = batch(map.address, cursorOf(from), block + 4, count, block)
    if (got < 0) throw fail(got)
    const bytes = arena.u8.slice(block, block + 4 + got * keySize)
    const keys = Array.from({ length: got }, (_, n) => bytes.slice(4 + n * keySize, 4 + (n + 1) * keySize))
    const next = bytes.subarray(0, 4)
    return { keys, next: next.every((byte) => byte === 0) ? undefined : next }
  } finally {
    arena.free(block)
  }
}

function afterKey(map: HostMap, count: number, from: Uint8Array | undefined): Found {
  const keys: Uint8Array[] = []
  let last = from
  while (keys.length < count) {
    last = map.nextKey(last)
    if (!last) return { keys, next: undefined }
    keys.push(last)
  }
  return { keys, next: last ?? new Uint8Array(map.keySize) }
}

function concat(parts: readonly Uint8Array[], size: number): Uint8Array {
  const all = new Uint8Array(parts.length * size)
  parts.forEach((part, n) => {
    all.set(part, n * size)
  })
  return all
}

/** BPF_MAP_UPDATE_BATCH: elements whose keys and values follow one another. */
export function updateBatch(map: HostMap, keys: Uint8Array, values: Uint8Array, flags: number): BatchResult {
  allow(map, 'update', 'updateBatch', flags)
  const { keySize, hostValueSize } = map
  const count = countKeys(map, keys, 'updateBatch')
  if (values.length !== count * hostValueSize) {
    const fact = `${values.length} bytes of values are not ${count} of ${hostValueSize}`
    throw new MapError('EINVAL', map.name, 'updateBatch', fact)
  }
  return each(count, (n) =>
    map.update(
      keys.subarray(n * keySize, (n + 1) * keySize),
      values.subarray(n * hostValueSize, (n + 1) * hostValueSize),
      flags,
    ),
  )
}

/** BPF_MAP_DELETE_BATCH: stops at the first element that is not there. */
export function deleteBatch(map: HostMap, keys: Uint8Array): BatchResult {
  allow(map, 'delete', 'deleteBatch')
  const { keySize } = map
  return each(countKeys(map, keys, 'deleteBatch'), (n) => {
    if (!map.delete(keys.subarray(n * keySize, (n + 1) * keySize)))
      throw new MapError('ENOENT', map.name, 'deleteBatch', 'no element of this key is there')
  })
}

function countKeys(map: HostMap, keys: Uint8Array, operation: string): number {
  const count = keys.length / map.keySize
  if (!Number.isInteger(count))
    throw new MapError(
      'EINVAL',
      map.name,
      operation,
      `${keys.length} bytes are not whole keys of ${map.keySize}`,
    )
  return count
}

function each(count: number, run: (n: number) => void): BatchResult {
  for (let n = 0; n < count; n++) {
    try {
      run(n)
    } catch (error) {
      if (error instanceof MapError) return { count: n, error }
      throw error
    }
  }
  return { count }
}
