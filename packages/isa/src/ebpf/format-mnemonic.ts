import type { Insn } from './insn.ts'
import { LD_IMM64_SRC, type LdImm64Src } from './table.ts'

const signed = (value: number): string => (value < 0 ? `${value}` : `+${value}`)
const address = (register: number, off: number): string =>
  off === 0 ? `[r${register}]` : `[r${register}${signed(off)}]`

function operands(insn: Insn): string {
  const { def, dst, src, off, imm } = insn
  switch (def.kind) {
    case 'alu':
    case 'mov':
      return `r${dst}, ${def.source === 'reg' ? `r${src}` : imm}`
    case 'movsx':
      return `r${dst}, r${src}`
    case 'neg':
    case 'endian':
    case 'callx':
    case 'gotox':
      return `r${dst}`
    case 'addr_space_cast':
      return `r${dst}, r${src}, ${imm >>> 16}, ${imm & 0xffff}`
    case 'ldx':
    case 'ldxsx':
    case 'load_acq':
      return `r${dst}, ${address(src, off)}`
    case 'st':
      return `${address(dst, off)}, ${imm}`
    case 'stx':
    case 'store_rel':
    case 'atomic':
      return `${address(dst, off)}, r${src}`
    case 'ld_abs':
      return `${imm}`
    case 'ld_ind':
      return `r${src}, ${imm}`
    case 'ld_imm64': {
      const kind = LD_IMM64_SRC[src as LdImm64Src]
      const value = insn.imm64 ?? BigInt(imm >>> 0)
      if (kind.name === 'plain') return `r${dst}, 0x${value.toString(16)}`
      if (kind.name === 'func') return `r${dst}, func(${signed(imm)})`
      const high = Number(BigInt.asIntN(32, value >> 32n))
      return `r${dst}, ${kind.name}(${high === 0 ? imm : `${imm}, ${high}`})`
    }
    case 'jump':
      return `r${dst}, ${def.source === 'reg' ? `r${src}` : imm}, ${signed(off)}`
    case 'ja':
      return signed(def.name === 'ja' ? off : imm)
    case 'may_goto':
      return signed(off)
    case 'call':
      if (def.callee === 'local') return signed(imm)
      return def.callee === 'kfunc' && off !== 0 ? `${imm}, ${off}` : `${imm}`
    case 'ld_imm64_hi':
    case 'exit':
      return ''
  }
}

/**
 * The text of one instruction in the mnemonic syntax, which says all that the encoding says:
 * `ldxw r0, [r1+4]`, `mov32 r1, 5`, `jeq r1, 0, +3`, `lock fetch add [r10-8], r1`,
 * `lddw r1, map_fd(5)`, `call local +3`. An ld_imm64_hi has no text.
 */
export function formatMnemonic(insn: Insn): string {
  return `${insn.def.mnemonic} ${operands(insn)}`.trim()
}
