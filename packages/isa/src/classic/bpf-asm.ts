import { Cursor } from '../asm/cursor.ts'
import { AssemblyError } from '../asm/error.ts'
import { type Token, type TokenRules, tokenize } from '../asm/tokens.ts'
import type { ClassicInsn } from './insn.ts'
import {
  ANCILLARY,
  CLASSIC_MAX_INSNS,
  type ClassicAluOp,
  type ClassicOpDef,
  classicDefs,
  SKF_AD_OFF,
} from './table.ts'

/** Where an instruction jumps, by label. */
interface Jumps {
  readonly jt?: Token
  readonly jf?: Token
  readonly k?: Token
}

interface Item extends ClassicInsn {
  readonly jumps: Jumps
}

// A `#` starts a comment only where no operand can stand: at the start of a line.
const RULES: TokenRules = { lineComment: /;|(?<=^[ \t]*)#/my, punctuation: /[:,#[\]()*&+-]/y }

const EXTENSIONS: ReadonlyMap<string, number> = /* @__PURE__ */ new Map([
  /* @__PURE__ */ ...Object.values(ANCILLARY).flatMap(({ offset, bpfAsm }) =>
    bpfAsm === '' ? [] : [[bpfAsm, (SKF_AD_OFF + offset) >>> 0] as const],
  ),
  ['vlan_pr', (SKF_AD_OFF + ANCILLARY.vlan_tag_present.offset) >>> 0],
])

/** Conditions that classic BPF has only turned round: the label is where to go if the other one fails. */
const INVERTED = { jne: 'eq', jneq: 'eq', jlt: 'ge', jle: 'gt' } as const
const CONDITIONS = { jeq: 'eq', jgt: 'gt', jge: 'ge', jset: 'set' } as const

const ALU: ReadonlySet<string> = /* @__PURE__ */ new Set(
  /* @__PURE__ */ Object.values(classicDefs).flatMap((def) => (def.kind === 'alu' ? [def.aluOp] : [])),
)
const OTHERS = [
  'ld',
  'ldh',
  'ldb',
  'ldi',
  'ldx',
  'ldxi',
  'ldxb',
  'st',
  'stx',
  'ja',
  'jmp',
  'neg',
  'ret',
  'tax',
  'txa',
]

/**
 * Assembles a classic program in the syntax of the kernel's bpf_asm: `ldh [12]`, `jeq #0x800, ip, drop`,
 * `ld #proto`, labels, comments between slash-star and star-slash, after `;`, and on lines that start with
 * `#`. Mnemonics and extensions may be in capitals; numbers are decimal, hex (0x), octal (0) or binary (0b).
 *
 * @throws AssemblyError with the line, the column and what could have stood there
 */
export function assembleBpfAsm(text: string): ClassicInsn[] {
  const statements = tokenize(text, RULES)
  const first = statements.next().value
  if (first === undefined) {
    throw new AssemblyError('UNEXPECTED', { line: 1, column: 1 }, '', 'text has no instruction')
  }
  // Ends of lines mean nothing in this syntax.
  const cursor = new Cursor(first, statements)
  const items: Item[] = []
  const labels = new Map<string, number>()
  while (cursor.peek() !== undefined) {
    if (cursor.peek(1)?.text === ':') readLabel(cursor, labels, items.length)
    const token = cursor.peek()
    if (items.length === CLASSIC_MAX_INSNS) {
      cursor.fail('TOO_MANY_INSNS', token, `a program has at most ${CLASSIC_MAX_INSNS} instructions`)
    }
    items.push(parseInsn(cursor))
  }
  return items.map((item, index) => resolve(item, index, labels))
}

function readLabel(cursor: Cursor, labels: Map<string, number>, index: number): void {
  const name = cursor.peek()!
  if (name.kind !== 'word') cursor.unexpected('a label', 'an instruction')
  if (labels.has(name.text)) cursor.fail('DUPLICATE_LABEL', name, `label \`${name.text}\` is defined twice`)
  labels.set(name.text, index)
  cursor.skip(2)
}

const NO_JUMPS: Jumps = {}
const item = (def: ClassicOpDef, k = 0, jumps: Jumps = NO_JUMPS): Item => ({
  code: def.code,
  jt: 0,
  jf: 0,
  k,
  jumps,
})

function parseInsn(cursor: Cursor): Item {
  const token = cursor.peek()
  if (token === undefined) cursor.unexpected('an instruction')
  const mnemonic = token.text.toLowerCase()
  cursor.skip(1)
  if (ALU.has(mnemonic)) return parseAlu(cursor, mnemonic as ClassicAluOp)
  if (Object.hasOwn(CONDITIONS, mnemonic)) {
    return parseJump(cursor, CONDITIONS[mnemonic as keyof typeof CONDITIONS], false)
  }
  if (Object.hasOwn(INVERTED, mnemonic)) {
    return parseJump(cursor, INVERTED[mnemonic as keyof typeof INVERTED], true)
  }
  switch (mnemonic) {
    case 'ld':
      return parseLoad(cursor)
    case 'ldh':
      return parsePacketLoad(cursor, 'h')
    case 'ldb':
      return parsePacketLoad(cursor, 'b')
    case 'ldi':
      cursor.accept('#')
      return item(classicDefs.ld_imm, number(cursor))
    case 'ldx':
    case 'ldxb':
      return parseLoadX(cursor, mnemonic)
    case 'ldxi':
      cursor.accept('#')
      return item(classicDefs.ldx_imm, number(cursor))
    case 'st':
    case 'stx':
      return item(classicDefs[mnemonic], scratch(cursor))
    case 'ja':
    case 'jmp':
      return item(classicDefs.ja, 0, { k: label(cursor) })
    case 'neg':
    case 'tax':
    case 'txa':
      return item(classicDefs[mnemonic])
    case 'ret':
      return parseReturn(cursor)
    default: {
      const known = [...ALU, ...Object.keys(CONDITIONS), ...Object.keys(INVERTED), ...OTHERS]
      cursor.fail('UNKNOWN_MNEMONIC', token, `\`${token.text}\` is no instruction`, known)
    }
  }
}

/** Consumes a letter that stands for a register or the scratch memory, in either case. */
function letter(cursor: Cursor, name: 'a' | 'x' | 'm'): boolean {
  if (cursor.peek()?.text.toLowerCase() !== name) return false
  cursor.skip(1)
  return true
}

function parseAlu(cursor: Cursor, aluOp: ClassicAluOp): Item {
  if (letter(cursor, 'x')) return item(classicDefs[`${aluOp}_x`])
  return item(classicDefs[`${aluOp}_k`], constant(cursor, '`x`'))
}

function parseJump(cursor: Cursor, jumpOp: 'eq' | 'gt' | 'ge' | 'set', inverted: boolean): Item {
  const byX = letter(cursor, 'x')
  const k = byX ? 0 : constant(cursor, '`x`')
  cursor.expect(',')
  const first = label(cursor)
  const def = classicDefs[`j${jumpOp}_${byX ? 'x' : 'k'}`]
  if (inverted) return item(def, k, { jf: first })
  return item(def, k, cursor.accept(',') ? { jt: first, jf: label(cursor) } : { jt: first })
}

function parseReturn(cursor: Cursor): Item {
  if (letter(cursor, 'a')) return item(classicDefs.ret_a)
  const token = cursor.peek()
  if (token?.text.toLowerCase() === 'x') {
    cursor.fail('UNEXPECTED', token, 'no kernel runs `ret x`', ['`a`', '`#` and a number'])
  }
  return item(classicDefs.ret_k, constant(cursor, '`a`'))
}

function parseLoad(cursor: Cursor): Item {
  const special = immediateOrLength(cursor, 'ld')
  return special ?? parsePacketLoad(cursor, 'w')
}

/** What `ld` and `ldx` both take: `#5`, `#len`, `M[3]`. */
function immediateOrLength(cursor: Cursor, name: 'ld' | 'ldx'): Item | undefined {
  const hash = cursor.looksAt('#') ? 1 : 0
  const after = cursor.peek(hash)
  const word = after?.text.toLowerCase()
  if (word === 'len' || word === 'pktlen') {
    cursor.skip(hash + 1)
    return item(classicDefs[`${name}_len`])
  }
  if (hash === 1 && after?.kind !== 'word') {
    cursor.skip(1)
    return item(classicDefs[`${name}_imm`], number(cursor))
  }
  return word === 'm' && hash === 0 ? item(classicDefs[`${name}_mem`], scratch(cursor)) : undefined
}

function parsePacketLoad(cursor: Cursor, size: 'w' | 'h' | 'b'): Item {
  if (cursor.accept('[')) {
    const indirect = letter(cursor, 'x')
    if (indirect && !cursor.looksAt('-')) cursor.expect('+')
    const k = number(cursor)
    cursor.expect(']')
    return item(classicDefs[`ld_${size}_${indirect ? 'ind' : 'abs'}`], k)
  }
  const hash = cursor.accept('#')
  const k = EXTENSIONS.get(cursor.peek()?.text.toLowerCase() ?? '')
  if (k === undefined) {
    const forms = hash ? [] : ['`[`', ...(size === 'w' ? ['`M`', '`#` and a number'] : [])]
    cursor.unexpected(...forms, `an extension: ${[...EXTENSIONS.keys()].join(' ')}`)
  }
  cursor.skip(1)
  return item(classicDefs[`ld_${size}_abs`], k)
}

function parseLoadX(cursor: Cursor, name: 'ldx' | 'ldxb'): Item {
  const special = name === 'ldx' ? immediateOrLength(cursor, 'ldx') : undefined
  if (special !== undefined) return special
  const forms = name === 'ldx' ? ['`#`', '`M`', '`4*([k]&0xf)`'] : ['`4*([k]&0xf)`']
  if (cursor.peek()?.kind !== 'number') cursor.unexpected(...forms)
  exactly(cursor, 4)
  cursor.expect('*', '(', '[')
  const k = number(cursor)
  cursor.expect(']', '&')
  exactly(cursor, 0xf)
  cursor.expect(')')
  return item(classicDefs.ldx_msh, k)
}

function exactly(cursor: Cursor, wanted: number): void {
  const token = cursor.peek()
  if (number(cursor) !== wanted) {
    const forms = ['`4*([k]&0xf)`']
    cursor.fail(
      'UNEXPECTED',
      token,
      `\`${token?.text}\` is not ${wanted}: there is only one such load`,
      forms,
    )
  }
}

function scratch(cursor: Cursor): number {
  if (!letter(cursor, 'm')) cursor.unexpected('`M[`')
  cursor.expect('[')
  const k = number(cursor)
  cursor.expect(']')
  return k
}

function constant(cursor: Cursor, other: string): number {
  if (!cursor.accept('#')) cursor.unexpected(other, '`#` and a number')
  return number(cursor)
}

function label(cursor: Cursor): Token {
  const token = cursor.peek()
  if (token?.kind !== 'word') cursor.unexpected('a label')
  cursor.skip(1)
  return token
}

/** A number of 32 bits, with or without sign, in base 16 (0x), 2 (0b), 8 (0) or 10. */
function number(cursor: Cursor): number {
  const negative = cursor.accept('-')
  if (!negative) cursor.accept('+')
  const token = cursor.peek()
  if (token?.kind !== 'number') cursor.unexpected('a number')
  cursor.skip(1)
  const text = token.text.toLowerCase()
  if (!/^(0x[0-9a-f]+|0b[01]+|0[0-7]*|[1-9][0-9]*)$/.test(text)) {
    const forms = ['decimal digits', '0x and hex digits', '0b and binary digits', '0 and octal digits']
    cursor.fail('BAD_NUMBER', token, `\`${token.text}\` is no number`, forms)
  }
  // Number() takes all but the octal form, which C writes without a letter.
  const magnitude = Number(/^0[0-7]+$/.test(text) ? `0o${text.slice(1)}` : text)
  const value = negative ? -magnitude : magnitude
  if (value < -(2 ** 31) || value > 2 ** 32 - 1) {
    cursor.fail('OUT_OF_RANGE', token, `${negative ? '-' : ''}${token.text} does not fit in 32 bits`)
  }
  return value >>> 0
}

function resolve({ jumps, ...insn }: Item, index: number, labels: ReadonlyMap<string, number>): ClassicInsn {
  const resolved = { ...insn }
  for (const field of ['jt', 'jf', 'k'] as const) {
    const token = jumps[field]
    if (token !== undefined)
      resolved[field] = distance(token, index, field === 'k' ? 2 ** 32 - 1 : 255, labels)
  }
  return resolved
}

function distance(token: Token, index: number, max: number, labels: ReadonlyMap<string, number>): number {
  const goal = labels.get(token.text)
  if (goal === undefined) {
    throw new AssemblyError('UNKNOWN_LABEL', token, token.text, `label \`${token.text}\` is defined nowhere`)
  }
  const delta = goal - index - 1
  if (delta < 0) {
    const fact = `label \`${token.text}\` is behind, classic programs only jump forward`
    throw new AssemblyError('JUMP_BACKWARD', token, token.text, fact)
  }
  if (delta > max) {
    const fact = `label \`${token.text}\` is ${delta} instructions away, a condition reaches ${max}`
    throw new AssemblyError('JUMP_TOO_FAR', token, token.text, fact, ['a jump to a `ja`'])
  }
  return delta
}
