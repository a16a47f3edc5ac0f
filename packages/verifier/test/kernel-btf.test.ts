import { openKernel, verifyRow } from '@skep/linux'
import { describe, expect, it } from 'vitest'
import { createVerifier, specFromRow } from '../src/index.ts'
import { type Case, rowOf } from './case.ts'
import { comparable } from './comparable.ts'
import { platform } from './platform.ts'
import { kernelBtf, missing } from './reference.ts'

// Programs that need the types of a kernel, with the running one's BTF: verdict and whole log are the kernel's.

const iterator = (to: string, name: string, asm: string, more: Partial<Case> = {}): Case => ({
  name: `${to}: ${name}`,
  type: 'tracing',
  attach: 'trace_iter',
  to: `bpf_iter_${to}`,
  asm: `${asm}\nr0 = 0\nexit`,
  ...more,
})

const tracepoint = (to: string, name: string, asm: string, more: Partial<Case> = {}): Case => ({
  name: `${to}: ${name}`,
  type: 'tracing',
  attach: 'trace_raw_tp',
  to: `btf_trace_${to}`,
  asm: `${asm}\nr0 = 0\nexit`,
  ...more,
})

const checked = (arg: number, body: string): string =>
  `r2 = *(u64 *)(r1 + ${arg * 8})\nif r2 == 0 goto out\n${body}\nout:`

const cases: readonly Case[] = [
  tracepoint(
    'sched_wakeup',
    'a kernel struct as the key of a lookup',
    'r2 = *(u64 *)(r1 + 0)\nr1 = map hash\ncall bpf_map_lookup_elem#1',
    { reject: 'bpf_map_lookup_elem() may write into memory pointed by R2 type=trusted_ptr_' },
  ),
  tracepoint(
    'sched_wakeup',
    'a kernel struct put into a queue',
    'r2 = *(u64 *)(r1 + 0)\nr1 = map queue\nr3 = 0\ncall bpf_map_push_elem#87',
    { reject: 'bpf_map_push_elem() may write into memory pointed by R2 type=trusted_ptr_' },
  ),
  iterator('task', 'a scalar of a checked pointer', checked(1, 'r3 = *(u32 *)(r2 + 44)')),
  iterator('task', 'a pointer that is not checked', 'r2 = *(u64 *)(r1 + 8)\nr3 = *(u64 *)(r2 + 8)', {
    reject: "R2 invalid mem access 'trusted_ptr_or_null_'",
  }),
  iterator('task', 'an argument that is not there', 'r2 = *(u64 *)(r1 + 16)', {
    reject: "func 'bpf_iter_task' doesn't have 3-th argument",
  }),
  iterator('task', 'half of a pointer', 'r2 = *(u32 *)(r1 + 8)', {
    reject: "func 'bpf_iter_task' size 4 must be 8",
  }),
  iterator('task', 'the context is read only', '*(u64 *)(r1 + 8) = 1', {
    reject: 'invalid bpf_context access off=8 size=8',
  }),
  iterator('task', 'a store into a kernel struct', checked(1, '*(u64 *)(r2 + 0) = 1'), {
    reject: 'only read is supported',
  }),
  iterator('task', 'before the struct', checked(1, 'r3 = *(u64 *)(r2 - 8)'), {
    reject: 'R2 is ptr_task_struct invalid negative access: off=-8',
  }),
  iterator(
    'task',
    'a variable offset',
    checked(1, 'r3 = *(u32 *)(r2 + 44)\nr3 &= 8\nr2 += r3\nr4 = *(u64 *)(r2 + 0)'),
    { reject: 'R2 is ptr_task_struct invalid variable offset: off=0, var_off=(0x0; 0x8)' },
  ),
  iterator('task', 'without a licence', checked(1, 'r3 = *(u32 *)(r2 + 44)'), {
    license: 'BSD',
    reject: "Cannot access kernel 'struct task_struct' from non-GPL compatible program",
    errno: 'EINVAL',
  }),
  iterator(
    'task',
    'the sequence file of the metadata to a helper',
    [
      'r6 = *(u64 *)(r1 + 0)',
      'r1 = *(u64 *)(r6 + 0)',
      'r2 = r10',
      'r2 += -8',
      '*(u64 *)(r10 - 8) = 7',
      'r3 = 8',
      'call 127',
    ].join('\n'),
  ),
  iterator(
    'task',
    'a task where a sequence file belongs',
    checked(1, 'r1 = r2\nr2 = r10\nr2 += -8\n*(u64 *)(r10 - 8) = 7\nr3 = 8\ncall 127'),
    {
      reject: 'R1 is of type task_struct but seq_file is expected',
    },
  ),
  iterator(
    'bpf_map_elem',
    'the value is memory of the map',
    checked(3, 'r3 = *(u64 *)(r2 + 0)\n*(u64 *)(r2 + 8) = 1'),
  ),
  iterator('bpf_map_elem', 'the key is read only', checked(2, '*(u64 *)(r2 + 0) = 1'), {
    reject: 'R2 cannot write into rdonly_buf',
  }),
  iterator('bpf_map_elem', 'before the value', checked(3, 'r3 = *(u64 *)(r2 - 8)'), {
    reject: 'R2 invalid rdwr buffer access: off=-8, size=8',
  }),
  tracepoint(
    'sys_enter',
    'registers and the number of the call',
    'r2 = *(u64 *)(r1 + 0)\nr3 = *(u64 *)(r2 + 120)\nr4 = *(u64 *)(r1 + 8)',
  ),
  tracepoint('sys_enter', 'past the registers', 'r2 = *(u64 *)(r1 + 0)\nr3 = *(u64 *)(r2 + 1024)', {
    reject: 'access beyond struct pt_regs at off 1024 size 8',
  }),
  tracepoint('kfree_skb', 'an argument that may be null', 'r2 = *(u64 *)(r1 + 24)\nr3 = *(u64 *)(r2 + 0)', {
    reject: "R2 invalid mem access 'trusted_ptr_or_null_'",
  }),
  tracepoint(
    'tcp_retransmit_synack',
    'a pointer that is never null',
    'r2 = *(u64 *)(r1 + 0)\nr3 = *(u64 *)(r2 + 0)',
  ),
]

