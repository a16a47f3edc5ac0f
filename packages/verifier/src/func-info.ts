import { BTF_FUNC_GLOBAL, BTF_KIND_FUNC, BTF_KIND_FUNC_PROTO } from './btf.ts'
import type { Env } from './env.ts'
import { fail } from './errors.ts'
import { checkAbnormalReturn } from './subprogs.ts'

/** check_btf_func_early: the list of functions by itself. */
export function checkFuncInfo(env: Env): void {
  const { btf, program } = env
  if (!env.hasFuncInfo || !btf) return
  let previous = -1
  for (const [i, info] of program.functions.entries()) {
    if (i === 0 && info.insn !== 0) {
      fail('EINVAL', `nonzero insn_off ${info.insn} for the first func info record`)
    }
    if (info.insn <= previous) {
      fail(
        'EINVAL',
        `same or smaller insn offset (${info.insn}) than previous func info record (${previous})`,
      )
    }
    if (btf.kind(info.typeId) !== BTF_KIND_FUNC) fail('EINVAL', `invalid type id ${info.typeId} in func info`)
    if (btf.kind(btf.target(info.typeId)) !== BTF_KIND_FUNC_PROTO) fail('EINVAL', 'invalid func info')
    previous = info.insn
  }
}

/** check_btf_func: functions of the BTF are those of the program. */
export function linkFuncInfo(env: Env): void {
  const { btf, program, subprogs } = env
  if (!env.hasFuncInfo || !btf) {
    checkAbnormalReturn(env)
    return
  }
  if (program.functions.length !== subprogs.length) {
    fail('EINVAL', "number of funcs in func_info doesn't match number of subprogs")
  }
  for (const [i, info] of program.functions.entries()) {
    const subprog = subprogs[i]!
    if (subprog.start !== info.insn) {
      fail('EINVAL', "func_info BTF section doesn't match subprog layout in BPF program")
    }
    subprog.name = btf.name(info.typeId)
    subprog.typeId = info.typeId
    subprog.global = btf.vlen(info.typeId) === BTF_FUNC_GLOBAL
    const result = btf.skipModifiers(btf.target(btf.target(info.typeId)))
    const scalar = btf.isSmallInt(result) || btf.isEnum(result)
    if (i > 0 && !scalar && subprog.hasLdAbs) {
      fail('EINVAL', "LD_ABS is only allowed in functions that return 'int'.")
    }
    if (i > 0 && !scalar && subprog.hasTailCall) {
      fail('EINVAL', "tail_call is only allowed in functions that return 'int'.")
    }
  }
}
