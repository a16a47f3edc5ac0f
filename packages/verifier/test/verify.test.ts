import * as isa from '@skep/isa'
import { ACCESS, FACT, type ProgramSpec } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { examplesOf, readPage, testExamples } from '../../../vitest.examples.ts'
import * as skep from '../src/index.ts'
import { createVerifier, specFromRow, type VerifyInput } from '../src/index.ts'
import { rowOf } from './case.ts'
import { platform } from './platform.ts'

const verifier = await createVerifier(platform)

const input = (asm: string, type = 'xdp'): VerifyInput =>
  specFromRow(rowOf({ name: 'program', asm, type }), platform)

const accepted = (asm: string, type?: string): skep.Acceptance => {
  const verdict = verifier.verify(input(asm, type))
  if (verdict.verdict === 'reject') throw new skep.VerifierError('program', verdict)
  return verdict
}

const NEVER = 'r0 = 0\ntop:\nr0 += 1\nif r0 != 2000000 goto top\nexit'

describe('a verdict', () => {
  it('names the instruction, the register and the source line of a refusal', () => {
    const { program, maps } = input('r0 = 0\nr1 = *(u32 *)(r1 + 400)\nexit')
    const lines = [{ insn: 1, file: 'a.c', line: 3, column: 5, text: '  return ctx->nothing;' }]
    const verdict = verifier.verify({ program: { ...program, lines }, maps })
    expect(verdict).toMatchObject({
      verdict: 'reject',
      errno: 'EACCES',
      line: 'invalid bpf_context access off=400 size=4',
      insn: 1,
      source: { file: 'a.c', line: 3 },
      processed: 2,
    })
    if (verdict.verdict === 'accept') return
    const error = new skep.VerifierError('program', verdict)
    expect(error).toMatchObject({ code: 'VERIFIER_REJECTED', errno: 'EACCES', insn: 1 })
    expect(error.message).toBe(
      'program "program" refused at instruction 1 (a.c:3): invalid bpf_context access off=400 size=4 [EACCES]',
    )
  })

  it('has the log of its level', () => {
    const bad = input('r0 = 0\nif r1 == 0 goto out\nr1 = *(u32 *)(r1 + 400)\nout:\nexit')
    const log = verifier.verify({ ...bad, logLevel: 1 }).log()
    expect(verifier.verify(bad).log()).toBe(log)
    expect(
      log.endsWith(
        'invalid bpf_context access off=400 size=4\nprocessed 3 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n',
      ),
    ).toBe(true)
    expect(log).toContain('0: (b7) r0 = 0                        ; R0=0\n')
    expect(log).not.toContain('Live regs')
    expect(verifier.verify({ ...bad, logLevel: 2 }).log()).toContain('Live regs before insn:\n')
  })

  it('names the limit on instructions walked, and costs no more than it', async () => {
    const small = await createVerifier(platform, { complexityLimit: 1000 })
    expect(small.verify(input(NEVER))).toMatchObject({
      errno: 'E2BIG',
      line: 'BPF program is too large. Processed 1001 insn',
      processed: 1001,
    })
    expect(verifier.verify(input(NEVER))).toMatchObject({ errno: 'E2BIG', processed: 1_000_001 })
  })

  it('names the limit on memory', async () => {
    const small = await createVerifier(platform, { memoryLimit: 2 ** 20 })
    expect(small.verify(input(NEVER))).toMatchObject({
      errno: 'ENOMEM',
      line: 'out of memory: the states of this program need more than 1048576 bytes',
    })
    expect(small.verify(input('r0 = 2\nexit')).verdict).toBe('accept')
  })

  it('leaves nothing behind for the next', async () => {
    // Long enough for states of every kind, and a tenth of what the limit takes.
    const verifier = await createVerifier(platform, { complexityLimit: 100_000 })
    const first = verifier.verify(input('r0 = 2\nexit'))
    expect(verifier.verify(input(NEVER))).toMatchObject({ errno: 'E2BIG' })
    expect(verifier.verify(input('r0 = 2\nexit'))).toEqual({ ...first, log: expect.any(Function) })
  })
})

