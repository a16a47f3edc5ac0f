import { MapError } from '../src/errors.ts'
import type { HostMap } from '../src/host-map.ts'
import { type Bpf, command, isRefused, refused } from './bpf.ts'
import { NOBODY, type Objects } from './objects.ts'
import { type Exercise, isOrdered, keyOf, numbered, type Operation } from './operations.ts'

/** What a call goes through: only where the kernel waits does it yield anything. */
export type Call<T> = Generator<Promise<number>, T, number>

/** Elements of a batch, how it ended, and where the next call goes on. */
interface Part {
  readonly keys: Uint8Array
  readonly values: Uint8Array
  readonly count: number
  readonly next: Uint8Array | undefined
}

/** What the host can do to a map, of Skep's or the kernel's. Results are bytes, or texts: '' or an errno behind `!`. */
export interface Side {
  lookup(key: Uint8Array, flags: number): Call<Uint8Array | string>
  update(key: Uint8Array, value: Uint8Array, flags: number): Call<string>
  delete(key: Uint8Array): Call<string>
  lookupAndDelete(key: Uint8Array, flags: number): Call<Uint8Array | string>
  next(key?: Uint8Array): Call<Uint8Array | string>
  includes(value: Uint8Array): Call<string>
  /** How many were done, when one was refused with an errno that says something about the element. */
  updateBatch(keys: Uint8Array, values: Uint8Array, flags: number): Call<string>
  deleteBatch(keys: Uint8Array): Call<string>
  lookupBatch(count: number, from: Uint8Array | undefined, remove: boolean): Call<Part | string>
  freeze(): Call<string>
  /** The number by which object `n` goes in. */
  given(n: number): number
  /** The object's number again, from what a lookup gives. */
  referred(value: Uint8Array): number
}

const idAt = (value: Uint8Array): number => new DataView(value.buffer, value.byteOffset).getUint32(0, true)

/** Errnos by which a batch tells of an element. */
const STOPS: ReadonlySet<string> = new Set(['!ENOENT', '!EEXIST', '!E2BIG'])
const settled = (count: number, error: string): string =>
  isRefused(error) && !STOPS.has(error) ? error : `${count}`

/** A result, or the errno. */
export function outcome<T>(run: () => T): T | string {
  try {
    return run()
  } catch (error) {
    if (error instanceof MapError) return `!${error.code}`
    throw error
  }
}

export function ours(map: HostMap, objects: Objects | undefined): Side {
  const given = objects?.mine(map) ?? []
  const ids = objects?.ids?.mine ?? given
  const found = <T>(run: () => T | undefined): T | string => outcome(run) ?? '!ENOENT'
  const done = (run: () => unknown): string => {
    const result = outcome(run)
    return typeof result === 'string' ? result : result === false ? '!ENOENT' : ''
  }
  const batch = (run: () => { count: number; error?: MapError }): string => {
    const result = outcome(run)
    return typeof result === 'string'
      ? result
      : settled(result.count, result.error ? `!${result.error.code}` : '')
  }
  return {
    *lookup(key, flags) {
      return found(() => map.lookup(key, flags))
    },
    *update(key, value, flags) {
      return done(() => map.update(key, value, flags))
    },
    *delete(key) {
      return done(() => map.delete(key))
    },
    *lookupAndDelete(key, flags) {
      return found(() => map.lookupAndDelete(key, flags))
    },
    *next(key) {
      return found(() => map.nextKey(key))
    },
    *includes(value) {
      return done(() => map.includes(value))
    },
    *updateBatch(keys, values, flags) {
      return batch(() => map.updateBatch(keys, values, flags))
    },
    *deleteBatch(keys) {
      return batch(() => map.deleteBatch(keys))
    },
    *lookupBatch(count, from, remove) {
      return outcome(() => map.lookupBatch(count, from, { delete: remove }))
    },
    *freeze() {
      return done(() => map.freeze())
    },
    given: (n) => given[n] ?? objects!.nobody,
    referred: (value) => ids.indexOf(idAt(value)),
  }
}

