import { describe, expect, it } from 'vitest'
import { REG_NUMERIC, REG_NUMERIC_SIZE, REG_SIZE, REG_WORDS } from '../layout.ts'
import { formatScalar, readNumeric } from './format.ts'
import {
  compileScalarModule,
  createScalarDomain,
  createScalarDomainSync,
  instantiateScalarDomain,
} from './index.ts'
import { createRandom } from './random-programs.ts'
import { contains, members, randomRecord, randomUnsynced, u32, u64, writeNumeric } from './sampling.ts'

const memory = new WebAssembly.Memory({ initial: 1 })
const domain = createScalarDomainSync(memory)
const [a, b] = [1024, 1024 + REG_SIZE]
const show = (reg: number): string => formatScalar(readNumeric(memory, reg))
const full = 2n ** 64n - 1n

describe('a record', () => {
  it('fits its layout', () => {
    expect(REG_NUMERIC + REG_NUMERIC_SIZE).toBe(REG_SIZE)
    expect(REG_WORDS * 4).toBe(REG_SIZE)
    expect(REG_SIZE % 16).toBe(0)
  })

  it('is written by each setter in its numeric part alone', () => {
    const bytes = new Uint8Array(memory.buffer)
    const setters: [string, () => void, string][] = [
      ['unknown', () => domain.setUnknown(a), 'scalar()'],
      ['const', () => domain.setConst(a, -2, 1), '0x1fffffffe'],
      ['s32', () => domain.setConstS32(a, -2), '-2'],
      ['u32', () => domain.setConstU32(a, -2), '0xfffffffe'],
      ['zero', () => domain.setZero(a), '0'],
      ['narrow', () => domain.narrowS32(a, -9, 0), '0'],
      ['const32', () => domain.setConst32(a, 7), '7'],
      ['unbounded', () => domain.setUnbounded(a), '7'],
      ['byteSwap', () => domain.byteSwap(a, 16, 1), '1792'],
    ]
    bytes.fill(0xab, 1024 - 64, 1024 + REG_SIZE + 64)
    for (const [name, set, text] of setters) {
      set()
      expect(show(a), name).toBe(text)
    }
    const outside = [
      ...bytes.subarray(1024 - 64, 1024 + REG_NUMERIC),
      ...bytes.subarray(1024 + REG_SIZE, 1024 + REG_SIZE + 64),
    ]
    expect(outside.every((byte) => byte === 0xab)).toBe(true)
  })

  it('is copied whole or in its numeric part', () => {
    const bytes = new Uint8Array(memory.buffer)
    const source = Uint8Array.from({ length: REG_SIZE }, (_, i) => i + 1)
    bytes.set(source, a)
    bytes.fill(0, b, b + REG_SIZE + 16)
    domain.copyRecord(b, a)
    expect(bytes.slice(b, b + REG_SIZE)).toEqual(source)
    expect(bytes[b + REG_SIZE]).toBe(0)
    bytes.fill(0, b, b + REG_SIZE)
    domain.copyNumeric(b, a)
    expect(bytes.slice(b + REG_NUMERIC, b + REG_SIZE)).toEqual(source.slice(REG_NUMERIC))
    expect(bytes.slice(b, b + REG_NUMERIC).every((byte) => byte === 0)).toBe(true)
  })

  it('drops the bounds of one width', () => {
    domain.setConst(a, 5, 0)
    domain.setUnbounded32(a)
    expect(readNumeric(memory, a)).toMatchObject({
      umin: 5n,
      smax: 5n,
      s32Min: -(2 ** 31),
      u32Max: 2 ** 32 - 1,
    })
    domain.setConst(a, 5, 0)
    domain.setUnbounded64(a)
    expect(readNumeric(memory, a)).toMatchObject({
      umin: 0n,
      smin: -(2n ** 63n),
      smax: 2n ** 63n - 1n,
      umax: full,
      s32Min: 5,
      u32Max: 5,
    })
  })

  it('narrows', () => {
    domain.setUnknown(a)
    domain.narrowS32(a, -4095, 100)
    expect(show(a)).toBe('scalar(smin=smin32=-4095,smax=smax32=100)')
    domain.narrowU32(a, 0, 9)
    expect(show(a)).toBe('scalar(smin=smin32=0,smax=umax=smax32=umax32=9,var_off=(0x0; 0xf))')
  })
})

