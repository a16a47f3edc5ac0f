import { describe, expect, it } from 'vitest'
import { TNUM_SIZE } from '../layout.ts'
import { createScalarDomainSync, type TnumOperations } from './index.ts'

const memory = new WebAssembly.Memory({ initial: 1 })
const { tnum } = createScalarDomainSync(memory)
const view = new DataView(memory.buffer)
const [a, b, result] = [1024, 1024 + TNUM_SIZE, 1024 + 2 * TNUM_SIZE]

const put = (at: number, value: bigint, mask: bigint): void => {
  view.setBigUint64(at, BigInt.asUintN(64, value), true)
  view.setBigUint64(at + 8, BigInt.asUintN(64, mask), true)
}
const get = (at: number): { value: bigint; mask: bigint } => ({
  value: view.getBigUint64(at, true),
  mask: view.getBigUint64(at + 8, true),
})

interface Small {
  readonly value: number
  readonly mask: number
  readonly members: readonly number[]
}

// Every tnum of three bits: three states a bit.
const small: Small[] = []
for (let mask = 0; mask < 8; mask++) {
  for (let value = 0; value < 8; value++) {
    if (value & mask) continue
    const members = [0, 1, 2, 3, 4, 5, 6, 7].filter((x) => (x & ~mask) === value)
    small.push({ value, mask, members })
  }
}

const write = (at: number, { value, mask }: Small): void => put(at, BigInt(value), BigInt(mask))

/** The best tnum for a set: bits in which all agree are known. */
function best(set: readonly bigint[]): { value: bigint; mask: bigint } {
  let mask = 0n
  for (const x of set) mask |= x ^ set[0]!
  return { value: BigInt.asUintN(64, set[0]! & ~mask), mask: BigInt.asUintN(64, mask) }
}

const binary = (
  op: (t: number, ta: number, tb: number) => void,
  concrete: (x: number, y: number) => number,
  check: (got: { value: bigint; mask: bigint }, set: readonly bigint[]) => void,
): void => {
  for (const x of small) {
    for (const y of small) {
      write(a, x)
      write(b, y)
      op(result, a, b)
      const set = x.members.flatMap((m) => y.members.map((n) => BigInt.asUintN(64, BigInt(concrete(m, n)))))
      check(get(result), set)
    }
  }
}

