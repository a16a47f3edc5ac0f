import * as z from 'zod/mini'
import { type Architecture, architectureOf, findArchitecture, isSyscallName } from './architectures.ts'
import { SeccompError } from './errors.ts'
import {
  checked,
  type PolicyAction,
  type PolicyComparison,
  type PolicyRule,
  type SeccompPolicy,
} from './policy.ts'

/** What a profile's conditions are judged by. */
export interface OciOptions {
  /** The architecture of the container. Default: x86_64. */
  readonly arch?: string
  /** Capabilities that the container has, as `CAP_SYS_ADMIN`, for `includes.caps` and `excludes.caps`. Default: none. */
  readonly capabilities?: readonly string[]
  /** The kernel's version, for `minKernel`. Default: `6.18`. */
  readonly kernel?: string
}

export interface OciPolicy {
  readonly policy: SeccompPolicy
  /** What was left out and why: names that no architecture has, say. */
  readonly notes: readonly string[]
}

const maybe = <T extends z.ZodMiniType>(shape: T): z.ZodMiniOptional<z.ZodMiniNullable<T>> =>
  z.optional(z.nullable(shape))
/** What a profile looks like, as far as it is read. */
function profileShape() {
  const number = z.union([z.int(), z.bigint()])
  const texts = maybe(z.array(z.string()))
  const condition = maybe(z.object({ caps: texts, arches: texts, minKernel: z.optional(z.string()) }))

  return z.object({
    defaultAction: z.string(),
    defaultErrnoRet: maybe(z.int()),
    architectures: texts,
    archMap: maybe(z.array(z.object({ architecture: z.string(), subArchitectures: texts }))),
    syscalls: maybe(
      z.array(
        z.object({
          names: texts,
          name: maybe(z.string()),
          action: z.string(),
          errnoRet: maybe(z.int()),
          args: maybe(
            z.array(z.object({ index: z.int(), value: number, valueTwo: maybe(number), op: z.string() })),
          ),
          includes: condition,
          excludes: condition,
        }),
      ),
    ),
  })
}

type Profile = z.infer<ReturnType<typeof profileShape>>
type Entry = NonNullable<Profile['syscalls']>[number]

const OPS: Readonly<Record<string, PolicyComparison['op']>> = {
  SCMP_CMP_NE: 'ne',
  SCMP_CMP_LT: 'lt',
  SCMP_CMP_LE: 'le',
  SCMP_CMP_EQ: 'eq',
  SCMP_CMP_GE: 'ge',
  SCMP_CMP_GT: 'gt',
  SCMP_CMP_MASKED_EQ: 'masked_eq',
}

const EPERM = 1

/**
 * Reads a profile of the OCI's runtime specification (`linux.seccomp`) or of Docker, as an object or as its JSON text. As the
 * container runtimes have it: several comparisons of one argument are alternatives, an errno that is not given is EPERM, the
 * container's own architecture is always among those listed, and rules without comparisons come after those with some.
 *
 * @throws SeccompError `BAD_PROFILE`, `UNKNOWN_ARCH`
 */
export function parseOciProfile(input: unknown, options: OciOptions = {}): OciPolicy {
  const profile = checked(profileShape() as unknown as z.ZodMiniType<Profile>, readJson(input), 'BAD_PROFILE')
  const arch = architectureOf(options.arch ?? 'x86_64')
  const notes: string[] = []
  const rules: PolicyRule[] = []
  for (const [n, entry] of (profile.syscalls ?? []).entries()) {
    const path = `syscalls.${n}`
    if (!applies(entry, arch, options)) continue
    const names = [...(entry.names ?? []), ...(entry.name == null ? [] : [entry.name])]
    const syscalls = names.filter(isSyscallName)
    for (const name of names)
      if (!isSyscallName(name)) notes.push(`${path}: no architecture has a system call ${name}`)
    if (syscalls.length === 0) continue
    const action = actionOf(entry.action, entry.errnoRet ?? EPERM, `${path}.action`)
    for (const args of alternatives(entry, path))
      rules.push(args.length > 0 ? { syscalls, action, args } : { syscalls, action })
  }
  rules.sort((a, b) => Number(a.args === undefined) - Number(b.args === undefined))
  const policy: SeccompPolicy = {
    architectures: [...new Set([arch.name, ...listed(profile, arch)])],
    default: actionOf(profile.defaultAction, profile.defaultErrnoRet ?? EPERM, 'defaultAction'),
    badArch: 'kill_thread',
    rules,
  }
  return { policy, notes }
}

