import { afterAll, describe, expect, it } from 'vitest'
import { Random } from '../../vm-interpreter/test/random-numbers.ts'
import { askKernel, compileHelper } from '../test/ask-kernel.ts'
import { policyAnswer } from '../test/policy-answer.ts'
import {
  askLibseccomp,
  HARMLESS_NAMES,
  randomCall,
  randomPolicy,
  randomValue,
} from '../test/random-policy.ts'
import { seen } from '../test/seen.ts'
import {
  compilePolicy,
  createSimulator,
  type PolicyRule,
  type SeccompPolicy,
  simulate,
  syscallNumber,
} from './index.ts'

const libseccomp = compileHelper('libseccomp', ['seccomp'])
const kernel = compileHelper('seccomp-kernel')
afterAll(() => {
  libseccomp.remove()
  kernel.remove()
})

/** The bar is 5,000: `SKEP_SECCOMP_POLICIES=5000 npx vitest run src/compile-policy`. */
const count = Number(process.env.SKEP_SECCOMP_POLICIES ?? 50)
const timeout = 30_000 + 100 * count
const json = (value: unknown): string =>
  JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? `0x${one.toString(16)}` : one))

describe.skipIf(libseccomp.missing)(
  `beside libseccomp${libseccomp.missing ? ` (skipped: ${libseccomp.missing})` : ''}`,
  () => {
    it('decides as the filters that libseccomp makes of the same policies, in fewer instructions altogether', {
      timeout,
    }, () => {
      const random = new Random(21)
      const policies = Array.from({ length: count }, () => randomPolicy(random))
      const theirs = askLibseccomp(libseccomp, policies, 2)
      let [compared, longer, ourLength, theirLength] = [0, 0, 0, 0]
      for (const [n, policy] of policies.entries()) {
        const filter = theirs[n]
        if (filter === undefined) continue
        const own = compilePolicy(policy)
        ourLength += own.length
        theirLength += filter.length
        if (own.length > filter.length) longer++
        const [left, right] = [createSimulator(own), createSimulator(filter)]
        for (let m = 0; m < 40; m++) {
          const call = randomCall(random, policy)
          const [mine, other] = [left.decide(call).value, right.decide(call).value]
          if (mine === other) continue
          expect.fail(`${json(policy)}\n${json(call)}\n${mine.toString(16)} instead of ${other.toString(16)}`)
        }
        compared++
      }
      if (count > 1000) console.log({ compared, longer, ourLength, theirLength })
      expect(compared).toBeGreaterThan(count * 0.8)
      expect(ourLength).toBeLessThan(theirLength)
    })
  },
)

