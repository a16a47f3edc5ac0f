import { isKernelAvailable, type Kernel, openKernel } from '@skep/linux'
import type { MapSpec } from '@skep/registry'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Bpf, closeFd, refused } from '../test/bpf.ts'
import { lacks } from '../test/objects.ts'
import { sequences } from '../test/operations.ts'
import { follow, Pairs } from '../test/pairs.ts'
import { type Row, rows } from '../test/rows.ts'
import { finish } from '../test/sides.ts'
import { createWorld, type World } from '../test/world.ts'
import { builtinMapTypes } from './map-types.ts'

const available = await isKernelAvailable()
const name = available.ok ? 'as the kernel' : `as the kernel (skipped: ${available.reason})`
/** Sequences a type, of 12 operations in the mean. */
const RUNS = Number(process.env['SKEP_RUNS'] ?? (process.env['CI'] ? 2000 : 200))
const SEED = Number(process.env['SKEP_SEED'] ?? 42)
/** Operations of the longest sequence, unless the row says another number. */
const LONGEST = 24
/** Sequences that wait in the kernel at the same time: half as many as vitest.config.ts gives Node threads. */
const LANES = 16
/** Maps of a row, each for many sequences. */
const MAPS = 64

const label = ({ type, note }: Row): string => (note ? `${type} ${note}` : type)
/** Rows by what this machine has not for them. */
const missing = new Map(available.ok ? rows.map((row) => [row, lacks(row.refers ?? row.owners)]) : [])

describe.skipIf(!available.ok)(name, () => {
  let kernel: Kernel
  let world: World
  const { stackTraceLimit } = Error
  let unpin: () => void
  beforeAll(async () => {
    kernel = await openKernel()
    unpin = new Bpf().pin(0)
    world = createWorld({ cpus: kernel.possibleCpus })
    // Most errors here are results.
    Error.stackTraceLimit = 0
  })
  afterAll(() => {
    Error.stackTraceLimit = stackTraceLimit
    unpin()
    kernel.close()
  })

  const there = rows.filter((row) => !missing.get(row))
  const absent = rows.filter((row) => missing.get(row))
  it.skip.each(absent.map((row) => `${label(row)} (skipped: ${missing.get(row)})`))('%s', () => {})
  const quick = there.filter((row) => !row.waits)
  it.each(quick.map((row) => [label(row), row] as const))('%s', { timeout: 120_000 }, (_, row) => {
    const pairs = new Pairs(row, new Bpf(), world, { maps: MAPS, seed: SEED })
    fc.assert(
      fc.property(sequences(pairs.exercises, row.longest ?? LONGEST), ([map, steps]) =>
        finish(pairs.run(map, steps)),
      ),
      { numRuns: RUNS, seed: SEED, includeErrorInReport: true },
    )
    pairs.close()
    expect(world.arena.exports.check()).toBe(0)
  })

  const slow = there.filter((row) => row.waits)
  // Both at once: neither needs the CPU.
  it.concurrent.each(slow.map((row) => [label(row), row] as const))(
    '%s',
    { timeout: 120_000 },
    async (_, row) => {
      const lane = async (n: number): Promise<void> => {
        const pairs = new Pairs(row, new Bpf(true), world, { maps: MAPS / LANES, seed: SEED + n })
        await fc.assert(
          fc.asyncProperty(sequences(pairs.exercises, LONGEST), ([map, steps]) =>
            follow(pairs.run(map, steps)),
          ),
          { numRuns: Math.ceil(RUNS / LANES), seed: SEED + n, includeErrorInReport: true },
        )
        pairs.close()
      }
      await Promise.all(Array.from({ length: LANES }, (_, n) => lane(n)))
      expect(world.arena.exports.check()).toBe(0)
    },
  )

  it('refuses the same specs with the same errno', () => {
    const bpf = new Bpf()
    const keySizes = [0, 1, 2, 4, 4, 4, 5, 8, 8, 12, 16, 260, 261, 512, 513, 4194247, 4194248]
    const valueSizes = [
      ...[0, 1, 4, 4, 4, 8, 8, 8, 12, 32, 1016, 1024],
      ...[32768, 32769, 65536, 4194024, 4194025],
    ]
    const entries = [0, 1, 1, 2, 5, 256, 257, 1000, 4096]
    const bit = fc.nat(19).map((n) => 1 << n)
    const spec = fc.record({
      id: fc.integer({ min: 1, max: 33 }),
      keySize: fc.constantFrom(...keySizes),
      valueSize: fc.constantFrom(...valueSizes),
      maxEntries: fc.constantFrom(...entries),
      flags: fc.oneof(
        { weight: 4, arbitrary: fc.constant(0) },
        { weight: 3, arbitrary: bit },
        { weight: 2, arbitrary: fc.tuple(bit, bit).map(([a, b]) => a | b) },
      ),
      mapExtra: fc.constantFrom(0, 0, 0, 1, 15, 16, 4096),
      inner: fc.boolean(),
    })
    const innerFd = bpf.create({ id: 2, keySize: 4, valueSize: 4, maxEntries: 1 })
    const inner: MapSpec = { name: 'i', type: 'array', keySize: 4, valueSize: 4, maxEntries: 1 }
    fc.assert(
      fc.property(spec, ({ id, inner: withInner, ...rest }) => {
        // Large values times many entries are memory, not rules.
        fc.pre(rest.valueSize * rest.maxEntries < 1 << 24 && rest.keySize * rest.maxEntries < 1 << 24)
        // Tokens and file descriptors in other attributes, which a spec does not have.
        fc.pre((rest.flags & 0x1c000) === 0)
        const def = builtinMapTypes.find((t) => t.id === id)!
        const mine = def.check({ name: 'm', type: def.name, ...rest, ...(withInner ? { inner } : {}) })
        const fd = bpf.create({ id, ...rest, ...(withInner ? { innerFd } : {}) })
        if (fd >= 0) closeFd(fd)
        const its = fd >= 0 ? undefined : refused(fd).slice(1)
        if (mine?.errno !== its) expect(mine?.errno, `${def.name}: ${mine?.reason}`).toBe(its)
      }),
      { numRuns: RUNS * 30, seed: SEED },
    )
    closeFd(innerFd)
  })
})
