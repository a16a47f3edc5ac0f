import { encode } from '../ebpf/encode.ts'
import { IsaError } from '../ebpf/error.ts'
import { type Insn, targetField } from '../ebpf/insn.ts'
import { ALU_OPERATOR, JUMP_OPERATOR } from '../ebpf/operators.ts'
import { defs, type OpShape } from '../ebpf/table.ts'
import { Cursor } from './cursor.ts'
import { AssemblyError } from './error.ts'
import type { Item, Target } from './operands.ts'
import { looksLikeLlvm, parseLlvm } from './syntax-llvm.ts'
import { type HelperLookup, parseMnemonic } from './syntax-mnemonic.ts'
import { type Token, type TokenRules, tokenize } from './tokens.ts'

export interface AssembleOptions {
  /**
   * `llvm`: LLVM's and the kernel's C-like text. `mnemonic`: ubpf's and bpf_conformance's. `auto`, the
   * default, decides for every line.
   */
  readonly syntax?: 'auto' | 'llvm' | 'mnemonic'
  /** The byte order of the target. Default false. */
  readonly bigEndian?: boolean
  /** The number of a helper that is called by its name; without it only numbers and `name#5` are known. */
  readonly helperId?: HelperLookup
}

/** A program as assembled, with the line of the text that each slot comes from. */
export interface Assembled {
  readonly insns: readonly Insn[]
  /** The text's line, counted from 1, for each slot. */
  readonly lines: readonly number[]
  /** The slot of each label. */
  readonly labels: ReadonlyMap<string, number>
}

function operatorPattern(): RegExp {
  const operators = [
    ...Object.values(ALU_OPERATOR).map((operator) => `${operator}=`),
    ...Object.values(JUMP_OPERATOR),
    ...'=+-*()[],:<>'.split(''),
  ]
  const quote = (text: string): string => text.replaceAll(/[$^*+?.()|[\]]/g, '\\$&')
  // Longest first, so that `s>>=` is not read as `s>` and `>=`.
  return new RegExp(
    [...new Set(operators)]
      .sort((a, b) => b.length - a.length)
      .map(quote)
      .join('|'),
    'y',
  )
}

