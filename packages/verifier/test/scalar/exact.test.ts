// The WebAssembly module has the precision of the plain reference beside it, no more and no less.
import { describe, expect, it } from 'vitest'
import {
  BPF_ADD_CONST32,
  BPF_ADD_CONST64,
  BPF_DIV,
  BPF_MAX_VAR_OFF,
  REFINE_FALSE_IMPOSSIBLE,
  REFINE_TRUE_IMPOSSIBLE,
  REG_ID,
  REG_OFF,
  REG_SIZE,
} from '../../src/layout.ts'
import { createScalarDomainSync } from '../../src/scalar/index.ts'
import { createRandom } from '../../src/scalar/random-programs.ts'
import { aluOps, jumpOps } from '../../src/scalar/sampling.ts'
import { copyOf, edgy, randomNumeric, readRecord, show, writeRecord } from './records.ts'
import {
  addPairs,
  alu,
  anySigned,
  anyUnsigned,
  assign32into64,
  branchTaken,
  byteSwap,
  coerce,
  extend,
  known,
  least,
  most,
  type Numeric,
  refine,
  sync,
  tnums,
  unbounded,
  unknown,
  updateBounds,
  violated,
  zext32to64,
} from './reference.ts'

const rounds = Number(process.env['SCALAR_ROUNDS'] ?? 300)
const memory = new WebAssembly.Memory({ initial: 1 })
const domain = createScalarDomainSync(memory)
const words = new Int32Array(memory.buffer)
const at = (n: number): number => 1024 + n * REG_SIZE
const [a, b, c, d, e, f] = [at(0), at(1), at(2), at(3), at(4), at(5)]

/** The record at `reg` is `want`; `from` says of what it was made. */
function same(reg: number, want: Numeric, from: () => string): void {
  const got = show(readRecord(memory, reg))
  if (got !== show(want)) expect.unreachable(`${from()}\nmodule    ${got}\nreference ${show(want)}`)
}

/** Holds a change of one record against the reference. */
function compare(
  seed: number,
  change: (reg: number, random: ReturnType<typeof createRandom>) => (r: Numeric) => void,
  times = rounds,
): void {
  const random = createRandom(seed)
  for (let round = 0; round < times; round++) {
    const r = randomNumeric(random)
    const before = show(r)
    writeRecord(memory, a, r)
    if (round & 1) {
      domain.boundsSync(a)
      sync(r)
    }
    change(a, random)(r)
    same(a, r, () => before)
  }
}

const both =
  (module: (reg: number) => void, reference: (r: Numeric) => void) =>
  (reg: number): ((r: Numeric) => void) => {
    module(reg)
    return reference
  }

describe('refinement', () => {
  it('boundsSync', () => compare(1, both(domain.boundsSync, sync), rounds * 6))
  it('updateBounds', () =>
    compare(
      2,
      both(domain.updateBounds, (r) => updateBounds(r)),
      rounds * 3,
    ))

  it('narrowing', () => {
    compare(3, (reg, random) => {
      const [low, high] = [Number(BigInt.asIntN(32, edgy(random))), Number(BigInt.asIntN(32, edgy(random)))]
      const isSigned = random(2)
      if (isSigned) domain.narrowS32(reg, low, high)
      else domain.narrowU32(reg, low, high)
      const [l, h] = isSigned ? [BigInt(low), BigInt(high)] : [BigInt(low >>> 0), BigInt(high >>> 0)]
      return (r) => {
        if (isSigned) {
          r.s32 = [most(r.s32[0], l), least(r.s32[1], h)]
          r.s64 = [most(r.s64[0], l), least(r.s64[1], h)]
        } else {
          r.u32 = [most(r.u32[0], l), least(r.u32[1], h)]
          r.u64 = [most(r.u64[0], l), least(r.u64[1], h)]
        }
        sync(r)
      }
    })
  })

  it('boundsViolated', () => {
    const random = createRandom(4)
    const answers = new Set<number>()
    for (let round = 0; round < rounds * 4; round++) {
      const r = randomNumeric(random)
      if (random(3) === 0) Object.assign(r, known(edgy(random)))
      const part = (['u64', 's64', 'u32', 's32'] as const)[random(4)]!
      const other = randomNumeric(random)
      const how = random(4)
      if (how < 2) r[part] = [r[part][random(2)]!, other[part][random(2)]!]
      if (how === 2) r.tnum = [r.tnum[0], 0n]
      writeRecord(memory, a, r)
      answers.add(domain.boundsViolated(a))
      expect(domain.boundsViolated(a), show(r)).toBe(Number(violated(r)))
    }
    expect(answers.size).toBe(2)
  })
})

