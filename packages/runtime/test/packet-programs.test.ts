import { type Kernel, openKernel } from '@skep/linux'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRuntime, type Runtime } from '../src/index.ts'
import { engines, program, spec } from './hostile-tools.ts'
import { missing } from './kfunc-calls.ts'
import { families } from './packet-steps.ts'
import { BUFFER, firstValue, outcomeOf, packetProgram, type Step, stepsThere } from './packets.ts'

// Random programs of helpers on packets: results, memory and packet are the same on both engines and in the kernel.

const RUNS = Number(process.env['SKEP_RUNS'] ?? 40)
const zero = new Uint8Array(4)

/** Runs the steps as a program. */
async function run(
  runtime: Runtime,
  type: string,
  packet: Uint8Array,
  steps: readonly Step[],
  verdict: number,
) {
  const { insns, values } = packetProgram(steps, verdict)
  const references = values.map(({ insn, offset }) => ({
    insn,
    kind: 'map_value' as const,
    map: 'm',
    offset,
  }))
  const first = firstValue(steps)
  const map = { name: 'm', type: 'array', keySize: 4, valueSize: first.length, maxEntries: 1 }
  using loaded = await runtime.load(
    spec([program('r0 = 0\nexit', { type, section: type, insns, references })], [map]),
  )
  loaded.map('m').update(zero, first)
  const { retval, data } = loaded.program('p').testRun({ data: packet })
  expect(retval).toBe(verdict)
  return outcomeOf(steps, loaded.map('m').lookup(zero)!, data!)
}

describe.skipIf(missing)('programs on packets, as the kernel', () => {
  let kernel: Kernel
  let runtimes: readonly Runtime[]
  beforeAll(async () => {
    kernel = await openKernel()
    runtimes = await Promise.all(engines.map((engine) => createRuntime({ engine })))
  })
  afterAll(() => {
    kernel?.close()
    for (const runtime of runtimes ?? []) runtime.close()
  })

  it.each(families)('$about', async ({ type, verdict, frame, steps, share = 1 }) => {
    await fc.assert(
      fc.asyncProperty(frame, steps, async (packet, list) => {
        const theirs = stepsThere(kernel, type, packet, list, verdict)
        for (const [n, runtime] of runtimes.entries())
          expect(await run(runtime, type, packet, list, verdict), engines[n]).toEqual(theirs)
      }),
      { numRuns: Math.ceil(RUNS * share) },
    )
  })

  it('all flags of tunnel keys', async () => {
    const bytes = Uint8Array.from({ length: 90 }, (_, n) => (n === 12 ? 8 : n === 13 ? 0 : n + 1))
    for (let set = 0; set < 32; set++) {
      for (const get of [set & 1, 16 | (set & 1), ~set & 1]) {
        const steps: Step[] = [
          { helper: 'bpf_skb_load_bytes_relative', args: [70_000, 'buffer', BUFFER, 0] },
          { helper: 'bpf_skb_load_bytes', args: [0, 'buffer', 22] },
          { helper: 'bpf_skb_set_tunnel_key', args: ['buffer', 44, set] },
          { helper: 'bpf_skb_get_tunnel_key', args: ['buffer', 44, get] },
        ]
        const theirs = stepsThere(kernel, 'sched_cls', bytes, steps, 0)
        for (const [n, runtime] of runtimes.entries())
          expect(await run(runtime, 'sched_cls', bytes, steps, 0), `${engines[n]} ${set} ${get}`).toEqual(
            theirs,
          )
      }
    }
  })
})
