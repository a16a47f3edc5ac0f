import { BTF_KIND, parseBtf } from '@skep/btf'
import { kernelFunctions } from '@skep/helpers'
import { openKernel, verifyRow } from '@skep/linux'
import { describe, expect, it } from 'vitest'
import { createVerifier, specFromRow } from '../src/index.ts'
import { type Case, rowOf } from './case.ts'
import { platform } from './platform.ts'
import { kernelBtf, missing } from './reference.ts'

// Every function of the running kernel, called by programs of every kind: who may call it, and what it says of arguments.

/** A program type for each hook that the kernel registers functions for, and some that have none. */
const TYPES: readonly Partial<Case>[] = [
  { type: 'socket_filter' },
  { type: 'sched_cls' },
  { type: 'sched_act' },
  { type: 'xdp' },
  { type: 'kprobe' },
  { type: 'tracepoint' },
  { type: 'raw_tracepoint' },
  { type: 'perf_event' },
  { type: 'cgroup_skb', attach: 'cgroup_inet_ingress' },
  { type: 'cgroup_sock_addr', attach: 'cgroup_inet4_connect' },
  { type: 'sock_ops', attach: 'cgroup_sock_ops' },
  { type: 'sk_skb' },
  { type: 'sk_msg', attach: 'sk_msg_verdict' },
  { type: 'lwt_in' },
  { type: 'sk_lookup', attach: 'sk_lookup' },
  { type: 'flow_dissector', attach: 'flow_dissector' },
  { type: 'syscall', flags: 16 },
  { type: 'tracing', attach: 'trace_iter', to: 'bpf_iter_task' },
  { type: 'tracing', attach: 'trace_iter', to: 'bpf_iter_task', flags: 16 },
  { type: 'tracing', attach: 'trace_raw_tp', to: 'btf_trace_sched_switch' },
]

/** Registers before the call. */
const ARGUMENTS: readonly string[] = [
  '',
  'r1 = 0\nr2 = 0\nr3 = 0\nr4 = 0\nr5 = 0',
  'r1 = r10\nr1 += -64\nr2 = r1\nr3 = r1\nr4 = r1\nr5 = r1',
  'r2 = r10\nr2 += -64\n*(u64 *)(r10 - 64) = 0\nr3 = 8\nr4 = r10\nr4 += -32\nr5 = 8',
  'r1 = r10\nr1 += -64\nr2 = 0\nr3 = 10\nr4 = r10\nr4 += -32\nr5 = 4',
  'r1 = map ringbuf\nr2 = r1\nr3 = r1\nr4 = 1\nr5 = 1',
  'r1 = 1\nr2 = r10\nr2 += -16\nr3 = 16\nr4 = 0\nr5 = 0',
]

describe.skipIf(missing)(
  missing ? `the running kernel (skipped: ${missing})` : 'the running kernel',
  async () => {
    const raw = kernelBtf ?? new Uint8Array()

    it('has the functions of the table', () => {
      const btf = parseBtf(raw)
      const theirs: string[] = []
      for (let id = 1; id < btf.count; id++) {
        if (btf.kind(id) === BTF_KIND.DECL_TAG && btf.name(id) === 'bpf_kfunc')
          theirs.push(btf.name(btf.target(id)))
      }
      // Targets for programs that change what a function returns; no program calls them.
      const targets = ['bpf_fentry_test1', 'bpf_modify_return_test', 'bpf_modify_return_test2']
      const ours = kernelFunctions.map((f) => f.name)
      expect(theirs.filter((name) => !ours.includes(name) && !targets.includes(name))).toEqual([])
    })

    it('says the same of every call', async () => {
      const verifier = await createVerifier(platform, { kernelBtf: raw })
      using kernel = await openKernel()
      const whole = process.env.KFUNC_MATRIX === 'full'
      let at = 0
      const differences: string[] = []
      for (const { name } of kernelFunctions) {
        for (const type of TYPES) {
          for (const args of ARGUMENTS) {
            if (!whole && at++ % 41 !== 0) continue
            const test: Case = { name, asm: `${args}\nkcall ${name}\nr0 = 0\nexit`, ...type }
            const row = rowOf(test)
            const theirs = verifyRow(kernel, row, { logLevel: 1 })
            if (theirs.error) continue
            const ours = verifier.verify(specFromRow(row, platform))
            const told =
              ours.verdict === 'accept' ? 'accept' : `${ours.errno}: ${ours.line} (${ours.processed})`
            const expected =
              theirs.verdict === 'accept' ? 'accept' : `${theirs.errno}: ${theirs.line} (${theirs.processed})`
            if (told === expected) continue
            differences.push(
              `${type.type} ${type.to ?? ''} ${type.flags ?? ''} ${name} [${args.replaceAll('\n', '; ')}]\n  ours   ${told}\n  theirs ${expected}`,
            )
          }
        }
      }
      expect(differences).toEqual([])
    }, 120_000)
  },
)
