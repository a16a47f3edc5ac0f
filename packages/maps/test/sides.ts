import { KernelError, type KernelMap } from '@skep/linux'
import { MapError } from '../src/errors.ts'
import type { HostMap } from '../src/host-map.ts'
import { type Exercise, isOrdered, keyOf, numbered, type Operation } from './operations.ts'

/** Elements of a batch, and where the next call goes on. */
export interface Part {
  readonly keys: Uint8Array
  readonly values: Uint8Array
  readonly count: number
  readonly next: Uint8Array | undefined
}

/** What the host can do to a map, of Skep's or the kernel's. */
export interface Side {
  lookup(key: Uint8Array, flags: number): Uint8Array | undefined
  update(key: Uint8Array, value: Uint8Array, flags: number): void
  delete(key: Uint8Array): boolean
  lookupAndDelete(key: Uint8Array, flags: number): Uint8Array | undefined
  next(key?: Uint8Array): Uint8Array | undefined
  includes(value: Uint8Array): boolean
  /** How many were done, when one was refused with an errno that says something about the element. */
  updateBatch(keys: Uint8Array, values: Uint8Array, flags: number): number
  deleteBatch(keys: Uint8Array): number
  lookupBatch(count: number, from: Uint8Array | undefined, remove: boolean): Part
  freeze(): void
  /** A value that refers to object `n` of the row's kind; none for a number past the last. */
  refer(n: number): Uint8Array
  /** The object's number again, from what a lookup gives. */
  referred(value: Uint8Array): number
}

/** Objects that values refer to, by the numbers that go in and those that come out. */
export interface Referred {
  readonly given: readonly number[]
  readonly ids: readonly number[]
}

const NOBODY = 0x7fff_0000
const references = ({ given, ids }: Referred): Pick<Side, 'refer' | 'referred'> => ({
  refer: (n) => new Uint8Array(Uint32Array.of(given[n] ?? NOBODY).buffer),
  referred: (value) => ids.indexOf(new DataView(value.buffer, value.byteOffset).getUint32(0, true)),
})

const STOPS: ReadonlySet<string> = new Set(['ENOENT', 'EEXIST', 'E2BIG'])

export const ours = (map: HostMap, referred: Referred): Side => ({
  ...references(referred),
  lookup: (key, flags) => map.lookup(key, flags),
  update: (key, value, flags) => map.update(key, value, flags),
  delete: (key) => map.delete(key),
  lookupAndDelete: (key, flags) => map.lookupAndDelete(key, flags),
  next: (key) => map.nextKey(key),
  includes: (value) => map.includes(value),
  updateBatch: (keys, values, flags) => settled(map.updateBatch(keys, values, flags)),
  deleteBatch: (keys) => settled(map.deleteBatch(keys)),
  lookupBatch: (count, from, remove) => map.lookupBatch(count, from, { delete: remove }),
  freeze: () => map.freeze(),
})

function settled({ count, error }: { count: number; error?: MapError }): number {
  if (error && !STOPS.has(error.code)) throw error
  return count
}

export const theirs = (map: KernelMap, referred: Referred): Side => ({
  ...references(referred),
  lookup: (key, flags) => map.lookup(key, flags),
  update: (key, value, flags) => map.update(key, value, flags),
  delete: (key) => map.delete(key),
  lookupAndDelete: (key, flags) => map.lookupAndDelete(key, flags),
  next: (key) => map.getNextKey(key),
  includes: (value) => map.includes(value),
  updateBatch: (keys, values, flags) => map.updateBatch(keys, values, flags),
  deleteBatch: (keys) => map.deleteBatch(keys),
  lookupBatch: (count, from, remove) => map.lookupBatch(count, from, { delete: remove }),
  freeze: () => map.freeze(),
})

export const hex = (bytes: Uint8Array | undefined): string | undefined =>
  bytes && Buffer.from(bytes).toString('hex')

/** A result, or the errno. */
export function outcome<T>(run: () => T): T | string {
  try {
    return run()
  } catch (error) {
    if (error instanceof MapError) return error.code
    if (error instanceof KernelError) return error.errno
    throw error
  }
}

/** A side, an exercise, and how many bytes a value has for the host. */
export interface Actor {
  readonly side: Side
  readonly exercise: Exercise
  readonly bytes: number
}

const numberedValue = ({ side, exercise: { row, spec }, bytes }: Actor, n: number): Uint8Array =>
  row.refers ? side.refer(n % 12) : (row.value?.(n, spec.valueSize) ?? numbered(bytes, n))

const shown = ({ side, exercise }: Actor, value: Uint8Array | undefined): unknown =>
  value && exercise.row.refers ? side.referred(value) : hex(value)

