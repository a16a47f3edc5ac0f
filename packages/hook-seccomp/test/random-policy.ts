import { type ClassicInsn, decodeClassic } from '@skep/isa'
import type { Random } from '../../vm-interpreter/test/random-numbers.ts'
import {
  actionValue,
  architectureOf,
  type PolicyAction,
  type PolicyComparison,
  type PolicyRule,
  type SeccompCall,
  type SeccompPolicy,
  syscallsOf,
} from '../src/index.ts'
import type { Helper } from './ask-kernel.ts'

const ACTIONS: readonly PolicyAction[] = [
  'allow',
  'allow',
  'log',
  'notify',
  'trap',
  'kill_process',
  'kill_thread',
  { errno: 1 },
  { errno: 'ENOSYS' },
  { errno: 4094 },
  { trace: 77 },
]

/** Architectures that one filter of libseccomp may be for: of one byte order. */
const FAMILIES: readonly (readonly string[])[] = [
  ['x86_64', 'x86', 'aarch64', 'arm', 'riscv64', 'ppc64le', 'mipsel', 'mipsel64'],
  ['s390x', 's390', 'ppc64', 'ppc', 'mips', 'mips64', 'parisc'],
]

/** Calls whose arguments mean nothing, by name. */
export const HARMLESS_NAMES: readonly string[] =
  'getpid getuid getgid geteuid getegid getppid getpgrp gettid'.split(' ')

const VALUES: readonly bigint[] = [0n, 1n, 2n, 7n, 0x10n, 0x7fff_ffffn, 0x8000_0000n, 0xffff_ffffn]

export interface RandomPolicyOptions {
  /**
   * What libseccomp has trouble with: several rules for a call, whose comparisons it mixes up, and architectures of the other
   * byte order, for which it swaps some values twice.
   */
  readonly hard?: boolean
  /** Only x86_64 and calls that may be made for real, besides others that are not asked for. */
  readonly real?: boolean
}

/** A policy that libseccomp can say too: one action for each call, each argument compared once in a rule. */
export function randomPolicy(
  random: Random,
  { real = false, hard = false }: RandomPolicyOptions = {},
): SeccompPolicy {
  const family = FAMILIES[hard ? random.below(2) : 0]!
  const others = family.slice(1).filter(() => random.below(5) === 0)
  const architectures = real ? ['x86_64'] : random.below(3) === 0 ? ['x86_64'] : [family[0]!, ...others]
  const otherwise = random.pick(ACTIONS)
  const wide = architectures.every((name) => architectureOf(name).bits === 64)
  const table = [...syscallsOf(architectureOf(architectures[0]!).name).keys()].filter(
    // What goes through socketcall or ipc has no comparisons of its own there.
    (name) => !['socketcall', 'ipc', ...UNKNOWN].includes(name),
  )
  const some = random.pick([1, 5, 30, 120, 300])
  const names = new Set(Array.from({ length: some }, () => random.pick(table)))
  if (real) for (const name of HARMLESS_NAMES) if (random.below(2) === 0) names.add(name)
  const rules: PolicyRule[] = []
  for (const name of names) {
    const action = random.below(3) > 0 ? ACTIONS[0]! : random.pick(ACTIONS)
    if (actionValue(action, '') === actionValue(otherwise, '')) continue
    const compares =
      (random.below(4) === 0 || (real && HARMLESS_NAMES.includes(name))) && !MULTIPLEXED.test(name)
    if (!compares) rules.push({ syscalls: [name], action })
    else
      for (let n = hard ? random.below(3) : 0; n >= 0; n--)
        rules.push({ syscalls: [name], action, args: comparisons(random, wide) })
  }
  return { architectures, default: otherwise, badArch: random.pick(ACTIONS), rules }
}

/** What libseccomp 2.5.4 does not know yet. */
const UNKNOWN =
  'uretprobe statmount listmount lsm_get_self_attr lsm_set_self_attr lsm_list_modules mseal setxattrat getxattrat listxattrat removexattrat open_tree_attr file_getattr file_setattr'.split(
    ' ',
  )

const MULTIPLEXED =
  /^(socket|bind|connect|listen|accept|getsockname|getpeername|socketpair|send|recv|sendto|recvfrom|shutdown|setsockopt|getsockopt|sendmsg|recvmsg|accept4|recvmmsg|sendmmsg|sem\w+|msg\w+|shm\w+)$/

