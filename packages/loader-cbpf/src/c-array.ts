import {
  ANCILLARY,
  CLASSIC_MAX_INSNS,
  type ClassicInsn,
  SKF_AD_OFF,
  SKF_LL_OFF,
  SKF_NET_OFF,
} from '@skep/isa'
import { CbpfError } from './errors.ts'
import type { ClassicSource } from './source.ts'

// biome-ignore format: groups of linux/bpf_common.h and linux/filter.h
const BPF = {
  LD: 0, LDX: 1, ST: 2, STX: 3, ALU: 4, JMP: 5, RET: 6, MISC: 7,
  W: 0, H: 0x08, B: 0x10,
  IMM: 0, ABS: 0x20, IND: 0x40, MEM: 0x60, LEN: 0x80, MSH: 0xa0,
  ADD: 0, SUB: 0x10, MUL: 0x20, DIV: 0x30, OR: 0x40, AND: 0x50, LSH: 0x60, RSH: 0x70, NEG: 0x80, MOD: 0x90, XOR: 0xa0,
  JA: 0, JEQ: 0x10, JGT: 0x20, JGE: 0x30, JSET: 0x40,
  K: 0, X: 0x08, A: 0x10, TAX: 0, TXA: 0x80,
}

const NAMES: ReadonlyMap<string, number> = /* @__PURE__ */ new Map<string, number>([
  .../* @__PURE__ */ Object.entries(BPF).map(([name, bits]) => [`BPF_${name}`, bits] as const),
  .../* @__PURE__ */ Object.entries(ANCILLARY).map(
    ([name, { offset }]) => [`SKF_AD_${name.toUpperCase()}`, offset] as const,
  ),
  ['SKF_AD_OFF', SKF_AD_OFF],
  ['SKF_NET_OFF', SKF_NET_OFF],
  ['SKF_LL_OFF', SKF_LL_OFF],
])

interface Token {
  readonly text: string
  readonly line: number
  readonly column: number
}

