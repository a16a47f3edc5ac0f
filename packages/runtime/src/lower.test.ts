import { createHelpersPlugin } from '@skep/helpers'
import { assemble } from '@skep/isa'
import { describe, expect, it } from 'vitest'
import {
  arg,
  type CollectionSpec,
  createRuntime,
  defineHelper,
  definePlugin,
  type Runtime,
  ret,
} from './index.ts'

const engines = ['jit', 'interpreter'] as const

function xdp(text: string): CollectionSpec {
  const program = { name: 'p', section: 'xdp', type: 'xdp', license: 'GPL', insns: assemble(text) }
  return {
    programs: [{ ...program, references: [], functions: [], lines: [] }],
    maps: [],
    variables: [],
    license: 'GPL',
    notes: [],
  }
}

const data = Uint8Array.from({ length: 70 }, (_, n) => n)

async function retval(runtime: Runtime, text: string): Promise<number> {
  const collection = await runtime.load(xdp(text))
  const { retval } = collection.program('p', 'xdp').testRun({ data })
  collection.close()
  runtime.close()
  return retval
}

describe("a plugin's helper with an expression", () => {
  const text = 'r1 = 0x0102030405060708 ll\nr2 = 8\ncall 0x10001\nr1 = r0\nr1 >>= 32\nr0 += r1\nexit'

  it.each(engines)(
    'gives the same on %s; only an engine that compiles leaves the call out',
    async (engine) => {
      let calls = 0
      const plugin = definePlugin({
        name: 'acme',
        helpers: [
          defineHelper({
            name: 'acme_mix',
            id: 0x1_0001,
            args: [arg.u64(), arg.u32()],
            returns: ret.u64(),
            programTypes: ['xdp'],
            call: (value, by) => {
              calls++
              return BigInt.asUintN(64, ((value << BigInt(by)) | (value >> BigInt(64 - by))) ^ value)
            },
            lower: ['i64.xor', ['i64.rotl', ['arg', 0], ['arg', 1]], ['arg', 0]],
          }),
        ],
      })
      // 0x0203040506070801 ^ 0x0102030405060708 is 0x0301070103010f09.
      expect(await retval(await createRuntime({ plugins: [plugin], engine }), text)).toBe(
        0x0301_0f09 + 0x0301_0701,
      )
      expect(calls).toBe(engine === 'jit' ? 0 : 1)
    },
  )
})

describe('helpers that are inlined do what they do when they are called', () => {
  const texts: Readonly<Record<string, string>> = {
    bpf_get_prandom_u32: `call 7
      r6 = r0
      call 7
      r6 *= 31
      r6 += r0
      r0 = r6
      exit`,
    bpf_get_smp_processor_id: 'call 8\nr0 += 5\nexit',
    bpf_get_numa_node_id: 'call 42\nr0 += 5\nexit',
    bpf_xdp_get_buff_len: 'r6 = r1\ncall 188\nr7 = r0\nr1 = r6\ncall 188\nr0 += r7\nexit',
    bpf_ktime_get_ns: 'call 5\nr6 = r0\ncall 125\nr0 -= r6\nexit',
  }
  it.each(Object.entries(texts))('%s', async (_, text) => {
    const results = []
    for (const engine of engines) results.push(await retval(await createRuntime({ engine, seed: 99n }), text))
    expect(results[0]).toBe(results[1])
    expect(results[0]).not.toBe(0)
  })

  it('unless the host has an implementation of its own', async () => {
    const own = createHelpersPlugin({ bpf_get_smp_processor_id: { call: () => 3 } })
    const helper = own.helpers!.find(({ name }) => name === 'bpf_get_smp_processor_id')!
    expect([helper.lower, typeof helper.call]).toEqual([undefined, 'function'])
  })
})
