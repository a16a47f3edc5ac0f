import { existsSync, readFileSync } from 'node:fs'
import { control } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { createRuntime, type HelperProviders, type ProgramSpec } from '../src/index.ts'
import { engines, failure, program, spec } from './hostile-tools.ts'
import { kfuncProgram } from './kfunc-program.ts'

// Helpers that ask the host: with its answer they run, without they are refused by name.

const VMLINUX = '/sys/kernel/btf/vmlinux'
const kernelBtf = existsSync(VMLINUX) ? readFileSync(VMLINUX) : undefined

const of = (type: string, text: string, more: Partial<ProgramSpec> = {}): ProgramSpec =>
  program(text, { type, section: type, ...more })

const providers: HelperProviders = {
  cgroups: {
    current: () => [1n, 20n, 0x3_0000_0003n],
    ofPacket: () => [1n, 7n],
    ofSocket: () => [1n, 8n, 9n],
    classOfPacket: () => 0x1_0002,
  },
  socketIdentity: { cookie: () => 0x1234_5678_9abcn, uid: () => 1000 },
  pidNamespace: () => ({ dev: 4n, ino: 0xf000_0000n, pid: 12, tgid: 11 }),
  tracing: {
    functionAddress: () => 0xffff_8000_0000_1000n,
    arguments: () => [5n, 6n, -1n],
    returned: () => 99n,
  },
}

const info = `r1 = 4
r2 = 0xf0000000 ll
r3 = r10\nr3 += -8\nr4 = 8
call 120
r0 = *(u32 *)(r10 - 8)\nr1 = *(u32 *)(r10 - 4)\nr0 *= 1000\nr0 += r1\nexit`

const cases: readonly (readonly [
  helper: string,
  provider: string,
  type: string,
  text: string,
  result: bigint,
])[] = [
  ['bpf_get_current_cgroup_id', 'cgroups', 'xdp', 'call 80\nexit', 3n],
  ['bpf_get_current_ancestor_cgroup_id', 'cgroups', 'xdp', 'r1 = 1\ncall 123\nexit', 20n],
  ['bpf_get_current_ancestor_cgroup_id', 'cgroups', 'xdp', 'r1 = 3\ncall 123\nexit', 0n],
  ['bpf_get_current_ancestor_cgroup_id', 'cgroups', 'xdp', 'r1 = -1\ncall 123\nexit', 0n],
  ['bpf_skb_cgroup_id', 'cgroups', 'sched_cls', 'call 79\nexit', 7n],
  ['bpf_skb_ancestor_cgroup_id', 'cgroups', 'sched_cls', 'r2 = 0\ncall 83\nexit', 1n],
  ['bpf_skb_cgroup_classid', 'cgroups', 'sched_cls', 'call 151\nexit', 0x1_0002n],
  ['bpf_get_socket_cookie', 'socketIdentity', 'sched_cls', 'call 46\nr0 >>= 16\nexit', 0x1234_5678n],
  ['bpf_get_socket_uid', 'socketIdentity', 'socket_filter', 'call 47\nexit', 1000n],
  ['bpf_get_ns_current_pid_tgid', 'pidNamespace', 'xdp', info, 12011n],
]

