import { readFileSync } from 'node:fs'
import { type Kernel, loadCollection, openKernel } from '@skep/linux'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDefaultPlatform, createRuntime, parseObject, setGlobals } from '../src/index.ts'
import { engines, spec } from './hostile-tools.ts'
import { missing, runHere, runThere } from './kfunc-calls.ts'
import { kfuncProgram } from './kfunc-program.ts'

// bpf_throw: the run is over, and returns the cookie.

const cases: readonly (readonly [string, string])[] = [
  ['in the main program', 'r1 = 7\nkcall bpf_throw\nr0 = 1\nexit'],
  [
    'on one of two paths',
    'r2 = *(u32 *)(r1 + 4)\nr3 = *(u32 *)(r1 + 0)\nr2 -= r3\nr0 = 2\nif r2 > 100 goto out\nr1 = r2\nkcall bpf_throw\nout:\nexit',
  ],
  ['in a subprogram', 'call sub\nr0 = 3\nexit\nsub:\nr1 = 0x123456789 ll\nkcall bpf_throw\nexit'],
  [
    'two calls deep, with work before',
    'r6 = 5\nr1 = r6\ncall first\nr0 += r6\nexit\nfirst:\n*(u64 *)(r10 - 8) = r1\ncall second\nr1 = *(u64 *)(r10 - 8)\nr0 += r1\nexit\nsecond:\nr1 += 90\nkcall bpf_throw\nexit',
  ],
]

/** Programs of the verifier's: what bpf_throw throws goes through the function that they name. */
const object = parseObject(
  new Uint8Array(readFileSync(new URL('../../verifier/testdata/kfuncs/exceptions.o', import.meta.url))),
  createDefaultPlatform(),
)
const handled = [
  'throws_in_global',
  'handled',
  'handled_never_thrown',
  'handled_in_range',
  'handled_by_caller',
  'handled_throws_in_subprog',
]
const globals = { sum: 29n }
const data = new Uint8Array(64)

describe.skipIf(missing)('bpf_throw, as in the kernel', () => {
  let kernel: Kernel
  beforeAll(async () => {
    kernel = await openKernel()
  })
  afterAll(() => kernel.close())

  it.each(cases)('%s', async (_, text) => {
    const theirs = runThere(kernel, text, {})
    for (const engine of engines) expect(await runHere(text, {}, { engine }), engine).toEqual(theirs)
  })

  it.each(handled)('%s', async (name) => {
    const spec = setGlobals(object, globals)
    using loaded = loadCollection(kernel, { ...spec, programs: spec.programs.filter((p) => p.name === name) })
    const theirs = loaded.programs.get(name)!
    if (!theirs.ok) throw new Error(theirs.log)
    const { retval } = theirs.testRun({ dataIn: data })
    for (const engine of engines) {
      using runtime = await createRuntime({ engine })
      const collection = await runtime.load(object, { programs: [name], globals })
      expect(collection.program(name).testRun({ data }).retval, engine).toBe(retval)
    }
  })
})

describe.each(engines)('bpf_throw on %s', (engine) => {
  it.each(cases)('%s', async (name, text) => {
    const expected = [7, 64, 0x23456789, 95][cases.findIndex(([other]) => other === name)]
    expect((await runHere(text, {}, { engine })).retval).toBe(expected)
  })

  it('asks the exception callback', async () => {
    using runtime = await createRuntime({ engine })
    const loaded = await runtime.load(object, { programs: handled, globals })
    const results = handled.map((name) => loaded.program(name).testRun({ data }).retval)
    expect(results).toEqual([4, 3, 0, 0, 87, 5])
  })

  it('leaves the next run as it was', async () => {
    using runtime = await createRuntime({ engine })
    const text = cases[1]![1]
    const program = (await runtime.load(spec([kfuncProgram(text)]))).program('p', 'xdp')
    const faults: unknown[] = []
    runtime.on('exception', (fault) => faults.push(fault))
    const run = (length: number): number => program.testRun({ data: new Uint8Array(length) }).retval
    expect([64, 200, 70, 200].map(run)).toEqual([64, 2, 70, 2])
    expect(faults).toEqual([])
  })
})
