/** For tests: random abstract values with known members, and concrete arithmetic to hold them against. */
import * as layout from '../layout.ts'
import { type NumericState, readNumeric } from './format.ts'
import type { ScalarDomain } from './index.ts'
import type { createRandom } from './random-programs.ts'

type Random = ReturnType<typeof createRandom>

export const u64 = (x: bigint): bigint => BigInt.asUintN(64, x)
export const s64 = (x: bigint): bigint => BigInt.asIntN(64, x)
export const u32 = (x: bigint): bigint => BigInt.asUintN(32, x)
export const s32 = (x: bigint): bigint => BigInt.asIntN(32, x)

/** Is `x` (u64) described by every part of the state? */
export function contains(state: NumericState, x: bigint): boolean {
  return (
    (x & u64(~state.mask)) === state.value &&
    state.umin <= x &&
    x <= state.umax &&
    state.smin <= s64(x) &&
    s64(x) <= state.smax &&
    BigInt(state.u32Min) <= u32(x) &&
    u32(x) <= BigInt(state.u32Max) &&
    BigInt(state.s32Min) <= s32(x) &&
    s32(x) <= BigInt(state.s32Max)
  )
}

/** A u64 of random width and shape: small, near a power of two, negative, or any. */
export function randomU64(random: Random): bigint {
  const any = (BigInt(random(0xffffffff)) << 32n) | BigInt(random(0xffffffff))
  const bits = BigInt(random(65))
  switch (random(4)) {
    case 0:
      return u64(any >> (64n - bits))
    case 1:
      return u64(-(any >> (64n - bits)))
    case 2:
      return u64((1n << bits) + BigInt(random(5)) - 2n)
    default:
      return any
  }
}

/** Writes the numeric part of a record. Parts left out say nothing. */
export function writeNumeric(memory: WebAssembly.Memory, reg: number, state: Partial<NumericState>): void {
  const view = new DataView(memory.buffer)
  view.setBigUint64(reg + layout.REG_VAR_OFF, state.value ?? 0n, true)
  view.setBigUint64(reg + layout.REG_VAR_OFF + 8, state.mask ?? 2n ** 64n - 1n, true)
  view.setBigInt64(reg + layout.REG_SMIN, state.smin ?? -(2n ** 63n), true)
  view.setBigInt64(reg + layout.REG_SMIN + 8, state.smax ?? 2n ** 63n - 1n, true)
  view.setBigUint64(reg + layout.REG_UMIN, state.umin ?? 0n, true)
  view.setBigUint64(reg + layout.REG_UMIN + 8, state.umax ?? 2n ** 64n - 1n, true)
  view.setInt32(reg + layout.REG_S32_MIN, state.s32Min ?? -(2 ** 31), true)
  view.setInt32(reg + layout.REG_S32_MIN + 4, state.s32Max ?? 2 ** 31 - 1, true)
  view.setUint32(reg + layout.REG_U32_MIN, state.u32Min ?? 0, true)
  view.setUint32(reg + layout.REG_U32_MIN + 4, state.u32Max ?? 2 ** 32 - 1, true)
}

/** Gives the record random parts that all describe one random value, not synced; that value. */
export function randomUnsynced(memory: WebAssembly.Memory, random: Random, reg: number): bigint {
  const member = randomU64(random)
  const below = (x: bigint, min: bigint): bigint => {
    const lower = x - (randomU64(random) >> BigInt(random(64)))
    return lower < min ? min : lower
  }
  const over = (x: bigint, max: bigint): bigint => {
    const higher = x + (randomU64(random) >> BigInt(random(64)))
    return higher > max ? max : higher
  }
  const state: Partial<Record<keyof NumericState, bigint | number>> = {}
  if (random(3) === 0) {
    state.mask = randomU64(random)
    state.value = member & u64(~state.mask)
  }
  if (random(2)) {
    state.umin = below(member, 0n)
    state.umax = over(member, 2n ** 64n - 1n)
  }
  if (random(2)) {
    state.smin = below(s64(member), -(2n ** 63n))
    state.smax = over(s64(member), 2n ** 63n - 1n)
  }
  if (random(3) === 0) {
    state.u32Min = Number(below(u32(member), 0n))
    state.u32Max = Number(over(u32(member), 2n ** 32n - 1n))
  }
  if (random(3) === 0) {
    state.s32Min = Number(below(s32(member), -(2n ** 31n)))
    state.s32Max = Number(over(s32(member), 2n ** 31n - 1n))
  }
  writeNumeric(memory, reg, state as Partial<NumericState>)
  return member
}

