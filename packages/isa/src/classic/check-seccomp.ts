import { checkClassic } from './check.ts'
import { ClassicError, type ClassicInsn } from './insn.ts'
import { ancillaryAt, type ClassicOpDef, classicDef } from './table.ts'

/** Bytes of `struct seccomp_data`: nr, arch, instruction_pointer and six arguments. */
export const SECCOMP_DATA_SIZE = 64

/**
 * Refuses a classic program that Linux refuses as a seccomp filter (kernel/seccomp.c, seccomp_check_filter): what
 * `checkClassic` refuses, and what has no meaning where `struct seccomp_data` takes the place of a packet. Filters load
 * aligned 32-bit words of it, and have no remainder.
 *
 * @throws ClassicError with the index of the instruction: the codes of `checkClassic`, `SECCOMP_OFFSET` for a load past or
 * across the words of `struct seccomp_data`, `SECCOMP_OPCODE` for the rest
 */
export function checkSeccomp(insns: readonly ClassicInsn[]): void {
  checkClassic(insns)
  for (const [index, { code, k }] of insns.entries()) {
    const def = classicDef(code)!
    if (def.kind === 'ld' && def.mode === 'abs' && def.size === 4) checkOffset(def, k, index)
    const reason = refused(def)
    if (reason === undefined) continue
    throw new ClassicError('SECCOMP_OPCODE', `${def.name} ${reason}`, { insn: index })
  }
}

function checkOffset(def: ClassicOpDef, k: number, insn: number): void {
  if (k < SECCOMP_DATA_SIZE && k % 4 === 0) return
  const extension = ancillaryAt(k)
  const fact =
    extension !== undefined
      ? `${def.name} reads extension ${extension}, and system calls have none`
      : k < SECCOMP_DATA_SIZE
        ? `${def.name} loads from ${k}, must be a multiple of 4`
        : `${def.name} loads from ${k}, struct seccomp_data has ${SECCOMP_DATA_SIZE} bytes`
  throw new ClassicError('SECCOMP_OFFSET', fact, { insn })
}

/** Why seccomp does not run an instruction, undefined where it does. */
function refused(def: ClassicOpDef): string | undefined {
  switch (def.kind) {
    case 'ld':
    case 'ldx':
      if (def.mode === 'ind') return 'loads from X + k; seccomp filters load from constant offsets'
      if (def.mode === 'msh') return 'reads the length of an IPv4 header, and there is no packet'
      if (def.size !== 4) return `loads ${def.size * 8} bits; load the 32 bits (ld) and mask them`
      return undefined
    case 'alu':
      return def.aluOp === 'mod' ? 'takes a remainder, which seccomp filters may not' : undefined
    default:
      return undefined
  }
}
