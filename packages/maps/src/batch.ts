import { errnoName, mapLayout as layout, type MapBatchOp, type ValueField } from '@skep/registry'
import { MapError } from './errors.ts'
import { round8 } from './header.ts'
import type { HostMap } from './host-map.ts'
import type { HostChange } from './map-base.ts'
import type { Operation, Operations } from './map-operations.ts'
import { blankFields } from './value-fields.ts'

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

/** What batches need of a map besides its methods. */
export interface BatchParts {
  readonly operations: Operations
  /** Special fields of the value. */
  readonly fields: readonly ValueField[]
  /** The error that a negative errno of an operation means. */
  readonly failed: (result: number, operation: string) => MapError
  /** Tells who watches the map, of keys that follow one another. */
  readonly changed: (operation: HostChange['operation'], keys: Uint8Array) => void
}

/** Bytes of elements that cross into or out of the arena in one step. */
const STEP = 65_536

/** Whether bpf(2) has such a batch for the type. */
function allow(map: HostMap, op: MapBatchOp, called: string, flags = 0): void {
  const { batches } = map.def
  if (batches && !batches.includes(op))
    throw new MapError('ENOTSUPP', map.name, called, `maps of type ${map.type} have no such batch`)
  if (flags !== 0 && flags !== layout.BPF_F_LOCK)
    throw new MapError('EINVAL', map.name, called, `flags are ${flags}; a batch takes 0 or BPF_F_LOCK`)
  if (flags !== 0 && map.arena.u32[(map.address + layout.MAP_SPIN_LOCK) >> 2] === 0)
    throw new MapError('EINVAL', map.name, called, 'BPF_F_LOCK needs a bpf_spin_lock in the value')
}

/** Whether the values that the host sees are bytes in the elements. */
const holdsBytes = ({ def }: HostMap): boolean => def.value === 'plain' || def.value === 'percpu'

/** How many elements of a batch of `wanted` cross in one step. */
const perStep = (map: HostMap, wanted: number): number =>
  Math.max(1, Math.min(wanted, Math.floor(STEP / (map.keySize + map.hostValueSize))))

/** BPF_MAP_LOOKUP_BATCH and BPF_MAP_LOOKUP_AND_DELETE_BATCH. Of hashes whole buckets, as in the kernel. */
export function lookupBatch(
  map: HostMap,
  parts: BatchParts,
  count: number,
  from: Uint8Array | undefined,
  remove: boolean,
): MapBatch {
  allow(map, remove ? 'lookup_and_delete' : 'lookup', 'lookupBatch')
  // Nobody has more: `count` is no reason to take memory.
  const wanted = Math.min(count, map.maxEntries + 1)
  const { elements, elements_after } = parts.operations
  if (wanted > 0 && holdsBytes(map)) {
    if (elements) return byCursor(map, parts, elements, wanted, from, remove)
    const found = elements_after && !remove && behindKey(map, parts, elements_after, wanted, from)
    if (found) return found
  }
  return oneByOne(map, parts, wanted, from, remove)
}

/** Whether the operations that `assembly/batch.ts` calls are in the function table. */
const isPlaced = ({ arena, address }: HostMap): boolean =>
  arena.u32[(address + layout.MAP_OP_UPDATE) >> 2] !== 0

const notThere = (map: HostMap, from: Uint8Array, size: number): MapError => {
  const fact = `from has ${from.length} bytes; give the next of the batch before, which has ${size}`
  return new MapError('EINVAL', map.name, 'lookupBatch', fact)
}

function cursorOf(map: HostMap, from: Uint8Array | undefined): number {
  if (!from) return 0
  if (from.length !== 4) throw notThere(map, from, 4)
  return new DataView(from.buffer, from.byteOffset).getUint32(0, true)
}

const cursorBytes = (cursor: number): Uint8Array | undefined =>
  cursor === 0 ? undefined : new Uint8Array(Uint32Array.of(cursor).buffer)

