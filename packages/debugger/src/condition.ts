import numbers from '@jsep-plugin/numbers'
import jsep, { type Expression } from 'jsep'
import { DebuggerError } from './errors.ts'

/** What a condition can ask of a program that is stopped. */
export interface Surroundings {
  register(number: number): bigint
  /** Throws where there is no such memory. */
  memory(address: bigint, size: number): Uint8Array
  packet(): Uint8Array
  readonly pc: number
  readonly depth: number
  readonly position: number
}

/** A condition, or any expression, over a program that is stopped: 64 bits, unsigned. */
export type Condition = (surroundings: Surroundings) => bigint

type Args = readonly bigint[]
const u64 = (value: bigint): bigint => BigInt.asUintN(64, value)
const flag = (value: boolean): bigint => (value ? 1n : 0n)

const binary: Readonly<Record<string, (a: bigint, b: bigint) => bigint>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  // As eBPF divides.
  '/': (a, b) => (b === 0n ? 0n : a / b),
  '%': (a, b) => (b === 0n ? a : a % b),
  '&': (a, b) => a & b,
  '|': (a, b) => a | b,
  '^': (a, b) => a ^ b,
  '<<': (a, b) => a << (b & 63n),
  '>>': (a, b) => a >> (b & 63n),
  '==': (a, b) => flag(a === b),
  '!=': (a, b) => flag(a !== b),
  '<': (a, b) => flag(a < b),
  '<=': (a, b) => flag(a <= b),
  '>': (a, b) => flag(a > b),
  '>=': (a, b) => flag(a >= b),
  '&&': (a, b) => flag(a !== 0n && b !== 0n),
  '||': (a, b) => flag(a !== 0n || b !== 0n),
}

const unary: Readonly<Record<string, (a: bigint) => bigint>> = {
  '-': (a) => -a,
  '+': (a) => a,
  '~': (a) => ~a,
  '!': (a) => flag(a === 0n),
}

/** Bytes as a number, the most significant one first. */
const bigEndian = (bytes: Iterable<number>): bigint => {
  let value = 0n
  for (const byte of bytes) value = (value << 8n) | BigInt(byte)
  return value
}

const load =
  (size: number, order: 'le' | 'be') =>
  (around: Surroundings, [address = 0n]: Args): bigint => {
    const bytes = around.memory(address, size)
    return bigEndian(order === 'be' ? bytes : bytes.toReversed())
  }

/** By name, with the number of arguments. */
const functions: Readonly<Record<string, readonly [number, (around: Surroundings, args: Args) => bigint]>> = {
  u8: [1, load(1, 'le')],
  u16: [1, load(2, 'le')],
  u32: [1, load(4, 'le')],
  u64: [1, load(8, 'le')],
  be16: [1, load(2, 'be')],
  be32: [1, load(4, 'be')],
  be64: [1, load(8, 'be')],
  // packet(offset, size), as the filter language's ether[offset:size]: bytes that are not there are none.
  packet: [
    2,
    (around, [offset = 0n, size = 1n]) =>
      bigEndian(around.packet().subarray(Number(offset), Number(offset + size))),
  ],
}

const values: Readonly<Record<string, (around: Surroundings) => bigint>> = {
  pc: ({ pc }) => BigInt(pc),
  depth: ({ depth }) => BigInt(depth),
  position: ({ position }) => BigInt(position),
}

let ready = false

/** The grammar is JavaScript's; what is not in the tables above is refused. */
function parse(text: string): Expression {
  if (!ready) {
    ready = true
    jsep.plugins.register(numbers)
  }
  return jsep(text)
}

/**
 * Compiles `r1 == 5 && be16(r2 + 12) == 0x800`: r0 to r10 and their low halves w0 to w10, pc, depth, position, u8 to u64 and
 * be16 to be64 of an address, packet(offset, size), and C's operators on 64-bit unsigned numbers. Throws DebuggerError
 * BAD_CONDITION.
 */
export function parseCondition(text: string): Condition {
  const bad = (fact: string, cause?: unknown): DebuggerError =>
    new DebuggerError('BAD_CONDITION', text, `${text}: ${fact}`, { cause })

  function compile(node: Expression): Condition {
    switch (node.type) {
      case 'Literal': {
        const { raw, value } = node as Expression & { raw: string; value: unknown }
        if (typeof value !== 'number' || !Number.isInteger(value))
          throw bad(`${raw} is no integer; write decimal or 0x`)
        const constant = u64(BigInt(raw.replaceAll('_', '')))
        return () => constant
      }
      case 'Identifier':
        return compileName((node as Expression & { name: string }).name)
      case 'UnaryExpression': {
        const { operator, argument } = node as Expression & { operator: string; argument: Expression }
        const apply = unary[operator]
        if (!apply) throw bad(`no operator ${operator}`)
        const operand = compile(argument)
        return (around) => u64(apply(operand(around)))
      }
      case 'BinaryExpression': {
        const { operator, left, right } = node as Expression & {
          operator: string
          left: Expression
          right: Expression
        }
        const apply = binary[operator]
        if (!apply) throw bad(`no operator ${operator}; there are ${Object.keys(binary).join(' ')}`)
        const [a, b] = [compile(left), compile(right)]
        return (around) => u64(apply(a(around), b(around)))
      }
      case 'CallExpression': {
        const { callee, arguments: args } = node as Expression & {
          callee: Expression & { name?: string }
          arguments: Expression[]
        }
        const known = functions[callee.name ?? '']
        if (!known)
          throw bad(`no function ${callee.name ?? '?'}; there are ${Object.keys(functions).join(', ')}`)
        const [count, call] = known
        if (args.length !== count)
          throw bad(`${callee.name} takes ${count} argument${count === 1 ? '' : 's'}, not ${args.length}`)
        const compiled = args.map(compile)
        return (around) => {
          const given = compiled.map((argument) => argument(around))
          return u64(call(around, given))
        }
      }
      default:
        throw bad(`a ${node.type} is nothing that can be asked; write one expression`)
    }
  }

  function compileName(name: string): Condition {
    const register = /^([rw])(\d|10)$/.exec(name)
    if (register) {
      const number = Number(register[2])
      return register[1] === 'r'
        ? (around) => around.register(number)
        : (around) => around.register(number) & 0xffff_ffffn
    }
    const value = values[name]
    if (!value)
      throw bad(`no value ${name}; there are r0 to r10, w0 to w10, ${Object.keys(values).join(', ')}`)
    return value
  }

  let tree: Expression
  try {
    tree = parse(text)
  } catch (error) {
    throw bad((error as Error).message, error)
  }
  return compile(tree)
}
