import { opcodes } from '@skep/wasm'
import { StandaloneError } from './errors.ts'

/** Reads the numbers of the binary format. */
export class Cursor {
  readonly bytes: Uint8Array
  at: number

  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes
    this.at = at
  }

  u8(): number {
    return this.bytes[this.at++] ?? 0
  }

  u32(): number {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = this.u8()
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
  }

  /** A signed number of up to 64 bits. */
  s64(): bigint {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.u8()
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return byte & 0x40 ? value - (1n << (shift + 7n)) : value
    }
  }

  skipNumber(): void {
    while (this.u8() >= 0x80);
  }

  take(size: number): Uint8Array {
    const from = this.at
    this.at += size
    return this.bytes.subarray(from, this.at)
  }

  text(): string {
    return new TextDecoder().decode(this.take(this.u32()))
  }
}

/** What an instruction's index means, when it has one that changes with the module. */
export type IndexKind = 'func' | 'global' | 'type'

/** One instruction of a body. The object is used again for the next one. */
export interface Instruction {
  /** As in @skep/wasm's table: the prefix byte in bits 8 to 15. */
  opcode: number
  /** Byte offset of the opcode, and of the next instruction. */
  start: number
  end: number
  /** The index that changes when modules are linked, and the bytes [indexStart, indexEnd) that hold it. */
  kind: IndexKind | undefined
  index: number
  indexStart: number
  indexEnd: number
}

const immediates = new Map<number, string>()

function immediatesOf(opcode: number): string | undefined {
  if (immediates.size === 0) {
    for (const [code, kind] of Object.values(opcodes) as (readonly [number, string])[])
      immediates.set(code, kind)
  }
  return immediates.get(opcode)
}

/** The prefix byte of vector instructions. */
const VECTOR = 0xfd

/** Immediates of a vector instruction: the same kinds as in the table, with bytes as a number. */
function vectorImmediates(number: number): { readonly memory: boolean; readonly bytes: number } {
  // v128.load to v128.store, v128.load32_zero and v128.load64_zero.
  if (number <= 11 || number === 92 || number === 93) return { memory: true, bytes: 0 }
  // v128.const and i8x16.shuffle.
  if (number === 12 || number === 13) return { memory: false, bytes: 16 }
  // Lanes of a vector.
  if (number >= 21 && number <= 34) return { memory: false, bytes: 1 }
  if (number >= 84 && number <= 91) return { memory: true, bytes: 1 }
  return { memory: false, bytes: 0 }
}

/** Whether an instruction came with vectors. */
export const isVector = (opcode: number): boolean => opcode >> 8 === VECTOR || opcode >> 16 === VECTOR

const unknown = (subject: string, opcode: number): StandaloneError =>
  new StandaloneError('BAD_MODULE', subject, `instruction 0x${opcode.toString(16)} is unknown to the linker`)

/** Walks the instructions in [from, to). `subject` is what errors name. */
export function forEachInstruction(
  bytes: Uint8Array,
  from: number,
  to: number,
  subject: string,
  visit: (instruction: Instruction) => void,
): void {
  const cursor = new Cursor(bytes, from)
  const it: Instruction = {
    opcode: 0,
    start: 0,
    end: 0,
    kind: undefined,
    index: 0,
    indexStart: 0,
    indexEnd: 0,
  }
  const index = (kind: IndexKind): void => {
    it.kind = kind
    it.indexStart = cursor.at
    it.index = cursor.u32()
    it.indexEnd = cursor.at
  }
  /** Memory and table 0 are the only ones. */
  const zero = (): void => {
    if (cursor.u32() !== 0) throw unknown(subject, it.opcode)
  }
  while (cursor.at < to) {
    it.start = cursor.at
    it.kind = undefined
    let opcode = cursor.u8()
    if (opcode === VECTOR) {
      const number = cursor.u32()
      const { memory, bytes: more } = vectorImmediates(number)
      if (memory) {
        cursor.skipNumber()
        cursor.skipNumber()
      }
      cursor.at += more
      it.opcode = number < 256 ? (VECTOR << 8) | number : (VECTOR << 16) | number
      it.end = cursor.at
      visit(it)
      continue
    }
    if (opcode >= 0xfc) opcode = (opcode << 8) | cursor.u32()
    it.opcode = opcode
    const kind = immediatesOf(opcode)
    switch (kind) {
      case '':
      case 'else':
      case 'end':
        break
      case 'block': {
        // Nothing and value types are negative in one byte; others are an index.
        const first = bytes[cursor.at]!
        if (first >= 0x40 && first < 0x80) cursor.at++
        else index('type')
        break
      }
      case 'func':
        index('func')
        break
      case 'global':
        index('global')
        break
      case 'indirect':
        index('type')
        zero()
        break
      case 'label':
      case 'local':
      case 'i32':
      case 'i64':
        cursor.skipNumber()
        break
      case 'labels':
        for (let left = cursor.u32(); left >= 0; left--) cursor.skipNumber()
        break
      case 'types':
        cursor.take(cursor.u32())
        break
      case 'mem':
        cursor.skipNumber()
        cursor.skipNumber()
        break
      case 'memory':
      case 'table':
        zero()
        break
      case 'memory memory':
        zero()
        zero()
        break
      case 'ref':
      case 'fence':
        cursor.at++
        break
      case 'f32':
        cursor.at += 4
        break
      case 'f64':
        cursor.at += 8
        break
      default:
        throw unknown(subject, opcode)
    }
    it.end = cursor.at
    visit(it)
  }
}