describe('tnum operations, exhaustively over three bits', () => {
  const optimal: [keyof TnumOperations, (x: number, y: number) => number][] = [
    ['add', (x, y) => x + y],
    ['sub', (x, y) => x - y],
    ['and', (x, y) => x & y],
    ['or', (x, y) => x | y],
    ['xor', (x, y) => x ^ y],
  ]
  for (const [name, concrete] of optimal) {
    it(`${name} gives the best tnum`, () => {
      binary(tnum[name] as TnumOperations['add'], concrete, (got, set) => expect(got).toEqual(best(set)))
    })
  }

  it('mul holds every product, and constants exactly', () => {
    binary(
      tnum.mul,
      (x, y) => x * y,
      ({ value, mask }, set) => {
        for (const product of set) expect(product & ~mask).toBe(value)
        if (set.length === 1) expect(mask).toBe(0n)
      },
    )
  })

  it('neg, cast, subreg and shifts give the best tnum', () => {
    for (const x of small) {
      write(a, x)
      const all = (concrete: (m: bigint) => bigint): object =>
        best(x.members.map((m) => BigInt.asUintN(64, concrete(BigInt(m)))))
      tnum.neg(result, a)
      expect(get(result)).toEqual(all((m) => -m))
      put(a, BigInt(x.value) << 6n, BigInt(x.mask) << 6n)
      tnum.cast(result, a, 1)
      expect(get(result)).toEqual(all((m) => (m << 6n) & 0xffn))
      tnum.rshift(result, a, 7)
      expect(get(result)).toEqual(all((m) => m >> 1n))
      tnum.lshift(result, a, 56)
      expect(get(result)).toEqual(all((m) => m << 62n))
      put(a, BigInt(x.value) << 61n, BigInt(x.mask) << 61n)
      tnum.arshift(result, a, 60, 64)
      expect(get(result)).toEqual(all((m) => BigInt.asIntN(64, m << 61n) >> 60n))
      put(a, BigInt(x.value) << 29n, BigInt(x.mask) << 29n)
      tnum.arshift(result, a, 30, 32)
      expect(get(result)).toEqual(all((m) => BigInt.asUintN(32, BigInt.asIntN(32, m << 29n) >> 30n)))
      put(a, BigInt(x.value) << 30n, BigInt(x.mask) << 30n)
      tnum.subreg(result, a)
      expect(get(result)).toEqual(all((m) => (m << 30n) & 0xffffffffn))
      tnum.clearSubreg(result, a)
      expect(get(result)).toEqual(all((m) => (m << 30n) & ~0xffffffffn))
    }
  })

  it('union, intersect, in and overlap agree with the sets', () => {
    for (const x of small) {
      for (const y of small) {
        write(a, x)
        write(b, y)
        const both = x.members.filter((m) => y.members.includes(m))
        tnum.union(result, a, b)
        expect(get(result)).toEqual(best([...x.members, ...y.members].map(BigInt)))
        expect(tnum.overlap(a, b)).toBe(both.length > 0 ? 1 : 0)
        expect(tnum.in(a, b)).toBe(both.length === y.members.length ? 1 : 0)
        if (both.length === 0) continue
        tnum.intersect(result, a, b)
        expect(get(result)).toEqual(best(both.map(BigInt)))
      }
    }
  })

  it('range is the common prefix of its ends', () => {
    for (let min = 0; min < 8; min++) {
      for (let max = min; max < 8; max++) {
        view.setBigUint64(a, BigInt(min), true)
        view.setBigUint64(b, BigInt(max), true)
        tnum.range(result, a, b)
        let bits = 0
        while (min >> bits !== max >> bits) bits++
        const mask = (1 << bits) - 1
        expect(get(result)).toEqual({ value: BigInt(min & ~mask), mask: BigInt(mask) })
      }
    }
    view.setBigUint64(a, 0n, true)
    view.setBigUint64(b, 2n ** 64n - 1n, true)
    tnum.range(result, a, b)
    expect(tnum.isUnknown(result)).toBe(1)
  })

  it('step is the next member', () => {
    for (const shift of [0n, 30n, 61n]) {
      for (const x of small) {
        put(a, BigInt(x.value) << shift, BigInt(x.mask) << shift)
        const set = x.members.map((m) => BigInt(m) << shift)
        for (let at = 0; at < 8; at++) {
          for (const low of [0n, 1n]) {
            const from = (BigInt(at) << shift) + low
            view.setBigUint64(b, from, true)
            tnum.step(result, a, b)
            expect(view.getBigUint64(result, true)).toBe(set.find((m) => m > from) ?? set.at(-1))
          }
        }
      }
    }
  })

  it('alignment, constants and halves', () => {
    tnum.constant(a, 0x1234_5678, -1)
    expect(get(a)).toEqual({ value: 0xffff_ffff_1234_5678n, mask: 0n })
    expect(tnum.isConstant(a)).toBe(1)
    expect([1, 2, 4, 8, 16, 0].map((size) => tnum.isAligned(a, size))).toEqual([1, 1, 1, 1, 0, 1])
    put(b, 0n, 4n)
    expect(tnum.isConstant(b)).toBe(0)
    expect(tnum.isUnknown(b)).toBe(0)
    expect([4, 8].map((size) => tnum.isAligned(b, size))).toEqual([1, 0])
    tnum.withSubreg(result, a, b)
    expect(get(result)).toEqual({ value: 0xffff_ffff_0000_0000n, mask: 4n })
  })
})