describe('compilePolicy', () => {
  it('decides what the policy says, for every architecture', { timeout }, () => {
    const random = new Random(23)
    for (let n = 0; n < count; n++) {
      const policy = randomPolicy(random, { hard: true })
      const simulator = createSimulator(compilePolicy(policy))
      for (let m = 0; m < 40; m++) {
        const call = randomCall(random, policy)
        const [is, said] = [simulator.decide(call).value, policyAnswer(policy, call)]
        if (is !== said)
          expect.fail(`${json(policy)}\n${json(call)}\n${is.toString(16)} instead of ${said.toString(16)}`)
      }
    }
  })

  const lengthOf = (rules: readonly PolicyRule[]): number =>
    compilePolicy({ default: { errno: 'EPERM' }, rules }).length

  it('makes short code', () => {
    const allow = (...syscalls: number[]): PolicyRule => ({ syscalls, action: 'allow' })
    // The architecture 2, the number 1, x32 and -1 2, the ends 2.
    expect(lengthOf([])).toBe(7)
    expect(lengthOf([allow(5)])).toBe(10)
    expect(lengthOf([allow(...Array.from({ length: 200 }, (_, n) => n))])).toBe(9)
  })

  it.each<[string, Partial<SeccompPolicy>, string, string]>([
    ['an action that is none', { default: 'refuse' as never }, 'BAD_POLICY', 'default'],
    ['a key that is none', { rule: [] } as never, 'BAD_POLICY', ''],
    ['no system call', { rules: [{ syscalls: [], action: 'log' }] }, 'BAD_POLICY', 'rules.0.syscalls'],
    [
      'a name that no architecture has',
      { rules: [{ syscalls: ['opne'], action: 'log' }] },
      'UNKNOWN_SYSCALL',
      'rules.0.syscalls.0',
    ],
    ['an unknown architecture', { architectures: ['vax'] }, 'UNKNOWN_ARCH', 'architectures.0'],
    [
      'a rule for another architecture',
      { rules: [{ syscalls: ['read'], action: 'log', architectures: ['arm'] }] },
      'BAD_POLICY',
      'rules.0.architectures.0',
    ],
    ['an errno without number', { default: { errno: 'EWHAT' } }, 'BAD_POLICY', 'default.errno'],
    [
      'a rule that is never reached',
      {
        rules: [
          { syscalls: ['read'], action: 'log' },
          { syscalls: ['read'], action: 'trap' },
        ],
      },
      'CONFLICT',
      'rules.1',
    ],
    [
      'a value of 65 bits',
      { rules: [{ syscalls: ['read'], action: 'log', args: [{ arg: 0, op: 'eq', value: 2n ** 64n }] }] },
      'INEXPRESSIBLE',
      'rules.0.args.0.value',
    ],
    [
      '33 bits of 32',
      {
        rules: [
          { syscalls: ['read'], action: 'log', args: [{ arg: 0, op: 'eq', value: '0x100000000', bits: 32 }] },
        ],
      },
      'INEXPRESSIBLE',
      'rules.0.args.0.value',
    ],
    [
      'a masked value that never is',
      {
        rules: [
          { syscalls: ['read'], action: 'log', args: [{ arg: 0, op: 'masked_eq', value: 3, mask: 1 }] },
        ],
      },
      'INEXPRESSIBLE',
      'rules.0.args.0',
    ],
    [
      'no mask',
      { rules: [{ syscalls: ['read'], action: 'log', args: [{ arg: 0, op: 'masked_eq', value: 3 }] }] },
      'BAD_POLICY',
      'rules.0.args.0',
    ],
    [
      'a seventh argument',
      { rules: [{ syscalls: ['read'], action: 'log', args: [{ arg: 6, op: 'eq', value: 3 }] }] },
      'BAD_POLICY',
      'rules.0.args.0.arg',
    ],
    [
      'comparisons behind socketcall',
      {
        architectures: ['x86'],
        rules: [{ syscalls: ['socket'], action: 'log', args: [{ arg: 0, op: 'eq', value: 3 }] }],
      },
      'INEXPRESSIBLE',
      'rules.0.args',
    ],
    [
      'too much',
      {
        rules: Array.from({ length: 5000 }, (_, n) => ({
          syscalls: ['read'],
          action: 'log' as const,
          args: [{ arg: 0, op: 'eq' as const, value: n }],
        })),
      },
      'TOO_LONG',
      '',
    ],
  ])('refuses %s', (_, part, code, path) => {
    const refusal = (): unknown => compilePolicy({ default: 'allow', rules: [], ...part })
    expect(refusal).toThrow(
      expect.objectContaining({
        name: 'SeccompError',
        code,
        path: path || (code === 'TOO_LONG' ? undefined : ''),
      }),
    )
  })

  it('makes programs of the greatest length, with jumps that are far', () => {
    const rules = Array.from({ length: 600 }, (_, n): PolicyRule => {
      return { syscalls: [2 * n], action: { errno: n }, args: [{ arg: n % 6, op: 'eq', value: n, bits: 32 }] }
    })
    const filter = compilePolicy({ default: 'allow', rules })
    expect(filter.length).toBeGreaterThan(2000)
    const simulator = createSimulator(filter)
    for (let n = 0; n < 600; n++) {
      const args = Array.from({ length: 6 }, () => n)
      expect(simulator.decide({ nr: 2 * n, args }).errno).toBe(n)
      expect(simulator.decide({ nr: 2 * n, args: args.map((one) => one + 1) }).runs).toBe(true)
      expect(simulator.decide({ nr: 2 * n + 1, args }).runs).toBe(true)
    }
  })

  it('looks behind socketcall and ipc', () => {
    const filter = compilePolicy({
      architectures: ['x86'],
      default: 'allow',
      rules: [{ syscalls: ['connect', 'shmat'], action: { errno: 'EPERM' } }],
    })
    const runs = (syscall: string, first: number): boolean =>
      simulate(filter, { arch: 'x86', syscall, args: [first] }).runs
    expect([runs('connect', 0), runs('socketcall', 3), runs('socketcall', 1)]).toEqual([false, false, true])
    expect([runs('ipc', 21), runs('ipc', 0x1_0015), runs('ipc', 22)]).toEqual([false, false, true])
  })
})

describe.skipIf(kernel.missing)(
  `beside the kernel${kernel.missing ? ` (skipped: ${kernel.missing})` : ''}`,
  () => {
    it('has calls decided as the kernel decides them', { timeout }, () => {
      const random = new Random(22)
      const calls = (): { nr: number; args: bigint[] }[] =>
        Array.from({ length: 2 }, () => ({
          nr: syscallNumber('x86_64', random.pick(HARMLESS_NAMES))!,
          args: Array.from({ length: 6 }, () => randomValue(random, true)),
        }))
      const cases = Array.from({ length: count }, () => {
        const filters = [compilePolicy(randomPolicy(random, { real: true, hard: true }))]
        return { filters, calls: calls() }
      })
      const answers = askKernel(kernel, cases)
      for (const [n, { filters, calls: made }] of cases.entries())
        for (const [m, call] of made.entries()) {
          const decision = simulate(filters, call)
          const answer = answers[n]![m]!
          const expected = seen(decision)
          const why = json([n, m, decision, answer])
          if (expected) expect(answer, why).toEqual(expected)
          else expect(answer.kind === 'returned' && answer.value >= 0, why).toBe(true)
        }
    })
  },
)
