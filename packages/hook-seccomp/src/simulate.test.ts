import { assembleBpfAsm, type ClassicInsn } from '@skep/isa'
import { afterAll, describe, expect, it } from 'vitest'
import { Random } from '../../vm-interpreter/test/random-numbers.ts'
import { askKernel, compileHelper, type KernelAnswer, type KernelCase } from '../test/ask-kernel.ts'
import { HARMLESS, MISSING, randomArgument, randomFilter } from '../test/random-filter.ts'
import {
  createSimulator,
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_TRAP,
  type SeccompDecision,
  simulate,
} from './index.ts'

const SIGSYS = 31
const helper = compileHelper('seccomp-kernel')
afterAll(() => helper.remove())

const returning = (value: number): ClassicInsn[] => assembleBpfAsm(`ret #${value >>> 0}`)

/** What a child sees of a decision; undefined where the call itself says it. */
function seen(decision: SeccompDecision): KernelAnswer | undefined {
  if (decision.errno !== undefined) return { kind: 'returned', value: -decision.errno || 0 }
  if (decision.action === 'trap') return { kind: 'trapped', value: decision.data }
  return decision.runs ? undefined : { kind: 'killed', value: SIGSYS }
}

const matches = (decision: SeccompDecision, answer: KernelAnswer, nr: number): boolean => {
  const expected = seen(decision)
  if (expected !== undefined) return expected.kind === answer.kind && expected.value === answer.value
  if (answer.kind !== 'returned') return false
  return HARMLESS.includes(nr) ? answer.value >= 0 : answer.value === -38
}

/** The bar is 5,000: `SKEP_SECCOMP_ROUNDS=5000 npx vitest run src/simulate`. */
const rounds = Number(process.env.SKEP_SECCOMP_ROUNDS ?? 80)

describe.skipIf(helper.missing)(
  `beside the kernel${helper.missing ? ` (skipped: ${helper.missing})` : ''}`,
  () => {
    it('decides random stacks of random filters as the kernel does', {
      timeout: 30_000 + 100 * rounds,
    }, () => {
      const random = new Random(7)
      const cases = Array.from({ length: rounds }, (): KernelCase => {
        const filters = Array.from({ length: 1 + random.below(3) }, () =>
          randomFilter(random, random.below(30)),
        )
        const calls = Array.from({ length: 3 }, () => ({
          nr: random.pick([...HARMLESS, ...MISSING]),
          args: Array.from({ length: 6 }, () => randomArgument(random)),
        }))
        return { filters, calls }
      })
      const answers = askKernel(helper, cases)
      const actions = new Set<string>()
      for (const [n, { filters, calls }] of cases.entries()) {
        const simulator = createSimulator(filters)
        for (const [m, call] of calls.entries()) {
          const decision = simulator.decide(call)
          actions.add(decision.action)
          const answer = answers[n]![m]!
          expect(matches(decision, answer, call.nr), JSON.stringify([n, m, decision, answer])).toBe(true)
        }
      }
      expect([...actions].sort()).toEqual(
        'allow errno kill_process kill_thread log trace trap unknown user_notif'.split(' '),
      )
    })

    it('takes the way of 32 bits for another architecture', () => {
      const filters = [assembleBpfAsm('ld [4]\njeq #0x40000003, old\nret #0x7fff0000\nold: ld [16]\nret a')]
      const value = BigInt(SECCOMP_RET_ERRNO | 77)
      const [[answer]] = askKernel(helper, [
        { filters, calls: [{ narrow: true, nr: 20, args: [value] }] },
      ]) as [[KernelAnswer]]
      const decision = simulate(filters, { nr: 20, arch: 'x86', args: [value] })
      expect(decision).toMatchObject({ action: 'errno', errno: 77 })
      expect(answer).toEqual({ kind: 'returned', value: -77 })
    })
  },
)

