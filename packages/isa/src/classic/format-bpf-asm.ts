import { ClassicError, type ClassicInsn, checkFields } from './insn.ts'
import { ANCILLARY, ancillaryAt, type ClassicOpDef, classicDef } from './table.ts'

const HEX_CONSTANT: ReadonlySet<string> = new Set(['and', 'or', 'xor'])

const hex = (k: number): string => (k === 0 ? '0' : `0x${k.toString(16)}`)

function operand(def: ClassicOpDef, { jt, jf, k }: ClassicInsn, index: number): string {
  switch (def.kind) {
    case 'ld':
    case 'ldx':
    case 'st':
    case 'stx':
      switch (def.mode) {
        case 'abs': {
          const extension = ancillaryAt(k)
          const name = extension === undefined ? '' : ANCILLARY[extension].bpfAsm
          return name === '' ? `[${k}]` : `#${name}`
        }
        case 'ind':
          return `[x + ${k}]`
        case 'len':
          return '#len'
        case 'imm':
          return `#${hex(k)}`
        case 'mem':
          return `M[${k}]`
        case 'msh':
          return `4*([${k}]&0xf)`
      }
      break
    case 'alu':
      if (def.source === 'x') return 'x'
      return `#${HEX_CONSTANT.has(def.aluOp) ? hex(k) : k}`
    case 'jump': {
      const right = def.source === 'x' ? 'x' : `#${hex(k)}`
      return `${right}, l${index + 1 + jt}, l${index + 1 + jf}`
    }
    case 'ja':
      return `l${index + 1 + k}`
    case 'ret':
      return def.source === 'a' ? 'a' : `#${hex(k)}`
    case 'neg':
    case 'tax':
    case 'txa':
      return ''
  }
}

/**
 * Disassembles a classic program into what bpf_asm reads, every line with a label: `l1: jeq #0x800, l2, l5`.
 * What the machine does not read, such as jt and jf of a load, is lost.
 *
 * @throws ClassicError `UNKNOWN_OPCODE`, for which the syntax has no word, or `BAD_VALUE`
 */
export function disassembleBpfAsm(insns: readonly ClassicInsn[]): string {
  return insns
    .map((insn, index) => {
      checkFields(insn, index)
      const def = classicDef(insn.code)
      if (def === undefined) {
        const fact = `opcode 0x${insn.code.toString(16)} is not defined`
        throw new ClassicError('UNKNOWN_OPCODE', fact, { insn: index })
      }
      return `l${index}:\t${def.mnemonic} ${operand(def, insn, index)}`.trimEnd().concat('\n')
    })
    .join('')
}