describe('arithmetic', () => {
  for (const op of [...aluOps, BPF_DIV]) {
    for (const is64 of [true, false]) {
      it(`0x${op.toString(16)}, ${is64 ? 64 : 32} bits`, () => {
        const random = createRandom(1000 + op * 2 + Number(is64))
        for (let round = 0; round < rounds; round++) {
          const [x, y] = [randomNumeric(random), randomNumeric(random)]
          if (random(3) === 0) Object.assign(y, known(random(2) ? BigInt(random(66)) : edgy(random)))
          if (random(3)) for (const r of [x, y]) sync(r)
          writeRecord(memory, a, x)
          writeRecord(memory, b, y)
          const before = `${show(x)}\n${show(y)}`
          const operand = round % 10 === 0 ? x : y
          const want = alu(op, is64, x, operand)
          expect(domain.alu(op, Number(is64), a, operand === x ? a : b), before).toBe(Number(want))
          same(a, x, () => before)
        }
      })
    }
  }

  it('linked registers', () => {
    compare(5, (reg, random) => {
      const offsets = [0, 1].map(() => Number(BigInt.asIntN(32, edgy(random)))) as [number, number]
      const ids = [0, 1].map(() => 1 | [0, BPF_ADD_CONST32, BPF_ADD_CONST64][random(3)]!) as [number, number]
      domain.copyNumeric(b, reg)
      for (const [i, record] of [reg, b].entries()) {
        words[(record + REG_OFF) >> 2] = offsets[i]!
        words[(record + REG_ID) >> 2] = ids[i]!
      }
      domain.syncLinked(reg, b)
      return (r) => {
        const by = known(BigInt(offsets[0]) - BigInt(offsets[1]))
        // The distance of two offsets may need 33 bits.
        const delta = BigInt(offsets[0]) - BigInt(offsets[1])
        by.s64 = [delta, delta]
        addPairs(r, by)
        r.tnum = tnums.add(r.tnum, by.tnum)
        if ((ids[0] | ids[1]) & BPF_ADD_CONST32) zext32to64(r)
        sync(r)
      }
    })
  })

  for (const isAdd of [true, false]) {
    it(`pointers ${isAdd ? 'plus' : 'minus'} offsets`, () => {
      const random = createRandom(6 + Number(isAdd))
      let fixed = 0
      for (let round = 0; round < rounds * 3; round++) {
        const [pointer, off] = [randomNumeric(random), randomNumeric(random)]
        const start = Number(BigInt.asIntN(32, edgy(random)))
        writeRecord(memory, a, pointer)
        writeRecord(memory, b, off)
        writeRecord(memory, c, known(5n))
        words[(a + REG_OFF) >> 2] = start
        words[(b + REG_OFF) >> 2] = 77
        words[(c + REG_OFF) >> 2] = 77
        const dst = [a, b, c][random(3)]!
        const inFixed = isAdd ? domain.ptrAdd(dst, a, b) : domain.ptrSub(dst, a, b)
        const sum = isAdd ? BigInt(start) + off.s64[0] : BigInt(start) - off.s64[0]
        const before = `${start}: ${show(pointer)}\n${show(off)}`
        const fits = off.tnum[1] === 0n && BigInt.asIntN(32, sum) === BigInt.asIntN(64, sum)
        expect(inFixed, before).toBe(Number(fits))
        expect(words[(dst + REG_OFF) >> 2], before).toBe(fits ? Number(BigInt.asIntN(32, sum)) : start)
        fixed += inFixed
        if (!fits) {
          const [p, o] = [pointer.s64, off.s64]
          const signed = isAdd ? [p[0] + o[0], p[1] + o[1]] : [p[0] - o[1], p[1] - o[0]]
          const [pu, ou] = [pointer.u64, off.u64]
          const unsigned = isAdd ? [pu[0] + ou[0], pu[1] + ou[1]] : [pu[0] - ou[1], pu[1] - ou[0]]
          const within = (pair: bigint[], [low, high]: readonly [bigint, bigint]): boolean =>
            pair.every((x) => x >= low && x <= high)
          pointer.tnum = (isAdd ? tnums.add : tnums.sub)(pointer.tnum, off.tnum)
          pointer.s64 = within(signed, anySigned(64)) ? [signed[0]!, signed[1]!] : anySigned(64)
          // A difference may not pass below 0 at its lower end; what its upper end is does not count.
          const fine = isAdd ? within(unsigned, anyUnsigned(64)) : unsigned[0]! >= 0n
          pointer.u64 = fine ? [unsigned[0]!, BigInt.asUintN(64, unsigned[1]!)] : anyUnsigned(64)
        }
        unbounded(32, pointer)
        same(dst, pointer, () => before)
      }
      expect(fixed).toBeGreaterThan(10)
    })
  }

  it('offsets that pointers may have', () => {
    const random = createRandom(8)
    const limit = BigInt(BPF_MAX_VAR_OFF)
    const seen = new Set<number>()
    for (let round = 0; round < rounds * 2; round++) {
      const near = (): bigint => (random(2) ? limit : -limit) + BigInt(random(5)) - 2n
      const r = random(3) ? unknown() : known(random(2) ? near() : edgy(random))
      r.s64 = [random(2) ? near() : random(2) ? anySigned(64)[0] : BigInt(random(9)) - 4n, r.s64[1]]
      const off = Number(random(2) ? near() : BigInt(random(9)))
      writeRecord(memory, a, r)
      words[(a + REG_OFF) >> 2] = off
      const beyond = (x: bigint): boolean => x >= limit || x <= -limit
      const want =
        r.tnum[1] === 0n && beyond(BigInt.asIntN(64, r.tnum[0]))
          ? 1
          : beyond(BigInt(off))
            ? 2
            : r.s64[0] === anySigned(64)[0]
              ? 3
              : beyond(r.s64[0])
                ? 4
                : 0
      seen.add(want)
      expect(domain.sanePointerOffset(a), `${off}: ${show(r)}`).toBe(want)
    }
    expect(seen.size).toBe(5)
  })
})

