import { readFileSync } from 'node:fs'
import { isKernelAvailable, loadCollection, openKernel } from '@skep/linux'
import { openArenaWindow } from '@skep/maps'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createDefaultPlatform, createRuntime, parseObject } from '../src/index.ts'
import { engines } from './hostile-tools.ts'

// Pages of arenas: what a program does with them, here on both engines and in the kernel; and pointers that it shares with
// the host.

const RUNS = Number(process.env['SKEP_RUNS'] ?? 60)
const platform = createDefaultPlatform()
const read = (name: string) =>
  parseObject(readFileSync(new URL(`../testdata/${name}.o`, import.meta.url)), platform)
const pages = read('arena_pages')
const list = read('arena_list')
const available = await isKernelAvailable()
const PAGE = 4096
const MOST = 32
const zero = new Uint8Array(4)
const RESERVE = 3

interface Step {
  readonly op: number
  readonly place: number
  readonly value: bigint
}

const page = fc.integer({ min: -1, max: 9 })
/** At, before and behind the ends of pages, and of the window. */
const place = fc
  .tuple(page, fc.constantFrom(0, 0, 8, 4088, 4092, 4095, 2048))
  .map(([n, offset]) => (n * PAGE + offset) >>> 0)
const aligned = fc.tuple(page, fc.constantFrom(0, 8, 4088)).map(([n, offset]) => (n * PAGE + offset) >>> 0)
const few = fc.constantFrom(0, 1, 1, 1, 2, 3, 8, 9).map(BigInt)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant(0), place: fc.constant(0), value: few }) },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constantFrom(1, 2, 2, RESERVE),
      // The kernel takes pages before the window for free once a program has freed them.
      place: fc.tuple(fc.nat(9), fc.constantFrom(0, 0, 0, 0, 8)).map(([n, odd]) => (n * PAGE + odd) >>> 0),
      value: few,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.integer({ min: 4, max: 7 }),
      place,
      value: fc.constantFrom(1n, 0x8182_8384_8586_8788n),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.integer({ min: 8, max: 10 }),
      place: aligned,
      value: fc.constantFrom(0n, 5n, 7n),
    }),
  },
)

const bss = pages.maps.find((m) => m.name.endsWith('.bss'))!
const at = (name: string): number => pages.variables.find((v) => v.name === name)!.offset

function globals(steps: readonly Step[]): Uint8Array {
  const bytes = new Uint8Array(bss.valueSize)
  const view = new DataView(bytes.buffer)
  view.setUint32(at('count'), steps.length, true)
  for (const [n, { op, place, value }] of steps.entries()) {
    view.setUint32(at('steps') + 16 * n, op, true)
    view.setUint32(at('steps') + 16 * n + 4, place, true)
    view.setBigUint64(at('steps') + 16 * n + 8, value, true)
  }
  return bytes
}

const results = (bytes: Uint8Array, count: number): bigint[] => {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  return Array.from({ length: count }, (_, n) => view.getBigUint64(at('results') + 8 * n, true))
}

describe.each(engines)('an arena on %s', (engine) => {
  it.skipIf(!available.ok)('gives a program the pages and the bytes that the kernel gives it', async () => {
    const kernel = await openKernel()
    using runtime = await createRuntime({ engine })
    using reference = loadCollection(kernel, pages)
    const theirs = reference.programs.get('run')!
    if (!theirs.ok) throw new Error(theirs.log)
    const here = await runtime.load(pages)
    const program = here.program('run')
    const before = runtime.arena.used
    fc.assert(
      fc.property(fc.array(step, { maxLength: MOST }), (steps) => {
        const first = globals(steps)
        here.map(bss.name).update(zero, first)
        expect(program.testRun({ data: new Uint8Array(0) }).retval).toBe(0)
        reference.maps.get(bss.name)!.update(zero, first)
        expect(theirs.testRun({}).retval).toBe(0)
        const mine = results(here.map(bss.name).lookup(zero)!, steps.length)
        const its = results(reference.maps.get(bss.name)!.lookup(zero)!, steps.length)
        expect(mine).toEqual(its)
      }),
      { numRuns: RUNS },
    )
    expect(runtime.arena.used).toBe(before)
    kernel.close()
  })

  it('shares pointers with the host', async () => {
    using runtime = await createRuntime({ engine })
    const here = await runtime.load(list)
    const window = openArenaWindow(here.map('arena'))
    expect(window.allocated).toBe(1)
    const place = (name: string): number =>
      window.address + list.variables.find((v) => v.name === name)!.offset
    expect(window.view(place('step'), 1, BigUint64Array)[0]).toBe(10n)
    expect(here.program('build').testRun({ data: new Uint8Array(0) }).retval).toBe(0)
    expect(here.program('sum').testRun({ data: new Uint8Array(0) }).retval).toBe(100)
    expect(window.allocated).toBe(2)

    const seen: bigint[] = []
    const head = window.view(place('head'), 1, BigUint64Array)
    for (let node = Number(head[0]); node !== 0; ) {
      const [next, value] = window.view(node, 2, BigUint64Array)
      seen.push(value!)
      node = Number(next)
    }
    expect(seen).toEqual([40n, 30n, 20n, 10n])

    const mine = window.alloc(1)
    window.view(mine, 2, BigUint64Array).set([head[0]!, 1000n])
    head[0] = BigInt(mine)
    expect(here.program('sum').testRun({ data: new Uint8Array(0) }).retval).toBe(1100)
    window.free(mine, 1)
    expect(here.program('sum').testRun({ data: new Uint8Array(0) }).retval).toBe(0)
  })

  it('tells the host what it may not touch', async () => {
    using runtime = await createRuntime({ engine })
    const here = await runtime.load(list)
    const window = openArenaWindow(here.map('arena'))
    const end = window.address + 4 * PAGE
    expect(() => window.view(end - 4, 8)).toThrow(/EFAULT: 8 bytes at 0x\w+ are not all in the window/)
    expect(() => window.view(window.address - 1, 1)).toThrow(/EFAULT/)
    expect(() => window.view(window.address + 4, 1, BigUint64Array)).toThrow(
      /EINVAL: 0x\w+ is no multiple of 8/,
    )
    expect(window.has(end - 1)).toBe(false)
    window.view(end - 8, 8)[0] = 7
    expect(window.has(end - 1)).toBe(true)
    window.reserve(end - 2 * PAGE, 1)
    expect(() => window.view(end - 2 * PAGE, 8)).toThrow(/EFAULT: the page of 0x\w+ is reserved/)
    expect(() => window.reserve(end - 2 * PAGE, 1)).toThrow(/EBUSY/)
    expect(() => window.reserve(end, 1)).toThrow(/EINVAL/)
    expect(() => window.alloc(2)).toThrow(/ENOMEM: 2 pages are not free in one piece/)
    expect(() => openArenaWindow(here.map('arena')).alloc(1, end)).toThrow(/ENOMEM: 1 pages are not free at/)
    here.close()
    expect(() => window.alloc(1)).toThrow(/EBADF/)
    expect(runtime.arena.exports.check()).toBe(0)
  })
})
