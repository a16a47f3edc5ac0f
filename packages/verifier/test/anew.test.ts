import { describe, expect, it } from 'vitest'
import { createVerifier, specFromRow, type VerifyInput } from '../src/index.ts'
import { rowOf } from './case.ts'
import { platform } from './platform.ts'

// A verifier's memory is used from program to program, and nothing of one may show in the next.

const input = (asm: string, more: Partial<VerifyInput> = {}): VerifyInput => ({
  ...specFromRow(rowOf({ name: 'program', asm, type: 'sched_cls' }), platform),
  logLevel: 2,
  ...more,
})

const SOCKET =
  'r6 = r1\n*(u64 *)(r10 - 8) = 0\n*(u64 *)(r10 - 16) = 0\nr2 = r10\nr2 += -16\nr3 = 12\nr4 = 0\nr5 = 0\ncall bpf_sk_lookup_tcp#84\n'

/** Programs that end amid something. */
const AMID: Readonly<Record<string, VerifyInput>> = {
  'a function': input('call sub\nexit\nsub:\ncall deep\nexit\ndeep:\nr0 = r6\nexit'),
  'a held reference': input(`${SOCKET}r0 = r9\nexit`),
  'an RCU section': input('kcall bpf_rcu_read_lock\nr0 = r9\nexit'),
  'a section without preemption': input('kcall bpf_preempt_disable\nr0 = r9\nexit'),
  'a section without interrupts': input('r1 = r10\nr1 += -8\nkcall bpf_local_irq_save\nr0 = r9\nexit'),
  'a loop': input('r6 = 0\ntop:\nr6 += 1\nif r6 < 20 goto top\nr0 = r9\nexit'),
  'a loop that may end': input('r6 = 0\ntop:\nmay_goto out\nr6 += 1\ngoto top\nout:\nr0 = r9\nexit'),
  'a callback': input(
    'r1 = 3\nlddw r2, func(cb)\nr3 = 0\nr4 = 0\ncall bpf_loop#181\nr0 = 0\nexit\ncb:\nr0 = r9\nexit',
  ),
  'a speculative path': input(
    'call bpf_get_prandom_u32#7\nif r0 == 0 goto out\n*(u64 *)(r10 - 8) = r9\nout:\nr0 = 0\nexit',
    { unprivileged: true },
  ),
  'much stack': input('*(u64 *)(r10 - 512) = 5\n*(u64 *)(r10 - 8) = r10\nr0 = r9\nexit'),
  'many branches': input(
    `${'call bpf_get_prandom_u32#7\nif r0 == 0 goto +0\nr6 = r0\n'.repeat(40)}r0 = r9\nexit`,
  ),
  nothing: input('r0 = 0\nexit'),
}

const NEXT: readonly VerifyInput[] = [
  input('r0 = 0\nexit'),
  input(
    'call bpf_get_prandom_u32#7\n*(u64 *)(r10 - 8) = r0\ncall sub\nr1 = *(u64 *)(r10 - 8)\nr0 = 0\nexit\nsub:\nr6 = 0\ntop:\nr6 += 1\nif r6 < 4 goto top\nr0 = r6\nexit',
  ),
  input('r6 = 0\ntop:\nmay_goto out\nr6 += 1\ngoto top\nout:\nr0 = 0\nexit'),
  input(`${SOCKET}if r0 == 0 goto out\nr1 = r0\ncall bpf_sk_release#86\nout:\nr0 = 0\nexit`),
  input('kcall bpf_rcu_read_lock\nkcall bpf_rcu_read_unlock\nr0 = 0\nexit'),
]

const told = (
  verifier: { verify: (input: VerifyInput) => ReturnType<typeof JSON.parse> },
  one: VerifyInput,
) => {
  const { verdict, processed, stats, log } = verifier.verify(one)
  return { verdict, processed, stats, log: log() }
}

describe('the next program', () => {
  it.each(Object.entries(AMID))('is judged as if %s had not been before it', async (_, amid) => {
    const used = await createVerifier(platform)
    const first = used.verify(amid)
    for (const next of NEXT) {
      const fresh = await createVerifier(platform)
      expect(told(used, next)).toEqual(told(fresh, next))
    }
    expect(told(used, amid)).toMatchObject({
      verdict: first.verdict,
      processed: first.processed,
      log: first.log(),
    })
  })
})
