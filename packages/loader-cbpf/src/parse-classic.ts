import {
  assembleBpfAsm,
  CLASSIC_MAX_INSNS,
  type ClassicInsn,
  classicDef,
  classicDefs,
  decodeClassic,
  parseDdd,
} from '@skep/isa'
import { parseCArray } from './c-array.ts'
import { CbpfError, refusing } from './errors.ts'
import { parseJson, readInsns } from './json.ts'
import { parseListing } from './listing.ts'
import type { ClassicSource } from './source.ts'

/**
 * The forms that a classic program comes in. `ddd`: decimal numbers, the count first, as `tcpdump -ddd` writes them on
 * lines and bpf_asm, iptables' `--bytecode` and tc's `bytecode` with commas. `c`: C initialisers (`tcpdump -dd`).
 * `listing`: `tcpdump -d`. `asm`: bpf_asm text. `json`: an array of `{ code, jt, jf, k }`. `bytes`: an array of
 * `struct sock_filter`, 8 bytes each, little-endian.
 */
export type ClassicFormat = 'ddd' | 'c' | 'listing' | 'asm' | 'json' | 'bytes'

/** Text, bytes (of text or of `struct sock_filter`), or instructions. */
export type ClassicInput = string | Uint8Array | readonly ClassicInsn[]

/** Far more text than 4,096 instructions need, comments included. */
const LONGEST_TEXT = 1 << 20

const MNEMONICS: ReadonlySet<string> = /* @__PURE__ */ new Set([
  .../* @__PURE__ */ Object.values(classicDefs).map((def) => def.mnemonic),
  ...['ldi', 'ldxi', 'jmp', 'jne', 'jneq', 'jlt', 'jle'],
])

/** The form of an input, as far as its beginning tells; undefined if it is none. */
export function detectClassic(input: string | Uint8Array): ClassicFormat | undefined {
  if (typeof input === 'string') return formOfText(input)
  const text = textOf(input)
  if (text !== undefined) return formOfText(text)
  if (input.length === 0 || input.length % 8 !== 0 || input.length / 8 > CLASSIC_MAX_INSNS) return undefined
  const defs = decodeClassic(input).map((insn) => classicDef(insn.code))
  return defs.every((def) => def !== undefined) && defs.at(-1)?.kind === 'ret' ? 'bytes' : undefined
}

function formOfText(text: string): ClassicFormat | undefined {
  const beginsWith = (pattern: RegExp, at: number): RegExpExecArray | null => {
    pattern.lastIndex = at
    return pattern.exec(text)
  }
  const start = skipComments(text, 0)
  if (text.charAt(start) === '[') return 'json'
  if (beginsWith(/["']?\s*\d/y, start)) return 'ddd'
  if (beginsWith(/\(\d/y, start)) return 'listing'
  if (beginsWith(/\{|BPF_(?:STMT|JUMP)\b|(?:\w+\s+){0,3}struct\s+sock_filter\b/y, start)) return 'c'
  const label = beginsWith(/[A-Za-z_.$][\w.$]*\s*:/y, start)
  const word = beginsWith(/[A-Za-z]\w*/y, label ? skipComments(text, start + label[0].length) : start)
  // No filter expression begins with a mnemonic.
  return word && MNEMONICS.has(word[0].toLowerCase()) ? 'asm' : undefined
}

/** Where the first word is that is in no comment of C or bpf_asm. */
function skipComments(text: string, from: number): number {
  for (let at = from; ; ) {
    while (/\s/.test(text.charAt(at))) at++
    const block = text.startsWith('/*', at)
    if (!block && !text.startsWith('//', at) && !/[#;]/.test(text.charAt(at))) return at
    const end = text.indexOf(block ? '*/' : '\n', at + (block ? 2 : 1))
    if (end < 0) return text.length
    at = end + (block ? 2 : 1)
  }
}

/** Undefined for bytes that are no text. The second byte of a `struct sock_filter` is 0, for no opcode is above 0xff. */
function textOf(bytes: Uint8Array): string | undefined {
  if (bytes[1] === 0) return undefined
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/**
 * Reads a classic program in any of its forms. Says nothing about whether the program makes sense: `checkClassic` does.
 *
 * @throws CbpfError with line and column, or the index of the instruction
 */
export function readClassic(input: ClassicInput, format?: ClassicFormat): ClassicSource {
  if (typeof input !== 'string' && !(input instanceof Uint8Array)) return readInsns(input)
  const size = input.length
  if (size > LONGEST_TEXT) {
    throw new CbpfError('TOO_LONG', `input has ${size} bytes, a classic program has at most ${LONGEST_TEXT}`)
  }
  const form = format ?? detectClassic(input)
  if (form === undefined) {
    throw new CbpfError(
      'UNKNOWN_FORMAT',
      'input is no classic program: neither numbers (tcpdump -ddd), C initialisers (-dd), a listing (-d), bpf_asm text, JSON nor struct sock_filter',
    )
  }
  if (form === 'bytes') {
    if (typeof input === 'string') throw new CbpfError('BAD_OPTION', 'format `bytes` is not for a string')
    return { insns: refusing(() => decodeClassic(input)) }
  }
  const text = typeof input === 'string' ? input : textOf(input)
  if (text === undefined) {
    throw new CbpfError('UNKNOWN_FORMAT', `bytes are no UTF-8 text, which form \`${form}\` needs`)
  }
  return readers[form](text)
}

const readers: Readonly<Record<Exclude<ClassicFormat, 'bytes'>, (text: string) => ClassicSource>> = {
  ddd: readDdd,
  c: parseCArray,
  listing: parseListing,
  asm: (text) => ({ insns: refusing(() => assembleBpfAsm(text)) }),
  json: parseJson,
}

/** With quotes around it, as it stands in a shell's command line. */
function readDdd(text: string): ClassicSource {
  const first = text.length - text.trimStart().length
  const last = text.trimEnd().length - 1
  const quoted = last > first && /["']/.test(text.charAt(first)) && text.charAt(first) === text.charAt(last)
  const bare = quoted ? `${text.slice(0, first)} ${text.slice(first + 1, last)}` : text
  return { insns: refusing(() => parseDdd(bare)), lines: linesOfDdd(bare) }
}

/** The line of each instruction's first number. */
function linesOfDdd(text: string): number[] {
  const lines: number[] = []
  let line = 1
  let words = 0
  for (const [found] of text.matchAll(/\n|[^\s,]+/g)) {
    if (found === '\n') line++
    else if (words++ % 4 === 1) lines.push(line)
  }
  return lines
}

/**
 * Reads a classic program in any of its forms, like `readClassic`, and gives its instructions alone.
 *
 * @throws CbpfError with line and column, or the index of the instruction
 */
export function parseClassic(input: ClassicInput, format?: ClassicFormat): readonly ClassicInsn[] {
  return readClassic(input, format).insns
}
