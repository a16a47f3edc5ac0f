import { readFileSync } from 'node:fs'
import { isKernelAvailable, type Kernel, KernelError, type KernelMap, openKernel } from '@skep/linux'
import type { MapSpec } from '@skep/registry'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type Exercise,
  exercises,
  isOrdered,
  keyOf,
  label,
  numbered,
  type Operation,
  operations,
  plainKey,
} from '../test/operations.ts'
import { createWorld, type World } from '../test/world.ts'
import { MapError } from './errors.ts'
import type { HostMap } from './host-map.ts'
import { builtinMapTypes } from './map-types.ts'

const available = await isKernelAvailable()
const name = available.ok ? 'as the kernel' : `as the kernel (skipped: ${available.reason})`
/** Sequences a type; SKEP_RUNS raises it. */
const RUNS = Number(process.env['SKEP_RUNS'] ?? 100)

const typeOf = (type: string) => builtinMapTypes.find((t) => t.name === type)!
const hex = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString('hex')

const kernelId = (map: KernelMap): number =>
  Number(/map_id:\t(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${map.fd}`, 'utf8'))![1])

/** A result, or the errno. */
function outcome<T>(run: () => T): T | string {
  try {
    return run()
  } catch (error) {
    if (error instanceof MapError) return error.code
    if (error instanceof KernelError) return error.errno
    throw error
  }
}

/** Walks by get_next_key, as far as a map has elements. */
function walk(next: (key?: Uint8Array) => Uint8Array | undefined, limit: number): string[] {
  const keys: string[] = []
  for (let key = next(); key && keys.length <= limit; key = next(key)) keys.push(hex(key)!)
  return keys
}

interface Side {
  lookup(key: Uint8Array): Uint8Array | undefined
  update(key: Uint8Array, value: Uint8Array, flags: number): void
  delete(key: Uint8Array): boolean
  lookupAndDelete(key: Uint8Array): Uint8Array | undefined
  next(key?: Uint8Array): Uint8Array | undefined
}

const ours = (map: HostMap): Side => ({
  lookup: (key) => map.lookup(key),
  update: (key, value, flags) => map.update(key, value, flags),
  delete: (key) => map.delete(key),
  lookupAndDelete: (key) => map.lookupAndDelete(key),
  next: (key) => map.nextKey(key),
})

const theirs = (map: KernelMap): Side => ({
  lookup: (key) => map.lookup(key),
  update: (key, value, flags) => map.update(key, value, flags),
  delete: (key) => map.delete(key),
  lookupAndDelete: (key) => map.lookupAndDelete(key),
  next: (key) => map.getNextKey(key),
})

/** What an operation gives; orders are compared only where they are promised. */
function perform(
  side: Side,
  exercise: Exercise,
  bytes: number,
  { op, key: n, value, flags }: Operation,
): unknown {
  const key = keyOf(exercise, n)
  const ordered = isOrdered(exercise.type)
  switch (op) {
    case 'lookup':
      return outcome(() => hex(side.lookup(key)))
    case 'lookupAndDelete':
      return outcome(() => hex(side.lookupAndDelete(key)))
    case 'update':
      return outcome(() => side.update(key, exercise.value?.(value) ?? numbered(bytes, value), flags))
    case 'delete':
      return outcome(() => side.delete(key))
    case 'next':
      // Where a present key stands in the order is the map's own business.
      return outcome(() => (ordered ? hex(side.next(key)) : side.lookup(key) ? '' : typeof side.next(key)))
    case 'first':
      return outcome(() => (ordered ? hex(side.next()) : typeof side.next()))
    case 'keys':
      return outcome(() => {
        const keys = walk((k) => side.next(k), exercise.spec.maxEntries)
        return ordered ? keys : keys.sort()
      })
  }
}

describe.skipIf(!available.ok)(name, () => {
  let kernel: Kernel
  let world: World
  beforeAll(async () => {
    kernel = await openKernel()
    world = createWorld({ cpus: kernel.possibleCpus })
  })
  afterAll(() => kernel.close())

  it.each(exercises.map((e) => [label(e), e] as const))('%s', (_, exercise) => {
    const def = typeOf(exercise.type)
    fc.assert(
      fc.property(operations(exercise, 40), (steps) => {
        const { spec } = exercise
        using map = world.create(def, { flags: 0, ...spec })
        const reference = kernel.createMap({ type: def.id, name: 'm', ...spec })
        try {
          const [a, b] = [ours(map), theirs(reference)]
          for (const step of steps) {
            const [mine, its] = [a, b].map((side) => perform(side, exercise, map.hostValueSize, step))
            expect(mine, JSON.stringify(step)).toEqual(its)
          }
        } finally {
          reference.close()
        }
      }),
      { numRuns: RUNS },
    )
  })

  it.each(['array_of_maps', 'hash_of_maps'])('%s', (type) => {
    const plain = { keySize: 4, valueSize: 8, maxEntries: 4 }
    const template = { type: 'array', ...plain }
    // The first three are as the template; the others differ in one thing each.
    const candidates = [
      template,
      template,
      template,
      { ...template, maxEntries: 5 },
      { ...template, valueSize: 4 },
      { ...template, flags: 0x400 },
      { ...template, type: 'percpu_array' },
      { ...template, type: 'hash' },
    ]
    const its = candidates.map((spec) => kernel.createMap({ name: 'i', ...spec }))
    const mine = candidates.map(({ type: inner, ...spec }) => world.create(typeOf(inner), spec))
    const spec = { keySize: 4, valueSize: 4, maxEntries: 4 }
    const step = fc.record({
      op: fc.constantFrom('update', 'update', 'update', 'lookup', 'delete', 'keys', 'lookupAndDelete'),
      key: fc.nat(5),
      value: fc.oneof(fc.nat(2), fc.nat(candidates.length)),
      flags: fc.constantFrom(0, 0, 0, 1, 2, 3, 4),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        using map = world.create(typeOf(type), { ...spec, inner: { name: 'i', ...template } })
        const reference = kernel.createMap({ type, name: 'm', ...spec, innerMap: its[0]! })
        const ids = [mine.map((m) => m.id), its.map((m) => kernelId(m))]
        const values = [mine.map((m) => m.address), its.map((m) => m.fd)]
        try {
          for (const { op, key: n, value, flags } of steps) {
            const key = plainKey(4, n)
            const [a, b] = [ours(map), theirs(reference)].map((side, which) => {
              const which32 = new Uint32Array([values[which]![value] ?? 0x7fff_0000])
              const id = (bytes: Uint8Array | undefined): number | undefined =>
                bytes && ids[which]!.indexOf(new DataView(bytes.buffer).getUint32(0, true))
              if (op === 'update')
                return outcome(() => side.update(key, new Uint8Array(which32.buffer), flags))
              if (op === 'lookup') return outcome(() => id(side.lookup(key)))
              if (op === 'delete') return outcome(() => side.delete(key))
              if (op === 'lookupAndDelete') return outcome(() => hex(side.lookupAndDelete(key)))
              return walk((k) => side.next(k), 4).sort()
            })
            expect(a, JSON.stringify({ op, n, value, flags })).toEqual(b)
          }
        } finally {
          reference.close()
        }
      }),
      { numRuns: RUNS },
    )
    for (const map of [...its, ...mine]) map.close()
    expect(world.arena.exports.check()).toBe(0)
  })

  it('refuses the same specs with the same errno', () => {
    const bit = fc.integer({ min: 0, max: 19 }).map((n) => 1 << n)
    const spec = fc.record({
      id: fc.integer({ min: 1, max: 33 }),
      keySize: fc.constantFrom(0, 1, 2, 4, 4, 4, 5, 8, 8, 12, 16, 260, 261, 512, 513, 4194247, 4194248),
      valueSize: fc.constantFrom(
        0,
        1,
        4,
        4,
        4,
        8,
        8,
        8,
        12,
        32,
        1016,
        1024,
        32768,
        32769,
        65536,
        4194024,
        4194025,
      ),
      maxEntries: fc.constantFrom(0, 1, 1, 2, 5, 256, 257, 1000, 4096),
      flags: fc.oneof(
        { weight: 4, arbitrary: fc.constant(0) },
        { weight: 3, arbitrary: bit },
        { weight: 2, arbitrary: fc.tuple(bit, bit).map(([a, b]) => a | b) },
      ),
      mapExtra: fc.constantFrom(0, 0, 0, 1, 15, 16, 4096),
      inner: fc.boolean(),
    })
    const inner = kernel.createMap({ type: 'array', keySize: 4, valueSize: 4, maxEntries: 1 })
    const innerSpec: MapSpec = { name: 'i', type: 'array', keySize: 4, valueSize: 4, maxEntries: 1 }
    fc.assert(
      fc.property(spec, ({ id, inner: withInner, ...rest }) => {
        // Large values times many entries are memory, not rules.
        fc.pre(rest.valueSize * rest.maxEntries < 1 << 24 && rest.keySize * rest.maxEntries < 1 << 24)
        // Tokens and file descriptors in other attributes, which a spec does not have.
        fc.pre((rest.flags & 0x1c000) === 0)
        const def = builtinMapTypes.find((t) => t.id === id)!
        const mine = def.check({
          name: 'm',
          type: def.name,
          ...rest,
          ...(withInner ? { inner: innerSpec } : {}),
        })
        const its = outcome(() => {
          kernel
            .createMap({ type: id, name: 'm', ...rest, ...(withInner ? { innerMap: inner } : {}) })
            .close()
          return undefined
        })
        expect(mine?.errno, `${def.name}: ${mine?.reason}`).toBe(its)
      }),
      { numRuns: RUNS * 100 },
    )
    inner.close()
  })
})