describe('boundsSync', () => {
  it('loses no member', () => {
    const random = createRandom(3)
    for (let round = 0; round < 4000; round++) {
      const one = randomUnsynced(memory, random, a)
      domain.copyNumeric(b, a)
      domain.boundsSync(a)
      const state = readNumeric(memory, a)
      for (const x of members(memory, random, b, one)) {
        if (!contains(state, x)) expect.unreachable(`${x} of ${show(b)} not in ${show(a)}`)
      }
      expect(domain.boundsViolated(a)).toBe(0)
    }
  })

  const cases: [name: string, parts: Parameters<typeof writeNumeric>[2], text: string][] = [
    [
      'bits bound the ranges',
      { value: 0x10n, mask: 0xfn },
      'scalar(smin=umin=smin32=umin32=16,smax=umax=smax32=umax32=31,var_off=(0x10; 0xf))',
    ],
    [
      'a range gives bits',
      { umin: 0x100n, umax: 0x1ffn },
      'scalar(smin=umin=smin32=umin32=256,smax=umax=smax32=umax32=511,var_off=(0x100; 0xff))',
    ],
    [
      'signed not negative is unsigned',
      { smin: 5n, smax: 9n },
      'scalar(smin=umin=smin32=umin32=5,smax=umax=smax32=umax32=9,var_off=(0x0; 0xf))',
    ],
    [
      'signed negative is unsigned',
      { smin: -9n, smax: -5n },
      'scalar(smin=smin32=-9,smax=smax32=-5,umin=0xfffffffffffffff7,umax=0xfffffffffffffffb,umin32=0xfffffff7,umax32=0xfffffffb,var_off=(0xfffffffffffffff0; 0xf))',
    ],
    [
      'unsigned meets the positive end of signed',
      { umin: 5n, umax: full - 0x100n, smin: -0x10n, smax: 0x20n },
      'scalar(smin=umin=smin32=umin32=5,smax=umax=smax32=umax32=32,var_off=(0x0; 0x3f))',
    ],
    [
      'unsigned meets the negative end of signed',
      { umin: 0x100n, umax: full - 5n, smin: -0x10n, smax: 0x20n },
      'scalar(smin=smin32=-16,smax=smax32=-6,umin=0xfffffffffffffff0,umax=0xfffffffffffffffa,umin32=0xfffffff0,umax32=0xfffffffa,var_off=(0xfffffffffffffff0; 0xf))',
    ],
    [
      'the same at 32 bits',
      { u32Min: 5, u32Max: 0xfffffeff, s32Min: -0x10, s32Max: 0x20 },
      'scalar(smin=0x8000000000000005,smax=0x7fffffff00000020,umin=smin32=umin32=5,umax=0xffffffff00000020,smax32=umax32=32,var_off=(0x0; 0xffffffff0000003f))',
    ],
    [
      '32 bits tighten 64',
      { umin: 0x1_0000_0000n, umax: 0x3_8000_0000n, s32Min: 1 },
      'scalar(smin=umin=0x100000001,smax=umax=0x37fffffff,smin32=umin32=1,umax32=0x7fffffff,var_off=(0x0; 0x37fffffff))',
    ],
    [
      'a sign extension that is not negative',
      { smin: -(2n ** 31n), smax: 2n ** 31n - 1n, s32Min: 0 },
      'scalar(smin=smin32=0,smax=umax=umax32=0x7fffffff,var_off=(0x0; 0x7fffffff))',
    ],
    ['two upper halves, signed below', { smin: -1n, smax: 1n }, 'scalar(smin=smin32=-1,smax=smax32=1)'],
    [
      'the same, unsigned',
      { umin: 0x1_ffff_fff0n, umax: 0x2_0000_0010n },
      'scalar(smin=umin=0x1fffffff0,smax=umax=0x200000010,smin32=-16,smax32=16,var_off=(0x0; 0x3ffffffff))',
    ],
    ['a lone member at the minimum', { value: 0n, mask: ~0xffn & full, umin: 0x100n, umax: 0x1ffn }, '256'],
    ['a lone member at the tnum’s end', { value: 0n, mask: 0xff00n, umin: 0xfe01n }, '0xff00'],
    ['a lone member between', { value: 0n, mask: ~0xffn & full, umin: 0x101n, umax: 0x201n }, '512'],
  ]
  it.each(cases)('%s', (_, parts, text) => {
    writeNumeric(memory, a, parts)
    domain.boundsSync(a)
    expect(show(a)).toBe(text)
  })

  it('finds contradictions', () => {
    const bad: Parameters<typeof writeNumeric>[2][] = [
      { umin: 2n, umax: 1n },
      { smin: 2n, smax: 1n },
      { u32Min: 2, u32Max: 1 },
      { s32Min: 2, s32Max: 1 },
      { value: 5n, mask: 0n },
      { value: 5n, mask: (full << 32n) & full },
      {
        value: 5n,
        mask: 0n,
        umin: 5n,
        umax: 5n,
        smin: 5n,
        smax: 5n,
        u32Min: 4,
        u32Max: 5,
        s32Min: 5,
        s32Max: 5,
      },
      {
        value: 5n,
        mask: 0n,
        umin: 4n,
        umax: 5n,
        smin: 5n,
        smax: 5n,
        u32Min: 5,
        u32Max: 5,
        s32Min: 5,
        s32Max: 5,
      },
    ]
    for (const parts of bad) {
      writeNumeric(memory, a, parts)
      expect(domain.boundsViolated(a)).toBe(1)
    }
    domain.setConst(a, 1, -1)
    expect(domain.boundsViolated(a)).toBe(0)
  })

  it('updateBounds takes from the bits alone', () => {
    writeNumeric(memory, a, { value: 2n, mask: 0xf0n, smax: 0x80n })
    domain.updateBounds(a)
    expect(readNumeric(memory, a)).toMatchObject({
      umin: 2n,
      umax: 0xf2n,
      smin: 2n,
      smax: 0x80n,
      u32Max: 0xf2,
    })
  })
})

