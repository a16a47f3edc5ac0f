import { LD_IMM64_SRC, type LdImm64Src, type OpDef, REGISTER_COUNT } from '../ebpf/table.ts'
import type { Cursor } from './cursor.ts'
import type { Token } from './tokens.ts'

/** A place to jump to: a label to be resolved, or a distance in slots from the next slot. */
export type Target = { readonly label: Token } | { readonly delta: number }

/** An instruction whose target is not yet resolved. */
export interface Item {
  readonly def: OpDef
  readonly dst?: number
  readonly src?: number
  readonly off?: number
  readonly imm?: number
  readonly imm64?: bigint
  /** Goes to the field that `targetField` names. */
  readonly target?: Target
  readonly at: Token
}

export interface Register {
  readonly width: 32 | 64
  readonly number: number
  readonly token: Token
}

const REGISTER = /^([rw])([0-9]+)$/

/** True if the next token has the form of a register. */
export function atRegister(cursor: Cursor, ahead = 0): boolean {
  return REGISTER.test(cursor.peek(ahead)?.text ?? '')
}

/** A register; `width` refuses the other kind. */
export function register(cursor: Cursor, width?: 32 | 64): Register {
  const token = cursor.peek()
  const parts = REGISTER.exec(token?.text ?? '')
  if (token === undefined || parts === null) {
    cursor.unexpected(width === 32 ? 'a register w0 to w10' : 'a register r0 to r10')
  }
  const number = Number(parts[2])
  const last = REGISTER_COUNT - 1
  if (number > last) {
    cursor.fail('BAD_REGISTER', token, `\`${token.text}\` does not exist`, [
      `${parts[1]}0 to ${parts[1]}${last}`,
    ])
  }
  const found = parts[1] === 'w' ? 32 : 64
  if (width !== undefined && found !== width) {
    const mend = `${width === 32 ? 'w' : 'r'}${number}`
    cursor.fail('WIDTH_MISMATCH', token, `\`${token.text}\` is the ${found}-bit register`, [`\`${mend}\``])
  }
  cursor.skip(1)
  return { width: found, number, token }
}

/** `r1 + 4`, `r1 +4`, `r1-4` or `r1`, without the brackets. */
export function address(cursor: Cursor): { readonly register: number; readonly off: number } {
  const base = register(cursor, 64)
  const off = cursor.looksAt('+') || cursor.looksAt('-') ? cursor.off16() : 0
  return { register: base.number, off }
}

/** `+3`, `-0x3`, `pc+3` or a label; the `<name+0x8>` that disassemblers add is skipped. */
export function target(cursor: Cursor, bits: 16 | 32): Target {
  const found = bareTarget(cursor, bits)
  if (cursor.accept('<')) {
    while (!cursor.looksAt('>')) if (cursor.next() === undefined) cursor.unexpected('`>`')
    cursor.skip(1)
  }
  return found
}

function bareTarget(cursor: Cursor, bits: 16 | 32): Target {
  const signed = cursor.peek(1)
  if (cursor.looksAt('pc') && (signed?.text === '+' || signed?.text === '-')) cursor.skip(1)
  if (cursor.atNumber()) {
    const limit = 2n ** BigInt(bits - 1)
    return { delta: Number(cursor.integer(`${bits}-bit distance`, -limit, limit - 1n)) }
  }
  const label = cursor.peek()
  if (label?.kind !== 'word') cursor.unexpected('a label', 'a distance such as +3')
  cursor.skip(1)
  return { label }
}

const KIND_BY_NAME: ReadonlyMap<string, LdImm64Src> = /* @__PURE__ */ new Map(
  /* @__PURE__ */ Object.entries(LD_IMM64_SRC).map(([src, kind]) => [kind.name, Number(src) as LdImm64Src]),
)

/** The value of a 64-bit load: a number, `map_fd(5)`, `map_value(5, 8)` or `func(+3)`. */
export function imm64(cursor: Cursor): Pick<Item, 'src' | 'imm64' | 'target'> {
  const kind = KIND_BY_NAME.get(cursor.peek()?.text ?? '')
  if (kind === undefined || !(cursor.peek(1)?.text === '(')) {
    const value = cursor.integer('64-bit immediate', -(2n ** 63n), 2n ** 64n - 1n)
    return { src: 0, imm64: BigInt.asUintN(64, value) }
  }
  cursor.skip(2)
  const row = LD_IMM64_SRC[kind]
  if (row.name === 'func') {
    const goal = target(cursor, 32)
    cursor.expect(')')
    return { src: kind, imm64: 0n, target: goal }
  }
  const low = row.name === 'plain' ? 0 : cursor.imm32()
  const high = row.high !== 'none' && cursor.accept(',') ? cursor.imm32() : 0
  cursor.expect(')')
  return { src: kind, imm64: (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0) }
}
