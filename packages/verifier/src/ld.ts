import type { Env } from './env.ts'
import { fail, failReg } from './errors.ts'
import { loadKernelSymbol } from './ksyms.ts'
import { REG_AUX0, REG_OFF } from './layout.ts'
import { checkUnmodified } from './memory-access.ts'
import {
  BPF_ABS,
  BPF_DW,
  BPF_IND,
  BPF_PSEUDO_FUNC,
  BPF_PSEUDO_MAP_IDX_VALUE,
  BPF_PSEUDO_MAP_VALUE,
  modeOf,
  sizeOf,
} from './opcode.ts'
import { checkResourceLeak } from './refs.ts'
import { CONST_PTR_TO_MAP, PTR_TO_CTX, PTR_TO_FUNC, PTR_TO_MAP_VALUE } from './reg-type.ts'
import {
  checkRead,
  checkWriteUnknown,
  clearCallerSaved,
  markKnown64,
  markPointer,
  markUnknown,
  typeOf,
} from './regs.ts'
import { returnEarly } from './subprog-calls.ts'

/** check_ld_imm */
export function checkLdImm64(env: Env): void {
  const { program: p, insn } = env
  if (sizeOf(p.code[insn]!) !== BPF_DW) fail('EINVAL', 'invalid BPF_LD_IMM insn')
  if (p.off[insn]) fail('EINVAL', 'BPF_LD_IMM64 uses reserved fields')
  const dstReg = p.dst[insn]!
  checkWriteUnknown(env, dstReg)
  const dst = env.reg(dstReg)
  const kind = p.src[insn]!
  const symbol = p.symbols.get(insn)
  if (symbol) {
    loadKernelSymbol(env, dst, symbol)
    return
  }
  if (kind === 0) {
    markKnown64(env, dst, p.imm[insn]!, p.imm[insn + 1]!)
    return
  }
  const { i32 } = env.heap
  if (kind === BPF_PSEUDO_FUNC) {
    const subprog = env.findSubprog(insn + p.imm[insn]! + 1)
    if (!env.hasFuncInfo) fail('EINVAL', 'missing btf func_info')
    if (env.subprogs[subprog]!.global) fail('EINVAL', 'callback function not static')
    markPointer(env, dst, PTR_TO_FUNC)
    i32[(dst + REG_AUX0) >> 2] = subprog
    return
  }
  const map = env.maps.list[env.mapIndex[insn]!]!
  if (kind === BPF_PSEUDO_MAP_VALUE || kind === BPF_PSEUDO_MAP_IDX_VALUE) {
    if (env.arenaMap === map.index) {
      markUnknown(env, dst)
      return
    }
    markPointer(env, dst, PTR_TO_MAP_VALUE)
    i32[(dst + REG_OFF) >> 2] = env.mapOffset[insn]!
  } else markPointer(env, dst, CONST_PTR_TO_MAP)
  env.setMap(dst, map, 0)
}

/** check_ld_abs: packet loads of classic BPF; r6 is the context. */
export function checkLdAbs(env: Env): void {
  const { program: p, insn } = env
  const code = p.code[insn]!
  const mode = modeOf(code)
  if (!env.type.legacyLoads) {
    fail('EINVAL', 'BPF_LD_[ABS|IND] instructions not allowed for this program type')
  }
  if (p.dst[insn] || p.off[insn] || sizeOf(code) === BPF_DW || (mode === BPF_ABS && p.src[insn])) {
    fail('EINVAL', 'BPF_LD_[ABS|IND] uses reserved fields')
  }
  checkRead(env, 6)
  checkResourceLeak(env, false, true, 'BPF_LD_[ABS|IND]')
  const context = env.reg(6)
  if (typeOf(env, context) !== PTR_TO_CTX) {
    failReg(6, 'EINVAL', 'at the time of BPF_LD_ABS|IND R6 != pointer to skb')
  }
  if (mode === BPF_IND) checkRead(env, p.src[insn]!)
  checkUnmodified(env, context, 6, false)
  clearCallerSaved(env, env.regs)
  markUnknown(env, env.reg(0))
  // Beyond the packet it returns 0.
  if (env.cur.curframe > 0) returnEarly(env, true)
}
