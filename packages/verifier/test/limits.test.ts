import { describe, expect, it } from 'vitest'
import { createVerifier, specFromRow, type Verdict, type VerifierOptions } from '../src/index.ts'
import { rowOf } from './case.ts'
import { platform } from './platform.ts'

// A program costs no more than the limits, and the refusal names the limit that it met.

const judge = async (asm: string, options: VerifierOptions, logLevel = 0): Promise<Verdict> => {
  const verifier = await createVerifier(platform, options)
  return verifier.verify({ ...specFromRow(rowOf({ name: 'program', asm }), platform), logLevel })
}

const loop = (rounds: number): string => `r0 = 0\ntop:\nr0 += 1\nif r0 < ${rounds} goto top\nr0 = 0\nexit`
const branches = (count: number): string =>
  `${'call bpf_get_prandom_u32#7\nif r0 == 0 goto +0\n'.repeat(count)}r0 = 0\nexit`

describe('limits', () => {
  it('bound the instructions walked', async () => {
    const within = await judge(loop(100), { complexityLimit: 250 })
    expect(within).toMatchObject({ verdict: 'accept', processed: 203 })
    const beyond = await judge(loop(100), { complexityLimit: 202 })
    expect(beyond).toMatchObject({
      verdict: 'reject',
      code: 'TOO_MANY_INSTRUCTIONS',
      errno: 'E2BIG',
      line: 'BPF program is too large. Processed 203 insn',
      processed: 203,
    })
    if (beyond.verdict === 'reject') expect((await beyond.explain()).sentence).toContain('complexityLimit')
  })

  it('bound the memory of states', async () => {
    const memoryLimit = 2 ** 20
    expect(await judge(branches(50), { memoryLimit })).toMatchObject({ verdict: 'accept' })
    const beyond = await judge(branches(3000), { memoryLimit })
    expect(beyond).toMatchObject({ verdict: 'reject', code: 'MEMORY_LIMIT', errno: 'ENOMEM' })
    if (beyond.verdict === 'reject') expect((await beyond.explain()).sentence).toContain('memoryLimit')
  })

  it('bound the time, when asked to', async () => {
    const beyond = await judge(loop(2000), { timeLimit: 0 })
    expect(beyond).toMatchObject({
      verdict: 'reject',
      code: 'TIME_LIMIT',
      errno: 'EAGAIN',
      line: 'out of time: verification took more than 0 ms (limit)',
    })
    if (beyond.verdict === 'reject') expect((await beyond.explain()).sentence).toContain('timeLimit')
    expect(await judge(loop(2000), {})).toMatchObject({ verdict: 'accept' })
    expect(await judge('r0 = 0\nexit', { timeLimit: 0 })).toMatchObject({ verdict: 'accept' })
  })

  it('bound the log, which keeps its end', async () => {
    const whole = (await judge(loop(500), {}, 2)).log()
    const cut = (await judge(loop(500), { logLimit: 4096 }, 2)).log()
    expect(whole.length).toBeGreaterThan(20_000)
    expect(cut.length).toBeLessThanOrEqual(4096)
    expect(cut.length).toBeGreaterThan(3000)
    expect(whole.endsWith(cut)).toBe(true)
  })

  it('bound the log of the path that fails, and of an explanation', async () => {
    const verdict = await judge(loop(5000), { logLimit: 4096, complexityLimit: 9000 })
    expect(verdict.log().length).toBeLessThanOrEqual(4096)
    expect(verdict.log()).toMatch(/BPF program is too large. Processed 9001 insn\nprocessed 9001 insns/)
    if (verdict.verdict === 'reject') expect((await verdict.explain()).path.length).toBeLessThan(50)
  })

  it('take back of a short log what proved safe', async () => {
    // The second path fails; what the log says of the first is dropped twice over.
    const asm = `call bpf_get_prandom_u32#7\nif r0 == 0 goto bad\n${'r1 = 1\n'.repeat(300)}r0 = 0\nexit\nbad:\nr0 = r9\nexit`
    const whole = (await judge(asm, {}, 1)).log()
    const cut = (await judge(asm, { logLimit: 1000 }, 1)).log()
    expect(whole).toContain('R9 !read_ok')
    expect(whole.endsWith(cut)).toBe(true)
    expect(cut).toContain('R9 !read_ok')
  })

  it('are for one program: the next one has them anew', async () => {
    const verifier = await createVerifier(platform, { memoryLimit: 2 ** 20 })
    const input = (asm: string) => specFromRow(rowOf({ name: 'program', asm }), platform)
    expect(verifier.verify(input(branches(3000))).verdict).toBe('reject')
    expect(verifier.verify(input(branches(50))).verdict).toBe('accept')
  })
})
