import type { ClassicInsn } from '@skep/isa'
import { ERRNO } from '@skep/registry'
import {
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_KILL_PROCESS,
  SECCOMP_RET_KILL_THREAD,
  SECCOMP_RET_LOG,
  SECCOMP_RET_TRACE,
  SECCOMP_RET_TRAP,
  SECCOMP_RET_USER_NOTIF,
} from './actions.ts'
import { type Architecture, architectureOf, isSyscallName, syscallsOf, X32_BIT } from './architectures.ts'
import { compareArgument } from './compare-argument.ts'
import { type Decision, DecisionGraph, emitDecision } from './decision-graph.ts'
import { SeccompError } from './errors.ts'
import { multiplexed } from './multiplexed.ts'
import { type PolicyAction, type PolicyComparison, parsePolicy, type SeccompPolicy } from './policy.ts'
import { type Segment, searchNumbers } from './syscall-tree.ts'

/** A rule as it is for one call of one architecture. */
interface Match {
  readonly args: readonly PolicyComparison[]
  readonly value: number
  readonly path: string
}

/**
 * The filter of a policy: the architecture first, then a search by halves among the numbers of system calls, then comparisons.
 *
 * @throws SeccompError `BAD_POLICY`; `UNKNOWN_ARCH`; `UNKNOWN_SYSCALL`: no architecture has a call of this name; `CONFLICT`: a
 * rule is never reached; `INEXPRESSIBLE`; `TOO_LONG`
 */
export function compilePolicy(input: SeccompPolicy): ClassicInsn[] {
  const policy = parsePolicy(input)
  const listed = policy.architectures ?? ['x86_64']
  const arches = [
    ...new Set(listed.map((name, n) => architectureOf(name, policy.architectures && `architectures.${n}`))),
  ]
  const graph = new DecisionGraph()
  const bad = graph.ret(actionValue(policy.badArch ?? 'kill_process', 'badArch'))
  const known = new Set(arches)
  for (const [n, rule] of policy.rules.entries())
    for (const [m, name] of (rule.architectures ?? []).entries()) {
      const path = `rules.${n}.architectures.${m}`
      if (!known.has(architectureOf(name, path)))
        throw new SeccompError('BAD_POLICY', `${name} is not among the policy's architectures`, { path })
    }
  let root = bad
  for (const token of [...new Set(arches.map((arch) => arch.token))].reverse()) {
    const here = arches.filter((arch) => arch.token === token)
    const otherwise = graph.ret(actionValue(policy.default, 'default'))
    const singles = new Map<number, Decision>()
    for (const arch of here)
      for (const [nr, matches] of matchesOf(policy, arch))
        singles.set(nr, decide(graph, arch, matches, otherwise))
    const tree = searchNumbers(graph, base(here, otherwise, bad), singles)
    root = graph.test({ offset: 4 }, 'eq', token, tree, root)
  }
  return emitDecision(root)
}

/** What is decided for numbers of the architectures of a token that no rule is for. */
function base(arches: readonly Architecture[], otherwise: Decision, bad: Decision): Segment[] {
  const has = (name: string): boolean => arches.some((arch) => arch.name === name)
  if (!has('x86_64') && !has('x32')) return [{ first: 0, decision: otherwise }]
  return [
    { first: 0, decision: has('x86_64') ? otherwise : bad },
    { first: X32_BIT, decision: has('x32') ? otherwise : bad },
    // -1 is no call of x32: a tracer skips calls so.
    { first: 2 ** 32 - 1, decision: has('x86_64') ? otherwise : bad },
  ]
}

/** The first of the matches whose comparisons all hold. */
function decide(
  graph: DecisionGraph,
  arch: Architecture,
  matches: readonly Match[],
  otherwise: Decision,
): Decision {
  return matches.reduceRight<Decision>(
    (no, { args, value, path }) =>
      args.reduceRight<Decision>(
        (yes, comparison, n) => compareArgument(graph, arch, comparison, { yes, no }, `${path}.args.${n}`),
        graph.ret(value),
      ),
    otherwise,
  )
}

/** The rules of each number, in their order, as far as they are reached. */
function matchesOf(policy: SeccompPolicy, arch: Architecture): ReadonlyMap<number, readonly Match[]> {
  const found = new Map<number, Match[]>()
  const add = (nr: number, match: Match, name: string | number): void => {
    const matches = found.get(nr) ?? []
    found.set(nr, matches)
    const last = matches.at(-1)
    if (last === undefined || last.args.length > 0) {
      matches.push(match)
      return
    }
    if (last.value === match.value) return
    const fact = `the rule is never reached for ${name}, for which ${last.path} is without comparisons; put it before`
    throw new SeccompError('CONFLICT', fact, { path: match.path })
  }
  const table = syscallsOf(arch.name)
  const own = new Set(policy.rules.flatMap((rule) => rule.syscalls))
  for (const [n, { syscalls, action, args = [], architectures }] of policy.rules.entries()) {
    const path = `rules.${n}`
    const value = actionValue(action, `${path}.action`)
    const here = architectures === undefined || architectures.some((name) => architectureOf(name) === arch)
    for (const [m, name] of syscalls.entries()) {
      if (typeof name === 'string' && !isSyscallName(name)) {
        const fact = `no architecture has a system call ${name}; give its number if it has one`
        throw new SeccompError('UNKNOWN_SYSCALL', fact, { path: `${path}.syscalls.${m}` })
      }
      if (!here) continue
      const nr = typeof name === 'number' ? name : table.get(name)
      if (nr !== undefined) add(nr, { args, value, path }, name)
      const other = typeof name === 'number' ? undefined : multiplexed(arch, name)
      if (other === undefined || own.has(other.through)) continue
      if (args.length > 0) {
        if (action === 'allow') continue
        const fact = `${arch.name} also makes ${name} through ${other.through}, whose arguments lie in memory; add a rule for ${other.through}`
        throw new SeccompError('INEXPRESSIBLE', fact, { path: `${path}.args` })
      }
      const { mask, value: first } = other
      const comparison: PolicyComparison = { arg: 0, op: 'masked_eq', mask, value: first, bits: 32 }
      add(table.get(other.through)!, { args: [comparison], value, path }, name)
    }
  }
  return found
}

/**
 * What a filter returns for an action.
 *
 * @throws SeccompError `BAD_POLICY`
 */
export function actionValue(action: PolicyAction, path: string): number {
  if (typeof action === 'string') return PLAIN[action]
  if ('trap' in action) return SECCOMP_RET_TRAP | action.trap
  if ('trace' in action) return SECCOMP_RET_TRACE | action.trace
  const { errno } = action
  if (typeof errno === 'number') return SECCOMP_RET_ERRNO | errno
  if (Object.hasOwn(ERRNO, errno)) return SECCOMP_RET_ERRNO | ERRNO[errno as keyof typeof ERRNO]
  throw new SeccompError('BAD_POLICY', `${errno} has no number here; give the number`, {
    path: `${path}.errno`,
  })
}

const PLAIN: Readonly<Record<Extract<PolicyAction, string>, number>> = {
  allow: SECCOMP_RET_ALLOW,
  log: SECCOMP_RET_LOG,
  notify: SECCOMP_RET_USER_NOTIF,
  trap: SECCOMP_RET_TRAP,
  kill: SECCOMP_RET_KILL_PROCESS,
  kill_process: SECCOMP_RET_KILL_PROCESS,
  kill_thread: SECCOMP_RET_KILL_THREAD,
}
