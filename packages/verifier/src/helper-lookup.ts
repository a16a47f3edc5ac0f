import type { CallbackKind, HelperDef } from '@skep/registry'
import type { Env } from './env.ts'
import { kfuncAt } from './kernel-types.ts'
import { isHelperCall, isKfuncCall } from './program.ts'

/** The helper of a call instruction, if the program may call it. */
export function helperAt(env: Env, insn: number): HelperDef | undefined {
  const helper = env.platform.helpers.byId(env.program.imm[insn]!)
  return helper && env.platform.allows(env.type, helper) ? helper : undefined
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