describe.each(engines)('helpers that ask the host on %s', (engine) => {
  it.each(cases)('%s with %s, %s', async (helper, provider, type, text, result) => {
    using runtime = await createRuntime({ engine, providers })
    const loaded = await runtime.load(spec([of(type, text)]))
    const { retval } = loaded.program('p', type).testRun({ data: new Uint8Array(64) })
    expect(BigInt(retval)).toBe(result)
    using poor = await createRuntime({ engine })
    expect(await failure(poor.load(spec([of(type, text)])))).toMatchObject({
      code: 'ABSENT',
      message: expect.stringMatching(
        new RegExp(`${helper}.*createRuntime\\(\\{ providers: \\{ ${provider} \\} \\}\\)`),
      ),
    })
  })

  it('bpf_get_func_ip', async () => {
    using runtime = await createRuntime({ engine, providers })
    const loaded = await runtime.load(spec([of('kprobe', 'call 173\nr0 >>= 4\nexit')]))
    const run = loaded.program('p')
    const { arena } = runtime
    const block = arena.alloc(control.RUN_HEADER_SIZE + 168)
    expect(run.run(block + control.RUN_HEADER_SIZE)).toBe(0x100)
    arena.free(block)
  })

  it.skipIf(!kernelBtf)('bpf_get_func_arg, bpf_get_func_ret and bpf_get_func_arg_cnt', async () => {
    using runtime = await createRuntime({ engine, providers, kernelBtf: kernelBtf! })
    const { arena } = runtime
    const block = arena.alloc(control.RUN_HEADER_SIZE + 64)
    const map = { name: 'm0', type: 'array', keySize: 4, valueSize: 8, maxEntries: 1 }
    // Such programs return 0: the result goes into the map.
    const ask = async (attachType: string, text: string): Promise<number> => {
      const attach = { type: 'tracing', section: 'fentry', attachType, attachTo: 'bpf_fentry_test2' }
      const keeps = `r6 = r0\nr1 = map 0\n*(u32 *)(r10 - 16) = 0\nr2 = r10\nr2 += -16\ncall 1
if r0 == 0 goto out\n*(u64 *)(r0 + 0) = r6\nout:\nr0 = 0\nexit`
      using loaded = await runtime.load(spec([kfuncProgram(`${text}\n${keeps}`, attach)], [map]))
      loaded.program('p').run(block + control.RUN_HEADER_SIZE)
      const value = loaded.map('m0').lookup(new Uint8Array(4))!
      return Number(new DataView(value.buffer).getBigInt64(0, true))
    }
    const argument = (n: number): string =>
      `r2 = ${n}\nr3 = r10\nr3 += -8\n*(u64 *)(r10 - 8) = 77\ncall 183\nr1 = *(u64 *)(r10 - 8)\nr0 *= 1000\nr0 += r1`
    expect(await ask('trace_fentry', 'call 185')).toBe(3)
    expect(await ask('trace_fentry', argument(1))).toBe(6)
    expect(await ask('trace_fentry', argument(2))).toBe(-1)
    expect(await ask('trace_fentry', argument(3))).toBe(-22_000 + 77)
    const returned = 'r2 = r10\nr2 += -8\ncall 184\nr1 = *(u64 *)(r10 - 8)\nr0 += r1'
    expect(await ask('trace_fexit', returned)).toBe(99)
    arena.free(block)
  })

  it('bpf_get_attach_cookie', async () => {
    using runtime = await createRuntime({ engine })
    const loaded = await runtime.load(
      spec([of('raw_tracepoint', 'call 174\nr1 = r0\nr1 >>= 32\nr0 += r1\nexit')]),
    )
    const run = loaded.program('p', 'raw_tracepoint')
    const data = new Uint8Array(0)
    expect(run.testRun({ data, cookie: 0x5_0000_0002n }).retval).toBe(7)
    expect(run.testRun({ data }).retval).toBe(0)
  })

  it('bpf_get_retval and bpf_set_retval', async () => {
    using runtime = await createRuntime({ engine })
    const text =
      'call 186\nr6 = r0\nr1 = -13\ncall 187\ncall 186\nif w0 != -13 goto bad\nif w6 != -5 goto bad\nr0 = 1\nexit\nbad:\nr0 = 0\nexit'
    const loaded = await runtime.load(spec([of('cgroup_device', text, { attachType: 'cgroup_device' })]))
    const { arena } = runtime
    const block = arena.alloc(control.RUN_HEADER_SIZE + 64)
    const context = block + control.RUN_HEADER_SIZE
    arena.view.setInt32(context + control.RUN_RETVAL, -5, true)
    expect(loaded.program('p').run(context)).toBe(1)
    expect(arena.view.getInt32(context + control.RUN_RETVAL, true)).toBe(-13)
    arena.free(block)
  })
})