describe('simulate', () => {
  const call = { syscall: 'getpid' }

  it('lets the lowest signed action win, and the newest data of equal ones', () => {
    const errno = (data: number): ClassicInsn[] => returning(SECCOMP_RET_ERRNO | data)
    expect(simulate([errno(1), errno(2), errno(3)], call)).toMatchObject({ errno: 3, filter: 2 })
    expect(simulate([errno(1), returning(SECCOMP_RET_ALLOW)], call)).toMatchObject({ errno: 1, filter: 0 })
    expect(simulate([returning(0x8000_0000), returning(0)], call)).toMatchObject({
      action: 'kill_process',
      filter: 0,
      results: [0x8000_0000, 0],
    })
    expect(simulate([returning(SECCOMP_RET_TRAP), returning(0x0001_0005)], call)).toMatchObject({
      action: 'unknown',
      data: 5,
      runs: false,
    })
    expect(simulate([], call)).toMatchObject({ action: 'allow', filter: undefined, runs: true })
    // An ALLOW with data decides nothing.
    expect(simulate(returning(SECCOMP_RET_ALLOW | 9), call)).toMatchObject({ data: 0, filter: undefined })
  })

  it('has no errno above 4095, and ENOSYS without tracer or listener', () => {
    expect(simulate(returning(SECCOMP_RET_ERRNO | 0xffff), call)).toMatchObject({ data: 0xffff, errno: 4095 })
    expect(simulate(returning(SECCOMP_RET_ERRNO), call)).toMatchObject({ errno: 0, runs: false })
    expect(simulate(returning(0x7ff0_0001), call)).toMatchObject({ action: 'trace', errno: 38 })
    expect(simulate(returning(0x7ff0_0001), call, { tracer: true }).errno).toBeUndefined()
    expect(simulate(returning(0x7fc0_0000), call)).toMatchObject({ action: 'user_notif', errno: 38 })
    expect(simulate(returning(0x7fc0_0000), call, { listener: true }).errno).toBeUndefined()
  })

  it('divides by an X of 0 as the kernel does: the thread is killed', () => {
    const filter = assembleBpfAsm('ldx #0\nld #7\ndiv x\nret #0x7fff0000')
    expect(simulate(filter, call)).toMatchObject({ action: 'kill_thread', value: 0 })
  })

  it('lays 64-bit fields out in the order of the architecture', () => {
    const low = assembleBpfAsm('ld [16]\nret a')
    const args = [0x7ffc_0001_0005_000an]
    expect(simulate(low, { arch: 's390x', syscall: 'getpid', args }).action).toBe('log')
    expect(simulate(low, { arch: 'arm64', syscall: 'getpid', args }).errno).toBe(10)
    expect(
      simulate(assembleBpfAsm('ld [0]\nor #0x50000\nret a'), { arch: 'aarch64', syscall: 'openat' }).errno,
    ).toBe(56)
    const ip = assembleBpfAsm('ld [12]\nret a')
    expect(simulate(ip, { ...call, instructionPointer: 0x5_0007n << 32n }).errno).toBe(7)
    expect(simulate(assembleBpfAsm('ld [20]\nret a'), { ...call, args: [-1] })).toMatchObject({
      action: 'unknown',
    })
  })

  it.each<[string, ClassicInsn[], string]>([
    ['MOD', assembleBpfAsm('ld #1\nmod #2\nret a'), 'BAD_FILTER'],
    ['a byte', assembleBpfAsm('ldb [0]\nret a'), 'BAD_FILTER'],
    ['an indirect load', assembleBpfAsm('ld [x+0]\nret a'), 'BAD_FILTER'],
    ['a load past the data', assembleBpfAsm('ld [64]\nret a'), 'BAD_FILTER'],
    ['a load across words', assembleBpfAsm('ld [2]\nret a'), 'BAD_FILTER'],
    ['an extension', assembleBpfAsm('ld #proto\nret a'), 'BAD_FILTER'],
    ['no return', assembleBpfAsm('ld #1\nret a').slice(0, 1), 'BAD_FILTER'],
    ['too long', Array.from({ length: 4097 }, () => returning(0)[0]!), 'BAD_FILTER'],
  ])('refuses what Linux refuses: %s', (_, filter, code) => {
    expect(() => simulate(filter, call)).toThrow(expect.objectContaining({ name: 'SeccompError', code }))
    if (helper.missing) return
    const [[answer]] = askKernel(helper, [{ filters: [filter], calls: [{ nr: 39, args: [] }] }]) as [
      [KernelAnswer],
    ]
    expect(answer).toEqual({ kind: 'refused', value: 22 })
  })

  it('refuses as many filters as the kernel does', () => {
    const long = (count: number): ClassicInsn[] => [
      ...Array.from({ length: count - 1 }, (_, n) => assembleBpfAsm(n % 3 ? 'tax' : 'ldx #3\ntax')[0]!),
      ...returning(SECCOMP_RET_ALLOW),
    ]
    // 7 filters of 4,096 instructions (4,100 translated) and one of what is left, to the instruction.
    const full = Array.from({ length: 7 }, () => long(4096))
    const left = 32768 - 7 * (4096 + 4 + 4)
    const fits = [...full, long(left - 4)]
    const over = [...full, long(left - 3)]
    expect(createSimulator(fits).decide(call).runs).toBe(true)
    expect(() => createSimulator(over)).toThrow(expect.objectContaining({ code: 'PATH_TOO_LONG', filter: 7 }))
    if (helper.missing) return
    const calls = [{ nr: 39, args: [] }]
    const [[yes], [no]] = askKernel(helper, [
      { filters: fits, calls },
      { filters: over, calls },
    ]) as [[KernelAnswer], [KernelAnswer]]
    expect(yes.kind).toBe('returned')
    expect(no).toEqual({ kind: 'refused', value: 12 })
  })

  it.each([
    [{ syscall: 'nothing' }, 'UNKNOWN_SYSCALL'],
    [{ syscall: 'open', arch: 'aarch64' }, 'UNKNOWN_SYSCALL'],
    [{ syscall: 'open', arch: 'vax' }, 'UNKNOWN_ARCH'],
    [{}, 'BAD_CALL'],
    [{ nr: 1.5 }, 'BAD_CALL'],
    [{ nr: 1, args: [1, 2, 3, 4, 5, 6, 7] }, 'BAD_CALL'],
    [{ nr: 1, args: [2 ** 64] }, 'BAD_CALL'],
    [{ nr: 1, args: [0.5] }, 'BAD_CALL'],
  ])('refuses %j', (bad, code) => {
    expect(() => simulate([], bad)).toThrow(expect.objectContaining({ name: 'SeccompError', code }))
  })
})