const RULES: TokenRules = { lineComment: /\/\/|#|;/y, punctuation: /* @__PURE__ */ operatorPattern() }

interface Parsed extends Item {
  readonly slot: number
}

/**
 * Assembles a program. Labels, comments (`//`, `#`, `;`, and those between slash-star and star-slash),
 * decimal and hex numbers, `%r0` for `r0`. Reads back what `formatMnemonic`, `formatLlvm` and `formatKernel`
 * print, with a slot number (`12:`) or opcode byte (`(bf)`) in front or without. As in bpf_conformance, `exit`
 * as a jump target is the first exit instruction unless there is a label of that name.
 *
 * @throws AssemblyError with the line, the column and what could have stood there
 */
export function parseAssembly(text: string, options: AssembleOptions = {}): Assembled {
  const labels = new Map<string, number>()
  const items: Parsed[] = []
  const lines: number[] = []
  for (const statement of tokenize(text, RULES)) {
    const cursor = new Cursor(statement)
    readLabels(cursor, labels, lines.length)
    const opcode = readPrefix(cursor)
    if (cursor.peek() === undefined) {
      if (opcode !== undefined) cursor.unexpected('an instruction')
      continue
    }
    const item = parseStatement(cursor, options, opcode)
    cursor.end()
    if (opcode !== undefined && opcode !== item.def.code) {
      const fact = `opcode 0x${opcode.toString(16)} in front is not that of ${item.def.name}`
      cursor.fail('OPCODE_MISMATCH', item.at, fact, [`(${item.def.code.toString(16).padStart(2, '0')})`])
    }
    items.push({ ...item, slot: lines.length })
    lines.push(item.at.line)
    if (item.def === defs.ld_imm64) lines.push(item.at.line)
  }
  const firstExit = items.find((item) => item.def === defs.exit)
  if (firstExit !== undefined && !labels.has('exit')) labels.set('exit', firstExit.slot)
  return { insns: items.flatMap((item) => resolve(item, labels)), lines, labels }
}

/**
 * Assembles a program to bytes; see `parseAssembly` for what the text may be.
 *
 * @throws AssemblyError
 */
export function assemble(text: string, options: AssembleOptions = {}): Uint8Array {
  const { insns, lines } = parseAssembly(text, options)
  try {
    return encode(insns, { bigEndian: options.bigEndian === true })
  } catch (error) {
    if (!(error instanceof IsaError) || error.insn === undefined) throw error
    const at = { line: lines[error.insn] ?? 1, column: 1 }
    throw new AssemblyError('OUT_OF_RANGE', at, '', error.message)
  }
}

/** `name:` any number of times; `12:` is a slot number that a dump has in front, and says nothing. */
function readLabels(cursor: Cursor, labels: Map<string, number>, slot: number): void {
  while (cursor.peek(1)?.text === ':') {
    const name = cursor.peek()
    if (name?.kind === 'word') {
      if (labels.has(name.text))
        cursor.fail('DUPLICATE_LABEL', name, `label \`${name.text}\` is defined twice`)
      labels.set(name.text, slot)
    } else if (name?.kind !== 'number') {
      cursor.unexpected('a label', 'an instruction')
    }
    cursor.skip(2)
  }
}

/** `(bf)`: the opcode byte that the kernel prints. */
function readPrefix(cursor: Cursor): number | undefined {
  const byte = cursor.peek(1)?.text ?? ''
  if (!cursor.looksAt('(') || cursor.peek(2)?.text !== ')' || !/^[0-9a-f]{2}$/i.test(byte)) return undefined
  cursor.skip(3)
  return Number.parseInt(byte, 16)
}

function parseStatement(cursor: Cursor, options: AssembleOptions, opcode: number | undefined): Item {
  const syntax = options.syntax ?? 'auto'
  const helperId: HelperLookup = options.helperId ?? (() => undefined)
  if (syntax === 'mnemonic') return parseMnemonic(cursor, helperId)
  if (syntax === 'llvm' || looksLikeLlvm(cursor)) return parseLlvm(cursor, helperId, opcode)
  // `call`, `exit` and the like are the same in both.
  return parseMnemonic(cursor, helperId)
}

function resolve(item: Parsed, labels: ReadonlyMap<string, number>): Insn[] {
  const row: OpShape = item.def
  const slot = {
    def: item.def,
    dst: item.dst ?? 0,
    src: item.src ?? row.src ?? 0,
    off: item.off ?? row.off ?? 0,
    imm: item.imm ?? row.imm ?? 0,
  }
  if (item.target !== undefined) {
    const field = targetField(slot)!
    slot[field] = distance(item, item.target, field === 'off' ? 16 : 32, labels)
  }
  if (item.imm64 === undefined) return [slot]
  const low = item.target === undefined ? Number(BigInt.asIntN(32, item.imm64)) : slot.imm
  const imm = Number(BigInt.asIntN(32, item.imm64 >> 32n))
  const value = (BigInt(imm >>> 0) << 32n) | BigInt(low >>> 0)
  return [
    { ...slot, imm: low, imm64: value },
    { def: defs.ld_imm64_hi, dst: 0, src: 0, off: 0, imm },
  ]
}

function distance(item: Parsed, target: Target, bits: 16 | 32, labels: ReadonlyMap<string, number>): number {
  if ('delta' in target) return target.delta
  const { label } = target
  const goal = labels.get(label.text)
  if (goal === undefined) fail('UNKNOWN_LABEL', label, `label \`${label.text}\` is defined nowhere`)
  const delta = goal - item.slot - 1
  if (bits === 16 && (delta < -32768 || delta > 32767)) {
    const fact = `label \`${label.text}\` is ${delta} slots away, ${item.def.name} reaches 16 bits`
    fail('JUMP_TOO_FAR', label, fact, ['`gotol`'])
  }
  return delta
}

function fail(
  code: AssemblyError['code'],
  token: Token,
  fact: string,
  expected: readonly string[] = [],
): never {
  throw new AssemblyError(code, token, token.text, fact, expected)
}
