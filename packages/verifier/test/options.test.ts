import { BtfBuilder } from '@skep/btf'
import { describe, expect, it } from 'vitest'
import { createVerifier, specFromRow, type Verdict, type VerifyInput } from '../src/index.ts'
import { type Case, rowOf } from './case.ts'
import { platform } from './platform.ts'

// What the options and the flags of a verification do, and what a refusal tells beside its line.

const verifier = await createVerifier(platform)
const input = (asm: string, more: Partial<Case> = {}): VerifyInput =>
  specFromRow(rowOf({ name: 'program', asm, ...more }), platform)
const told = (verdict: Verdict): string =>
  verdict.verdict === 'accept' ? 'accept' : `${verdict.errno}: ${verdict.line}`

const END = 'r0 = 0\nexit'

describe('a refusal', () => {
  it.each([
    ['r0 = 0\nr0 = r7\nexit', 1, 7],
    ['r0 = 0\nr1 = 0\nr0 = *(u8 *)(r1 + 0)\nexit', 2, 1],
    ['r0 = 0\nexit\nr0 = 1\nexit', 2, undefined],
    ['r1 = 1\ngoto +1\nr2 = 5 ll\nr0 = 0\nexit', 2, undefined],
    ['r0 = 0\nif r0 == 0 goto +7\nexit', 1, undefined],
    ['r0 = 0\nr0 += 1', 1, undefined],
    ['r0 = 1 ll\nr1 = 1\nexit\nlddw r0, func(f)\nexit\nf:\nr0 = 0\nexit', 4, undefined],
  ])('of %j is at instruction %i', (asm, insn, register) => {
    const verdict = verifier.verify(input(asm))
    expect(verdict).toMatchObject({ verdict: 'reject', insn })
    if (verdict.verdict === 'reject') expect(verdict.register).toBe(register)
  })

  it('before the walk has the reason for its log, and no counts', () => {
    const { program } = input(END)
    const verdict = verifier.verify({ program: { ...program, type: 'no_such_type' }, maps: [] })
    expect(verdict).toMatchObject({
      verdict: 'reject',
      code: expect.any(String),
      errno: 'EINVAL',
      line: 'no program type no_such_type',
      insn: 0,
      processed: 0,
      stats: { totalStates: 0, peakStates: 0, maxStatesPerInsn: 0, stateBytes: 0 },
    })
    expect(verdict.log()).toBe('no program type no_such_type\n')
  })

  it('explains itself, once and the same however often it is asked', async () => {
    const verdict = verifier.verify(input('r0 = r7\nexit'))
    if (verdict.verdict === 'accept') expect.unreachable()
    else {
      const first = await verdict.explain()
      expect(first.sentence).toContain('r7')
      expect(await verdict.explain()).toBe(first)
      expect(verdict.log()).toBe(verdict.log())
      expect(verdict.log()).toContain('R7 !read_ok')
    }
  })

  it('with a log of some level does not walk again for it', async () => {
    for (const logLevel of [1, 2]) {
      const verdict = verifier.verify({ ...input('r0 = r7\nexit'), logLevel })
      expect(verdict.log()).toMatch(/^0: R1=ctx\(\) R10=fp0\n|^Live regs|^func#0/)
      if (verdict.verdict === 'reject') expect((await verdict.explain()).sentence).toContain('r7')
    }
  })

  it('of a log of level 1 holds the path that fails alone', () => {
    const asm = 'call bpf_get_prandom_u32#7\nif r0 == 0 goto bad\nr6 = 1\nr0 = 0\nexit\nbad:\nr0 = r9\nexit'
    const log = verifier.verify({ ...input(asm), logLevel: 1 }).log()
    expect(log).not.toContain('r6 = 1')
    expect(log).toContain('R9 !read_ok')
    expect(verifier.verify({ ...input(asm), logLevel: 2 }).log()).toContain('r6 = 1')
    const fine = verifier.verify({ ...input(END), logLevel: 1 }).log()
    expect(fine).toMatch(/^processed 2 insns/)
  })
})

describe('an acceptance', () => {
  it('tells its counts', () => {
    const verdict = verifier.verify(
      input('call bpf_get_prandom_u32#7\n*(u64 *)(r10 - 8) = r0\nif r0 == 0 goto +1\nr0 = 1\nr0 = 0\nexit'),
    )
    expect(verdict).toMatchObject({
      verdict: 'accept',
      processed: 8,
      stats: { totalStates: 0, peakStates: 0, maxStatesPerInsn: 0, stateBytes: expect.any(Number) },
    })
    expect(verdict.stats.stateBytes).toBeGreaterThan(500)
    const loop = verifier.verify(input('r6 = 0\ntop:\nr6 += 1\nif r6 < 90 goto top\nr0 = 0\nexit'))
    expect(loop.stats).toMatchObject({ totalStates: 6, peakStates: 6, maxStatesPerInsn: 4 })
  })
})

describe('flags and options', () => {
  const misaligned = 'r2 = r10\nr2 += -9\n*(u8 *)(r10 - 9) = 0\nr1 = *(u16 *)(r10 - 15)\nr0 = 0\nexit'

  it('ask for alignment, or not', () => {
    // Stacks are strict everywhere; packets only when asked.
    const packet =
      'r2 = *(u32 *)(r1 + 0)\nr3 = *(u32 *)(r1 + 4)\nr4 = r2\nr4 += 8\nif r4 > r3 goto out\nr0 = *(u32 *)(r2 + 1)\nout:\nr0 = 2\nexit'
    const flags = (bits: number) => told(verifier.verify(input(packet, { type: 'xdp', flags: bits })))
    expect(flags(0)).toBe('accept')
    expect(flags(1)).toBe('EACCES: misaligned packet access off 2+0+0+1 size 4')
    expect(flags(2)).toBe('accept')
    expect(flags(3)).toBe('accept')
    expect(told(verifier.verify(input(misaligned)))).toMatch(/^EACCES: misaligned stack access/)
  })

  it('let only programs that may sleep, sleep', () => {
    const on = (more: Partial<Case>) => told(verifier.verify(input(END, more)))
    expect(on({ type: 'syscall', flags: 16 })).toBe('accept')
    expect(on({ type: 'syscall' })).toBe('EINVAL: Syscall programs can only be sleepable')
    expect(on({ type: 'xdp', flags: 16 })).toMatch(/^EINVAL: Only fentry/)
    expect(on({ type: 'kprobe', flags: 16 })).toBe('accept')
    expect(on({ type: 'kprobe', attach: 'trace_kprobe_multi', flags: 16 })).toBe('accept')
    expect(on({ type: 'tracing', attach: 'trace_raw_tp', to: 'sched_switch', flags: 16 })).toMatch(
      /^EINVAL: Only fentry/,
    )
  })

  it('keep from those without CAP_PERFMON what needs it', () => {
    const on = (type: string, unprivileged: boolean) =>
      told(verifier.verify(input(END, { type, unprivileged })))
    expect(on('kprobe', true)).toBe('EPERM: only loaders with CAP_PERFMON load programs of type kprobe')
    expect(on('kprobe', false)).toBe('accept')
    expect(on('socket_filter', true)).toBe('accept')
  })

  it('have attach types, by their names', () => {
    const on = (attach: string) =>
      told(verifier.verify(input('r0 = 1\nexit', { type: 'cgroup_sock', attach })))
    expect(on('cgroup_inet_sock_create')).toBe('accept')
    expect(on('xdp')).toBe('EINVAL: program type cgroup_sock has no attach type xdp')
  })

  it('take BTF that is BTF', () => {
    const btf = new BtfBuilder()
    btf.int('int', 4)
    expect(told(verifier.verify({ ...input(END), btf: btf.build() }))).toBe('accept')
    expect(told(verifier.verify({ ...input(END), btf: Uint8Array.of(1, 2, 3) }))).toMatch(
      /^EINVAL: the BTF cannot be used: /,
    )
  })

  it('refuse half an instruction', () => {
    const { program } = input(END)
    const of = (insns: Uint8Array) => told(verifier.verify({ program: { ...program, insns }, maps: [] }))
    expect(of(program.insns.slice(0, 8))).toBe('EINVAL: last insn is not an exit or jmp')
    expect(of(program.insns.slice(0, 12))).toBe('EINVAL: a program needs whole instructions')
    expect(of(new Uint8Array(4))).toBe('E2BIG: a program needs whole instructions')
    expect(of(new Uint8Array())).toBe('E2BIG: a program needs whole instructions')
  })

  it('have their defaults', async () => {
    // Much memory, no limit on time, a million instructions.
    const branches = `${'call bpf_get_prandom_u32#7\nif r0 == 0 goto +0\n'.repeat(1200)}${END}`
    expect(told(verifier.verify(input(branches)))).toBe('accept')
    const patient = await createVerifier(platform, { timeLimit: 1e9 })
    expect(told(patient.verify(input('r6 = 0\ntop:\nr6 += 1\nif r6 < 2000 goto top\nr0 = 0\nexit')))).toBe(
      'accept',
    )
    expect(patient.platform).toBe(platform)
  })

  it('walk as far as the limit on instructions, and no further', async () => {
    const limited = async (complexityLimit: number) =>
      told(
        (await createVerifier(platform, { complexityLimit })).verify(input('r0 = 0\nr1 = 1\nr0 = 0\nexit')),
      )
    expect(await limited(4)).toBe('accept')
    expect(await limited(3)).toBe('E2BIG: BPF program is too large. Processed 4 insn')
  })
})

describe('the types of functions', async () => {
  const int = (b: BtfBuilder) => b.int('int', 4, { signed: true })
  const sub = `r1 = 5\ncall local sub\n${END}\nsub:\nr0 = r1\nexit`

  it('must be functions with prototypes', () => {
    const btf = new BtfBuilder()
    const number = int(btf)
    const strange = btf.func('strange', number)
    const fine = btf.func('fine', btf.funcProto(number))
    const raw = btf.build()
    const of = (typeId: number) =>
      told(
        verifier.verify({
          ...input(END),
          program: { ...input(END).program, functions: [{ insn: 0, typeId }] },
          btf: raw,
        }),
      )
    expect(of(fine)).toBe('accept')
    expect(of(number)).toBe(`EINVAL: invalid type id ${number} in func info`)
    expect(of(strange)).toBe('EINVAL: invalid func info')
  })

  it('count only with BTF, and BTF only with them', () => {
    const btf = new BtfBuilder()
    const number = int(btf)
    const main = btf.func('main', btf.funcProto(number))
    const callee = btf.func('sub', btf.funcProto(number, [['a', number]]))
    const raw = btf.build()
    const tail = `r6 = r1\ncall local sub\n${END}\nsub:\nr0 = *(u32 *)skb[4]\nr0 = 1\nexit`
    const body = tail.replace('sub:\n', 'sub:\nr6 = r1\n')
    const plain = input(body)
    const functions = [
      { insn: 0, typeId: main },
      { insn: 4, typeId: callee },
    ]
    const refused = 'EINVAL: LD_ABS is not allowed in subprogs without BTF'
    expect(told(verifier.verify(plain))).toBe(refused)
    expect(told(verifier.verify({ ...plain, btf: raw }))).toBe(refused)
    expect(told(verifier.verify({ ...plain, program: { ...plain.program, functions } }))).toBe(refused)
    const global = told(
      verifier.verify({ ...input(sub), btf: raw, program: { ...input(sub).program, functions } }),
    )
    expect(global).toBe('accept')
  })
})
