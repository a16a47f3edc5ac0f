import type { ClassicInsn } from '@skep/isa'
import { parseCbpf } from '@skep/loader-cbpf'
import type { CollectionSpec } from '@skep/registry'
import { TcError } from './errors.ts'

const MOST_INSNS = 4096
/** Room that iproute2 has for the text of a file. */
const MOST_TEXT = 'sizeof 4096,'.length + MOST_INSNS * '65535 255 255 4294967295,'.length

const bad = (says: string, mend: string, insn?: number): TcError =>
  new TcError('BAD_BYTECODE', says, insn === undefined ? {} : { insn }, mend)

/** A number as scanf's `%u` and its shorter kin store it. */
const unsigned = (digits: string, bits: number): number => Number(BigInt.asUintN(bits, BigInt(digits)))

const TUPLE = /^\s*([+-]?\d+)\s+([+-]?\d+)\s+([+-]?\d+)\s+([+-]?\d+)/
const PLAIN = /^\+/

/**
 * The instructions of `bytecode 's,c t f k,c t f k,…'`, with tc's own checks of the text alone: how many there are, and four
 * numbers for each. Throws TcError BAD_BYTECODE.
 */
export function readBytecode(text: string): ClassicInsn[] {
  const head = /^\s*\+?(\d{1,10}),/.exec(text)
  if (!head)
    throw bad(
      'Unable to parse bpf command line',
      'bytecode begins with the number of instructions and a comma',
    )
  const count = unsigned(head[1]!, 16)
  if (count === 0 || count > MOST_INSNS)
    throw bad('Unable to parse bpf command line', `${count} instructions; give 1 to ${MOST_INSNS}`)
  const insns: ClassicInsn[] = []
  for (let at = text.indexOf(',') + 1; at > 0 && at < text.length; at = text.indexOf(',', at) + 1) {
    if (insns.length >= count)
      throw bad('Real program length exceeds encoded length parameter!', `there are more than ${count}`)
    const end = text.indexOf(',', at)
    const tuple = TUPLE.exec(text.slice(at, end < 0 ? undefined : end))
    if (!tuple)
      throw bad(`Error at instruction ${insns.length}!`, 'give code, jt, jf and k as decimals', insns.length)
    const number = (n: number, bits: number): number => unsigned(tuple[n]!.replace(PLAIN, ''), bits)
    insns.push({ code: number(1, 16), jt: number(2, 8), jf: number(3, 8), k: number(4, 32) })
  }
  if (insns.length !== count)
    throw bad(
      'Parsed program length is less than encoded length parameter!',
      `${insns.length} instructions, not ${count}`,
    )
  return insns
}

/** The same of a file: instructions on lines. */
export function readBytecodeFile(text: string): ClassicInsn[] {
  if (text.length > MOST_TEXT)
    throw bad('Unable to parse bpf command line', `the file has more than ${MOST_TEXT} characters`)
  return readBytecode(text.replace(/[ \t]+/g, ' ').replace(/,?\n/g, ','))
}

export interface TcBytecodeOptions {
  /** Default `sched_cls`. */
  readonly type?: 'sched_cls' | 'sched_act'
  readonly name?: string
  /** The text is a file's. */
  readonly file?: boolean
}

/** `bytecode` or `bytecode-file` as a collection of one program. Throws TcError BAD_BYTECODE, and CbpfError for the program. */
export function parseTcBytecode(input: string | Uint8Array, options: TcBytecodeOptions = {}): CollectionSpec {
  const { type = 'sched_cls', name = 'bytecode', file = false } = options
  const text = typeof input === 'string' ? input : new TextDecoder().decode(input)
  return parseCbpf(file ? readBytecodeFile(text) : readBytecode(text), { type, name })
}
