/** One classic instruction: `struct sock_filter` of Linux, `struct bpf_insn` of libpcap. */
export interface ClassicInsn {
  /** Unsigned 16 bits. */
  readonly code: number
  /** Unsigned 8 bits: how many instructions to skip if the condition holds. */
  readonly jt: number
  /** Unsigned 8 bits: how many instructions to skip if it does not. */
  readonly jf: number
  /** Unsigned 32 bits. */
  readonly k: number
}

/** What is wrong with a classic program. */
export type ClassicErrorCode =
  | 'BAD_LENGTH'
  | 'BAD_NUMBER'
  | 'BAD_VALUE'
  | 'BAD_COUNT'
  | 'EMPTY'
  | 'TOO_MANY_INSNS'
  | 'UNKNOWN_OPCODE'
  | 'UNKNOWN_EXTENSION'
  | 'JUMP_OUT_OF_RANGE'
  | 'DIVISION_BY_ZERO'
  | 'BAD_SHIFT'
  | 'BAD_MEMORY'
  | 'UNINITIALIZED_MEMORY'
  | 'NO_RETURN'
  | 'SECCOMP_OPCODE'
  | 'SECCOMP_OFFSET'

/** A classic program that cannot be read, written or run. */
export class ClassicError extends Error {
  override readonly name = 'ClassicError'
  readonly code: ClassicErrorCode
  /** The index of the instruction. */
  readonly insn: number | undefined
  /** In text: the line, counted from 1. */
  readonly line: number | undefined
  /** In text: the column, counted from 1. */
  readonly column: number | undefined

  constructor(
    code: ClassicErrorCode,
    fact: string,
    place: { readonly insn?: number; readonly line?: number; readonly column?: number } = {},
  ) {
    const where =
      place.line !== undefined
        ? `line ${place.line}, column ${place.column}: `
        : place.insn !== undefined
          ? `insn ${place.insn}: `
          : ''
    super(where + fact)
    this.code = code
    this.insn = place.insn
    this.line = place.line
    this.column = place.column
  }
}

const FIELDS = { code: 0xffff, jt: 0xff, jf: 0xff, k: 0xffff_ffff } as const

/** Refuses a field that its place in the encoding cannot hold. */
export function checkFields(insn: ClassicInsn, index: number): void {
  for (const [field, max] of Object.entries(FIELDS)) {
    const value = insn[field as keyof ClassicInsn]
    if (!Number.isInteger(value) || value < 0 || value > max) {
      throw new ClassicError('BAD_VALUE', `${field} is ${value}, must be from 0 to ${max}`, { insn: index })
    }
  }
}

/**
 * Reads an array of `struct sock_filter`: 8 bytes each, little-endian. Says nothing about whether the program
 * makes sense; `checkClassic` does.
 *
 * @throws ClassicError `BAD_LENGTH`
 */
export function decodeClassic(bytes: Uint8Array): ClassicInsn[] {
  if (bytes.length % 8 !== 0) {
    throw new ClassicError('BAD_LENGTH', `program has ${bytes.length} bytes, instructions are 8 bytes each`)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const insns: ClassicInsn[] = []
  for (let at = 0; at < bytes.length; at += 8) {
    insns.push({
      code: view.getUint16(at, true),
      jt: view.getUint8(at + 2),
      jf: view.getUint8(at + 3),
      k: view.getUint32(at + 4, true),
    })
  }
  return insns
}

/**
 * Writes an array of `struct sock_filter`: 8 bytes each, little-endian.
 *
 * @throws ClassicError `BAD_VALUE`
 */
export function encodeClassic(insns: readonly ClassicInsn[]): Uint8Array {
  const bytes = new Uint8Array(insns.length * 8)
  const view = new DataView(bytes.buffer)
  for (const [index, insn] of insns.entries()) {
    checkFields(insn, index)
    const at = index * 8
    view.setUint16(at, insn.code, true)
    view.setUint8(at + 2, insn.jt)
    view.setUint8(at + 3, insn.jf)
    view.setUint32(at + 4, insn.k, true)
  }
  return bytes
}