/** By the map's `elements`: a step is one call, and two copies out of the arena. */
function byCursor(
  map: HostMap,
  { fields, failed, changed }: BatchParts,
  elements: Operation,
  wanted: number,
  from: Uint8Array | undefined,
  remove: boolean,
): MapBatch {
  const { arena, address, keySize, hostValueSize } = map
  const keys: Uint8Array[] = []
  const values: Uint8Array[] = []
  let cursor = cursorOf(map, from)
  let count = 0
  for (let step = perStep(map, wanted); count < wanted; ) {
    const most = Math.min(step, wanted - count)
    const block = arena.alloc(16 + most * (hostValueSize + keySize), 16)
    const [valuesAt, keysAt] = [block + 16, block + 16 + most * hostValueSize]
    const got = elements(address, cursor, keysAt, valuesAt, most, block, remove ? 1 : 0)
    const { u8, u32 } = arena
    if (got > 0) {
      keys.push(u8.slice(keysAt, keysAt + got * keySize))
      values.push(u8.slice(valuesAt, valuesAt + got * hostValueSize))
    }
    if (got >= 0) cursor = u32[block >> 2]!
    arena.free(block)
    if (got < 0) {
      // What was got is not lost: the next call meets the error again.
      if (count > 0) break
      if (errnoName(got) !== 'ENOSPC' || step >= wanted) throw failed(got, 'lookupBatch')
      step *= 2
      continue
    }
    count += got
    if (cursor === 0) break
  }
  const all = join(keys)
  if (remove) changed('delete', all)
  return { keys: all, values: blanked(map, fields, join(values)), count, next: cursorBytes(cursor) }
}

/** By the map's `elements_after`, where the next batch goes on behind a key; undefined when there is no memory for a block. */
function behindKey(
  map: HostMap,
  { fields, failed }: BatchParts,
  elementsAfter: Operation,
  wanted: number,
  from: Uint8Array | undefined,
): MapBatch | undefined {
  const { arena, address, keySize, valueSize } = map
  if (from && from.length !== keySize) throw notThere(map, from, keySize)
  const keys: Uint8Array[] = []
  const values: Uint8Array[] = []
  const step = perStep(map, wanted)
  let last = from
  let count = 0
  let [got, most] = [0, 0]
  do {
    most = Math.min(step, wanted - count)
    const behind = round8(keySize)
    const block = arena.exports.alloc(behind + most * (valueSize + keySize), 16) >>> 0
    if (block === 0) return undefined
    const [valuesAt, keysAt] = [block + behind, block + behind + most * valueSize]
    if (last) arena.u8.set(last, block)
    got = elementsAfter(address, last ? block : 0, keysAt, valuesAt, most)
    const { u8 } = arena
    if (got > 0) {
      keys.push(u8.slice(keysAt, keysAt + got * keySize))
      values.push(u8.slice(valuesAt, valuesAt + got * valueSize))
      last = u8.slice(keysAt + (got - 1) * keySize, keysAt + got * keySize)
    }
    arena.free(block)
    if (got < 0) throw failed(got, 'lookupBatch')
    count += got
  } while (got === most && count < wanted)
  return {
    keys: join(keys),
    values: blanked(map, fields, join(values)),
    count,
    next: got === most ? last : undefined,
  }
}

