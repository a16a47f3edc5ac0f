import { mapLayout as layout } from '@skep/registry'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Exercise, exercisesOf, keyOf, numbered, type Operation, sequences } from '../test/operations.ts'
import { type Row, rows } from '../test/rows.ts'
import { createWorld } from '../test/world.ts'
import { MapError } from './errors.ts'
import type { HostMap } from './host-map.ts'
import { builtinMapTypes } from './map-types.ts'

const hex = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString('hex')

function outcome<T>(run: () => T): T | string {
  try {
    return run()
  } catch (error) {
    if (error instanceof MapError) return error.code
    throw error
  }
}

/** A map type in a few lines of JavaScript. */
interface Model {
  lookup(key: string): string | undefined
  update(key: string, value: string, flags: number): string | undefined
  delete(key: string): boolean | string
  keys(): string[]
}

const badFlags = (flags: number): boolean => flags > 2

function arrayModel({ spec }: Exercise, bytes: number): Model {
  const values = new Map(
    Array.from({ length: spec.maxEntries }, (_, n) => [
      hex(new Uint8Array(Uint32Array.of(n).buffer))!,
      '00'.repeat(bytes),
    ]),
  )
  return {
    lookup: (key) => values.get(key),
    update: (key, value, flags) => {
      if (badFlags(flags)) return 'EINVAL'
      if (!values.has(key)) return 'E2BIG'
      if (flags === 1) return 'EEXIST'
      values.set(key, value)
      return undefined
    },
    delete: () => 'EINVAL',
    keys: () => [...values.keys()],
  }
}

function hashModel({ spec }: Exercise): Model {
  const values = new Map<string, string>()
  return {
    lookup: (key) => values.get(key),
    update: (key, value, flags) => {
      if (badFlags(flags)) return 'EINVAL'
      if (flags === 1 && values.has(key)) return 'EEXIST'
      if (flags === 2 && !values.has(key)) return 'ENOENT'
      if (!values.has(key) && values.size === spec.maxEntries) return 'E2BIG'
      values.set(key, value)
      return undefined
    },
    delete: (key) => values.delete(key),
    keys: () => [...values.keys()],
  }
}

/** A key as its prefix's bits: how a trie tells keys apart. */
function bits(key: string): string | undefined {
  const bytes = Buffer.from(key, 'hex')
  const length = bytes.readUInt32LE(0)
  const all = [...bytes.subarray(4)].map((b) => b.toString(2).padStart(8, '0')).join('')
  return length > all.length ? undefined : all.slice(0, length)
}

function trieModel({ spec }: Exercise): Model {
  const values = new Map<string, { key: string; value: string }>()
  return {
    lookup: (key) => {
      const wanted = bits(key)
      if (wanted === undefined) return undefined
      for (let n = wanted.length; n >= 0; n--) {
        const found = values.get(wanted.slice(0, n))
        if (found) return found.value
      }
      return undefined
    },
    update: (key, value, flags) => {
      const prefix = bits(key)
      if (flags > 2 || prefix === undefined) return 'EINVAL'
      if (flags === 1 && values.has(prefix)) return 'EEXIST'
      if (flags === 2 && !values.has(prefix)) return 'ENOENT'
      if (!values.has(prefix) && values.size === spec.maxEntries) return 'ENOSPC'
      values.set(prefix, { key, value })
      return undefined
    },
    delete: (key) => {
      const prefix = bits(key)
      return prefix === undefined ? 'EINVAL' : values.delete(prefix)
    },
    keys: () => [...values.values()].map((v) => v.key),
  }
}

/** By the end of a type's name; values that refer to something else are for the kernel to settle. */
function modelOf({ type, refers, value }: Row): ((exercise: Exercise, bytes: number) => Model) | undefined {
  if (refers || value || /^(perf_event|.*_of_).*/.test(type)) return undefined
  if (type.endsWith('array')) return arrayModel
  if (type.endsWith('hash')) return hashModel
  return type === 'lpm_trie' ? trieModel : undefined
}

/** What a model knows nothing of. */
const UNMODELLED = new Set<string>(['updateBatch', 'deleteBatch', 'lookupAndDeleteBatch', 'freeze'])
const ACCESS = layout.BPF_F_RDONLY | layout.BPF_F_WRONLY

