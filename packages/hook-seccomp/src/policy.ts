import * as z from 'zod/mini'
import english from 'zod/v4/locales/en.js'
import { SeccompError } from './errors.ts'

/**
 * What becomes of a call: `kill` is `kill_process`; `notify` asks a supervisor; numbers are an errno (or its name), what SIGSYS
 * carries in si_errno, and what a tracer gets.
 */
export type PolicyAction =
  | 'allow'
  | 'log'
  | 'notify'
  | 'trap'
  | 'kill'
  | 'kill_process'
  | 'kill_thread'
  | { readonly errno: number | string }
  | { readonly trap: number }
  | { readonly trace: number }

/** A number of 64 bits: as text where it must survive JSON, decimal or `0x…`. Negative ones as two's complement. */
export type PolicyNumber = number | bigint | string

/**
 * A comparison of an argument, unsigned: `arg` counts from 0. `masked_eq`: the bits of `mask` are those of `value`. With
 * `bits: 32` the upper half does not count: so compare what the kernel takes as int, whose upper half callers may set.
 */
export interface PolicyComparison {
  readonly arg: number
  readonly op: 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge' | 'masked_eq'
  readonly value: PolicyNumber
  readonly mask?: PolicyNumber
  readonly bits?: 32 | 64
}

/** What becomes of some calls. Of several rules for a call the first whose comparisons all hold is taken. */
export interface PolicyRule {
  /** Names, or numbers of calls that have none. A name that an architecture lacks means nothing there. */
  readonly syscalls: readonly (string | number)[]
  readonly action: PolicyAction
  /** All must hold. */
  readonly args?: readonly PolicyComparison[]
  /** Those of the policy, where the rule is for some of them only. */
  readonly architectures?: readonly string[]
}

/** A seccomp policy as data. */
export interface SeccompPolicy {
  /** Names of architectures, by any spelling; the likeliest first. Default: x86_64. */
  readonly architectures?: readonly string[]
  /** What becomes of calls that no rule is for. */
  readonly default: PolicyAction
  /** What becomes of calls of other architectures, x32 among them where it is not listed. Default: `kill_process`. */
  readonly badArch?: PolicyAction
  readonly rules: readonly PolicyRule[]
}

let shape: z.ZodMiniType | undefined

/** What a policy looks like, made when the first one is checked. */
function policyShape(): z.ZodMiniType {
  const number = z.union([z.int(), z.bigint(), z.string().check(z.regex(/^-?(0x[0-9a-f]+|\d+)$/i))])
  const u16 = z.int().check(z.minimum(0), z.maximum(0xffff))

  const action = z.union([
    z.enum(['allow', 'log', 'notify', 'trap', 'kill', 'kill_process', 'kill_thread']),
    z.strictObject({
      errno: z.union([
        z.int().check(z.minimum(0), z.maximum(4095)),
        z.string().check(z.regex(/^E[A-Z0-9]+$/)),
      ]),
    }),
    z.strictObject({ trap: u16 }),
    z.strictObject({ trace: u16 }),
  ])

  const comparison = z.strictObject({
    arg: z.int().check(z.minimum(0), z.maximum(5)),
    op: z.enum(['eq', 'ne', 'lt', 'le', 'gt', 'ge', 'masked_eq']),
    value: number,
    mask: z.optional(number),
    bits: z.optional(z.union([z.literal(32), z.literal(64)])),
  })

  const rule = z.strictObject({
    syscalls: z
      .array(z.union([z.string(), z.int().check(z.minimum(0), z.maximum(0xffff_ffff))]))
      .check(z.minLength(1)),
    action,
    args: z.optional(z.array(comparison)),
    architectures: z.optional(z.array(z.string()).check(z.minLength(1))),
  })

  return z.strictObject({
    architectures: z.optional(z.array(z.string()).check(z.minLength(1))),
    default: action,
    badArch: z.optional(action),
    rules: z.array(rule),
  })
}

/**
 * Takes anything as a policy, JSON for example.
 *
 * @throws SeccompError `BAD_POLICY`, with the path of the first thing that is none of a policy
 */
export const parsePolicy = (input: unknown): SeccompPolicy =>
  checked((shape ??= policyShape()), input, 'BAD_POLICY') as SeccompPolicy

/** What a schema takes; else the first thing that it does not. */
export function checked<T>(schema: z.ZodMiniType<T>, input: unknown, code: 'BAD_POLICY' | 'BAD_PROFILE'): T {
  // Hosts may forbid the evaluation of text, with which zod would compile a schema.
  const result = z.safeParse(schema, input, { error: english().localeError, jitless: true })
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new SeccompError(code, issue!.message, { path: issue!.path.join('.') })
}
