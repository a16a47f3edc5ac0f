import { buildBtf } from '@skep/btf'
import { describe, expect, it } from 'vitest'
import { type CollectionSpec, createRuntime, type MapSpec, type RuntimeOptions } from './index.ts'

const insns = (...slots: readonly (readonly [code: number, regs: number, imm: number])[]): Uint8Array => {
  const view = new DataView(new ArrayBuffer(slots.length * 8))
  for (const [i, [code, regs, imm]] of slots.entries()) {
    view.setUint8(i * 8, code)
    view.setUint8(i * 8 + 1, regs)
    view.setInt16(i * 8 + 2, code === JEQ ? 1 : 0, true)
    view.setInt32(i * 8 + 4, imm, true)
  }
  return new Uint8Array(view.buffer)
}
const MOV_K = 0xb7
const MOV_X = 0xbf
const JEQ = 0x15
const CALL = 0x85
const EXIT = [0x95, 0, 0] as const

const collection = (
  code: Uint8Array,
  type: string,
  more: object = {},
  maps: MapSpec[] = [],
): CollectionSpec => ({
  programs: [
    {
      name: 'main',
      section: '',
      type,
      license: 'GPL',
      insns: code,
      references: [],
      functions: [],
      lines: [],
      ...more,
    },
  ],
  maps,
  variables: [],
  license: 'GPL',
  notes: [],
})

async function line(spec: CollectionSpec, options: RuntimeOptions): Promise<string> {
  using runtime = await createRuntime(options)
  const [{ verdict }] = runtime.verify(spec) as [ReturnType<typeof runtime.verify>[number]]
  return verdict.verdict === 'accept' ? 'accept' : verdict.line
}

describe("the runtime's verifier", () => {
  it('knows how many CPUs there are', async () => {
    // r0 = the CPU; if it is not 0, a register that was never written is read.
    const code = insns([CALL, 0, 8], [JEQ, 0, 0], [MOV_X, 0x90, 0], EXIT)
    const spec = collection(code, 'socket_filter')
    expect(await line(spec, {})).toBe('accept')
    expect(await line(spec, { cpus: 2 })).toBe('R9 !read_ok')
  })

  it('takes the types of a kernel', async () => {
    const kernelBtf = buildBtf((b) => {
      const int = b.int('int', 4, { signed: true })
      const proto = b.funcProto(0, [
        ['', b.pointer(0)],
        ['', int],
      ])
      b.typedef('btf_trace_skep', b.pointer(proto))
    })
    const spec = collection(insns([MOV_K, 0, 0], EXIT), 'tracing', {
      attachType: 'trace_raw_tp',
      attachTo: 'skep',
    })
    expect(await line(spec, { kernelBtf })).toBe('accept')
    expect(await line(spec, {})).toContain("need the kernel's BTF, which is not given")
  })

  it('judges for a loader without CAP_PERFMON when a load says so', async () => {
    const spec = collection(insns([MOV_X, 0x10, 0], EXIT), 'socket_filter')
    using runtime = await createRuntime()
    using loaded = await runtime.load(spec)
    expect(loaded.programs.size).toBe(1)
    await expect(runtime.load(spec, { unprivileged: true })).rejects.toThrow('R0 leaks addr as return value')
  })
})

describe('maps whose size the machine decides', () => {
  const map = (type: string, more: Partial<MapSpec>): MapSpec => ({
    name: 'm',
    type,
    keySize: 0,
    valueSize: 0,
    maxEntries: 0,
    ...more,
  })

  it('are completed as libbpf does', async () => {
    using runtime = await createRuntime({ cpus: 3 })
    const made = async (spec: MapSpec): Promise<number[]> => {
      using loaded = await runtime.load(collection(insns([MOV_K, 0, 0], EXIT), 'socket_filter', {}, [spec]))
      const { keySize, valueSize, maxEntries } = loaded.map('m')
      return [keySize, valueSize, maxEntries]
    }
    expect(await made(map('perf_event_array', { keySize: 4, valueSize: 4 }))).toEqual([4, 4, 3])
    expect(await made(map('perf_event_array', { keySize: 4, valueSize: 4, maxEntries: 2 }))).toEqual([
      4, 4, 2,
    ])
    expect(await made(map('ringbuf', { maxEntries: 5000 }))).toEqual([0, 0, 8192])
    // The types of records.
    expect(await made(map('perf_event_array', { valueSize: 28, btfValue: 3 }))).toEqual([4, 4, 3])
    expect(await made(map('ringbuf', { valueSize: 28, btfValue: 3, maxEntries: 4096 }))).toEqual([0, 0, 4096])
    await expect(made(map('ringbuf', { valueSize: 28, maxEntries: 4096 }))).rejects.toThrow(
      'value_size is 28',
    )
    await expect(made(map('ringbuf', {}))).rejects.toThrow('max_entries is 0')
  })
})
