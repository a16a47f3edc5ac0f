import type { Env } from './env.ts'
import { callSummary } from './helper-lookup.ts'
import { BPF_END, BPF_MOV } from './layout.ts'
import { LOG_LEVEL2 } from './log.ts'
import { insnText } from './log-state.ts'
import {
  BPF_ALU,
  BPF_ALU64,
  BPF_ATOMIC,
  BPF_CALL,
  BPF_CMPXCHG,
  BPF_DW,
  BPF_EXIT,
  BPF_FETCH,
  BPF_IMM,
  BPF_JA,
  BPF_JCOND,
  BPF_JMP,
  BPF_JMP32,
  BPF_LD,
  BPF_LDX,
  BPF_LOAD_ACQ,
  BPF_MEM,
  BPF_MEMSX,
  BPF_ST,
  BPF_STORE_REL,
  BPF_STX,
  classOf,
  hasSrcReg,
  modeOf,
  opOf,
  sizeOf,
} from './opcode.ts'
import { isLdImm64 } from './program.ts'
import { successors } from './successors.ts'

const CALLER_SAVED = 0x3f
const ARGS = 0x3e
const ALL = 0xffff

/** Registers that an instruction reads, in the low half, and writes, in the high half. */
export function useAndDef(env: Env, insn: number): number {
  const { program: p } = env
  const code = p.code[insn]!
  const dst = 1 << p.dst[insn]!
  const src = 1 << p.src[insn]!
  const imm = p.imm[insn]!
  const both = (use: number, def: number): number => (use & ALL) | (def << 16)
  const mode = modeOf(code)
  switch (classOf(code)) {
    case BPF_LD:
      return mode === BPF_IMM && sizeOf(code) === BPF_DW ? both(0, dst) : both(ALL, 0)
    case BPF_LDX:
      return mode === BPF_MEM || mode === BPF_MEMSX ? both(src, dst) : both(ALL, 0)
    case BPF_ST:
      return mode === BPF_MEM ? both(dst, 0) : both(ALL, 0)
    case BPF_STX:
      if (mode === BPF_MEM) return both(dst | src, 0)
      if (mode !== BPF_ATOMIC) return both(ALL, 0)
      if (imm === BPF_CMPXCHG) return both(1 | dst | src, 1)
      if (imm === BPF_LOAD_ACQ) return both(src, dst)
      if (imm === BPF_STORE_REL) return both(dst | src, 0)
      return both(dst | src, imm & BPF_FETCH ? src : 0)
    case BPF_ALU:
    case BPF_ALU64:
      if (opOf(code) === BPF_END) return both(dst, dst)
      if (opOf(code) === BPF_MOV) return both(hasSrcReg(code) ? src : 0, dst)
      return both(hasSrcReg(code) ? dst | src : dst, dst)
    case BPF_JMP:
    case BPF_JMP32:
      switch (opOf(code)) {
        case BPF_JA:
        case BPF_JCOND:
          return both(0, 0)
        case BPF_EXIT:
          return both(1, 0)
        case BPF_CALL: {
          const summary = callSummary(env, insn)
          return both(summary ? ((2 << summary.params) - 1) & ~1 : ARGS, CALLER_SAVED)
        }
        default:
          return both(hasSrcReg(code) ? dst | src : dst, 0)
      }
    default:
      return both(ALL, 0)
  }
}

/** Registers that may still be read, before each instruction (compute_live_registers). */
export function computeLiveRegisters(env: Env): void {
  const { program: p, liveRegs, postorder } = env
  const effects = new Int32Array(p.length)
  for (let i = 0; i < p.length; i++) effects[i] = useAndDef(env, i)
  const next = new Int32Array(2)
  let changed = true
  while (changed) {
    changed = false
    for (let i = 0; i < postorder.length; i++) {
      const insn = postorder[i]!
      const n = successors(p, insn, next)
      let out = 0
      for (let s = 0; s < n; s++) out |= liveRegs[next[s]!]!
      const live = (out & ~(effects[insn]! >>> 16)) | (effects[insn]! & ALL)
      if (live === liveRegs[insn]) continue
      liveRegs[insn] = live
      changed = true
    }
  }
  if (env.log.level & LOG_LEVEL2) printLiveRegisters(env)
}

function printLiveRegisters(env: Env): void {
  const { program: p } = env
  env.log.print('Live regs before insn:\n')
  for (let i = 0; i < p.length; i++) {
    let text = env.scc[i] && env.scc[i]! < env.loopCount ? `${String(env.scc[i]).padStart(3)} ` : '    '
    text += `${String(i).padStart(3)}: `
    for (let r = 0; r < 10; r++) text += (env.liveRegs[i]! >> r) & 1 ? r : '.'
    env.log.print(`${text} ${insnText(env, i)}\n`)
    if (isLdImm64(p, i)) i++
  }
}
