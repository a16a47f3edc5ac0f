import {
  insn as build,
  type ClassicAluOp,
  type ClassicInsn,
  type ClassicOpDef,
  classicDef,
  encode,
  formatClassic,
  type Insn,
  SECCOMP_DATA_SIZE,
} from '@skep/isa'
import type { CollectionSpec, LineInfo } from '@skep/registry'
import { checkFilter } from './filter.ts'

// As the kernel assigns them (include/linux/filter.h): A, X, the context, and the frame pointer, below which M[] lies.
const A = 0
const X = 7
const CTX = 6
const FP = 10

/**
 * A filter as a program of type `seccomp`, with the meaning that Linux gives it (net/core/filter.c, bpf_convert_filter): for a
 * runtime with `seccompPlugin`. What no path reaches is left out, since verifiers refuse it. Each classic instruction is a line
 * of the result.
 *
 * @throws SeccompError `BAD_FILTER`
 */
export function seccompSpec(insns: readonly ClassicInsn[], name = 'filter'): CollectionSpec {
  checkFilter(insns)
  const code: Insn[] = [build.mov64_reg(CTX, 1), build.mov32_imm(A, 0), build.mov32_imm(X, 0)]
  const starts: number[] = []
  const open: { readonly at: number; readonly to: number }[] = []
  const texts = formatClassic(insns)
  const lines: LineInfo[] = []
  const reached = new Set([0])
  for (const [index, insn] of insns.entries()) {
    if (!reached.has(index)) continue
    starts[index] = code.length
    const def = classicDef(insn.code)!
    const jump = (one: Insn, to: number): void => {
      reached.add(to)
      if (one.def.kind === 'ja' && to === index + 1) return
      open.push({ at: code.length, to })
      code.push(one)
    }
    lines.push({
      insn: index === 0 ? 0 : code.length,
      file: name,
      text: texts[index]!,
      line: index + 1,
      column: 1,
    })
    if (def.kind === 'ja') jump(build.ja(0), index + 1 + insn.k)
    else if (def.kind === 'jump') {
      const yes = index + 1 + insn.jt
      const no = index + 1 + insn.jf
      if (yes !== no) jump(condition(def, insn.k), yes)
      jump(build.ja(0), no)
    } else {
      code.push(...straight(def, insn.k))
      if (def.kind !== 'ret') reached.add(index + 1)
    }
  }
  for (const { at, to } of open) code[at] = { ...code[at]!, off: starts[to]! - at - 1 }
  const program = {
    name,
    section: 'seccomp',
    type: 'seccomp',
    license: '',
    insns: encode(code),
    references: [],
    functions: [{ name, insn: 0, typeId: 0 }],
    lines: lines.filter((line, n) => line.insn !== lines[n + 1]?.insn),
  }
  return { name, programs: [program], maps: [], variables: [], license: '', notes: [] }
}

function condition(def: Extract<ClassicOpDef, { kind: 'jump' }>, k: number): Insn {
  const [byK, byX] = JUMPS[def.jumpOp]
  return def.source === 'k' ? byK(A, k | 0, 0) : byX(A, X, 0)
}

function straight(def: Exclude<ClassicOpDef, { kind: 'jump' | 'ja' }>, k: number): Insn[] {
  switch (def.kind) {
    case 'ld':
    case 'ldx': {
      const to = def.kind === 'ld' ? A : X
      if (def.mode === 'imm') return [build.mov32_imm(to, k | 0)]
      if (def.mode === 'len') return [build.mov32_imm(to, SECCOMP_DATA_SIZE)]
      return [def.mode === 'mem' ? build.ldx_w(to, FP, word(k)) : build.ldx_w(to, CTX, k)]
    }
    case 'st':
      return [build.stx_w(FP, A, word(k))]
    case 'stx':
      return [build.stx_w(FP, X, word(k))]
    case 'alu': {
      const [byK, byX] = ALU[def.aluOp]
      if (def.source === 'k') return [byK(A, k | 0)]
      const end = [build.jne32_imm(X, 0, 2), build.mov32_imm(A, 0), build.exit()]
      return def.aluOp === 'div' ? [...end, byX(A, X)] : [byX(A, X)]
    }
    case 'neg':
      return [build.neg32(A)]
    case 'tax':
      return [build.mov32_reg(X, A)]
    case 'txa':
      return [build.mov32_reg(A, X)]
    case 'ret':
      return def.source === 'k' ? [build.mov32_imm(A, k | 0), build.exit()] : [build.exit()]
  }
}

const word = (k: number): number => -4 * (k + 1)

type ByOperand<K, R> = readonly [byK: K, byX: R]
type Alu = ByOperand<(dst: number, imm: number) => Insn, (dst: number, src: number) => Insn>
type Jump = ByOperand<
  (dst: number, imm: number, off: number) => Insn,
  (dst: number, src: number, off: number) => Insn
>

const ALU: Readonly<Record<ClassicAluOp, Alu>> = {
  add: [build.add32_imm, build.add32_reg],
  sub: [build.sub32_imm, build.sub32_reg],
  mul: [build.mul32_imm, build.mul32_reg],
  div: [build.div32_imm, build.div32_reg],
  mod: [build.mod32_imm, build.mod32_reg],
  or: [build.or32_imm, build.or32_reg],
  and: [build.and32_imm, build.and32_reg],
  xor: [build.xor32_imm, build.xor32_reg],
  lsh: [build.lsh32_imm, build.lsh32_reg],
  rsh: [build.rsh32_imm, build.rsh32_reg],
}

const JUMPS: Readonly<Record<'eq' | 'gt' | 'ge' | 'set', Jump>> = {
  eq: [build.jeq32_imm, build.jeq32_reg],
  gt: [build.jgt32_imm, build.jgt32_reg],
  ge: [build.jge32_imm, build.jge32_reg],
  set: [build.jset32_imm, build.jset32_reg],
}