/** A map of the kernel's; `bytes` of a value as system calls pass it. */
export function theirs(
  bpf: Bpf,
  fd: number,
  exercise: Exercise,
  bytes: number,
  objects: Objects | undefined,
): Side {
  const { keySize } = exercise.spec
  const given = objects?.its ?? []
  const ids = objects?.ids?.its ?? given
  const text = (result: number): string => (result < 0 ? refused(result) : '')
  function* value(cmd: number, key: Uint8Array, flags: number): Call<Uint8Array | string> {
    const result = yield* bpf.element(cmd, fd, key, undefined, flags)
    return result < 0 ? refused(result) : bpf.take(bytes)
  }
  return {
    lookup: (key, flags) => value(command.lookup, key, flags),
    lookupAndDelete: (key, flags) => value(command.lookupAndDelete, key, flags),
    *update(key, bytes, flags) {
      return text(yield* bpf.element(command.update, fd, key, bytes, flags))
    },
    *delete(key) {
      return text(yield* bpf.element(command.delete, fd, key, undefined, 0))
    },
    *next(key) {
      const result = yield* bpf.element(command.next, fd, key, undefined, 0)
      return result < 0 ? refused(result) : bpf.take(keySize)
    },
    *includes(bytes) {
      return text(yield* bpf.element(command.lookup, fd, undefined, bytes, 0))
    },
    *updateBatch(keys, values, flags) {
      const { result, count } = yield* bpf.batch(command.updateBatch, fd, {
        count: keys.length / keySize,
        keys,
        values,
        flags,
      })
      return settled(count, text(result))
    },
    *deleteBatch(keys) {
      const { result, count } = yield* bpf.batch(command.deleteBatch, fd, {
        count: keys.length / keySize,
        keys,
      })
      return settled(count, text(result))
    },
    *lookupBatch(most, from, remove) {
      const cmd = remove ? command.lookupAndDeleteBatch : command.lookupBatch
      const { result, count } = yield* bpf.batch(cmd, fd, { count: most, from })
      const end = refused(result)
      if (result < 0 && end !== '!ENOENT') return end
      // The token is a u32 for arrays and hashes, a key for LPM tries.
      const next = result < 0 || most === 0 ? undefined : bpf.next(Math.max(4, keySize))
      return { keys: bpf.keys(count * keySize), values: bpf.take(count * bytes), count, next }
    },
    *freeze() {
      return text(yield* bpf.freeze(fd))
    },
    given: (n) => given[n] ?? NOBODY,
    referred: (bytes) => ids.indexOf(idAt(bytes)),
  }
}

const hex = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')

/** A side, an exercise, and how many bytes a value has for the host. */
export interface Actor {
  readonly side: Side
  readonly exercise: Exercise
  readonly bytes: number
}

const word = (n: number, bytes: number): Uint8Array =>
  new Uint8Array(Uint32Array.of(n, 0).buffer).slice(0, Math.max(bytes, 4))

const keyBy = ({ side, exercise }: Actor, n: number): Uint8Array =>
  exercise.row.owners ? word(side.given(n), 4) : keyOf(exercise, n)

const valueBy = ({ side, exercise: { row, spec }, bytes }: Actor, n: number): Uint8Array =>
  row.refers ? word(side.given(n % 12), bytes) : (row.value?.(n, spec.valueSize) ?? numbered(bytes, n))

const shown = ({ side, exercise }: Actor, value: Uint8Array | string): string =>
  typeof value === 'string' ? value : exercise.row.refers ? `object ${side.referred(value)}` : hex(value)

/** Walks by get_next_key, as far as a map has elements. */
function* walk({ side, exercise }: Actor): Call<Uint8Array[] | string> {
  const keys: Uint8Array[] = []
  let key = yield* side.next()
  while (typeof key !== 'string' && keys.length <= Math.max(exercise.spec.maxEntries, 1)) {
    keys.push(key)
    key = yield* side.next(key)
  }
  return key === '!ENOENT' || typeof key !== 'string' ? keys : key
}

function concat(count: number, part: (n: number) => Uint8Array): Uint8Array {
  const first = count > 0 ? part(0) : new Uint8Array(0)
  const all = new Uint8Array(count * first.length)
  for (let n = 0; n < count; n++) all.set(n === 0 ? first : part(n), n * first.length)
  return all
}

function elements(actor: Actor, { keys, values, count }: Part): string[] {
  const { keySize } = actor.exercise.spec
  return Array.from({ length: count }, (_, n) => {
    const value = values.subarray(n * actor.bytes, (n + 1) * actor.bytes)
    return `${hex(keys.subarray(n * keySize, (n + 1) * keySize))}: ${shown(actor, value)}`
  })
}

/** A whole walk by batches; where a bucket has more than a batch, with larger ones. Of ordered types, each part. */
function* batches(actor: Actor, count: number, remove: boolean): Call<string> {
  const { side, exercise } = actor
  const parts: string[] = []
  const all: string[] = []
  let from: Uint8Array | undefined
  for (let size = count, calls = 0; calls < 100; calls++) {
    const part = yield* side.lookupBatch(size, from, remove)
    if (part === '!ENOSPC') {
      size = Math.max(2 * size, 1)
      continue
    }
    if (typeof part === 'string') return part
    const there = elements(actor, part)
    parts.push(`[${there.join()}] ${count > 0 && part.next === undefined}`)
    all.push(...there)
    from = part.next
    if (!from || count === 0) break
  }
  return (isOrdered(exercise.row.type) ? parts : all.sort()).join()
}

