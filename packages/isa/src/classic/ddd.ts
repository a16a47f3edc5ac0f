import { ClassicError, type ClassicInsn, checkFields } from './insn.ts'

interface Word {
  readonly text: string
  readonly line: number
  readonly column: number
}

function* wordsOf(text: string): Generator<Word, undefined> {
  let line = 1
  let lineStart = 0
  for (const found of text.matchAll(/\n|[^\s,]+/g)) {
    if (found[0] === '\n') {
      line++
      lineStart = found.index + 1
    } else {
      yield { text: found[0], line, column: found.index - lineStart + 1 }
    }
  }
  return undefined
}

function countWords(text: string): number {
  let count = 0
  for (const _ of text.matchAll(/[^\s,]+/g)) count++
  return count
}

function numberOf(word: Word, what: string, max: number): number {
  const shown = word.text.length > 40 ? `${word.text.slice(0, 40)}...` : word.text
  if (!/^[0-9]+$/.test(word.text)) {
    throw new ClassicError('BAD_NUMBER', `${what} is \`${shown}\`, must be decimal digits`, word)
  }
  const value = Number(word.text)
  if (value > max) throw new ClassicError('BAD_VALUE', `${what} is ${shown}, must be from 0 to ${max}`, word)
  return value
}

const FIELDS = [
  ['code', 0xffff],
  ['jt', 0xff],
  ['jf', 0xff],
  ['k', 0xffff_ffff],
] as const

/**
 * Reads a program in decimal: the number of instructions and then `code jt jf k` for each, as `tcpdump -ddd`
 * writes it on lines and bpf_asm, iptables and `tc` write it with commas.
 *
 * @throws ClassicError with line and column: `BAD_NUMBER`, `BAD_VALUE`, or `BAD_COUNT` if there are not as
 * many instructions as the first number says
 */
export function parseDdd(text: string): ClassicInsn[] {
  const words = wordsOf(text)
  const first = words.next().value
  if (first === undefined) {
    throw new ClassicError('EMPTY', 'text is empty, must start with the number of instructions')
  }
  const count = numberOf(first, 'number of instructions', 0xffff_ffff)
  const found = countWords(text) - 1
  if (found !== count * 4) {
    const fact = `first number says ${count} instructions, that is ${count * 4} numbers; ${found} follow`
    throw new ClassicError('BAD_COUNT', fact, first)
  }
  return Array.from({ length: count }, (_, index) => {
    const [code, jt, jf, k] = FIELDS.map(([field, max]) =>
      numberOf(words.next().value!, `${field} of instruction ${index}`, max),
    ) as [number, number, number, number]
    return { code, jt, jf, k }
  })
}

/**
 * Writes a program in decimal: `lines` as `tcpdump -ddd` does, `commas` as bpf_asm does.
 *
 * @throws ClassicError `BAD_VALUE`
 */
export function formatDdd(insns: readonly ClassicInsn[], form: 'lines' | 'commas' = 'lines'): string {
  const rows = insns.map((insn, index) => {
    checkFields(insn, index)
    return `${insn.code} ${insn.jt} ${insn.jf} ${insn.k}`
  })
  const end = form === 'lines' ? '\n' : ','
  return [`${insns.length}`, ...rows].map((row) => row + end).join('')
}
