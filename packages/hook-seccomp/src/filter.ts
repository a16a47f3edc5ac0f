import {
  CLASSIC_MEMORY_WORDS,
  type ClassicAluOp,
  ClassicError,
  type ClassicInsn,
  type ClassicJumpOp,
  type ClassicOpDef,
  checkSeccomp,
  classicDef,
  SECCOMP_DATA_SIZE,
} from '@skep/isa'
import { SeccompError } from './errors.ts'

/**
 * Refuses a filter that Linux refuses with EINVAL: `checkSeccomp` of @skep/isa.
 *
 * @throws SeccompError `BAD_FILTER`, with the index of the instruction
 */
export function checkFilter(insns: readonly ClassicInsn[], filter?: number): void {
  try {
    checkSeccomp(insns)
  } catch (cause) {
    if (!(cause instanceof ClassicError)) throw cause
    const { message, insn } = cause
    const place = { ...(filter === undefined ? {} : { filter }), ...(insn === undefined ? {} : { insn }) }
    throw new SeccompError('BAD_FILTER', message.replace(/^insn \d+: /, ''), place, { cause })
  }
}

/** MAX_INSNS_PER_PATH: what all filters of a task may have together, each older one counted 4 longer. */
const LONGEST_PATH = 32768

/**
 * How long Linux counts a filter: the instructions of its translation (net/core/filter.c, bpf_convert_filter), not of the
 * classic program.
 */
export function kernelLength(insns: readonly ClassicInsn[]): number {
  let length = 3
  for (const { code, jt, jf, k } of insns) {
    const def = classicDef(code)!
    length++
    if (def.kind === 'alu' && def.aluOp === 'div' && def.source === 'x') length += 3
    if (def.name === 'ret_k') length++
    if (def.kind === 'jump') {
      if (def.source === 'k' && k >= 0x8000_0000) length++
      if (jf !== 0 && (jt !== 0 || def.jumpOp === 'set')) length++
    }
  }
  return length
}

/** Refuses a stack that Linux refuses with ENOMEM for its newest filter. Oldest first. */
export function checkPath(filters: readonly (readonly ClassicInsn[])[]): void {
  let older = 0
  for (const [filter, insns] of filters.entries()) {
    const length = kernelLength(insns)
    if (older + length > LONGEST_PATH) {
      const fact = `${older + length} instructions are stacked, at most ${LONGEST_PATH} are possible`
      throw new SeccompError('PATH_TOO_LONG', fact, { filter })
    }
    older += length + 4
  }
}

/** A filter ready to run: what it returns for the 16 words of a call. */
export type FilterFunction = (words: Uint32Array) => number

interface Step {
  readonly def: ClassicOpDef
  readonly k: number
  readonly jt: number
  readonly jf: number
}

/**
 * An interpreter of what seccomp takes of classic BPF. Division by an X of 0 returns 0, which is SECCOMP_RET_KILL_THREAD;
 * shifts by X count modulo 32.
 *
 * @throws SeccompError `BAD_FILTER`
 */
export function prepareFilter(insns: readonly ClassicInsn[], filter?: number): FilterFunction {
  checkFilter(insns, filter)
  const steps = insns.map(({ code, jt, jf, k }): Step => ({ def: classicDef(code)!, k, jt, jf }))
  const memory = new Uint32Array(CLASSIC_MEMORY_WORDS)
  return (words) => run(steps, memory, words)
}

function run(steps: readonly Step[], memory: Uint32Array, words: Uint32Array): number {
  let a = 0
  let x = 0
  // The check has seen that every path ends in a return.
  for (let pc = 0; ; pc++) {
    const { def, k, jt, jf } = steps[pc]!
    switch (def.kind) {
      case 'ld':
      case 'ldx': {
        const value =
          def.mode === 'imm'
            ? k
            : def.mode === 'mem'
              ? memory[k]!
              : def.mode === 'len'
                ? SECCOMP_DATA_SIZE
                : words[k >> 2]!
        if (def.kind === 'ld') a = value
        else x = value
        break
      }
      case 'st':
        memory[k] = a
        break
      case 'stx':
        memory[k] = x
        break
      case 'alu': {
        const operand = def.source === 'k' ? k : x
        if (def.aluOp === 'div' && operand === 0) return 0
        a = ALU[def.aluOp](a, operand) >>> 0
        break
      }
      case 'neg':
        a = -a >>> 0
        break
      case 'tax':
        x = a
        break
      case 'txa':
        a = x
        break
      case 'ja':
        pc += k
        break
      case 'jump':
        pc += TESTS[def.jumpOp](a, def.source === 'k' ? k : x) ? jt : jf
        break
      case 'ret':
        return def.source === 'k' ? k : a
    }
  }
}

const TESTS: Readonly<Record<ClassicJumpOp, (a: number, b: number) => boolean>> = {
  eq: (a, b) => a === b,
  gt: (a, b) => a > b,
  ge: (a, b) => a >= b,
  set: (a, b) => (a & b) !== 0,
}

const ALU: Readonly<Record<ClassicAluOp, (a: number, b: number) => number>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: Math.imul,
  div: (a, b) => Math.floor(a / b),
  mod: (a, b) => a % b,
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  lsh: (a, b) => a << b,
  rsh: (a, b) => a >>> b,
}
