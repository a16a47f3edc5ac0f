import { type Architecture, findArchitecture, isSyscallName, syscallName, X32_BIT } from './architectures.ts'
import { actionValue } from './compile-policy.ts'
import { SeccompError } from './errors.ts'
import { type PolicyAction, type PolicyRule, parsePolicy, type SeccompPolicy } from './policy.ts'

/** A call that a program made, as a supervisor sees it. */
export interface ObservedCall {
  /** What `seccomp_data.arch` holds. */
  readonly arch: number
  readonly nr: number
}

export interface LearnOptions {
  /** What becomes of calls that were not seen. Default: EPERM. */
  readonly default?: PolicyAction
  /** Calls to allow besides: those of rare paths, of shutting down. */
  readonly also?: readonly string[]
}

/**
 * The policy that allows what was seen and nothing else. It knows numbers alone, not arguments: what it saw once in one way it
 * allows in every way.
 *
 * @throws SeccompError `UNKNOWN_ARCH` for a token that is none of the known
 */
export function learnPolicy(observed: Iterable<ObservedCall>, options: LearnOptions = {}): SeccompPolicy {
  const seen = new Map<Architecture, Set<number>>()
  for (const { arch: token, nr } of observed) {
    const found = findArchitecture(token)
    if (found === undefined) {
      throw new SeccompError('UNKNOWN_ARCH', `0x${token.toString(16)} is the token of no known architecture`)
    }
    const arch =
      found.name === 'x86_64' && (nr & X32_BIT) !== 0 && nr !== -1 ? findArchitecture('x32')! : found
    seen.set(arch, (seen.get(arch) ?? new Set()).add(nr >>> 0))
  }
  const rules: PolicyRule[] = []
  const also = [...(options.also ?? [])].sort()
  const shared = new Set(also)
  if (also.length > 0) rules.push({ syscalls: also, action: 'allow' })
  for (const [{ name }, numbers] of seen) {
    const syscalls = [...numbers]
      .map((nr) => syscallName(name, nr) ?? nr)
      .filter((one) => !shared.has(String(one)))
    syscalls.sort((a, b) => String(a).localeCompare(String(b), 'en'))
    if (syscalls.length > 0) rules.push({ syscalls, action: 'allow', architectures: [name] })
  }
  const architectures = [...seen.keys()].map(({ name }) => name)
  return {
    ...(architectures.length > 0 ? { architectures } : {}),
    default: options.default ?? { errno: 'EPERM' },
    rules,
  }
}

/** A call whose rules differ between two policies. */
export interface PolicyDifference {
  readonly architecture: string
  readonly syscall: string | number
  /** What each says of it: its rules' actions and comparisons, undefined where it has none. */
  readonly before: string | undefined
  readonly after: string | undefined
}

/**
 * What differs between two policies, by architecture and call; `default` and `badArch` come under those names with architecture
 * `*`.
 *
 * @throws SeccompError `BAD_POLICY`
 */
export function diffPolicies(before: SeccompPolicy, after: SeccompPolicy): PolicyDifference[] {
  const [left, right] = [tableOf(before), tableOf(after)]
  const differences: PolicyDifference[] = []
  for (const key of [...new Set([...left.keys(), ...right.keys()])]) {
    const [was, is] = [left.get(key), right.get(key)]
    if (was === is) continue
    const [architecture, syscall] = key.split(' ') as [string, string]
    const call = isSyscallName(syscall) || !/^\d+$/.test(syscall) ? syscall : Number(syscall)
    differences.push({ architecture, syscall: call, before: was, after: is })
  }
  return differences
}

function tableOf(input: SeccompPolicy): ReadonlyMap<string, string> {
  const policy = parsePolicy(input)
  const table = new Map<string, string>()
  const text = (action: PolicyAction): string => {
    if (typeof action === 'string') return action === 'kill' ? 'kill_process' : action
    return Object.entries(action)
      .map(([kind, value]) => `${kind} ${kind === 'errno' ? actionValue(action, '') & 0xffff : value}`)
      .join()
  }
  table.set('* default', text(policy.default))
  table.set('* badArch', text(policy.badArch ?? 'kill_process'))
  const listed = policy.architectures ?? ['x86_64']
  for (const { syscalls, action, args = [], architectures = listed } of policy.rules) {
    const compared = args.map(({ arg, op, value, mask, bits }) => {
      const masked = mask === undefined ? `arg${arg}` : `arg${arg} & ${BigInt(mask)}`
      return `${masked} ${op === 'masked_eq' ? 'eq' : op} ${BigInt(value)}${bits === 32 ? ' (32 bits)' : ''}`
    })
    const said = `${text(action)}${compared.length > 0 ? ` if ${compared.join(' and ')}` : ''}`
    for (const architecture of architectures)
      for (const syscall of syscalls) {
        const key = `${findArchitecture(architecture)?.name ?? architecture} ${syscall}`
        const known = table.get(key)
        table.set(key, known === undefined ? said : `${known}, else ${said}`)
      }
  }
  return table
}
