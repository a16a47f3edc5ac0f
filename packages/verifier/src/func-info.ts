import { BTF_KIND, BTF_LINKAGE, type Btf } from '@skep/btf'
import type { Env } from './env.ts'
import { fail } from './errors.ts'
import { checkAbnormalReturn } from './subprogs.ts'

/** btf_type_is_int of 1, 2, 4 or 8 bytes, without a bit offset. */
function isSmallInt(btf: Btf, id: number): boolean {
  if (btf.kind(id) !== BTF_KIND.INT) return false
  const { bits, bitOffset } = btf.integer(id)
  const size = btf.size(id) ?? 0
  return bitOffset === 0 && bits === size * 8 && [1, 2, 4, 8].includes(size)
}

/** check_btf_func_early: the list of functions by itself. */
export function checkFuncInfo(env: Env): void {
  const { funcBtf: btf, program } = env
  if (!btf) return
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
    if (btf.kind(info.typeId) !== BTF_KIND.FUNC) fail('EINVAL', `invalid type id ${info.typeId} in func info`)
    if (btf.kind(btf.target(info.typeId)) !== BTF_KIND.FUNC_PROTO) fail('EINVAL', 'invalid func info')
    previous = info.insn
  }
}

/** check_btf_func: functions of the BTF are those of the program. */
export function linkFuncInfo(env: Env): void {
  const { funcBtf: btf, program, subprogs } = env
  if (!btf) {
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
    subprog.global = btf.linkage(info.typeId) === BTF_LINKAGE.GLOBAL
    const result = btf.resolve(btf.target(btf.target(info.typeId)))
    const scalar = isSmallInt(btf, result) || btf.isEnum(result)
    if (i > 0 && !scalar && subprog.hasLdAbs) {
      fail('EINVAL', "LD_ABS is only allowed in functions that return 'int'.")
    }
    if (i > 0 && !scalar && subprog.hasTailCall) {
      fail('EINVAL', "tail_call is only allowed in functions that return 'int'.")
    }
  }
}