describe('facts', () => {
  it('tell which instructions run and which branches go one way', () => {
    const { facts } = accepted(
      'r1 = 1\nr0 = 0\nif r1 == 1 goto out\nr0 = 1\nout:\nif r1 == 2 goto out2\nr0 = 3\nout2:\nexit',
    )
    expect([...facts.reachable]).toEqual([1, 1, 1, 0, 1, 1, 1])
    expect(facts.flags[2]).toBe(FACT.alwaysTaken)
    expect(facts.flags[4]).toBe(FACT.neverTaken)
  })

  it('tell what each access touches', () => {
    const { facts } = accepted(`
      r2 = *(u32 *)(r1 + 0)
      r3 = *(u32 *)(r1 + 4)
      *(u64 *)(r10 - 8) = 0
      r4 = r2
      r4 += 8
      if r4 > r3 goto out
      r0 = *(u8 *)(r2 + 0)
      r1 = value globals+0
      r0 = *(u8 *)(r1 + 0)
      out:
      r0 = 2
      exit`)
    expect([0, 2, 6, 9].map((insn) => facts.access[insn])).toEqual([
      ACCESS.ctx,
      ACCESS.stack,
      ACCESS.packet,
      ACCESS.map_value,
    ])
  })

  it('tell when paths differ in what an access touches', () => {
    const { facts } = accepted(`
      r6 = value globals+0
      call bpf_get_prandom_u32#7
      if r0 != 0 goto use
      r6 = r10
      r6 += -8
      use:
      *(u64 *)(r6 + 0) = 0
      r0 = 2
      exit`)
    expect(facts.access[6]).toBe(ACCESS.mixed)
  })

  it('tell the one map of a helper call, the callbacks, and the stacks', () => {
    const { facts } = accepted(`
      *(u64 *)(r10 - 8) = 0
      r2 = r10
      r2 += -8
      r1 = map hash
      call bpf_map_lookup_elem#1
      call local f
      exit
      f:
      *(u64 *)(r10 - 24) = 0
      r0 = 1
      exit`)
    expect(facts.callMap[5]).toBe(0)
    expect(facts.callMap[6]).toBe(-1)
    expect(facts.subprograms).toEqual([0, 8])
    expect(facts.stackDepth).toEqual([8, 24])
  })
})

describe('bad input', () => {
  const program = (insns: Uint8Array, more: Partial<ProgramSpec> = {}): VerifyInput => ({
    program: { ...input('exit').program, insns, ...more },
    maps: [],
  })

  it('is refused: no instructions, half an instruction, no such type or attach type', () => {
    const exit = isa.assemble('r0 = 2\nexit')
    expect(verifier.verify(program(new Uint8Array()))).toMatchObject({ verdict: 'reject', errno: 'E2BIG' })
    const refused = [
      program(new Uint8Array(12)),
      program(exit, { type: 'no_such_type' }),
      program(exit, { type: 'cgroup_sock', attachType: 'xdp' }),
    ]
    for (const bad of refused)
      expect(verifier.verify(bad)).toMatchObject({ verdict: 'reject', errno: 'EINVAL' })
  })

  it('is refused or accepted and never thrown, whatever the bytes', () => {
    let seed = 1
    const byte = (): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
      return (seed >>> 16) & 0xff
    }
    for (let round = 0; round < 2000; round++) {
      const insns = Uint8Array.from({ length: 8 * (1 + (byte() % 12)) }, byte)
      const verdict = verifier.verify({ ...program(insns), logLevel: (round % 3) as 0 | 1 | 2 })
      if (verdict.verdict === 'reject') expect(verdict.line).not.toContain('verifier bug')
    }
  })

  it('is refused or accepted and never thrown, whatever the mutation', () => {
    const { insns } = input(
      '*(u64 *)(r10 - 8) = 0\nr2 = r10\nr2 += -8\ncall local f\nr0 = 2\nexit\nf:\nr0 = *(u64 *)(r2 + 0)\nexit',
    ).program
    for (let bit = 0; bit < insns.length * 8; bit++) {
      const mutated = insns.slice()
      mutated[bit >> 3]! ^= 1 << (bit & 7)
      const verdict = verifier.verify(program(mutated))
      if (verdict.verdict === 'reject') expect(verdict.line).not.toContain('verifier bug')
    }
  })
})

describe('README.md', () => {
  // The platform is the reader's own.
  const [source] = examplesOf(readPage(import.meta.url))
  testExamples([`import { platform } from 'yours'\n${source}`], {
    '@skep/isa': isa,
    '@skep/verifier': skep,
    yours: { platform },
  })
})
