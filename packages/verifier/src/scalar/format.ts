/**
 * The numeric part of a register in the words of Linux's verifier log (`print_scalar_ranges`, kernel/bpf/log.c). BigInt is
 * used here, for logs and errors, and nowhere on the walk.
 */
import {
  REG_S32_MAX,
  REG_S32_MIN,
  REG_SMAX,
  REG_SMIN,
  REG_U32_MAX,
  REG_U32_MIN,
  REG_UMAX,
  REG_UMIN,
  REG_VAR_OFF_MASK,
  REG_VAR_OFF_VALUE,
} from '../layout.ts'

/** The numeric part of a record, read out. */
export interface NumericState {
  /** Tnum: bits known to be 1, and bits not known. */
  readonly value: bigint
  readonly mask: bigint
  readonly smin: bigint
  readonly smax: bigint
  readonly umin: bigint
  readonly umax: bigint
  readonly s32Min: number
  readonly s32Max: number
  readonly u32Min: number
  readonly u32Max: number
}

/** Reads the numeric part of the record at byte address `reg`. */
export function readNumeric(memory: WebAssembly.Memory, reg: number): NumericState {
  const view = new DataView(memory.buffer)
  return {
    value: view.getBigUint64(reg + REG_VAR_OFF_VALUE, true),
    mask: view.getBigUint64(reg + REG_VAR_OFF_MASK, true),
    smin: view.getBigInt64(reg + REG_SMIN, true),
    smax: view.getBigInt64(reg + REG_SMAX, true),
    umin: view.getBigUint64(reg + REG_UMIN, true),
    umax: view.getBigUint64(reg + REG_UMAX, true),
    s32Min: view.getInt32(reg + REG_S32_MIN, true),
    s32Max: view.getInt32(reg + REG_S32_MAX, true),
    u32Min: view.getUint32(reg + REG_U32_MIN, true),
    u32Max: view.getUint32(reg + REG_U32_MAX, true),
  }
}

const hex = (num: bigint): string => `0x${BigInt.asUintN(64, num).toString(16)}`

/** Unsigned: decimal up to 65535, hexadecimal above (`verbose_unum`). */
export const formatUnsigned = (num: bigint): string => (num <= 0xffffn ? `${num}` : hex(num))

/** Signed: decimal within 16 bits, else the 64-bit pattern in hexadecimal (`verbose_snum`). */
export const formatSigned = (num: bigint): string => (isShort(num) ? `${num}` : hex(num))

/** `(value; mask)`, or the number if it is a constant (`tnum_strn`). */
export const formatTnum = (value: bigint, mask: bigint): string =>
  mask === 0n ? formatUnsigned(value) : `(${hex(value)}; ${hex(mask)})`

/**
 * The attributes that tell something, in the kernel's order, equal ones joined (`smax=umax=255`), `var_off` last. Empty for
 * a value of which nothing is known.
 */
export function formatRanges(state: NumericState): string[] {
  const bounds: [name: string, num: bigint, atLimit: boolean][] = [
    ['smin', state.smin, state.smin === -(2n ** 63n)],
    ['smax', state.smax, state.smax === 2n ** 63n - 1n],
    ['umin', state.umin, state.umin === 0n],
    ['umax', state.umax, state.umax === 2n ** 64n - 1n],
    ['smin32', signed32(state.s32Min), state.s32Min === -(2 ** 31)],
    ['smax32', signed32(state.s32Max), state.s32Max === 2 ** 31 - 1],
    ['umin32', BigInt(state.u32Min), state.u32Min === 0],
    ['umax32', BigInt(state.u32Max), state.u32Max === 2 ** 32 - 1],
  ]
  const shown = bounds.filter(([, , atLimit]) => !atLimit)
  const texts: string[] = []
  const joined = new Set<string>()
  for (const [name, num] of shown) {
    if (joined.has(name)) continue
    const isMax = name.includes('max')
    const isSigned = name.startsWith('s')
    // Minima join minima and maxima join maxima; the same bits read as a negative and a positive number do not.
    const same = shown
      .slice(shown.findIndex((bound) => bound[0] === name) + 1)
      .filter(
        ([other, otherNum]) =>
          !joined.has(other) &&
          other.includes('max') === isMax &&
          BigInt.asUintN(64, otherNum) === BigInt.asUintN(64, num) &&
          (other.startsWith('s') && otherNum < 0n) === (isSigned && num < 0n),
      )
    for (const [other] of same) joined.add(other)
    const names = [name, ...same.map(([other]) => other)].join('=')
    texts.push(`${names}=${isSigned ? formatSigned(num) : formatUnsigned(num)}`)
  }
  if (state.mask !== 2n ** 64n - 1n) texts.push(`var_off=${formatTnum(state.value, state.mask)}`)
  return texts
}

/** A scalar as the log shows it without id: `42`, `scalar()`, `scalar(umin=1,...)`. */
export const formatScalar = (state: NumericState): string =>
  state.mask === 0n
    ? formatSigned(BigInt.asIntN(64, state.value))
    : `scalar(${formatRanges(state).join(',')})`

const isShort = (num: bigint): boolean => num >= -0x8000n && num <= 0x7fffn

// In hexadecimal a 32-bit bound is shown without sign extension.
const signed32 = (num: number): bigint => (isShort(BigInt(num)) ? BigInt(num) : BigInt(num >>> 0))
