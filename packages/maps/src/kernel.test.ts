import { readFileSync } from 'node:fs'
import { isKernelAvailable, type Kernel, type KernelMap, openKernel } from '@skep/linux'
import { type MapSpec, programLayout } from '@skep/registry'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Row, rows, sequences } from '../test/operations.ts'
import { type Actor, contents, ours, outcome, perform, type Referred, theirs } from '../test/sides.ts'
import { createWorld, type World } from '../test/world.ts'
import { builtinMapTypes } from './map-types.ts'

const available = await isKernelAvailable()
const name = available.ok ? 'as the kernel' : `as the kernel (skipped: ${available.reason})`
const asked = process.env['SKEP_RUNS'] ?? (process.env['CI'] ? '2000' : undefined)
/** Sequences a type, of 20 operations in the mean: SKEP_RUNS says how many, 2,000 where CI is set. */
const RUNS = Number(asked ?? 200)
const SEED = Number(process.env['SKEP_SEED'] ?? 42)
const runsOf = (row: Row): number => (row.slow && asked === undefined ? RUNS / 10 : RUNS)

const typeOf = (type: string) => builtinMapTypes.find((t) => t.name === type)!

const kernelId = (map: KernelMap): number =>
  Number(/map_id:\t(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${map.fd}`, 'utf8'))![1])

const plain = { keySize: 4, valueSize: 8, maxEntries: 4 }
const template = { type: 'array', ...plain }
/** Inner maps: the first three are as the template, the others differ in one thing each. */
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
/** r0 = 0; exit */
const smallest = Uint8Array.of(0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0)
/** The first one in a program array says which others may join it. */
const programTypes = ['xdp', 'xdp', 'socket_filter', 'xdp', 'sched_cls']

/** Objects of both sides that values refer to. */
interface Objects {
  readonly mine: Referred
  readonly its: Referred
  close(): void
}

function makeMaps(kernel: Kernel, world: World): Objects {
  const its = candidates.map((spec) => kernel.createMap({ name: 'i', ...spec }))
  const mine = candidates.map(({ type, ...spec }) => world.create(typeOf(type), spec))
  return {
    mine: { given: mine.map((m) => m.address), ids: mine.map((m) => m.id) },
    its: { given: its.map((m) => m.fd), ids: its.map(kernelId) },
    close: () => {
      for (const map of [...its, ...mine]) map.close()
    },
  }
}

function makePrograms(kernel: Kernel, { arena }: World): Objects {
  const its = programTypes.map((type) => {
    const program = kernel.loadProgram({ type, insns: smallest })
    if (!program.ok) throw new Error(`${type}: ${program.errno}`)
    return program
  })
  const records = programTypes.map((type, n) => {
    const record = arena.alloc(programLayout.PROG_RECORD_SIZE)
    arena.view.setUint32(record + programLayout.PROG_ID, n + 1, true)
    arena.view.setUint32(record + programLayout.PROG_TYPE, programTypes.indexOf(type), true)
    return record
  })
  return {
    mine: { given: records, ids: programTypes.map((_, n) => n + 1) },
    its: { given: its.map((p) => p.fd), ids: its.map((p) => p.info().id) },
    close: () => {
      for (const program of its) program.close()
      for (const record of records) arena.free(record)
    },
  }
}

const nothing: Objects = { mine: { given: [], ids: [] }, its: { given: [], ids: [] }, close: () => {} }
const makers: Readonly<Record<NonNullable<Row['refers']>, typeof makeMaps>> = {
  map: makeMaps,
  program: makePrograms,
}

describe.skipIf(!available.ok)(name, () => {
  let kernel: Kernel
  let world: World
  beforeAll(async () => {
    kernel = await openKernel()
    world = createWorld({ cpus: kernel.possibleCpus })
  })
  afterAll(() => kernel.close())

  it.each(rows.map((row) => [row.type, row] as const))('%s', { timeout: 120_000 }, (_, row) => {
    const def = typeOf(row.type)
    const objects = row.refers ? makers[row.refers](kernel, world) : nothing
    const inner = row.refers === 'map' ? { inner: { name: 'i', ...template } } : {}
    const innerMap = row.refers === 'map' ? kernel.createMap({ name: 'i', ...template }) : undefined
    fc.assert(
      fc.property(sequences(row, 40), ([exercise, steps]) => {
        const { spec } = exercise
        using map = world.create(def, { ...spec, ...inner })
        using reference = kernel.createMap({
          type: def.id,
          name: 'm',
          ...spec,
          ...(innerMap ? { innerMap } : {}),
        })
        const bytes = map.hostValueSize
        const mine: Actor = { side: ours(map, objects.mine), exercise, bytes }
        const its: Actor = { side: theirs(reference, objects.its), exercise, bytes }
        for (const step of steps)
          expect(perform(mine, step), JSON.stringify([spec, step])).toEqual(perform(its, step))
        expect(contents(mine), JSON.stringify(spec)).toEqual(contents(its))
      }),
      { numRuns: runsOf(row), seed: SEED },
    )
    innerMap?.close()
    objects.close()
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
