import type { MapSpec } from '@skep/registry'
import fc from 'fast-check'
import type { Row } from './rows.ts'

/** What the host does to a map, and of a hundred steps how many do it. */
const weights = {
  update: 28,
  lookup: 10,
  delete: 10,
  next: 7,
  first: 3,
  lookupAndDelete: 8,
  keys: 4,
  updateBatch: 8,
  deleteBatch: 5,
  lookupBatch: 7,
  lookupAndDeleteBatch: 5,
  strayKey: 2,
  freeze: 1,
  stack: 25,
} as const

export type Op = keyof typeof weights

/** One operation on a map by the host; keys and values by number. */
export interface Operation {
  readonly op: Op
  /** Of a batch, the first key. */
  readonly key: number
  readonly value: number
  readonly flags: number
  /** Elements of a batch. */
  readonly count: number
}

/** A map of a row's. */
export interface Exercise {
  readonly row: Row
  readonly spec: Pick<MapSpec, 'keySize' | 'valueSize' | 'maxEntries'> & {
    readonly flags: number
    readonly mapExtra: number
  }
  /** How many different keys there are. */
  readonly keys: number
}

export const keyOf = ({ row, spec }: Exercise, n: number): Uint8Array =>
  spec.keySize === 0 ? new Uint8Array(0) : (row.key?.(n, spec.keySize) ?? plainKey(spec.keySize, n))

export const plainKey = (size: number, n: number): Uint8Array => {
  const bytes = new Uint8Array(size)
  for (let i = 0; i < size; i++) bytes[i] = i < 4 ? n >>> (8 * i) : (n * (i + 3)) & 0xff
  return bytes
}

export const numbered = (size: number, n: number): Uint8Array => {
  const bytes = new Uint8Array(size)
  for (let i = 0; i < size; i++) bytes[i] = n * 31 + i * 7
  return bytes
}

/** Whether get_next_key counts up, or follows prefixes. */
export const isOrdered = (type: string): boolean =>
  /array$|^array_of_maps$|^lpm_trie$|^devmap$|^cpumap$|^xskmap$|^sockmap$|^stack_trace$/.test(type)

const pick = <T>(from: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...from)

/** The maps of a row. */
export const exercisesOf = (row: Row, maps: number, seed: number): Exercise[] =>
  fc.sample(
    fc
      .record({
        keySize: pick(row.keySizes),
        valueSize: pick(row.valueSizes),
        maxEntries: pick(row.entries),
        flags: pick(row.flags),
        mapExtra: pick(row.mapExtra ?? [0]),
      })
      .map((spec) => ({ row, spec, keys: row.keys ?? Math.min(spec.maxEntries, 20) + 3 })),
    { numRuns: maps, seed },
  )

/** Batches of keys, which some maps have not. */
const BY_KEYS: ReadonlySet<Op> = new Set(['updateBatch', 'deleteBatch'])

const opsOf = (row: Row): readonly Op[] =>
  (Object.keys(weights) as Op[])
    .filter((op) => op !== 'stack' || row.stacks)
    .filter((op) => !row.without?.includes(op) && (row.keySizes[0] !== 0 || !BY_KEYS.has(op)))
    .flatMap((op) => Array<Op>(weights[op]).fill(op))

/** Those that are there, those that are not, and one that only ends beyond 32 bits. */
const FLAGS = [0, 0, 0, 0, 0, 1, 1, 2, 2, 3, 4, 5, 6, 8, 16, 32, 2 ** 32, 2 ** 32 + 8]
const LOCK_FLAGS = [...FLAGS, 4, 4, 4, 4, 5, 5, 6, 6, 7]

/** One number is one operation: drawn at once, which is what makes thousands of sequences cheap. */
const MOST = 2 ** 31 - 1

function decoder(exercise: Exercise): (n: number) => Operation {
  const ops = opsOf(exercise.row)
  const flags = exercise.row.lock ? LOCK_FLAGS : FLAGS
  return (n) => {
    let rest = n
    const digit = (base: number): number => {
      const value = rest % base
      rest = Math.floor(rest / base)
      return value
    }
    return {
      op: ops[digit(ops.length)]!,
      key: digit(exercise.keys),
      flags: flags[digit(flags.length)]!,
      count: digit(9),
      value: rest & 0xff,
    }
  }
}

/** The number of a map of `exercises`, and what is done to it. */
export const sequences = (
  exercises: readonly Exercise[],
  size: number,
): fc.Arbitrary<readonly [map: number, steps: readonly Operation[]]> => {
  const decoders = exercises.map(decoder)
  return fc
    .tuple(
      fc.nat(exercises.length - 1),
      fc.array(fc.noBias(fc.nat(MOST)), { minLength: 1, maxLength: size, size: 'max' }),
    )
    .map(([map, numbers]) => [map, numbers.map(decoders[map]!)] as const)
}