describe('branches', () => {
  for (const op of jumpOps) {
    for (const is32 of [false, true]) {
      it(`0x${op.toString(16)}, ${is32 ? 32 : 64} bits`, () => {
        const random = createRandom(2000 + op * 2 + Number(is32))
        for (let round = 0; round < rounds; round++) {
          const x = randomNumeric(random)
          let y = randomNumeric(random)
          if (random(2)) {
            // Ends that meet, or almost.
            const ends = [x.u64[0], x.u64[1], BigInt.asUintN(64, x.s64[0]), BigInt.asUintN(64, x.s64[1])]
            const end = ends[random(4)]! + BigInt(random(3)) - 1n
            y = random(2) ? known(end) : y
            if (random(2)) y.u64 = [BigInt.asUintN(64, end), most(y.u64[1], BigInt.asUintN(64, end))]
          }
          if (random(3) === 0) y = known(1n << BigInt(random(64)))
          if (random(2)) {
            sync(x)
            sync(y)
          }
          const [left, right] = random(2) ? [x, y] : [y, x]
          const before = `${show(left)}\n${show(right)}`
          for (const reg of [a, c, e]) writeRecord(memory, reg, left)
          for (const reg of [b, d, f]) writeRecord(memory, reg, right)
          expect(domain.branchTaken(op, Number(is32), a, b), before).toBe(branchTaken(op, is32, left, right))
          const [taken, takenSrc, not, notSrc] = [copyOf(left), copyOf(right), copyOf(left), copyOf(right)]
          const impossible =
            (refine(op, true, is32, taken, takenSrc) ? REFINE_TRUE_IMPOSSIBLE : 0) |
            (refine(op, false, is32, not, notSrc) ? REFINE_FALSE_IMPOSSIBLE : 0)
          expect(domain.refine(op, Number(is32), c, d, e, f), before).toBe(impossible)
          same(c, taken, () => `taken: ${before}`)
          same(d, takenSrc, () => `taken, operand: ${before}`)
          same(e, not, () => `not taken: ${before}`)
          same(f, notSrc, () => `not taken, operand: ${before}`)
        }
      })
    }
  }

  it('compares a register with itself as two records', () => {
    const random = createRandom(9)
    for (const op of jumpOps) {
      for (let round = 0; round < 20; round++) {
        const r = randomNumeric(random)
        for (const reg of [c, e]) writeRecord(memory, reg, r)
        const before = show(r)
        domain.refine(op, round & 1, c, c, e, e)
        const taken = copyOf(r)
        refine(op, true, (round & 1) === 1, taken, taken)
        same(c, taken, () => before)
        refine(op, false, (round & 1) === 1, r, r)
        same(e, r, () => before)
      }
    }
  })
})

describe('widths', () => {
  it('zext32to64', () => compare(10, both(domain.zext32to64, zext32to64)))
  it('assign32into64', () => compare(11, both(domain.assign32into64, assign32into64)))
  for (const size of [1, 2, 4, 8]) {
    it(`to ${size} bytes`, () => {
      compare(
        12 + size,
        both(
          (reg) => domain.coerceToSize(reg, size),
          (r) => coerce(r, size),
        ),
      )
    })
    it(`to ${size} bytes, sign-extended`, () => {
      compare(
        22 + size,
        both(
          (reg) => domain.coerceToSizeSx(reg, size),
          (r) => extend(r, size, 64),
        ),
        rounds * 2,
      )
      if (size < 4) {
        const narrow = (reg: number): ((r: Numeric) => void) => {
          domain.coerceSubregToSizeSx(reg, size)
          return (r) => extend(r, size, 32)
        }
        compare(32 + size, narrow, rounds * 2)
      }
    })
  }
  for (const bits of [16, 32, 64]) {
    for (const swap of [false, true]) {
      it(`${swap ? 'swapped' : 'cut to'} ${bits} bits`, () => {
        compare(bits + Number(swap), (reg) => {
          domain.byteSwap(reg, bits, Number(swap))
          return (r) => byteSwap(r, bits, swap)
        })
      })
    }
  }
})