/** Elements that are asked for by their keys, each by itself. */
function oneByOne(
  map: HostMap,
  { operations: { batch }, failed }: BatchParts,
  most: number,
  from: Uint8Array | undefined,
  remove: boolean,
): MapBatch {
  const keys: Uint8Array[] = []
  const values: Uint8Array[] = []
  let next = from
  let wanted = most
  // Elements that are not there do not count: as many more are looked at.
  do {
    const found = batch ? keysFrom(map, batch, failed, wanted, next) : keysBehind(map, wanted, next)
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
  return { keys: join(keys), values: join(values), count: keys.length, next }
}

interface Found {
  readonly keys: readonly Uint8Array[]
  readonly next: Uint8Array | undefined
}

function keysFrom(
  map: HostMap,
  batch: Operation,
  failed: BatchParts['failed'],
  count: number,
  from: Uint8Array | undefined,
): Found {
  const { arena, keySize } = map
  if (count === 0) return { keys: [], next: from ?? new Uint8Array(4) }
  const block = arena.alloc(count * keySize + 4, 16)
  try {
    const got = batch(map.address, cursorOf(map, from), block + 4, count, block)
    if (got < 0) throw failed(got, 'lookupBatch')
    const bytes = arena.u8.slice(block + 4, block + 4 + got * keySize)
    const keys = Array.from({ length: got }, (_, n) => bytes.slice(n * keySize, (n + 1) * keySize))
    return { keys, next: cursorBytes(arena.u32[block >> 2]!) }
  } finally {
    arena.free(block)
  }
}

function keysBehind(map: HostMap, count: number, from: Uint8Array | undefined): Found {
  const keys: Uint8Array[] = []
  let last = from
  while (keys.length < count) {
    last = map.nextKey(last)
    if (!last) return { keys, next: undefined }
    keys.push(last)
  }
  return { keys, next: last ?? new Uint8Array(map.keySize) }
}

const blanked = (map: HostMap, fields: readonly ValueField[], values: Uint8Array): Uint8Array =>
  blankFields(values, fields, map.def.value === 'percpu' ? round8(map.valueSize) : map.valueSize)

function join(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

/** BPF_MAP_UPDATE_BATCH: elements whose keys and values follow one another. */
export function updateBatch(
  map: HostMap,
  parts: BatchParts,
  keys: Uint8Array,
  values: Uint8Array,
  flags: number,
): BatchResult {
  allow(map, 'update', 'updateBatch', flags)
  const { keySize, hostValueSize } = map
  const count = countKeys(map, keys, 'updateBatch')
  if (values.length !== count * hostValueSize) {
    const fact = `${values.length} bytes of values are not ${count} of ${hostValueSize}`
    throw new MapError('EINVAL', map.name, 'updateBatch', fact)
  }
  const { operations, fields, failed, changed } = parts
  const operation = operations.update_each
  const inWasm = operation && flags === 0 && fields.length === 0 && holdsBytes(map) && isPlaced(map)
  const run = inWasm
    ? (block: number, n: number, some: number) => {
        const { u8 } = map.arena
        const [valuesAt, keysAt] = [block + 8, block + 8 + some * hostValueSize]
        u8.set(values.subarray(n * hostValueSize, (n + some) * hostValueSize), valuesAt)
        u8.set(keys.subarray(n * keySize, (n + some) * keySize), keysAt)
        return operation(map.address, keysAt, valuesAt, some, block)
      }
    : undefined
  const done = run && inSteps(map, count, keySize + hostValueSize, run)
  if (!done) {
    return each(count, (n) =>
      map.update(
        keys.subarray(n * keySize, (n + 1) * keySize),
        values.subarray(n * hostValueSize, (n + 1) * hostValueSize),
        flags,
      ),
    )
  }
  changed('update', keys.subarray(0, done.count * keySize))
  return done.result === 0 ? { count } : { count: done.count, error: failed(done.result, 'update') }
}

/** BPF_MAP_DELETE_BATCH: stops at the first element that is not there. */
export function deleteBatch(map: HostMap, parts: BatchParts, keys: Uint8Array): BatchResult {
  allow(map, 'delete', 'deleteBatch')
  const { keySize } = map
  const count = countKeys(map, keys, 'deleteBatch')
  const absent = (): MapError =>
    new MapError('ENOENT', map.name, 'deleteBatch', 'no element of this key is there')
  const { operations, failed, changed } = parts
  const operation = operations.delete_each
  const inWasm = operation && holdsBytes(map) && isPlaced(map)
  const run = inWasm
    ? (block: number, n: number, some: number) => {
        map.arena.u8.set(keys.subarray(n * keySize, (n + some) * keySize), block + 8)
        return operation(map.address, block + 8, some, block)
      }
    : undefined
  const done = run && inSteps(map, count, keySize, run)
  if (!done) {
    return each(count, (n) => {
      if (!map.delete(keys.subarray(n * keySize, (n + 1) * keySize))) throw absent()
    })
  }
  changed('delete', keys.subarray(0, done.count * keySize))
  if (done.result === 0) return { count }
  const error = failed(done.result, 'delete')
  return { count: done.count, error: error.code === 'ENOENT' ? absent() : error }
}

interface Done {
  readonly count: number
  /** 0, or the negative errno of the element after those. */
  readonly result: number
}

/**
 * Calls `run` for parts of a batch: with a block in the arena, whose first word gets how many elements were done, the first
 * element and how many. Undefined when there is no memory for a block.
 */
function inSteps(
  map: HostMap,
  count: number,
  size: number,
  run: (block: number, first: number, some: number) => number,
): Done | undefined {
  const { arena } = map
  const step = Math.max(1, Math.min(count, Math.floor(STEP / size)))
  const block = arena.exports.alloc(8 + step * size, 16) >>> 0
  if (block === 0) return undefined
  try {
    for (let n = 0; n < count; n += step) {
      const result = run(block, n, Math.min(step, count - n))
      if (result !== 0) return { count: n + arena.u32[block >> 2]!, result }
    }
    return { count, result: 0 }
  } finally {
    arena.free(block)
  }
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
