import { assemble } from '@skep/isa'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Collection, type CollectionSpec, codec, createRuntime, type Runtime } from '../src/index.ts'
import { Mate } from './workers/crew.ts'

// Two workers and this thread count in the same values: what they count adds up.

const KEYS = 40
const CONTEXTS = 2000
const ROUNDS = 10

const find = `
  r2 = r10
  r2 += -4
  r1 = 0 ll
  call 1`

/** The first word of the packet is the key of what is counted. */
const program = (count: string): string => `
  r6 = 0
  r2 = *(u32 *)(r1 + 0)
  r3 = *(u32 *)(r1 + 4)
  r4 = r2
  r4 += 4
  if r4 > r3 goto out
  r7 = *(u32 *)(r2 + 0)
  *(u32 *)(r10 - 4) = r7
  ${find}
  ${count}
  r6 = 2
out:
  r0 = r6
  exit`

const texts = {
  plain: program(`
  if r0 == 0 goto out
  r1 = *(u64 *)(r0 + 0)
  r1 += 1
  *(u64 *)(r0 + 0) = r1`),
  each: program(`
  if r0 != 0 goto there
  r1 = 0
  *(u64 *)(r10 - 16) = r1
  r2 = r10
  r2 += -4
  r3 = r10
  r3 += -16
  r4 = 1
  r1 = 0 ll
  call 2
  ${find}
  if r0 == 0 goto out
there:
  r1 = 1
  lock *(u64 *)(r0 + 0) += r1`),
}

function spec(): CollectionSpec {
  const maps = { plain: 'totals', each: 'flows' }
  const programs = Object.entries(texts).map(([name, text]) => {
    const insns = assemble(text)
    const map = maps[name as keyof typeof maps]
    const references = []
    for (let insn = 0; insn < insns.length / 8; insn++) {
      if (insns[insn * 8] !== 0x18) continue
      insns[insn * 8 + 1]! |= 0x10
      references.push({ insn, kind: 'map' as const, map })
    }
    return { name, section: 'xdp', type: 'xdp', license: 'GPL', insns, references, functions: [], lines: [] }
  })
  const sizes = { keySize: 4, valueSize: 8, maxEntries: 64 }
  return {
    programs,
    maps: [
      { name: 'totals', type: 'array', ...sizes },
      { name: 'flows', type: 'hash', ...sizes },
    ],
    variables: [],
    license: 'GPL',
    notes: [],
  }
}

/** Packets of all keys in turn, beginning with another one for each CPU. */
function batchOf(
  { arena, platform }: Runtime,
  first: number,
): { contexts: number; count: number; results: number } {
  const contexts = arena.alloc(4 * CONTEXTS)
  const made = Array.from({ length: KEYS }, (_, n) => {
    const data = new Uint8Array(64)
    data[0] = n
    return platform.programTypes.byName('xdp')!.testRun!(arena, { data }).address
  })
  for (let n = 0; n < CONTEXTS; n++) arena.u32[(contexts >> 2) + n] = made[(first + n) % KEYS]!
  return { contexts, count: CONTEXTS, results: arena.alloc(4 * CONTEXTS) }
}

describe.each(['jit', 'interpreter'])('workers that count, on %s', (engine) => {
  let runtime: Runtime
  let collection: Collection
  let both: Mate[]
  beforeAll(async () => {
    runtime = await createRuntime({ workers: 2, seed: 3n, limit: 16 << 20, engine })
    collection = await runtime.load(spec())
    both = await Promise.all([Mate.join(runtime), Mate.join(runtime)])
  })
  afterAll(async () => {
    for (const mate of both) await mate.terminate()
    runtime.close()
  })

  async function everybody(program: string): Promise<void> {
    const [here, ...there] = [0, 13, 29].map((first) => batchOf(runtime, first))
    const asked = both.map((mate, n) => mate.ask({ order: 'batch', program, ...there[n]!, rounds: ROUNDS }))
    const own = collection.program(program, 'xdp')
    for (let n = 0; n < ROUNDS; n++) own.runBatch(here!.contexts, here!.count, here!.results)
    expect(await Promise.all(asked)).toEqual([[], []])
    for (const { results } of [here!, ...there]) {
      const verdicts = runtime.arena.u32.subarray(results >> 2, (results >> 2) + CONTEXTS)
      expect([...new Set(verdicts)]).toEqual([2])
    }
  }
  const each = BigInt((3 * CONTEXTS * ROUNDS) / KEYS)

  it('lose no addition of one step to an element that any of them makes', async () => {
    await everybody('each')
    const flows = collection.map('flows', { key: codec.u32, value: codec.u64 })
    expect(flows.handle.size).toBe(KEYS)
    expect([...flows].sort(([a], [b]) => a - b)).toEqual(Array.from({ length: KEYS }, (_, n) => [n, each]))
  })

  it('are done with plain additions when a batch ends, which lose none where they are added up', async () => {
    await everybody('plain')
    const totals = collection.map('totals', { key: codec.u32, value: codec.u64 })
    const counts = Array.from({ length: KEYS }, (_, n) => totals.get(n)!)
    if (engine === 'jit') expect(counts).toEqual(counts.map(() => each))
    else expect(counts.every((count) => count > 0n && count <= each)).toBe(true)
  })
})
