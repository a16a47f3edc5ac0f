import { access, readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { createMemoryCache, createRuntime, runIterator } from '../src/index.ts'
import { engines, failure, spec } from './hostile-tools.ts'
import { kfuncProgram } from './kfunc-program.ts'

// Programs that write a text about each element, as reading an iterator's file gives it.

const kernelBtf = await access('/sys/kernel/btf/vmlinux').then(
  () => readFile('/sys/kernel/btf/vmlinux'),
  () => undefined,
)

const store = (text: string, below: number): string =>
  [...text, '\0'].map((c, n) => `*(u8 *)(r10 - ${below - n}) = ${c.charCodeAt(0)}`).join('\n')

/** Writes "N of S: yes\n", where N is the element's number, and whether there is one. */
const source = `r6 = *(u64 *)(r1 + 0)
r7 = *(u64 *)(r1 + 8)
r8 = *(u64 *)(r6 + 0)
r1 = *(u64 *)(r6 + 16)
*(u64 *)(r10 - 16) = r1
*(u64 *)(r10 - 8) = 0
if r7 == 0 goto last
*(u64 *)(r10 - 8) = 1
last:
${store('%llu: %5d|', 40)}
r1 = r8\nr2 = r10\nr2 += -40\nr3 = 11\nr4 = r10\nr4 += -16\nr5 = 16
call 126
if r0 s< 0 goto out
${store('end\n', 48)}
r1 = r8\nr2 = r10\nr2 += -48\nr3 = 4\ncall 127
out:
r0 = 0\nexit`

/** Writes 60 bytes `count` times. */
const long = (count: number): string => `r6 = *(u64 *)(r1 + 0)
r8 = *(u64 *)(r6 + 0)
${Array.from({ length: 8 }, (_, n) => `*(u64 *)(r10 - ${8 * n + 8}) = 0x61616161`).join('\n')}
r7 = ${count}
again:
r1 = r8\nr2 = r10\nr2 += -64\nr3 = 60\ncall 127
r7 += -1
if r7 != 0 goto again
r0 = 0\nexit`

const iterator = (text: string, target = 'bpf_map') =>
  kfuncProgram(text, {
    type: 'tracing',
    section: `iter/${target}`,
    attachType: 'trace_iter',
    attachTo: `bpf_iter_${target}`,
  })

describe.skipIf(!kernelBtf)('iterator programs (skipped where there is no /sys/kernel/btf/vmlinux)', () => {
  const load = async (engine: string, text: string) => {
    const runtime = await createRuntime({ engine, kernelBtf: kernelBtf! })
    const loaded = await runtime.load(spec([iterator(text)]))
    return { runtime, program: loaded.program('p') }
  }

  it.each(engines)(
    'write a text about each element and the end: bpf_seq_printf, bpf_seq_write, %s',
    async (engine) => {
      const { runtime, program } = await load(engine, source)
      const before = runtime.arena.count
      const element = [BigInt(runtime.arena.alloc(64))]
      expect(new TextDecoder().decode(runIterator(program, [element, element]))).toBe(
        '0:     1|end\n1:     1|end\n1:     0|end\n',
      )
      expect(new TextDecoder().decode(runIterator(program, []))).toBe('0:     0|end\n')
      expect(runtime.arena.count).toBe(before + 1)
      runtime.close()
    },
  )

  it.each(engines)('get more room for a text that does not fit, %s', async (engine) => {
    const { runtime, program } = await load(engine, long(200))
    expect(runIterator(program, []).length).toBe(12_000)
    runtime.close()
  })

  it('go over maps whose keys and values have what they reach into, and no others', async () => {
    const texts = {
      key: 'r1 = *(u64 *)(r1 + 16)\nif r1 == 0 goto out\nr1 = *(u32 *)(r1 + 4)\nout:\nr0 = 0\nexit',
      value: 'r1 = *(u64 *)(r1 + 24)\nif r1 == 0 goto out\n*(u64 *)(r1 + 8) = 7\nout:\nr0 = 0\nexit',
    }
    const maps = [
      { name: 'enough', type: 'hash', keySize: 8, valueSize: 16, maxEntries: 2 },
      { name: 'short_key', type: 'hash', keySize: 4, valueSize: 16, maxEntries: 2 },
      { name: 'short_value', type: 'hash', keySize: 8, valueSize: 8, maxEntries: 2 },
    ]
    const programs = Object.entries(texts).map(([name, text]) => ({
      ...iterator(text, 'bpf_map_elem'),
      name,
    }))
    const runtime = await createRuntime({ kernelBtf: kernelBtf!, cache: createMemoryCache() })
    for (let n = 0; n < 2; n++) {
      const loaded = await runtime.load(spec(programs, maps))
      const over = (program: string, map: string) => () =>
        runIterator(loaded.program(program), loaded.map(map) as never)
      const refused = expect.objectContaining({ code: 'BAD_OPTION', errno: 'EACCES' })
      for (const map of ['enough', 'short_value']) expect(over('key', map)()).toHaveLength(0)
      for (const map of ['enough', 'short_key']) expect(over('value', map)()).toHaveLength(0)
      expect(over('key', 'short_key')).toThrow(refused)
      expect(over('value', 'short_value')).toThrow(refused)
      loaded.close()
    }
    runtime.close()
  })

  it('that ask for their element again and again are told so', async () => {
    const { runtime, program } = await load('jit', 'r0 = 1\nexit')
    expect(await failure((async () => runIterator(program, []))())).toMatchObject({
      code: 'BAD_OPTION',
      message: expect.stringContaining('element 0 was not shown in 16 tries'),
    })
    runtime.close()
  })
})