/** C's division makes slot 0 of the offset 0. */
const slotZero: Case = {
  name: 'a loop over an iterator of slot 0, at offset 0',
  asm: `
      r1 = r10
      r1 += -8
      r2 = 0
      r3 = 1000
      kcall bpf_iter_num_new
      again:
      r1 = r10
      kcall bpf_iter_num_next
      if r0 != 0 goto again
      r1 = r10
      r1 += -8
      kcall bpf_iter_num_destroy
      r0 = 0
      exit`,
}

const functionArgument = tracepoint('initcall_start', 'a pointer to a function', 'r2 = *(u64 *)(r1 + 0)', {
  reject: "func 'initcall_start' arg0 type FUNC_PROTO is not a struct",
})

describe.skipIf(missing)(missing ? `kernel BTF (skipped: ${missing})` : 'kernel BTF', () => {
  it.each([...cases, slotZero, functionArgument].map((test) => [test.name, test] as const))(
    '%s',
    async (_, test) => {
      const verifier = await createVerifier(platform, kernelBtf ? { kernelBtf } : {})
      using kernel = await openKernel()
      const row = rowOf(test)
      const theirs = verifyRow(kernel, row, { log: true, logLevel: 2 })
      const ours = verifier.verify({ ...specFromRow(row, platform), logLevel: 2 })
      expect(comparable(ours.log())).toEqual(comparable(theirs.log ?? ''))
      expect(ours.verdict).toBe(theirs.verdict)
      expect(ours.verdict === 'accept' ? 'accept' : `${ours.errno}: ${ours.line}`).toBe(
        test.reject === undefined ? 'accept' : `${test.errno ?? 'EACCES'}: ${test.reject}`,
      )
    },
  )
})

describe('without kernel BTF', () => {
  it('refuses programs that it types', async () => {
    const verifier = await createVerifier(platform)
    const verdict = verifier.verify(specFromRow(rowOf(cases[0]!), platform))
    expect(verdict).toMatchObject({ verdict: 'reject', errno: 'EINVAL' })
  })

  it('refuses bytes that are no BTF', async () => {
    await expect(createVerifier(platform, { kernelBtf: new Uint8Array(8) })).rejects.toMatchObject({
      code: 'TRUNCATED',
    })
  })
})
