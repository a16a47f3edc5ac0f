import { ClassicError, type ClassicInsn, checkFields } from './insn.ts'
import {
  ancillaryAt,
  CLASSIC_MAX_INSNS,
  CLASSIC_MEMORY_WORDS,
  type ClassicOpDef,
  classicDef,
  SKF_AD_OFF,
} from './table.ts'

/**
 * Refuses a classic program that Linux refuses to attach (net/core/filter.c, bpf_check_classic): unknown
 * opcodes and extensions, jumps that leave the program, division by a zero constant, shifts by 32 or more,
 * scratch memory that does not exist or is read before it is written, and an end that is no return.
 *
 * @throws ClassicError with the index of the instruction
 */
export function checkClassic(insns: readonly ClassicInsn[]): void {
  if (insns.length === 0) throw new ClassicError('EMPTY', 'program has no instructions')
  if (insns.length > CLASSIC_MAX_INSNS) {
    const fact = `program has ${insns.length} instructions, at most ${CLASSIC_MAX_INSNS} are possible`
    throw new ClassicError('TOO_MANY_INSNS', fact)
  }
  const defs = insns.map((insn, index) => {
    checkFields(insn, index)
    const def = classicDef(insn.code)
    if (def === undefined) {
      const fact = `opcode 0x${insn.code.toString(16)} is not defined`
      throw new ClassicError('UNKNOWN_OPCODE', fact, { insn: index })
    }
    checkInsn(insn, def, index, insns.length)
    return def
  })
  const last = insns.length - 1
  if (defs[last]!.kind !== 'ret') {
    throw new ClassicError('NO_RETURN', `last instruction is ${defs[last]!.name}, must be a return`, {
      insn: last,
    })
  }
  checkMemory(insns, defs)
}

function checkInsn({ jt, jf, k }: ClassicInsn, def: ClassicOpDef, index: number, count: number): void {
  const place = { insn: index }
  switch (def.kind) {
    case 'alu':
      if (def.source === 'x') return
      if ((def.aluOp === 'div' || def.aluOp === 'mod') && k === 0) {
        throw new ClassicError('DIVISION_BY_ZERO', `${def.name} divides by the constant 0`, place)
      }
      if ((def.aluOp === 'lsh' || def.aluOp === 'rsh') && k >= 32) {
        throw new ClassicError('BAD_SHIFT', `${def.name} shifts by ${k}, at most 31 is possible`, place)
      }
      return
    case 'ld':
    case 'ldx':
    case 'st':
    case 'stx':
      if (def.mode === 'mem' && k >= CLASSIC_MEMORY_WORDS) {
        const fact = `${def.name} uses M[${k}], there are M[0] to M[${CLASSIC_MEMORY_WORDS - 1}]`
        throw new ClassicError('BAD_MEMORY', fact, place)
      }
      if (def.mode === 'abs' && k >= SKF_AD_OFF && ancillaryAt(k) === undefined) {
        const fact = `${def.name} reads extension ${k - SKF_AD_OFF}, which Linux does not have`
        throw new ClassicError('UNKNOWN_EXTENSION', fact, place)
      }
      return
    case 'ja':
      checkTarget(index + 1 + k, def, index, count)
      return
    case 'jump':
      checkTarget(index + 1 + jt, def, index, count)
      checkTarget(index + 1 + jf, def, index, count)
      return
    case 'neg':
    case 'ret':
    case 'tax':
    case 'txa':
      return
  }
}

function checkTarget(target: number, def: ClassicOpDef, index: number, count: number): void {
  if (target < count) return
  const fact = `${def.name} goes to instruction ${target}, the last one is ${count - 1}`
  throw new ClassicError('JUMP_OUT_OF_RANGE', fact, { insn: index })
}

/** Jumps only go forward, so that one pass sees which words every path has written. */
function checkMemory(insns: readonly ClassicInsn[], defs: readonly ClassicOpDef[]): void {
  const all = 2 ** CLASSIC_MEMORY_WORDS - 1
  const writtenAt = new Uint32Array(insns.length).fill(all)
  writtenAt[0] = 0
  let written = 0
  const goes = (target: number): void => {
    writtenAt[target]! &= written
  }
  for (const [index, { jt, jf, k }] of insns.entries()) {
    const def = defs[index]!
    written = index === 0 ? 0 : written & writtenAt[index]!
    switch (def.kind) {
      case 'st':
      case 'stx':
        written |= 1 << k
        break
      case 'ld':
      case 'ldx':
        if (def.mode === 'mem' && (written & (1 << k)) === 0) {
          const fact = `${def.name} reads M[${k}], which not every path to it has written`
          throw new ClassicError('UNINITIALIZED_MEMORY', fact, { insn: index })
        }
        break
      case 'ja':
        goes(index + 1 + k)
        written = all
        break
      case 'jump':
        goes(index + 1 + jt)
        goes(index + 1 + jf)
        written = all
        break
      default:
        break
    }
  }
}
