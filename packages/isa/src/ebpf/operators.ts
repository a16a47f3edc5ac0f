import type { AluOp, JumpOp } from './table.ts'

/** The C-like operator of each operation, as LLVM and the kernel both write it before the `=`. */
export const ALU_OPERATOR: Readonly<Record<AluOp, string>> = {
  add: '+',
  sub: '-',
  mul: '*',
  div: '/',
  sdiv: 's/',
  or: '|',
  and: '&',
  lsh: '<<',
  rsh: '>>',
  mod: '%',
  smod: 's%',
  xor: '^',
  arsh: 's>>',
}

/** The C-like operator of each condition. */
export const JUMP_OPERATOR: Readonly<Record<JumpOp, string>> = {
  eq: '==',
  gt: '>',
  ge: '>=',
  set: '&',
  ne: '!=',
  sgt: 's>',
  sge: 's>=',
  lt: '<',
  le: '<=',
  slt: 's<',
  sle: 's<=',
}