const sorted = (exercise: Exercise, keys: readonly string[]): string =>
  (isOrdered(exercise.row.type) ? keys : [...keys].sort()).join()

/** What an operation gives; orders are compared only where they are promised. */
export function* perform(actor: Actor, { op, key: n, value, flags, count }: Operation): Call<string> {
  const { side, exercise } = actor
  const { row, keys } = exercise
  switch (op) {
    case 'lookup':
      if (row.byValue) return yield* side.includes(valueBy(actor, value))
      return shown(actor, yield* side.lookup(keyBy(actor, n), flags))
    case 'lookupAndDelete':
      return shown(actor, yield* side.lookupAndDelete(keyBy(actor, n), flags))
    case 'update':
      return yield* side.update(keyBy(actor, n), valueBy(actor, value), flags)
    case 'delete':
      return yield* side.delete(keyBy(actor, n))
    case 'next': {
      const key = keyBy(actor, n)
      // Where a present key stands in the order is the map's own business.
      if (!isOrdered(row.type) && !row.byValue) {
        if (row.beyond?.includes('lookup') || typeof (yield* side.lookup(key, 0)) !== 'string') return ''
      }
      return firstOf(exercise, yield* side.next(key))
    }
    case 'first':
      return firstOf(exercise, yield* side.next())
    case 'keys': {
      const there = yield* walk(actor)
      return typeof there === 'string' ? there : sorted(exercise, there.map(hex))
    }
    case 'updateBatch': {
      const all = concat(count, (i) => keyBy(actor, (n + i) % keys))
      const values = concat(count, (i) => valueBy(actor, (value + i) & 0xff))
      return yield* side.updateBatch(all, values, flags)
    }
    case 'deleteBatch':
      return yield* side.deleteBatch(concat(count, (i) => keyBy(actor, (n + i) % keys)))
    case 'lookupBatch':
      return yield* batches(actor, count, false)
    case 'lookupAndDeleteBatch':
      return yield* batches(actor, count, true)
    case 'strayKey':
      return yield* strayKey(actor, value, count)
    case 'freeze':
      return yield* side.freeze()
    case 'stack':
      return ''
  }
}

const firstOf = (exercise: Exercise, key: Uint8Array | string): string =>
  typeof key === 'string' ? key : isOrdered(exercise.row.type) ? hex(key) : 'a key'

/** A key where the map has none. */
function* strayKey(actor: Actor, value: number, which: number): Call<string> {
  const { side, exercise } = actor
  if (exercise.spec.keySize !== 0 || exercise.row.byValue) return ''
  const key = new Uint8Array(4)
  switch (which & 3) {
    case 0:
      return shown(actor, yield* side.lookup(key, 0))
    case 1:
      return yield* side.update(key, valueBy(actor, value), 0)
    case 2:
      return yield* side.delete(key)
    default:
      return shown(actor, yield* side.lookupAndDelete(key, 0))
  }
}

/** All that is in a map, by key or in the order in which values come out; what can be taken out is taken, where the kernel does not wait. */
export function* drain(actor: Actor): Call<string> {
  const { side, exercise } = actor
  const { row, spec } = exercise
  if (row.byValue) {
    const bits: string[] = []
    for (let n = 0; n < 256; n += 17) bits.push(yield* side.includes(valueBy(actor, n)))
    return bits.join()
  }
  const found: string[] = []
  if (spec.keySize === 0) {
    const none = new Uint8Array(0)
    for (
      let value: Uint8Array | string = '';
      found.length <= spec.maxEntries;
      found.push(shown(actor, value))
    ) {
      value = yield* side.lookupAndDelete(none, 0)
      if (typeof value === 'string') return `${found.join()} ${value}`
    }
    return found.join()
  }
  const keys = row.owners ? '' : yield* walk(actor)
  if (typeof keys === 'string') {
    for (let n = 0; n < exercise.keys; n++) {
      const key = keyBy(actor, n)
      const value = shown(actor, yield* side.lookup(key, 0))
      found.push(`${value} ${yield* side.delete(key)}`)
    }
    return `${keys} ${found.join()}`
  }
  for (const key of keys) {
    const value = row.beyond?.includes('lookup') ? '' : shown(actor, yield* side.lookup(key, 0))
    found.push(`${hex(key)}: ${value} ${row.waits ? '' : yield* side.delete(key)}`)
  }
  return sorted(exercise, found)
}

/** Runs what makes no call that waits. */
export function finish(call: Generator<Promise<number>, unknown, number>): void {
  if (!call.next().done) throw new Error('a call waits')
}
