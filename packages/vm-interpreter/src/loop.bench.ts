import { bench, describe } from 'vitest'
import { Bench, packetContext } from '../test/harness.ts'

/** 15 instructions a round. */
const xorshift = `
    r1 = 88172645463325254 ll
    r3 = 0
    w2 = 0
  l:
    r4 = r1
    r4 <<= 13
    r4 ^= r1
    r5 = r4
    r5 >>= 7
    r5 ^= r4
    r1 = r5
    r1 <<= 17
    r1 ^= r5
    w4 = w2
    w2 += 1
    r0 = r1
    r0 += r3
    r3 = r0
    if w4 s< 65535 goto l
    exit`

/** 8 instructions a round. */
const checksum = `
    r2 = *(u32 *)(r1 + 4)
    r1 = *(u32 *)(r1 + 0)
    w0 = 0
    w4 = 757
  l:
    r5 = r1
    r5 += 2
    if r5 > r2 goto out
    r1 = *(u16 *)(r1 + 0)
    w0 += w1
    w4 += -1
    r1 = r5
    if w4 != 0 goto l
  out:
    exit`

const setup = await Bench.create({ checkedBudget: 1n << 40n })
const context = setup.packet(Array.from({ length: 1514 }, (_, n) => (n * 7) & 0xff))
const programs = await Promise.all(
  [xorshift, checksum].flatMap((source) =>
    [false, true].map((checked) => setup.load(source, { checked, context: packetContext })),
  ),
)

describe('983,044 instructions of xorshift', () => {
  bench('plain', () => void programs[0]!.run(context))
  bench('checked', () => void programs[1]!.run(context))
})

describe('6,061 instructions of a checksum', () => {
  bench('plain', () => void programs[2]!.run(context))
  bench('checked', () => void programs[3]!.run(context))
})
