import type { CallbackKind, HelperDef } from '@skep/registry'
import type { Env } from './env.ts'
import { kfuncAt } from './kernel-types.ts'
import { isHelperCall, isKfuncCall } from './program.ts'

/** The helper of a call instruction as this program has it, if it may call it. */
export function helperAt(env: Env, insn: number): HelperDef | undefined {
  const id = env.program.imm[insn]!
  if (!env.helpers.has(id)) env.helpers.set(id, resolve(env, id))
  return env.helpers.get(id)
}

/** get_func_proto: by program type, attach type, target and privileges. */
function resolve(env: Env, id: number): HelperDef | undefined {
  const helper = env.platform.helpers.byId(id)
  const { name } = env.type
  const attach = env.attachType ?? ''
  if (!helper || !env.platform.allows(env.type, helper)) return undefined
  const attachTypes = helper.attachTypes?.[name]
  if (attachTypes && !attachTypes.includes(attach)) return undefined
  const targets = helper.attachTo?.[`${name}/${attach}`] ?? helper.attachTo?.[name]
  if (targets && !targets.includes(env.program.spec.attachTo ?? '')) return undefined
  if (helper.capability === 'perfmon' && !env.privileges.perfmon && !helper.capabilityFree?.includes(name)) {
    return undefined
  }
  const variant = helper.variants?.find(
    (v) => v.programTypes.includes(name) && (!v.attachTypes || v.attachTypes.includes(attach)),
  )
  if (!variant) return helper
  const { programTypes: _, attachTypes: __, ...fields } = variant
  return { ...helper, ...fields }
}

/** bpf_func_proto.allowed: some helpers may be called from certain probes only. */
export function isProbeAllowed(env: Env, helper: HelperDef): boolean {
  if (!helper.probe) return true
  const { name } = env.type
  const rule = helper.probe[`${name}/${env.attachType ?? ''}`] ?? helper.probe[name]
  return rule === true || (rule?.includes(env.program.spec.attachTo ?? '') ?? false)
}

/** A helper as messages name it. */
export const helperName = (env: Env, id: number): string =>
  `${env.platform.helpers.byId(id)?.name ?? 'unknown'}#${id}`

/** The callback that a helper runs, if any. */
export const callbackOf = (helper: HelperDef): CallbackKind | undefined =>
  helper.verify?.callback ?? helper.args.find((a) => a.kind === 'func')?.callback

const ASYNC: ReadonlySet<CallbackKind> = new Set(['timer', 'workqueue', 'task_work'] as CallbackKind[])

/** Callbacks that run after the helper returned. */
export const isAsync = (kind: CallbackKind): boolean => ASYNC.has(kind)

/** What a call to a helper or kfunc reads and writes, for liveness. */
export interface CallSummary {
  readonly params: number
  readonly isVoid: boolean
}

export function callSummary(env: Env, insn: number): CallSummary | undefined {
  const { program } = env
  if (isHelperCall(program, insn)) {
    const helper = helperAt(env, insn)
    return helper && { params: helper.args.length, isVoid: helper.returns.kind === 'void' }
  }
  if (isKfuncCall(program, insn)) {
    const kfunc = kfuncAt(env, insn)
    return kfunc && { params: kfunc.args.length, isVoid: kfunc.returns.kind === 'void' }
  }
  return undefined
}
