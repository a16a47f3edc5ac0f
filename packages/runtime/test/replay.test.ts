import { describe, expect, it } from 'vitest'
import { createRuntime } from '../src/index.ts'
import { engines, spec } from './hostile-tools.ts'
import { kfuncProgram } from './kfunc-program.ts'

// A seed makes runs repeatable: random numbers, time and CPU are the same in every runtime that has it, on both engines.

const keep = 'r8 *= 131\nr8 += r0'
/** Every helper whose answer is another one each time, and an order of elements that hangs on random numbers. */
const text = `r8 = 0
${[7, 5, 7, 125, 160, 118, 208, 8, 42, 5, 7].map((id) => `call ${id}\n${keep}`).join('\n')}
call 7
r0 &= 31
*(u32 *)(r10 - 4) = r0
call 5
*(u64 *)(r10 - 16) = r0
r1 = map 0\nr2 = r10\nr2 += -4\nr3 = r10\nr3 += -16\nr4 = 0\ncall 2
${keep}
call 7
r0 &= 31
*(u32 *)(r10 - 4) = r0
r1 = map 0\nr2 = r10\nr2 += -4\ncall 1
if r0 == 0 goto out
r0 = *(u64 *)(r0 + 0)
${keep}
out:
r0 = r8
r0 >>= 32
r0 += r8
exit`

/** What 40 runs return, and what is in the map then, in its order. */
async function history(engine: string, seed: bigint | undefined): Promise<unknown> {
  using runtime = await createRuntime({ engine, ...(seed === undefined ? {} : { seed }) })
  const printed: unknown[] = []
  runtime.on('printk', (event) => printed.push(event))
  const map = { name: 'm0', type: 'lru_hash', keySize: 4, valueSize: 8, maxEntries: 16 }
  const loaded = await runtime.load(spec([kfuncProgram(text)], [map]))
  const program = loaded.program('p', 'xdp')
  const data = new Uint8Array(64)
  const results = Array.from({ length: 40 }, () => program.testRun({ data }).retval)
  const elements: unknown[] = []
  const live = loaded.map('m0')
  for (const [key, value] of live) elements.push([[...(key as Uint8Array)], [...(value as Uint8Array)]])
  return { results, elements, printed }
}

describe('a seed', () => {
  it('replays a run exactly, on both engines', async () => {
    const [first, second, interpreted] = [
      await history('jit', 42n),
      await history('jit', 42n),
      await history('interpreter', 42n),
    ]
    expect(second).toEqual(first)
    expect(interpreted).toEqual(first)
    expect(new Set((first as { results: number[] }).results).size).toBe(40)
  })

  it.each(engines)('of another number is another run on %s', async (engine) => {
    expect(await history(engine, 43n)).not.toEqual(await history(engine, 42n))
  })

  it('decides what a runtime without does not', async () => {
    expect(await history('jit', undefined)).not.toEqual(await history('jit', undefined))
  })
})
