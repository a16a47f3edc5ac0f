import type { ClassicInsn } from './insn.ts'
import { ANCILLARY, ancillaryAt, type ClassicOpDef, classicDef } from './table.ts'

const HEX_CONSTANT: ReadonlySet<string> = new Set(['and', 'or', 'xor'])

const hex = (k: number): string => `0x${k.toString(16)}`

function operand(def: ClassicOpDef, k: number, index: number): string {
  switch (def.kind) {
    case 'ld':
    case 'ldx':
    case 'st':
    case 'stx':
      switch (def.mode) {
        case 'abs': {
          const extension = ancillaryAt(k)
          return `[${extension === undefined ? k | 0 : ANCILLARY[extension].pcap}]`
        }
        case 'ind':
          return `[x + ${k | 0}]`
        case 'len':
          return '#pktlen'
        case 'imm':
          return `#${hex(k)}`
        case 'mem':
          return `M[${k | 0}]`
        case 'msh':
          return `4*([${k | 0}]&0xf)`
      }
      break
    case 'alu':
      if (def.source === 'x') return 'x'
      return HEX_CONSTANT.has(def.aluOp) ? `#${hex(k)}` : `#${k | 0}`
    case 'jump':
      return def.source === 'x' ? 'x' : `#${hex(k)}`
    case 'ja':
      return `${(index + 1 + k) | 0}`
    case 'ret':
      return def.source === 'k' ? `#${k | 0}` : ''
    case 'neg':
    case 'tax':
    case 'txa':
      return ''
  }
}

/**
 * Disassembles a classic program as `tcpdump -d` does, one line for each instruction:
 * `(001) jeq      #0x800           jt 2	jf 5`. The text equals libpcap's, white space included; an
 * opcode that does not exist is `unimp`.
 */
export function formatClassic(insns: readonly ClassicInsn[]): string[] {
  return insns.map(({ code, jt, jf, k }, index) => {
    const def = classicDef(code)
    const mnemonic = def?.mnemonic ?? 'unimp'
    const start = ['(', `${index}`.padStart(3, '0'), ') ', mnemonic.padEnd(8), ' ']
    const text = def === undefined ? hex(code) : operand(def, k, index)
    // libpcap goes by the class, so that an unknown jump has its targets too.
    const jumps = (code & 0x07) === 0x05 && (code & 0xf0) !== 0
    const end = jumps ? [text.padEnd(16), ' jt ', index + 1 + jt, '\tjf ', index + 1 + jf] : [text]
    // Joined, for a text put together by + keeps its parts: four times the memory.
    return [...start, ...end].join('')
  })
}