describe('widths', () => {
  const sign = (x: bigint, size: number): bigint => u64(BigInt.asIntN(size * 8, x))

  it('truncation and sign extension lose no member', () => {
    const random = createRandom(11)
    for (let round = 0; round < 1500; round++) {
      const one = randomRecord(domain, memory, random, a)
      const all = members(memory, random, a, one)
      const size = [1, 2, 4][random(3)]!
      const before = show(a)
      const check = (apply: () => void, concrete: (x: bigint) => bigint): void => {
        domain.copyNumeric(b, a)
        apply()
        const state = readNumeric(memory, b)
        for (const x of all) {
          if (!contains(state, concrete(x))) expect.unreachable(`${before}, ${size}: ${x} not in ${show(b)}`)
        }
      }
      check(
        () => domain.coerceToSize(b, size),
        (x) => BigInt.asUintN(size * 8, x),
      )
      check(
        () => domain.coerceToSizeSx(b, size),
        (x) => sign(x, size),
      )
      const small = size === 4 ? 2 : size
      check(
        () => {
          domain.coerceSubregToSizeSx(b, small)
          domain.zext32to64(b)
          domain.boundsSync(b)
        },
        (x) => u32(sign(x, small)),
      )
      check(() => {
        domain.zext32to64(b)
        domain.boundsSync(b)
      }, u32)
      const bits = [16, 32, 64][random(3)]!
      check(
        () => domain.byteSwap(b, bits, 0),
        (x) => BigInt.asUintN(bits, x),
      )
      check(
        () => domain.byteSwap(b, bits, 1),
        (x) => {
          let swapped = 0n
          for (let i = 0n; i < BigInt(bits); i += 8n) swapped = (swapped << 8n) | ((x >> i) & 0xffn)
          return swapped
        },
      )
    }
  })

  it('keeps ranges that fit the width', () => {
    writeNumeric(memory, a, { umin: 0x1_0000_0005n, umax: 0x1_0000_0009n })
    domain.boundsSync(a)
    domain.coerceToSize(a, 4)
    expect(readNumeric(memory, a)).toMatchObject({ umin: 5n, umax: 9n, s32Min: 5 })
    domain.coerceToSize(a, 8)
    expect(readNumeric(memory, a)).toMatchObject({ umin: 5n, umax: 9n })
    writeNumeric(memory, a, { smin: -3n, smax: -2n })
    domain.boundsSync(a)
    domain.coerceToSizeSx(a, 1)
    expect(readNumeric(memory, a)).toMatchObject({ smin: -3n, smax: -2n, s32Min: -3 })
    domain.coerceSubregToSizeSx(a, 2)
    expect(readNumeric(memory, a)).toMatchObject({ s32Min: -3, s32Max: -2, u32Min: 0xfffffffd })
    domain.setUnknown(a)
    domain.coerceToSizeSx(a, 1)
    expect(show(a)).toBe('scalar(smin=smin32=-128,smax=smax32=127)')
    domain.coerceToSizeSx(a, 8)
    expect(show(a)).toBe('scalar(smin=smin32=-128,smax=smax32=127)')
    domain.setUnknown(a)
    domain.coerceSubregToSizeSx(a, 1)
    expect(readNumeric(memory, a)).toMatchObject({ s32Min: -128, s32Max: 127, mask: 0xffffffffn })
  })

  it('assign32into64 takes signed bounds that are not negative', () => {
    writeNumeric(memory, a, { u32Min: 1, u32Max: 20, s32Min: 2, s32Max: 10 })
    domain.assign32into64(a)
    expect(readNumeric(memory, a)).toMatchObject({ umin: 1n, umax: 20n, smin: 2n, smax: 10n })
    writeNumeric(memory, a, { u32Min: 1, u32Max: 20, s32Min: -1, s32Max: 10 })
    domain.assign32into64(a)
    expect(readNumeric(memory, a)).toMatchObject({ smin: 0n, smax: 0xffffffffn })
  })
})

