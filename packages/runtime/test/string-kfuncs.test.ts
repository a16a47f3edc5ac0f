import { type Kernel, openKernel } from '@skep/linux'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRuntime, type Program, type Runtime } from '../src/index.ts'
import { engines, spec } from './hostile-tools.ts'
import { missing, runThere } from './kfunc-calls.ts'
import { kfuncProgram } from './kfunc-program.ts'

// bpf_strcmp and its kin on strings in packets: the same numbers on both engines and in the kernel.

const RUNS = Number(process.env['SKEP_RUNS'] ?? 12)
const SECOND = 64
const SIZE = 128

/** Calls a function on two strings and a number of the packet's; w0 is its result. */
const call = (name: string, args: string): string => `r6 = *(u32 *)(r1 + 0)
r2 = *(u32 *)(r1 + 4)
r0 = 0
r3 = r6
r3 += ${SIZE}
if r3 > r2 goto out
r8 = *(u8 *)(r6 + ${SIZE - 1})
r7 = r6
r7 += ${SECOND}
${args}
kcall ${name}
out:
exit`
const two = 'r1 = r6\nr2 = r7'
const character = 'r1 = r6\nr2 = *(u8 *)(r7 + 0)'

const programs: Readonly<Record<string, string>> = {
  bpf_strcmp: two,
  bpf_strcasecmp: two,
  bpf_strspn: two,
  bpf_strcspn: two,
  bpf_strstr: two,
  bpf_strnstr: `${two}\nr3 = r8`,
  bpf_strlen: 'r1 = r6',
  bpf_strnlen: 'r1 = r6\nr2 = r8',
  bpf_strchr: character,
  bpf_strchrnul: character,
  bpf_strrchr: character,
  bpf_strnchr: 'r1 = r6\nr2 = r8\nr3 = *(u8 *)(r7 + 0)',
}

const letters = fc.constantFrom(0x41, 0x42, 0x61, 0x62, 0xc0, 0xe0, 0xd7, 0xf7)
const text = (maxLength: number): fc.Arbitrary<number[]> => fc.array(letters, { maxLength })

const packetOf = (first: readonly number[], second: readonly number[], count: number): Uint8Array => {
  const data = new Uint8Array(SIZE)
  data.set(first, 0)
  data.set(second, SECOND)
  data[SIZE - 1] = count
  return data
}

const inputs = fc
  .tuple(text(8), text(4), fc.integer({ min: 0, max: 10 }), fc.boolean())
  .map(([first, second, count, same]) => packetOf(first, same ? first.slice(0, 4) : second, count))

describe.skipIf(missing)('functions on strings, as the kernel', () => {
  let kernel: Kernel
  const runtimes: Runtime[] = []
  const ours: Record<string, Program[]> = {}
  beforeAll(async () => {
    kernel = await openKernel()
    for (const engine of engines) {
      const runtime = await createRuntime({ engine })
      runtimes.push(runtime)
      for (const [name, args] of Object.entries(programs)) {
        const loaded = await runtime.load(spec([kfuncProgram(call(name, args))]))
        ;(ours[name] ??= []).push(loaded.program('p', 'xdp'))
      }
    }
  })
  afterAll(() => {
    for (const runtime of runtimes) runtime.close()
    kernel.close()
  })

  it.each(Object.entries(programs))('%s', (name, args) => {
    fc.assert(
      fc.property(inputs, (data) => {
        const { retval } = runThere(kernel, call(name, args), { data })
        for (const program of ours[name]!) expect(program.testRun({ data }).retval).toBe(retval)
      }),
      { numRuns: RUNS },
    )
  })
})

describe.each(engines)('functions on strings of nobody on %s', (engine) => {
  const errno = (n: number): number => -n >>> 0
  const [ERANGE, EFAULT] = [errno(34), errno(14)]

  it.each(Object.keys(programs))('%s', async (name) => {
    using runtime = await createRuntime({ engine })
    using kernel = missing ? undefined : await openKernel()
    // A user's address, and one in the kernel's half where nothing lies.
    for (const [pointer, expected] of [
      ['0', ERANGE],
      ['4096', ERANGE],
      ['0xfffffffffffff000 ll', EFAULT],
    ] as const) {
      const source = `r1 = ${pointer}\nr2 = r1\nr3 = 5\nkcall ${name}\nexit`
      const loaded = await runtime.load(spec([kfuncProgram(source)]))
      const counted = name === 'bpf_strnchr' || name === 'bpf_strnlen'
      const data = new Uint8Array(64)
      if (!(counted && pointer === '0')) {
        expect(loaded.program('p', 'xdp').testRun({ data }).retval).toBe(expected)
      }
      if (kernel)
        expect(loaded.program('p', 'xdp').testRun({ data }).retval).toBe(
          runThere(kernel, source, { data }).retval,
        )
    }
  })
})
