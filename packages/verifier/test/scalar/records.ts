/** Records for the tests of this folder: random ones with many values at edges, written and read as the reference has them. */
import { readNumeric } from '../../src/scalar/format.ts'
import type { createRandom } from '../../src/scalar/random-programs.ts'
import { randomU64, writeNumeric } from '../../src/scalar/sampling.ts'
import { anySigned, anyUnsigned, known, type Numeric, type Pair, unknown, type Width } from './reference.ts'

type Random = ReturnType<typeof createRandom>

const EDGES: readonly bigint[] = [0n, 7n, 31n, 32n, 63n, 64n, 0x80n, 0x8000n, 1n << 31n, 1n << 32n, 1n << 63n]

/** A u64: small, at or near an edge of some width, of two such halves, or any. */
export function edgy(random: Random): bigint {
  const edge = (): bigint => {
    const x = EDGES[random(EDGES.length)]! + BigInt(random(5)) - 2n
    return BigInt.asUintN(64, random(2) ? x : -x)
  }
  switch (random(5)) {
    case 0:
      return BigInt(random(8))
    case 1:
    case 2:
      return edge()
    case 3:
      return (BigInt.asUintN(32, edge()) << 32n) | BigInt.asUintN(32, edge())
    default:
      return randomU64(random)
  }
}

const around = (random: Random, bits: Width, member: bigint, isSigned: boolean): Pair => {
  const cut = isSigned ? BigInt.asIntN : BigInt.asUintN
  const at = cut(bits, member)
  const other = (): bigint => {
    switch (random(4)) {
      case 0:
        return at
      case 1:
        return cut(bits, at + BigInt(random(9)) - 4n)
      case 2:
        return cut(bits, edgy(random))
      default:
        return (isSigned ? anySigned : anyUnsigned)(bits)[random(2)]!
    }
  }
  const ends = [at, other(), other()].sort((x, y) => (x < y ? -1 : x > y ? 1 : 0))
  return [ends[0]!, ends[2]!]
}

/** Parts that all describe one value, not synced. */
export function randomNumeric(random: Random): Numeric {
  const member = edgy(random)
  if (random(6) === 0) return known(member)
  const r = unknown()
  if (random(2)) {
    const mask = random(2) ? edgy(random) : edgy(random) & edgy(random)
    r.tnum = [member & ~mask, mask]
  }
  if (random(2)) r.u64 = around(random, 64, member, false)
  if (random(2)) r.s64 = around(random, 64, member, true)
  if (random(3) === 0) r.u32 = around(random, 32, member, false)
  if (random(3) === 0) r.s32 = around(random, 32, member, true)
  return r
}

export function writeRecord(memory: WebAssembly.Memory, reg: number, r: Numeric): void {
  writeNumeric(memory, reg, {
    value: r.tnum[0],
    mask: r.tnum[1],
    smin: r.s64[0],
    smax: r.s64[1],
    umin: r.u64[0],
    umax: r.u64[1],
    s32Min: Number(r.s32[0]),
    s32Max: Number(r.s32[1]),
    u32Min: Number(r.u32[0]),
    u32Max: Number(r.u32[1]),
  })
}

export function readRecord(memory: WebAssembly.Memory, reg: number): Numeric {
  const { value, mask, smin, smax, umin, umax, s32Min, s32Max, u32Min, u32Max } = readNumeric(memory, reg)
  return {
    tnum: [value, mask],
    s32: [BigInt(s32Min), BigInt(s32Max)],
    u32: [BigInt(u32Min), BigInt(u32Max)],
    s64: [smin, smax],
    u64: [umin, umax],
  }
}

const hex = (x: bigint): string => (x < 0n ? `-0x${(-x).toString(16)}` : `0x${x.toString(16)}`)

/** Every part, as text. */
export const show = (r: Numeric): string =>
  (['tnum', 's32', 'u32', 's64', 'u64'] as const)
    .map((part) => `${part} ${r[part].map(hex).join('..')}`)
    .join(', ')

export const copyOf = (r: Numeric): Numeric => ({ ...r })
