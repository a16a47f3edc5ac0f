import { BTF_KIND, BTF_LINKAGE } from '@skep/btf'
import type { Env } from './env.ts'
import { fail } from './errors.ts'
import { kfuncDefAt } from './kfunc/prototype.ts'
import type { ParamType } from './params.ts'

// bpf_throw ends a program. What it then returns is the cookie, or what a function says that the main program names in a
// declaration tag. Nothing calls that function; it is verified by itself, with an unknown number for its argument.

const TAG = 'exception_callback:'

/** bpf_find_exception_callback_insn_off: where the function begins that the main program names; 0 for none. */
export function findExceptionCallback(env: Env): number {
  const { btf, program } = env
  if (!env.hasFuncInfo || !btf) return 0
  const tags = btf.declTags(program.functions[0]!.typeId, -1).filter((tag) => tag.startsWith(TAG))
  if (tags.length === 0) return 0
  if (tags.length > 1) fail('EEXIST', 'multiple exception callback tags for main subprog')
  const name = tags[0]!.slice(TAG.length)
  const id = btf.findByName(BTF_KIND.FUNC, name)
  if (id === undefined) fail('ENOENT', `exception callback '${name}' could not be found in BTF`)
  if (btf.linkage(id) !== BTF_LINKAGE.GLOBAL) {
    fail('EINVAL', `exception callback '${name}' must have global linkage`)
  }
  const infos = program.functions.filter((info) => info.typeId === id)
  if (infos.some((info) => info.insn === 0)) {
    fail('EINVAL', 'invalid exception callback insn_off in func_info: 0')
  }
  const info = infos.at(-1)
  if (!info) fail('EINVAL', 'exception callback type id not found in func_info')
  return info.insn
}

/** mark_subprog_exc_cb */
export function markExceptionCallback(env: Env, start: number): void {
  env.exceptionCallback = env.findSubprog(start)
  const subprog = env.subprogs[env.exceptionCallback]!
  subprog.isCallback = true
  subprog.isAsyncCallback = true
  subprog.isExceptionCallback = true
}

/** The function begins its own walk (do_check_common). */
export function enterExceptionCallback(env: Env, params: readonly ParamType[]): void {
  env.cur.frame.inExceptionCallback = true
  if (params.length !== 1 || params[0]!.kind !== 'anything') {
    fail('EINVAL', 'exception cb only supports single integer argument')
  }
}

/** A call of bpf_throw may not be in a callback, nor in what callbacks call (check_max_stack_depth_subprog). */
export function checkThrow(env: Env, insn: number, subprog: number, callers: readonly number[]): void {
  const def = kfuncDefAt(env, insn)
  if (def?.verify?.effect !== 'throw') return
  if (![subprog, ...callers].some((index) => env.subprogs[index]!.isCallback)) return
  fail('EINVAL', `bpf_throw kfunc (insn ${insn}) cannot be called from callback subprog ${subprog}`)
}
