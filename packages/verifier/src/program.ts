import { allDefs } from '@skep/isa'
import type { FunctionInfo, LineInfo, ProgramSpec, Reference } from '@skep/registry'
import type { KernelSymbol } from './ksyms.ts'
import {
  BPF_PSEUDO_CALL,
  BPF_PSEUDO_FUNC,
  BPF_PSEUDO_KFUNC_CALL,
  BPF_PSEUDO_MAP_FD,
  BPF_PSEUDO_MAP_VALUE,
  CALL,
  LD_IMM64,
  MAY_GOTO,
} from './opcode.ts'

/** A program in columns: fields of every slot, whatever they mean, with the references of the spec written in. */
export interface Program {
  readonly spec: ProgramSpec
  readonly length: number
  readonly code: Uint8Array
  readonly dst: Uint8Array
  readonly src: Uint8Array
  readonly off: Int16Array
  readonly imm: Int32Array
  /** Where an instruction may return from its function at once, an exit of that function; else -1. */
  readonly earlyExit: Int32Array
  readonly references: ReadonlyMap<number, Reference>
  /** Symbols of the kernel that 64-bit loads refer to, once they are resolved. */
  readonly symbols: Map<number, KernelSymbol>
  /** In order of `insn`; empty without BTF. */
  readonly functions: readonly FunctionInfo[]
  readonly lines: readonly LineInfo[]
}

/** Slots of 8 bytes; a rest of fewer bytes is left out. */
export function decodeProgram(spec: ProgramSpec): Program {
  const { insns } = spec
  const length = insns.length >> 3
  const view = new DataView(insns.buffer, insns.byteOffset, length * 8)
  const program = {
    spec,
    length,
    code: new Uint8Array(length),
    dst: new Uint8Array(length),
    src: new Uint8Array(length),
    off: new Int16Array(length),
    imm: new Int32Array(length),
    earlyExit: new Int32Array(length).fill(-1),
    references: new Map(spec.references.map((r) => [r.insn, r])),
    symbols: new Map<number, KernelSymbol>(),
    functions: spec.functions.every((f) => f.typeId > 0) ? spec.functions : [],
    lines: spec.lines,
  }
  const { code, dst, src, off, imm } = program
  for (let i = 0; i < length; i++) {
    code[i] = insns[i * 8]!
    dst[i] = insns[i * 8 + 1]! & 15
    src[i] = insns[i * 8 + 1]! >> 4
    off[i] = view.getInt16(i * 8 + 2, true)
    imm[i] = view.getInt32(i * 8 + 4, true)
  }
  for (const reference of spec.references) {
    const at = reference.insn
    if (at < 0 || at >= length) continue
    if (reference.kind === 'kfunc') {
      if (code[at] === CALL) src[at] = BPF_PSEUDO_KFUNC_CALL
      continue
    }
    if (code[at] !== LD_IMM64) continue
    if (reference.kind === 'map') src[at] = BPF_PSEUDO_MAP_FD
    else if (reference.kind === 'map_value') {
      src[at] = BPF_PSEUDO_MAP_VALUE
      if (at + 1 < length) imm[at + 1] = reference.offset
    } else if (reference.kind === 'func') {
      src[at] = BPF_PSEUDO_FUNC
      imm[at] = reference.target - at - 1
    }
  }
  return program
}

// bpf_opcode_in_insntable: what the interpreter's table of public instructions has. callx and jumps through tables are
// none of them in 6.18.
const knownCodes: ReadonlySet<number> = new Set(
  allDefs.filter((d) => d.kind !== 'callx' && d.kind !== 'gotox' && d.code !== 0).map((d) => d.code),
)

export const isKnownOpcode = (code: number): boolean => knownCodes.has(code)

export const isLdImm64 = (p: Program, i: number): boolean => p.code[i] === LD_IMM64
export const isPseudoCall = (p: Program, i: number): boolean =>
  p.code[i] === CALL && p.src[i] === BPF_PSEUDO_CALL
export const isPseudoFunc = (p: Program, i: number): boolean =>
  p.code[i] === LD_IMM64 && p.src[i] === BPF_PSEUDO_FUNC
export const isKfuncCall = (p: Program, i: number): boolean =>
  p.code[i] === CALL && p.src[i] === BPF_PSEUDO_KFUNC_CALL
export const isHelperCall = (p: Program, i: number): boolean => p.code[i] === CALL && p.src[i] === 0
export const isMayGoto = (p: Program, i: number): boolean => p.code[i] === MAY_GOTO && p.src[i] === 0

/** The line that a slot belongs to. */
export function findLine(p: Program, insn: number): LineInfo | undefined {
  const { lines } = p
  let low = 0
  let high = lines.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (lines[middle]!.insn <= insn) low = middle + 1
    else high = middle
  }
  return lines[low - 1]
}
