import { describe, expect, it } from 'vitest'
import * as layout from '../layout.ts'
import { formatScalar, readNumeric } from './format.ts'
import { createScalarDomainSync } from './index.ts'
import { createRandom } from './random-programs.ts'
import { aluOps, concreteAlu, contains, members, randomRecord, u32, u64, writeNumeric } from './sampling.ts'

const memory = new WebAssembly.Memory({ initial: 1 })
const domain = createScalarDomainSync(memory)
const words = new Int32Array(memory.buffer)
const [a, b, c] = [1024, 1024 + layout.REG_SIZE, 1024 + 2 * layout.REG_SIZE]
const show = (reg: number): string => formatScalar(readNumeric(memory, reg))
const off = (reg: number, value: number): void => void (words[(reg + layout.REG_OFF) >> 2] = value)

describe('alu', () => {
  for (const op of aluOps) {
    for (const is64 of [true, false]) {
      it(`0x${op.toString(16)}, ${is64 ? 64 : 32} bits, loses no result`, () => {
        const random = createRandom(op * 2 + Number(is64))
        for (let round = 0; round < 250; round++) {
          const one = randomRecord(domain, memory, random, a)
          const other = randomRecord(domain, memory, random, b)
          const left = members(memory, random, a, one)
          const right = members(memory, random, b, other)
          const before = `${show(a)}, ${show(b)}`
          domain.alu(op, Number(is64), a, b)
          const state = readNumeric(memory, a)
          expect(domain.boundsViolated(a), before).toBe(0)
          for (const x of left) {
            for (const y of right) {
              const z = concreteAlu(op, is64, x, y)
              if (!contains(state, z)) expect.unreachable(`${before}: ${x}, ${y} -> ${z} not in ${show(a)}`)
            }
          }
        }
      })
    }
  }

  it('takes one record as both operands', () => {
    const random = createRandom(5)
    for (const op of aluOps) {
      for (let round = 0; round < 40; round++) {
        randomRecord(domain, memory, random, a)
        domain.copyNumeric(b, a)
        domain.copyNumeric(c, a)
        domain.alu(op, round & 1, a, a)
        domain.alu(op, round & 1, b, c)
        expect(domain.numericEqual(a, b), `0x${op.toString(16)} ${show(c)}`).toBe(1)
      }
    }
  })

  it('computes constants', () => {
    const values = [0n, 1n, 2n ** 64n - 1n, 2n ** 63n, 0x1234_5678_9abc_def0n, 0xffff_fffen, 31n, 17n]
    for (const op of aluOps) {
      for (const is64 of [true, false]) {
        for (const x of values) {
          for (const y of values) {
            domain.setConst(a, Number(BigInt.asIntN(32, x)), Number(BigInt.asIntN(32, x >> 32n)))
            domain.setConst(b, Number(BigInt.asIntN(32, y)), Number(BigInt.asIntN(32, y >> 32n)))
            const known = domain.alu(op, Number(is64), a, b)
            const shift = op === layout.BPF_LSH || op === layout.BPF_RSH || op === layout.BPF_ARSH
            expect(known).toBe(shift && y >= (is64 ? 64n : 32n) ? 0 : 1)
            if (known) expect(readNumeric(memory, a).value).toBe(concreteAlu(op, is64, x, y))
            expect(domain.isConst(a)).toBe(known)
          }
        }
      }
    }
  })

  it('leaves division, modulus and shifts by variables unknown, as 6.18 does', () => {
    for (const op of [layout.BPF_DIV, layout.BPF_MOD, layout.BPF_LSH, layout.BPF_RSH, layout.BPF_ARSH]) {
      domain.setConst(a, 100, 0)
      domain.setUnknown(b)
      domain.narrowU32(b, 1, 3)
      expect(domain.alu(op, 1, a, b)).toBe(0)
      expect(domain.isUnbounded(a)).toBe(1)
    }
    domain.setConst(a, 100, 0)
    domain.setConst(b, 7, 0)
    expect(domain.alu(layout.BPF_DIV, 1, a, b)).toBe(0)
  })

  // Each printed by Linux 6.18.44 for the same operation.
  const cases: [
    name: string,
    op: number,
    is64: number,
    x: [number, number],
    y: [number, number],
    text: string,
  ][] = [
    [
      'add',
      layout.BPF_ADD,
      1,
      [1, 10],
      [5, 7],
      'scalar(smin=umin=smin32=umin32=6,smax=umax=smax32=umax32=17,var_off=(0x0; 0x1f))',
    ],
    ['sub', layout.BPF_SUB, 1, [1, 10], [5, 7], 'scalar(smin=smin32=-6,smax=smax32=5)'],
    [
      'neg',
      layout.BPF_NEG,
      1,
      [1, 10],
      [0, 0],
      'scalar(smin=smin32=-10,smax=smax32=-1,umin=0xfffffffffffffff6,umin32=0xfffffff6,var_off=(0xfffffffffffffff0; 0xf))',
    ],
    [
      'mul',
      layout.BPF_MUL,
      1,
      [3, 10],
      [5, 7],
      'scalar(smin=umin=smin32=umin32=15,smax=umax=smax32=umax32=70,var_off=(0x0; 0x7f))',
    ],
    [
      'and',
      layout.BPF_AND,
      1,
      [0, 0xffff],
      [0xf0, 0xf0],
      'scalar(smin=smin32=0,smax=umax=smax32=umax32=240,var_off=(0x0; 0xf0))',
    ],
    [
      'or',
      layout.BPF_OR,
      1,
      [0, 0xff],
      [0x100, 0x100],
      'scalar(smin=umin=smin32=umin32=256,smax=umax=smax32=umax32=511,var_off=(0x100; 0xff))',
    ],
    [
      'xor',
      layout.BPF_XOR,
      1,
      [0, 0xff],
      [0x10f, 0x10f],
      'scalar(smin=umin=smin32=umin32=256,smax=umax=smax32=umax32=511,var_off=(0x100; 0xff))',
    ],
    [
      'lsh',
      layout.BPF_LSH,
      1,
      [0, 0xff],
      [4, 4],
      'scalar(smin=smin32=0,smax=umax=smax32=umax32=4080,var_off=(0x0; 0xff0))',
    ],
    [
      'rsh',
      layout.BPF_RSH,
      1,
      [0, 0xff],
      [4, 4],
      'scalar(smin=smin32=0,smax=umax=smax32=umax32=15,var_off=(0x0; 0xf))',
    ],
    [
      'arsh',
      layout.BPF_ARSH,
      0,
      [0xfffffff0, 0xffffffff],
      [2, 2],
      'scalar(smin=umin=umin32=0xfffffffc,smax=umax=0xffffffff,smin32=-4,smax32=-1,var_off=(0xfffffffc; 0x3))',
    ],
  ]
  it.each(cases)('%s has the kernel’s precision', (_, op, is64, x, y, text) => {
    for (const [reg, [min, max]] of [
      [a, x],
      [b, y],
    ] as const) {
      domain.setUnknown(reg)
      domain.narrowU32(reg, min, max)
    }
    domain.alu(op, is64, a, b)
    expect(show(a)).toBe(text)
  })
})

