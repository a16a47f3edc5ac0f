import type { OpDef } from './table.ts'

/** One 8-byte slot of a program, decoded. Register and field numbers stay as they are encoded. */
export interface Insn {
  readonly def: OpDef
  readonly dst: number
  /** A register, or the pseudo kind (`LD_IMM64_SRC`) on ld_imm64. */
  readonly src: number
  /** Signed 16 bits. */
  readonly off: number
  /** Signed 32 bits. On ld_imm64 the low half, on ld_imm64_hi the high half. */
  readonly imm: number
  /** Unsigned 64 bits: both halves. On ld_imm64 only. */
  readonly imm64?: bigint
}

/** The fields of one slot, whatever they mean. */
export interface RawFields {
  /** The opcode byte. */
  readonly code: number
  readonly dst: number
  readonly src: number
  readonly off: number
  readonly imm: number
}

/** The field that holds the distance to an instruction's static target, where it has one. */
export function targetField(insn: Insn): 'off' | 'imm' | undefined {
  const { def } = insn
  switch (def.kind) {
    case 'jump':
    case 'may_goto':
      return 'off'
    case 'ja':
      return def.name === 'ja' ? 'off' : 'imm'
    case 'call':
      return def.callee === 'local' ? 'imm' : undefined
    case 'ld_imm64':
      return insn.src === 4 ? 'imm' : undefined
    default:
      return undefined
  }
}

/**
 * How far an instruction's static target is, counted in slots from the next slot: that of jumps, of
 * `call_local` and of an ld_imm64 of kind func. Undefined for all others.
 */
export function targetDelta(insn: Insn): number | undefined {
  const field = targetField(insn)
  return field && insn[field]
}