const TOKEN = /(\s+|\/\/[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\/)|([A-Za-z_]\w*|[0-9]\w*|[\s\S])/gy

function* tokens(text: string): Generator<Token, void> {
  let line = 1
  let lineStart = 0
  for (const found of text.matchAll(TOKEN)) {
    const [, skipped, word] = found
    if (word !== undefined) {
      if (word === '/' && text[found.index + 1] === '*') {
        const place = { line, column: found.index - lineStart + 1 }
        throw new CbpfError('UNTERMINATED_COMMENT', 'comment /* has no */', place)
      }
      yield { text: word, line, column: found.index - lineStart + 1 }
      continue
    }
    for (let at = skipped!.indexOf('\n'); at >= 0; at = skipped!.indexOf('\n', at + 1)) {
      line++
      lineStart = found.index + at + 1
    }
  }
}

/** One token ahead over the text. */
class Reader {
  readonly #tokens: Generator<Token, void>
  #last: Token = { text: '', line: 1, column: 1 }
  next: Token | undefined

  constructor(text: string) {
    this.#tokens = tokens(text)
    this.next = this.#tokens.next().value ?? undefined
  }

  get text(): string {
    return this.next?.text ?? ''
  }

  take(): Token {
    const token = this.next
    if (token === undefined) this.unexpected('more')
    this.#last = token
    this.next = this.#tokens.next().value ?? undefined
    return token
  }

  accept(text: string): boolean {
    if (this.text !== text) return false
    this.take()
    return true
  }

  expect(text: string): void {
    if (!this.accept(text)) this.unexpected(`\`${text}\``)
  }

  unexpected(...expected: string[]): never {
    const at = this.next ?? { ...this.#last, column: this.#last.column + this.#last.text.length }
    const found = this.next === undefined ? 'text ends' : `\`${this.next.text.slice(0, 40)}\` is unexpected`
    throw new CbpfError('UNEXPECTED', `${found}; expected ${expected.join(' or ')}`, {
      line: at.line,
      column: at.column,
    })
  }
}

/**
 * Reads C initialisers of `struct sock_filter`, as `tcpdump -dd` and `bpf_asm -c` write them: `{ 0x28, 0, 0, 0x0000000c },`;
 * also with the macros `BPF_STMT(code, k)` and `BPF_JUMP(code, k, jt, jf)`, with the constants of linux/filter.h, inside
 * outer braces, or as a whole `struct sock_filter name[] = { … };`.
 *
 * @throws CbpfError with line and column
 */
export function parseCArray(text: string): ClassicSource {
  const reader = new Reader(text)
  const declared = reader.text !== '{' && !reader.text.startsWith('BPF_')
  if (declared) while (!reader.accept('=')) reader.take()
  const insns: ClassicInsn[] = []
  const lines: number[] = []
  const outer = openOuter(reader, declared)
  let inside = outer.inside
  while (inside !== undefined || reader.next !== undefined) {
    if (inside === undefined && outer.braces && reader.accept('}')) {
      reader.accept(';')
      if (reader.next !== undefined) reader.unexpected('the end')
      return { insns, lines }
    }
    const { line, column } = inside ?? reader.next!
    if (insns.length === CLASSIC_MAX_INSNS) {
      const fact = `a program has at most ${CLASSIC_MAX_INSNS} instructions`
      throw new CbpfError('TOO_MANY_INSNS', fact, { line, column })
    }
    insns.push(element(reader, inside !== undefined))
    lines.push(line)
    inside = undefined
    if (!reader.accept(',') && reader.next !== undefined && reader.text !== '}') reader.unexpected('`,`')
  }
  if (outer.braces) reader.unexpected('`}`')
  return { insns, lines }
}

/** Takes the brace around the list, if there is one. Without one the first brace belongs to an instruction: `inside`. */
function openOuter(reader: Reader, declared: boolean): { braces: boolean; inside?: Token } {
  if (declared && reader.text !== '{') reader.unexpected('`{`')
  if (reader.text !== '{') return { braces: false }
  const first = reader.take()
  if (declared || ['{', '}'].includes(reader.text) || MACROS.has(reader.text)) return { braces: true }
  return { braces: false, inside: first }
}

const MACROS: ReadonlyMap<string, readonly (keyof ClassicInsn)[]> = /* @__PURE__ */ new Map([
  ['BPF_STMT', ['code', 'k']],
  ['BPF_JUMP', ['code', 'k', 'jt', 'jf']],
])
const FIELDS = ['code', 'jt', 'jf', 'k'] as const
const MAX = { code: 0xffff, jt: 0xff, jf: 0xff, k: 0xffff_ffff } as const

function element(reader: Reader, opened: boolean): ClassicInsn {
  const macro = opened ? undefined : MACROS.get(reader.text)
  if (macro !== undefined) reader.take()
  if (!opened && !reader.accept(macro ? '(' : '{')) {
    reader.unexpected(macro ? '`(`' : '`{`', ...(macro ? [] : [...MACROS.keys()]))
  }
  const insn = { code: 0, jt: 0, jf: 0, k: 0 }
  for (const [index, field] of (macro ?? FIELDS).entries()) {
    if (index > 0) reader.expect(',')
    insn[field] = value(reader, field)
  }
  reader.expect(macro ? ')' : '}')
  return insn
}

/** Numbers and names joined by `|` and `+`; 32 bits, wrapping, as C computes them. */
function value(reader: Reader, field: keyof ClassicInsn, depth = 0): number {
  const first = reader.next
  let sum = term(reader, depth)
  for (;;) {
    if (reader.accept('|')) sum = (sum | term(reader, depth)) >>> 0
    else if (reader.accept('+')) sum = (sum + term(reader, depth)) >>> 0
    else break
  }
  if (sum > MAX[field]) {
    const { line, column } = first!
    throw new CbpfError('BAD_VALUE', `${field} is ${sum}, must be from 0 to ${MAX[field]}`, { line, column })
  }
  return sum
}

/** Deeper than anybody writes, and not too deep for the stack. */
const MAX_DEPTH = 50

function term(reader: Reader, depth: number): number {
  if (depth === MAX_DEPTH) reader.unexpected('a number', 'a constant')
  if (reader.accept('(')) {
    const inner = value(reader, 'k', depth + 1)
    reader.expect(')')
    return inner
  }
  if (reader.accept('-')) return -term(reader, depth + 1) >>> 0
  if (!/^\w/.test(reader.text)) reader.unexpected('a number', 'a constant')
  const { text, line, column } = reader.take()
  if (/^[A-Za-z_]/.test(text)) {
    const known = NAMES.get(text)
    if (known !== undefined) return known
    const shown = text.slice(0, 40)
    const fact = `\`${shown}\` is none of the constants of linux/filter.h; write its number`
    throw new CbpfError('UNKNOWN_NAME', fact, { line, column })
  }
  const digits = /^(0x[0-9a-f]+|0[0-7]*|[1-9][0-9]*)u?l{0,2}$/i.exec(text)?.[1]
  if (digits === undefined) {
    throw new CbpfError('BAD_NUMBER', `\`${text.slice(0, 40)}\` is no number`, { line, column })
  }
  const number = Number(/^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits)
  if (number > 0xffff_ffff) {
    throw new CbpfError('OUT_OF_RANGE', `${text.slice(0, 40)} does not fit in 32 bits`, { line, column })
  }
  return number
}

/**
 * Writes a program as C initialisers of `struct sock_filter`, one a line: as `tcpdump -dd` does, or with the columns of
 * `bpf_asm -c`.
 */
export function formatCArray(insns: readonly ClassicInsn[], form: 'tcpdump' | 'bpf_asm' = 'tcpdump'): string {
  return insns.map(form === 'tcpdump' ? tcpdumpRow : bpfAsmRow).join('')
}

const tcpdumpRow = ({ code, jt, jf, k }: ClassicInsn): string =>
  `{ 0x${code.toString(16)}, ${jt}, ${jf}, 0x${k.toString(16).padStart(8, '0')} },\n`

/** C's `%#x` has no 0x before a 0. */
function bpfAsmRow({ code, jt, jf, k }: ClassicInsn): string {
  const hex = (value: number, digits: number): string =>
    value === 0 ? '0'.repeat(digits + 2) : `0x${value.toString(16).padStart(digits, '0')}`
  return `{ ${hex(code, 2)}, ${String(jt).padStart(2)}, ${String(jf).padStart(2)}, ${hex(k, 8)} },\n`
}