const sort = (exercise: Exercise, texts: string[]): string[] =>
  isOrdered(exercise.row.type) ? texts : texts.sort()

/** Walks by get_next_key, as far as a map has elements. */
function walk({ side, exercise }: Actor): Uint8Array[] {
  const keys: Uint8Array[] = []
  for (let key = side.next(); key && keys.length <= exercise.spec.maxEntries; key = side.next(key))
    keys.push(key)
  return keys
}

const concat = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))

function elements(actor: Actor, { keys, values, count }: Part): string[] {
  const { keySize } = actor.exercise.spec
  return Array.from({ length: count }, (_, n) => {
    const value = values.slice(n * actor.bytes, (n + 1) * actor.bytes)
    return `${hex(keys.slice(n * keySize, (n + 1) * keySize))}: ${shown(actor, value)}`
  })
}

/** A whole walk by batches; where a bucket has more than a batch, with larger ones. Of ordered types, each part. */
function batches(actor: Actor, count: number, remove: boolean): unknown {
  const { side, exercise } = actor
  const parts: unknown[] = []
  const all: string[] = []
  let from: Uint8Array | undefined
  for (let size = count, calls = 0; calls < 100; calls++) {
    let part: Part
    try {
      part = side.lookupBatch(size, from, remove)
    } catch (error) {
      if ((error as MapError).code !== 'ENOSPC' && (error as KernelError).errno !== 'ENOSPC') throw error
      size *= 2
      continue
    }
    parts.push([elements(actor, part), part.next === undefined])
    all.push(...elements(actor, part))
    from = part.next
    if (!from) break
  }
  return isOrdered(exercise.row.type) ? parts : all.sort()
}

/** What an operation gives; orders are compared only where they are promised. */
export function perform(actor: Actor, { op, key: n, value, flags, count }: Operation): unknown {
  const { side, exercise } = actor
  const key = keyOf(exercise, n)
  const ordered = isOrdered(exercise.row.type)
  const keys = (): Uint8Array =>
    concat(Array.from({ length: count }, (_, i) => keyOf(exercise, (n + i) % exercise.keys)))
  switch (op) {
    case 'lookup':
      return outcome(() =>
        exercise.row.byValue
          ? side.includes(numberedValue(actor, value))
          : shown(actor, side.lookup(key, flags)),
      )
    case 'lookupAndDelete':
      return outcome(() => shown(actor, side.lookupAndDelete(key, flags)))
    case 'update':
      return outcome(() => side.update(key, numberedValue(actor, value), flags))
    case 'delete':
      return outcome(() => side.delete(key))
    case 'next':
      // Where a present key stands in the order is the map's own business.
      return outcome(() => {
        if (ordered) return hex(side.next(key))
        return !exercise.row.byValue && side.lookup(key, 0) ? '' : typeof side.next(key)
      })
    case 'first':
      return outcome(() => (ordered ? hex(side.next()) : typeof side.next()))
    case 'keys':
      return outcome(() =>
        sort(
          exercise,
          walk(actor).map((k) => hex(k)!),
        ),
      )
    case 'updateBatch':
      return outcome(() => {
        const values = Array.from({ length: count }, (_, i) => numberedValue(actor, (value + i) & 0xff))
        return side.updateBatch(keys(), concat(values), flags)
      })
    case 'deleteBatch':
      return outcome(() => side.deleteBatch(keys()))
    case 'lookupBatch':
      return outcome(() => batches(actor, count, false))
    case 'lookupAndDeleteBatch':
      return outcome(() => batches(actor, count, true))
    case 'freeze':
      return outcome(() => side.freeze())
  }
}

/** All that is in a map: elements by key, or values in the order in which they come out. */
export function contents(actor: Actor): unknown {
  const { side, exercise } = actor
  if (exercise.row.byValue)
    return outcome(() => Array.from({ length: 256 }, (_, n) => side.includes(numberedValue(actor, n))))
  if (exercise.spec.keySize === 0) {
    return outcome(() => {
      const values: unknown[] = []
      const none = new Uint8Array(0)
      while (values.length <= exercise.spec.maxEntries) {
        const value = side.lookupAndDelete(none, 0)
        if (!value) break
        values.push(hex(value))
      }
      return values
    })
  }
  const value = (key: Uint8Array): unknown =>
    exercise.row.without?.includes('lookup') ? '' : outcome(() => shown(actor, side.lookup(key, 0)))
  return outcome(() =>
    sort(
      exercise,
      walk(actor).map((key) => `${hex(key)}: ${value(key)}`),
    ),
  )
}
