import { describe, expect, it } from 'vitest'
import * as layout from '../layout.ts'
import { formatScalar, readNumeric } from './format.ts'
import { createScalarDomainSync } from './index.ts'
import { createRandom } from './random-programs.ts'
import { concreteJump, contains, jumpOps, members, randomRecord, writeNumeric } from './sampling.ts'

const memory = new WebAssembly.Memory({ initial: 1 })
const domain = createScalarDomainSync(memory)
const [a, b, ta, tb, fa, fb] = [0, 1, 2, 3, 4, 5].map((n) => 1024 + n * layout.REG_SIZE) as [
  number,
  number,
  number,
  number,
  number,
  number,
]
const show = (reg: number): string => formatScalar(readNumeric(memory, reg))
const split = (): void => {
  for (const [to, from] of [
    [ta, a],
    [tb, b],
    [fa, a],
    [fb, b],
  ] as const)
    domain.copyNumeric(to, from)
}
const range = (reg: number, min: number, max: number): void => {
  domain.setUnknown(reg)
  domain.narrowU32(reg, min, max)
}

describe('branches', () => {
  for (const op of jumpOps) {
    for (const is32 of [false, true]) {
      it(`0x${op.toString(16)}, ${is32 ? 32 : 64} bits: never wrong, loses no value`, () => {
        const random = createRandom(op * 2 + Number(is32) + 1)
        const outcomes = new Set<number>()
        for (let round = 0; round < 250; round++) {
          const one = randomRecord(domain, memory, random, a)
          const other = random(3) ? randomRecord(domain, memory, random, b) : one
          if (other === one)
            domain.setConst(b, Number(BigInt.asIntN(32, one)), Number(BigInt.asIntN(32, one >> 32n)))
          const left = members(memory, random, a, one)
          const right = members(memory, random, b, other)
          const taken = domain.branchTaken(op, Number(is32), a, b)
          outcomes.add(taken)
          split()
          const impossible = domain.refine(op, Number(is32), ta, tb, fa, fb)
          const where = `${show(a)}, ${show(b)}`
          const yes = [readNumeric(memory, ta), readNumeric(memory, tb)] as const
          const no = [readNumeric(memory, fa), readNumeric(memory, fb)] as const
          for (const x of left) {
            for (const y of right) {
              const holds = concreteJump(op, is32, x, y)
              if (taken >= 0 && holds !== (taken === 1)) expect.unreachable(`${where}: ${x}, ${y}: ${taken}`)
              const [first, second] = holds ? yes : no
              if (!contains(first, x) || !contains(second, y)) expect.unreachable(`${where}: ${x}, ${y} lost`)
              const bit = holds ? layout.REFINE_TRUE_IMPOSSIBLE : layout.REFINE_FALSE_IMPOSSIBLE
              if (impossible & bit) expect.unreachable(`${where}: ${x}, ${y} called impossible`)
            }
          }
        }
        expect([...outcomes].sort()).toEqual([-1, 0, 1])
      })
    }
  }

  it('decides small unsigned ranges exactly', () => {
    for (const op of jumpOps.filter(
      (op) => op !== layout.BPF_JSET && op !== layout.BPF_JEQ && op !== layout.BPF_JNE,
    )) {
      for (let low = 0; low < 5; low++) {
        for (let high = low; high < 5; high++) {
          for (let min = 0; min < 5; min++) {
            for (let max = min; max < 5; max++) {
              range(a, low, high)
              range(b, min, max)
              const all = new Set<boolean>()
              for (let x = low; x <= high; x++) {
                for (let y = min; y <= max; y++) all.add(concreteJump(op, false, BigInt(x), BigInt(y)))
              }
              const want = all.size > 1 ? -1 : all.has(true) ? 1 : 0
              expect(domain.branchTaken(op, 0, a, b)).toBe(want)
              expect(domain.branchTaken(op, 1, a, b)).toBe(want)
            }
          }
        }
      }
    }
  })

  it('uses bits and 32-bit ranges for equality', () => {
    writeNumeric(memory, a, { value: 1n, mask: ~1n & (2n ** 64n - 1n) })
    domain.setConst(b, 6, 0)
    expect(domain.branchTaken(layout.BPF_JEQ, 0, a, b)).toBe(0)
    expect(domain.branchTaken(layout.BPF_JNE, 0, a, b)).toBe(1)
    writeNumeric(memory, a, { u32Min: 5, u32Max: 9 })
    domain.setConst(b, 4, 7)
    expect(domain.branchTaken(layout.BPF_JEQ, 0, a, b)).toBe(0)
    writeNumeric(memory, a, { s32Min: 5 })
    domain.setConst(b, -1, 7)
    expect(domain.branchTaken(layout.BPF_JEQ, 0, a, b)).toBe(0)
    writeNumeric(memory, a, { umin: 5n })
    domain.setConst(b, 4, 0)
    expect(domain.branchTaken(layout.BPF_JEQ, 0, a, b)).toBe(0)
    writeNumeric(memory, a, { smin: 5n })
    domain.setConst(b, -1, -1)
    expect(domain.branchTaken(layout.BPF_JEQ, 0, a, b)).toBe(0)
  })

  it('narrows by comparison with a constant', () => {
    domain.setUnknown(a)
    domain.setConst(b, 100, 0)
    split()
    expect(domain.refine(layout.BPF_JGT, 0, ta, tb, fa, fb)).toBe(0)
    expect(show(ta)).toBe('scalar(umin=101)')
    expect(show(fa)).toBe('scalar(smin=smin32=0,smax=umax=smax32=umax32=100,var_off=(0x0; 0x7f))')
    split()
    domain.refine(layout.BPF_JSGT, 0, ta, tb, fa, fb)
    expect(show(ta)).toBe('scalar(smin=umin=101,umax=0x7fffffffffffffff,var_off=(0x0; 0x7fffffffffffffff))')
    expect(show(fa)).toBe('scalar(smax=100)')
    split()
    domain.refine(layout.BPF_JEQ, 0, ta, tb, fa, fb)
    expect(show(ta)).toBe('100')
    expect(show(fa)).toBe('scalar()')
    range(a, 100, 200)
    split()
    domain.refine(layout.BPF_JNE, 0, ta, tb, fa, fb)
    expect(readNumeric(memory, ta).umin).toBe(101n)
    expect(show(fa)).toBe('100')
    domain.setUnknown(a)
    domain.setConst(b, 8, 0)
    split()
    domain.refine(layout.BPF_JSET, 0, ta, tb, fa, fb)
    expect(readNumeric(memory, ta)).toMatchObject({ value: 8n, umin: 8n })
    expect(show(fa)).toBe(
      'scalar(smax=0x7ffffffffffffff7,umax=0xfffffffffffffff7,smax32=0x7ffffff7,umax32=0xfffffff7,var_off=(0x0; 0xfffffffffffffff7))',
    )
  })

  it('narrows both operands', () => {
    range(a, 0, 50)
    range(b, 20, 90)
    split()
    domain.refine(layout.BPF_JLT, 0, fa, fb, ta, tb)
    expect(readNumeric(memory, ta)).toMatchObject({ umin: 20n, umax: 50n })
    expect(readNumeric(memory, tb)).toMatchObject({ umin: 20n, umax: 50n })
    split()
    domain.refine(layout.BPF_JEQ, 0, ta, tb, fa, fb)
    expect(domain.numericEqual(ta, tb)).toBe(1)
    expect(readNumeric(memory, ta)).toMatchObject({ umin: 20n, umax: 50n })
  })

  it('takes one register as both operands, as the kernel does', () => {
    range(a, 2, 255)
    split()
    domain.refine(layout.BPF_JGT, 0, ta, ta, fa, fa)
    expect(readNumeric(memory, ta)).toMatchObject({ umin: 3n, umax: 254n })
    expect(readNumeric(memory, fa)).toMatchObject({ umin: 2n, umax: 255n })
  })

  it('reports a branch that no value takes, and unbounds its records', () => {
    domain.setZero(a)
    domain.setZero(b)
    split()
    expect(domain.refine(layout.BPF_JLT, 1, ta, tb, fa, fb)).toBe(layout.REFINE_TRUE_IMPOSSIBLE)
    expect(readNumeric(memory, tb)).toMatchObject({ umax: 2n ** 64n - 1n, smin: -(2n ** 63n) })
    expect(show(fa)).toBe('0')
    domain.setConst(b, 1, 0)
    split()
    expect(domain.refine(layout.BPF_JLT, 1, ta, tb, fa, fb)).toBe(layout.REFINE_FALSE_IMPOSSIBLE)
    expect(readNumeric(memory, fb).umin).toBe(0n)
  })
})
