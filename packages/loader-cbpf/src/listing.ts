import {
  ANCILLARY,
  CLASSIC_MAX_INSNS,
  type ClassicInsn,
  type ClassicOpDef,
  classicDefs,
  SKF_AD_OFF,
} from '@skep/isa'
import { CbpfError } from './errors.ts'
import type { ClassicSource } from './source.ts'

const EXTENSIONS: ReadonlyMap<string, number> = /* @__PURE__ */ new Map(
  Object.values(ANCILLARY).map(({ offset, pcap }) => [pcap, (SKF_AD_OFF + offset) >>> 0] as const),
)

/** What tells instructions of one mnemonic apart: the form of the operand. */
const formOf = (def: ClassicOpDef): string =>
  'mode' in def ? def.mode : 'source' in def ? def.source : def.kind

const DEFS: ReadonlyMap<string, ClassicOpDef> = /* @__PURE__ */ new Map(
  Object.values(classicDefs).map((def) => [`${def.mnemonic} ${formOf(def)}`, def] as const),
)
const MNEMONICS: ReadonlySet<string> = /* @__PURE__ */ new Set(
  Object.values(classicDefs).map((def) => def.mnemonic),
)

/** Operands as libpcap writes them, and the forms that each can stand for. */
const OPERANDS: readonly (readonly [pattern: RegExp, ...forms: string[]])[] = [
  [/^\[x \+ (-?\d+)\]$/, 'ind'],
  [/^\[(-?\d+|\w+)\]$/, 'abs'],
  [/^#pktlen$/, 'len'],
  [/^M\[(-?\d+)\]$/, 'mem'],
  [/^4\*\(\[(-?\d+)\]&0xf\)$/, 'msh'],
  [/^#(-?\d+|0x[0-9a-f]+)$/, 'imm', 'k'],
  [/^x$/, 'x'],
  [/^(-?\d+)$/, 'ja'],
  [/^$/, 'a', 'neg', 'tax', 'txa'],
]

const LINE = /^(\s*)\((\d+)\)\s+(\S+)\s*(.*?)\s*$/
const JUMP = /^(.*?)\s+jt\s+(\d+)\s+jf\s+(\d+)$/

/**
 * Reads the listing of `tcpdump -d`: `(001) jeq      #0x800           jt 2	jf 5`. Empty lines are skipped.
 *
 * @throws CbpfError with the line
 */
export function parseListing(text: string): ClassicSource {
  const insns: ClassicInsn[] = []
  const lines: number[] = []
  let line = 0
  for (let start = 0; start <= text.length; ) {
    const end = text.indexOf('\n', start)
    const row = text.slice(start, end < 0 ? text.length : end)
    start = end < 0 ? text.length + 1 : end + 1
    line++
    if (row.trim() === '') continue
    if (insns.length === CLASSIC_MAX_INSNS) {
      throw new CbpfError('TOO_MANY_INSNS', `a program has at most ${CLASSIC_MAX_INSNS} instructions`, {
        line,
      })
    }
    insns.push(parseRow(row, insns.length, line))
    lines.push(line)
  }
  return { insns, lines }
}

function parseRow(row: string, index: number, line: number): ClassicInsn {
  const found = LINE.exec(row.length > 200 ? row.slice(0, 200) : row)
  const fail = (
    code: 'UNEXPECTED' | 'UNKNOWN_MNEMONIC' | 'BAD_VALUE',
    fact: string,
    column: number,
  ): never => {
    throw new CbpfError(code, fact, { line, column })
  }
  if (found === null) return fail('UNEXPECTED', 'line does not start with `(number) mnemonic`', 1)
  const [, indent, number, mnemonic, rest] = found as unknown as [string, string, string, string, string]
  const column = indent.length + 1
  if (Number(number) !== index) {
    return fail('BAD_VALUE', `instruction is numbered ${number.slice(0, 12)}, must be ${index}`, column)
  }
  if (!MNEMONICS.has(mnemonic)) {
    const at = row.indexOf(mnemonic, indent.length + number.length + 2) + 1
    return fail('UNKNOWN_MNEMONIC', `\`${mnemonic.slice(0, 40)}\` is no instruction`, at)
  }
  const jump = JUMP.exec(rest)
  const operand = jump === null ? rest : jump[1]!
  const operandColumn = rest === '' ? row.trimEnd().length + 1 : row.lastIndexOf(rest) + 1
  const [def, text] = definition(mnemonic, operand)
  if (def === undefined || (def.kind === 'jump') !== (jump !== null)) {
    const fact = `\`${rest.slice(0, 40)}\` is no operand of ${mnemonic}`
    return fail('UNEXPECTED', fact, operandColumn)
  }
  const distance = (target: string, max: number): number => {
    const delta = Number(target) - index - 1
    if (delta >= 0 && delta <= max) return delta
    return fail('BAD_VALUE', `${mnemonic} goes from ${index} to ${target.slice(0, 12)}`, operandColumn)
  }
  if (def.kind === 'ja') return { code: def.code, jt: 0, jf: 0, k: distance(text, 0xffff_ffff) }
  const k = constant(text)
  if (k === undefined) return fail('BAD_VALUE', `\`${text.slice(0, 40)}\` is no 32-bit number`, operandColumn)
  return {
    code: def.code,
    jt: jump === null ? 0 : distance(jump[2]!, 255),
    jf: jump === null ? 0 : distance(jump[3]!, 255),
    k,
  }
}

/** The instruction of a mnemonic with this operand, and the number or name in the operand. */
function definition(mnemonic: string, operand: string): [ClassicOpDef | undefined, string] {
  for (const [pattern, ...forms] of OPERANDS) {
    const found = pattern.exec(operand)
    if (found === null) continue
    const def = forms.map((form) => DEFS.get(`${mnemonic} ${form}`)).find((one) => one !== undefined)
    return [def, found[1] ?? '0']
  }
  return [undefined, '']
}

function constant(text: string): number | undefined {
  const value = EXTENSIONS.get(text) ?? Number(text)
  return Number.isInteger(value) && value >= -(2 ** 31) && value < 2 ** 32 ? value >>> 0 : undefined
}