function comparisons(random: Random, wide: boolean): PolicyComparison[] {
  const args = [0, 1, 2, 3, 4, 5].filter(() => random.below(6) === 0).slice(0, 2)
  if (args.length === 0) args.push(random.below(6))
  return args.map((arg): PolicyComparison => {
    const op = random.pick(['eq', 'ne', 'lt', 'le', 'gt', 'ge', 'masked_eq'] as const)
    const value = randomValue(random, wide)
    if (op !== 'masked_eq') return { arg, op, value }
    const mask =
      random.below(3) === 0 ? 1n << BigInt(random.below(wide ? 64 : 32)) : randomValue(random, wide)
    return { arg, op, value: value & mask, mask }
  })
}

export const randomValue = (random: Random, wide: boolean): bigint => {
  const low = random.below(4) === 0 ? BigInt(random.next()) : random.pick(VALUES)
  if (!wide || random.below(2) === 0) return low
  return low | ((random.below(4) === 0 ? BigInt(random.next()) : random.pick(VALUES)) << 32n)
}

/** A call that has to do with a policy, at values at which things happen. */
export function randomCall(random: Random, policy: SeccompPolicy): SeccompCall {
  const arch =
    random.below(12) === 0 ? random.pick(FAMILIES.flat()) : random.pick(policy.architectures ?? ['x86_64'])
  const { name, bits } = architectureOf(arch)
  const table = syscallsOf(name)
  const rule = policy.rules.length > 0 ? random.pick(policy.rules) : undefined
  const wanted = random.below(5) > 0 ? table.get(String(rule?.syscalls[0])) : undefined
  const any =
    random.below(8) === 0 ? random.pick([0, 0x4000_0000, 0x4000_0005, 0xffff_ffff, random.next()]) : undefined
  const nr = wanted ?? any ?? random.pick([...table.values()])
  const args = Array.from({ length: 6 }, (_, n) => {
    const compared = rule?.args?.find((one) => one.arg === n)
    if (compared === undefined || random.below(4) === 0) return randomValue(random, bits === 64)
    const near = BigInt(compared.value) + BigInt(random.below(3) - 1)
    return random.below(6) === 0 && bits === 64
      ? BigInt.asUintN(64, near + (1n << 32n))
      : BigInt.asUintN(bits, near)
  })
  // Its upper half is no matter to the kernel, which takes an int, but to libseccomp.
  if (nr === table.get('ipc') || nr === table.get('socketcall')) args[0] = BigInt(random.below(30))
  return { arch, nr, args }
}

const CMP = { ne: 1, lt: 2, le: 3, eq: 4, ge: 5, gt: 6, masked_eq: 7 } as const

/** What libseccomp makes of policies, by its level of optimisation. Undefined where it refuses one. */
export function askLibseccomp(
  helper: Helper,
  policies: readonly SeccompPolicy[],
  optimize: number,
): (ClassicInsn[] | undefined)[] {
  const lines: string[] = []
  for (const policy of policies) {
    lines.push(
      `policy ${actionValue(policy.default, '') >>> 0} ${actionValue(policy.badArch ?? 'kill', '') >>> 0} ${optimize}`,
    )
    for (const arch of policy.architectures ?? ['x86_64']) {
      const { name, token } = architectureOf(arch)
      lines.push(`arch ${name === 'x32' ? 0x4000_003e : token}`)
    }
    for (const { syscalls, action, args = [] } of policy.rules)
      for (const name of syscalls) {
        const compared = args.map(({ arg, op, value, mask }) =>
          op === 'masked_eq' ? `${arg} ${CMP[op]} ${mask} ${value}` : `${arg} ${CMP[op]} ${value} 0`,
        )
        lines.push(`rule ${actionValue(action, '') >>> 0} ${name} ${args.length} ${compared.join(' ')}`)
      }
    lines.push('end')
  }
  const answers = helper
    .run(Buffer.from(`${lines.join('\n')}\n`))
    .toString()
    .trimEnd()
    .split('\n')
  return answers.map((answer, n) => {
    const [failed, hex] = answer.trim().split(' ')
    if (failed !== '0') return undefined
    const bytes = Buffer.from(hex!, 'hex')
    // Filters come in the byte order of the machine that they are for.
    if (!architectureOf(policies[n]!.architectures?.[0] ?? 'x86_64').littleEndian)
      for (let at = 0; at < bytes.length; at += 8) {
        bytes.subarray(at, at + 2).swap16()
        bytes.subarray(at + 4, at + 8).swap32()
      }
    return decodeClassic(bytes)
  })
}
