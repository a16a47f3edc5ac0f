import {
  type CallbackKind,
  type HelperDef,
  helperAllowed,
  helperFor,
  helperProbeAllowed,
} from '@skep/registry'
import type { Env } from './env.ts'
import { kfuncAt, kfuncDefAt } from './kfunc/prototype.ts'
import { isHelperCall, isKfuncCall } from './program.ts'

/** Number 0 has a name although it is no helper. */
const UNSPECIFIED = 0

export const isHelperId = (env: Env, id: number): boolean =>
  id === UNSPECIFIED || env.platform.helpers.byId(id) !== undefined

/** The helper of a call instruction as this program has it, if it may call it. */
export function helperAt(env: Env, insn: number): HelperDef | undefined {
  const id = env.program.imm[insn]!
  if (!env.helpers.has(id)) env.helpers.set(id, resolve(env, id))
  return env.helpers.get(id)
}

/** get_func_proto: by program type, attach type, target and privileges. */
function resolve(env: Env, id: number): HelperDef | undefined {
  const helper = env.platform.helpers.byId(id)
  const struct = env.program.spec.attachTo?.split(':')[0] ?? ''
  if (env.type.structOps?.[struct]?.helpers === false) return undefined
  if (!helper || !env.platform.allows(env.type, helper) || !helperAllowed(helper, env.helperUser)) {
    return undefined
  }
  return helperFor(helper, env.helperUser)
}

/** bpf_func_proto.allowed: some helpers may be called from certain probes only. */
export const isProbeAllowed = (env: Env, helper: HelperDef): boolean =>
  helperProbeAllowed(helper, env.helperUser)

export const knownName = (env: Env, id: number): string | undefined =>
  id === UNSPECIFIED ? 'bpf_unspec' : env.platform.helpers.byId(id)?.name

/** A helper as messages name it. */
export const helperName = (env: Env, id: number): string => `${knownName(env, id) ?? 'unknown'}#${id}`

/** The callback that a helper runs, if any. */
export const callbackOf = (helper: HelperDef): CallbackKind | undefined =>
  helper.verify?.callback ?? helper.args.find((a) => a.kind === 'func')?.callback

const ASYNC: ReadonlySet<CallbackKind> = new Set(['timer', 'workqueue', 'task_work'] as CallbackKind[])

/** Callbacks that run after the helper returned. */
export const isAsync = (kind: CallbackKind): boolean => ASYNC.has(kind)

/** What a call to a helper or kfunc reads, for liveness. */
export interface CallSummary {
  readonly params: number
}

export function callSummary(env: Env, insn: number): CallSummary | undefined {
  const { program } = env
  if (isHelperCall(program, insn)) {
    const helper = helperAt(env, insn)
    return helper && { params: helper.args.length }
  }
  if (isKfuncCall(program, insn)) {
    const described = kfuncDefAt(env, insn)
    if (described?.args) return { params: described.args.length }
    const kfunc = kfuncAt(env, insn)
    return kfunc && { params: kfunc.params.length }
  }
  return undefined
}