function readJson(input: unknown): unknown {
  if (typeof input !== 'string') return input
  try {
    return JSON.parse(input)
  } catch (cause) {
    throw new SeccompError('BAD_PROFILE', `not JSON: ${(cause as Error).message}`, {}, { cause })
  }
}

function listed(profile: Profile, own: Architecture): string[] {
  const names = [...(profile.architectures ?? [])]
  for (const { architecture, subArchitectures } of profile.archMap ?? [])
    if (findArchitecture(architecture) === own) names.push(...(subArchitectures ?? []))
  return names.map((name, n) => architectureOf(name, `architectures.${n}`).name)
}

function applies({ includes, excludes }: Entry, arch: Architecture, options: OciOptions): boolean {
  const caps = new Set(options.capabilities ?? [])
  const isHere = (name: string): boolean => findArchitecture(name) === arch
  const newEnough = (version: string): boolean => atLeast(options.kernel ?? '6.18', version)
  if (includes?.caps?.some((cap) => !caps.has(cap))) return false
  if (includes?.arches?.length && !includes.arches.some(isHere)) return false
  if (includes?.minKernel !== undefined && !newEnough(includes.minKernel)) return false
  if (excludes?.caps?.some((cap) => caps.has(cap))) return false
  if (excludes?.arches?.some(isHere)) return false
  return excludes?.minKernel === undefined || !newEnough(excludes.minKernel)
}

function atLeast(version: string, least: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10))
  const [wantedMajor = 0, wantedMinor = 0] = least.split('.').map((part) => Number.parseInt(part, 10))
  return major !== wantedMajor ? major > wantedMajor : minor >= wantedMinor
}

/** Comparisons that must all hold, in as many ways as an argument that is compared twice has it. */
function alternatives({ args }: Entry, path: string): PolicyComparison[][] {
  const all = (args ?? []).map(({ index, value, valueTwo, op }, n): PolicyComparison => {
    if (!Object.hasOwn(OPS, op)) {
      const fact = `${op} is none of ${Object.keys(OPS).join(', ')}`
      throw new SeccompError('BAD_PROFILE', fact, { path: `${path}.args.${n}.op` })
    }
    if (op !== 'SCMP_CMP_MASKED_EQ') return { arg: index, op: OPS[op]!, value }
    // As libseccomp has it, whose value is masked too.
    const masked = BigInt.asUintN(64, BigInt(value) & BigInt(valueTwo ?? 0))
    return { arg: index, op: 'masked_eq', mask: value, value: masked }
  })
  const indices = all.map(({ arg }) => arg)
  return new Set(indices).size < indices.length ? all.map((one) => [one]) : [all]
}

function actionOf(name: string, errno: number, path: string): PolicyAction {
  switch (name) {
    case 'SCMP_ACT_ALLOW':
      return 'allow'
    case 'SCMP_ACT_LOG':
      return 'log'
    case 'SCMP_ACT_NOTIFY':
      return 'notify'
    case 'SCMP_ACT_KILL':
    case 'SCMP_ACT_KILL_THREAD':
      return 'kill_thread'
    case 'SCMP_ACT_KILL_PROCESS':
      return 'kill_process'
    case 'SCMP_ACT_TRAP':
      return 'trap'
    case 'SCMP_ACT_ERRNO':
      return { errno }
    case 'SCMP_ACT_TRACE':
      return { trace: errno }
    default:
      throw new SeccompError('BAD_PROFILE', `${name} is no action of libseccomp`, { path })
  }
}