describe('comparing and asking', () => {
  it('within: every bound and bit counts', () => {
    const inner = { umin: 5n, umax: 6n, smin: 5n, smax: 6n, u32Min: 5, u32Max: 6, s32Min: 5, s32Max: 6 }
    writeNumeric(memory, a, inner)
    writeNumeric(memory, b, inner)
    expect(domain.numericWithin(a, b)).toBe(1)
    expect(domain.numericEqual(a, b)).toBe(1)
    expect(domain.numericHash(a)).toBe(domain.numericHash(b))
    for (const key of Object.keys(inner) as (keyof typeof inner)[]) {
      const by = key.toLowerCase().endsWith('min') ? -1 : 1
      const wider = {
        ...inner,
        [key]: typeof inner[key] === 'bigint' ? inner[key] + BigInt(by) : Number(inner[key]) + by,
      }
      writeNumeric(memory, b, wider)
      expect(domain.rangeWithin(a, b), key).toBe(0)
      expect(domain.rangeWithin(b, a), key).toBe(1)
      expect(domain.numericEqual(a, b), key).toBe(0)
      expect(domain.numericHash(a), key).not.toBe(domain.numericHash(b))
    }
    writeNumeric(memory, b, { ...inner, mask: 7n })
    expect(domain.numericWithin(a, b)).toBe(1)
    expect(domain.numericWithin(b, a)).toBe(0)
    expect(domain.numericEqual(a, b)).toBe(0)
  })

  it('answers what a value is', () => {
    domain.setUnknown(a)
    expect([
      domain.isConst(a),
      domain.isConst32(a),
      domain.isZero(a),
      domain.isNonZero(a),
      domain.isUnbounded(a),
      domain.width(a),
    ]).toEqual([0, 0, 0, 0, 1, 64])
    domain.narrowU32(a, 1, 255)
    expect([domain.isNonZero(a), domain.isUnbounded(a), domain.width(a)]).toEqual([1, 0, 8])
    writeNumeric(memory, a, { smax: -1n })
    expect([domain.isNonZero(a), domain.isUnbounded(a)]).toEqual([1, 0])
    writeNumeric(memory, a, { value: 4n, mask: full & ~4n })
    expect(domain.isNonZero(a)).toBe(1)
    domain.setConst(a, -5, 3)
    expect([domain.isConst(a), domain.isConst32(a), domain.constLo(a), domain.constHi(a)]).toEqual([
      1, 1, -5, 3,
    ])
    writeNumeric(memory, a, { value: 3n, mask: (full << 32n) & full })
    expect([domain.isConst(a), domain.isConst32(a)]).toEqual([0, 1])
    domain.setZero(a)
    expect([domain.isZero(a), domain.isNonZero(a), domain.width(a)]).toEqual([1, 0, 0])
    writeNumeric(memory, a, { umin: 7n, umax: 2n ** 40n, smin: -9n, smax: 2n ** 50n })
    expect([domain.umin(a), domain.umax(a), domain.smin(a), domain.smax(a)]).toEqual([
      7,
      2 ** 40,
      -9,
      2 ** 50,
    ])
  })
})

describe('instances', () => {
  it('from one module or each its own', async () => {
    const other = new WebAssembly.Memory({ initial: 1 })
    const module = await compileScalarModule()
    for (const instance of [
      await createScalarDomain(other),
      createScalarDomainSync(other),
      instantiateScalarDomain(module, other),
    ]) {
      instance.setConst(64, 9, 0)
      instance.tnum.constant(16, 4, 0)
      expect(formatScalar(readNumeric(other, 64))).toBe('9')
      instance.setZero(64)
    }
    const shared = new WebAssembly.Memory({ initial: 1, maximum: 2, shared: true })
    expect(() => instantiateScalarDomain(module, shared)).toThrow(WebAssembly.LinkError)
  })
})
