// Fields of the opcode byte: RFC 9669 section 3. The verifier works on raw instructions, for it must judge those that
// no decoder accepts.

export const BPF_LD = 0x00
export const BPF_LDX = 0x01
export const BPF_ST = 0x02
export const BPF_STX = 0x03
export const BPF_ALU = 0x04
export const BPF_JMP = 0x05
export const BPF_JMP32 = 0x06
export const BPF_ALU64 = 0x07

export const BPF_W = 0x00
export const BPF_H = 0x08
export const BPF_B = 0x10
export const BPF_DW = 0x18

export const BPF_IMM = 0x00
export const BPF_ABS = 0x20
export const BPF_IND = 0x40
export const BPF_MEM = 0x60
export const BPF_MEMSX = 0x80
export const BPF_ATOMIC = 0xc0

/** Source bit of ALU and jump instructions: a register. */
export const BPF_X = 0x08

export const BPF_JA = 0x00
export const BPF_CALL = 0x80
export const BPF_EXIT = 0x90
export const BPF_JCOND = 0xe0

export const BPF_FETCH = 0x01
export const BPF_XCHG = 0xe1
export const BPF_CMPXCHG = 0xf1
export const BPF_LOAD_ACQ = 0x100
export const BPF_STORE_REL = 0x110

/** src of a call: a subprogram or a kernel function. */
export const BPF_PSEUDO_CALL = 1
export const BPF_PSEUDO_KFUNC_CALL = 2

/** src of an ld_imm64. */
export const BPF_PSEUDO_MAP_FD = 1
export const BPF_PSEUDO_MAP_VALUE = 2
export const BPF_PSEUDO_BTF_ID = 3
export const BPF_PSEUDO_FUNC = 4
export const BPF_PSEUDO_MAP_IDX = 5
export const BPF_PSEUDO_MAP_IDX_VALUE = 6

export const LD_IMM64: number = BPF_LD | BPF_IMM | BPF_DW
export const CALL: number = BPF_JMP | BPF_CALL
export const EXIT: number = BPF_JMP | BPF_EXIT
export const MAY_GOTO: number = BPF_JMP | BPF_JCOND

export const classOf = (code: number): number => code & 0x07
export const sizeOf = (code: number): number => code & 0x18
export const modeOf = (code: number): number => code & 0xe0
export const opOf = (code: number): number => code & 0xf0
export const hasSrcReg = (code: number): boolean => (code & BPF_X) !== 0

/** Bytes of a load or store. */
export function sizeBytes(code: number): number {
  switch (code & 0x18) {
    case BPF_B:
      return 1
    case BPF_H:
      return 2
    case BPF_W:
      return 4
    default:
      return 8
  }
}