function compare(
  map: HostMap,
  model: Model,
  exercise: Exercise,
  { op, key: n, value, flags }: Operation,
): void {
  const key = keyOf(exercise, n)
  const text = hex(key)!
  switch (op) {
    case 'update': {
      const bytes = numbered(map.hostValueSize, value)
      expect(outcome(() => map.update(key, bytes, flags))).toBe(model.update(text, hex(bytes)!, flags))
      break
    }
    case 'delete':
      expect(outcome(() => map.delete(key))).toBe(model.delete(text))
      break
    case 'keys':
      expect([...map.keys()].map((k) => hex(k)).sort()).toEqual(model.keys().sort())
      break
    default:
      expect(hex(map.lookup(key))).toBe(model.lookup(text))
  }
}

describe.each([
  ['unshared', false],
  ['shared', true],
] as const)('maps against a model, %s memory', (_, shared) => {
  const world = createWorld({ cpus: 2, shared })
  const modelled = rows.filter((row) => modelOf(row) && !row.typed && !row.longest)

  it.each(modelled.map((row) => [row.type, row] as const))('%s', (_, row) => {
    const def = builtinMapTypes.find((t) => t.name === row.type)!
    const before = world.arena.count
    const exercises = exercisesOf(row, 60, 42).filter(({ spec }) => (spec.flags & ACCESS) === 0)
    fc.assert(
      fc.property(sequences(exercises, 60), ([which, steps]) => {
        const exercise = exercises[which]!
        using map = world.create(def, exercise.spec)
        const model = modelOf(row)!(exercise, map.hostValueSize)
        for (const step of steps) if (!UNMODELLED.has(step.op)) compare(map, model, exercise, step)
        const entries = [...map.entries()].map(([k, v]) => [hex(k)!, hex(v)!])
        expect(entries.sort()).toEqual(
          model
            .keys()
            .map((k) => [k, model.lookup(k)!])
            .sort(),
        )
        if (!row.type.endsWith('array')) expect(map.size).toBe(model.keys().length)
      }),
      { numRuns: 100 },
    )
    expect(world.arena.count).toBe(before)
    expect(world.arena.exports.check()).toBe(0)
  })

  it('queue and stack keep their order, and let go of the oldest with BPF_EXIST', () => {
    for (const [name, next] of [
      ['queue', 'shift'],
      ['stack', 'pop'],
    ] as const) {
      const def = builtinMapTypes.find((t) => t.name === name)!
      fc.assert(
        fc.property(fc.array(fc.constantFrom('push', 'force', 'pop', 'peek'), { maxLength: 60 }), (steps) => {
          using map = world.create(def, { keySize: 0, valueSize: 4, maxEntries: 3 })
          const model: number[] = []
          steps.forEach((step, n) => {
            const value = new Uint8Array(Uint32Array.of(n).buffer)
            if (step === 'push' || step === 'force') {
              const expected = model.length === 3 && step === 'push' ? 'E2BIG' : undefined
              expect(outcome(() => map.push(value, step === 'force' ? 2 : 0))).toBe(expected)
              if (expected) return
              if (model.length === 3) model.shift()
              model.push(n)
            } else {
              const got = step === 'pop' ? map.pop() : map.peek()
              const wanted = step === 'pop' ? model[next]() : name === 'queue' ? model[0] : model.at(-1)
              expect(got && new DataView(got.buffer).getUint32(0, true)).toBe(wanted)
            }
            expect(map.size).toBe(model.length)
          })
        }),
        { numRuns: 60 },
      )
    }
  })

  it('a bloom filter never denies what was pushed, and denies most of what was not', () => {
    const def = builtinMapTypes.find((t) => t.name === 'bloom_filter')!
    for (const valueSize of [4, 8, 13]) {
      for (const mapExtra of [0, 1, 15]) {
        using map = world.create(def, { keySize: 0, valueSize, maxEntries: 1000, mapExtra })
        const value = (n: number): Uint8Array => {
          const bytes = new Uint8Array(valueSize)
          new DataView(bytes.buffer).setUint32(0, n, true)
          return bytes
        }
        for (let n = 0; n < 1000; n++) map.push(value(n))
        for (let n = 0; n < 1000; n++) expect(map.includes(value(n))).toBe(true)
        let wrong = 0
        for (let n = 1000; n < 3000; n++) if (map.includes(value(n))) wrong++
        // One hash function leaves half the bits set, five leave 3 % of false answers.
        expect(wrong).toBeLessThan(mapExtra === 1 ? 1200 : 140)
      }
    }
  })
})