describe('linked registers', () => {
  it('follow by the difference of their constants', () => {
    const random = createRandom(77)
    for (let round = 0; round < 400; round++) {
      const [from, to] = [(random(0xffffffff) | 0) >> random(32), (random(0xffffffff) | 0) >> random(32)]
      const narrow = random(2) === 1
      const one = randomRecord(domain, memory, random, b)
      words[(b + layout.REG_ID) >> 2] = 1 | layout.BPF_ADD_CONST64
      words[(a + layout.REG_ID) >> 2] = 1 | (narrow ? layout.BPF_ADD_CONST32 : layout.BPF_ADD_CONST64)
      off(b, from)
      off(a, to)
      domain.syncLinked(a, b)
      const state = readNumeric(memory, a)
      for (const x of members(memory, random, b, one)) {
        const y = u64(x + BigInt(to - from))
        expect(contains(state, narrow ? u32(y) : y)).toBe(true)
      }
    }
  })
})

describe('pointer arithmetic', () => {
  it('keeps constants in the fixed offset while they fit', () => {
    domain.setZero(a)
    off(a, 10)
    domain.setConstS32(b, -14)
    off(b, 0)
    expect(domain.ptrAdd(a, a, b)).toBe(1)
    expect(words[(a + layout.REG_OFF) >> 2]).toBe(-4)
    expect(domain.ptrSub(a, a, b)).toBe(1)
    expect(words[(a + layout.REG_OFF) >> 2]).toBe(10)
    expect(domain.isZero(a)).toBe(1)
    domain.setConst(b, 0x7fff_ffff, 0)
    expect(domain.ptrAdd(b, a, b)).toBe(0)
    expect(words[(b + layout.REG_OFF) >> 2]).toBe(10)
    expect(readNumeric(memory, b).value).toBe(0x7fff_ffffn)
  })

  it('loses no offset', () => {
    const random = createRandom(9)
    for (let round = 0; round < 500; round++) {
      const base = randomRecord(domain, memory, random, a)
      const one = randomRecord(domain, memory, random, b)
      off(a, random(100))
      off(b, 0)
      const left = members(memory, random, a, base)
      const right = members(memory, random, b, one)
      const before = words[(a + layout.REG_OFF) >> 2]!
      const isAdd = round & 1
      if (isAdd) domain.ptrAdd(c, a, b)
      else domain.ptrSub(c, a, b)
      domain.boundsSync(c)
      const state = readNumeric(memory, c)
      const moved = BigInt(words[(c + layout.REG_OFF) >> 2]! - before)
      for (const x of left) {
        for (const y of right) expect(contains(state, u64((isAdd ? x + y : x - y) - moved))).toBe(true)
      }
    }
  })

  it('refuses what the kernel refuses', () => {
    const limit = layout.BPF_MAX_VAR_OFF
    const verdict = (smin: bigint, fixed: number, constant?: bigint): number => {
      writeNumeric(memory, a, constant === undefined ? { smin } : { value: u64(constant), mask: 0n, smin })
      off(a, fixed)
      return domain.sanePointerOffset(a)
    }
    expect(verdict(0n, 0)).toBe(layout.SANE_OFFSET)
    expect(verdict(BigInt(limit - 1), limit - 1)).toBe(layout.SANE_OFFSET)
    expect(verdict(BigInt(1 - limit), 1 - limit, BigInt(1 - limit))).toBe(layout.SANE_OFFSET)
    expect(verdict(0n, 0, BigInt(limit))).toBe(layout.UNSANE_CONST)
    expect(verdict(0n, 0, BigInt(-limit))).toBe(layout.UNSANE_CONST)
    expect(verdict(0n, limit)).toBe(layout.UNSANE_FIXED)
    expect(verdict(0n, -limit)).toBe(layout.UNSANE_FIXED)
    expect(verdict(-(2n ** 63n), 0)).toBe(layout.UNSANE_SMIN_UNBOUNDED)
    expect(verdict(-(2n ** 63n) + 1n, 0)).toBe(layout.UNSANE_SMIN)
    expect(verdict(BigInt(limit), 0)).toBe(layout.UNSANE_SMIN)
    expect(verdict(BigInt(-limit), 0)).toBe(layout.UNSANE_SMIN)
  })
})