/** As randomUnsynced, synced; constants now and then. */
export function randomRecord(
  domain: ScalarDomain,
  memory: WebAssembly.Memory,
  random: Random,
  reg: number,
): bigint {
  if (random(6) === 0) {
    const constant = random(2) ? randomU64(random) : BigInt(random(66))
    domain.setConst(reg, Number(s32(constant)), Number(s32(constant >> 32n)))
    return constant
  }
  const member = randomUnsynced(memory, random, reg)
  domain.boundsSync(reg)
  return member
}

/** Some members of the record: `one`, those at its edges, and random ones. */
export function members(memory: WebAssembly.Memory, random: Random, reg: number, one: bigint): bigint[] {
  const state = readNumeric(memory, reg)
  const { value, mask, smin, smax, umin, umax, u32Min, u32Max, s32Min, s32Max } = state
  const upper = one & ~0xffffffffn
  const candidates = [value, value | mask, umin, umax, smin, smax, 0n, 1n, -1n, umin + 1n, umax - 1n]
  for (const low of [u32Min, u32Max, s32Min, s32Max]) candidates.push(upper | u32(BigInt(low)))
  for (let i = 0; i < 4; i++)
    candidates.push(value | (randomU64(random) & mask), one ^ (1n << BigInt(random(64))))
  return [one, ...new Set(candidates.map(u64).filter((x) => contains(state, x)))]
}

const wide: Readonly<Record<number, (a: bigint, b: bigint, bits: bigint) => bigint>> = {
  [layout.BPF_ADD]: (a, b) => a + b,
  [layout.BPF_SUB]: (a, b) => a - b,
  [layout.BPF_MUL]: (a, b) => a * b,
  [layout.BPF_AND]: (a, b) => a & b,
  [layout.BPF_OR]: (a, b) => a | b,
  [layout.BPF_XOR]: (a, b) => a ^ b,
  [layout.BPF_LSH]: (a, b, bits) => a << (b & (bits - 1n)),
  [layout.BPF_RSH]: (a, b, bits) => a >> (b & (bits - 1n)),
  [layout.BPF_ARSH]: (a, b, bits) => BigInt.asIntN(Number(bits), a) >> (b & (bits - 1n)),
  [layout.BPF_NEG]: (a) => -a,
}

/** BPF_OPs that the domain computes. */
export const aluOps: readonly number[] = Object.keys(wide).map(Number)

/** What the instruction computes (RFC 9669, section 4.1). */
export function concreteAlu(op: number, is64: boolean, a: bigint, b: bigint): bigint {
  return is64 ? u64(wide[op]!(a, b, 64n)) : u32(wide[op]!(u32(a), u32(b), 32n))
}

const relations: Readonly<Record<number, (a: bigint, b: bigint, bits: number) => boolean>> = {
  [layout.BPF_JEQ]: (a, b) => a === b,
  [layout.BPF_JNE]: (a, b) => a !== b,
  [layout.BPF_JSET]: (a, b) => (a & b) !== 0n,
  [layout.BPF_JGT]: (a, b) => a > b,
  [layout.BPF_JGE]: (a, b) => a >= b,
  [layout.BPF_JLT]: (a, b) => a < b,
  [layout.BPF_JLE]: (a, b) => a <= b,
  [layout.BPF_JSGT]: (a, b, bits) => BigInt.asIntN(bits, a) > BigInt.asIntN(bits, b),
  [layout.BPF_JSGE]: (a, b, bits) => BigInt.asIntN(bits, a) >= BigInt.asIntN(bits, b),
  [layout.BPF_JSLT]: (a, b, bits) => BigInt.asIntN(bits, a) < BigInt.asIntN(bits, b),
  [layout.BPF_JSLE]: (a, b, bits) => BigInt.asIntN(bits, a) <= BigInt.asIntN(bits, b),
}

/** BPF_OPs of the conditional jumps. */
export const jumpOps: readonly number[] = Object.keys(relations).map(Number)

/** Whether the jump is taken (RFC 9669, section 4.3). */
export function concreteJump(op: number, is32: boolean, a: bigint, b: bigint): boolean {
  return is32 ? relations[op]!(u32(a), u32(b), 32) : relations[op]!(a, b, 64)
}
