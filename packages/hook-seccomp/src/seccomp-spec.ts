import {
  insn as build,
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
  if (def.source === 'k') return build[`j${def.jumpOp}32_imm`](A, k | 0, 0)
  return build[`j${def.jumpOp}32_reg`](A, X, 0)
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
      if (def.source === 'k') return [build[`${def.aluOp}32_imm`](A, k | 0)]
      const byX = build[`${def.aluOp}32_reg`](A, X)
      const end = [build.jne32_imm(X, 0, 2), build.mov32_imm(A, 0), build.exit()]
      return def.aluOp === 'div' ? [...end, byX] : [byX]
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
