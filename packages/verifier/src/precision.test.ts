import { assemble } from '@skep/isa'
import { describe, expect, it } from 'vitest'
import { platform } from '../test/platform.ts'
import { rowOfSeed } from '../test/recorded/seed.ts'
import { precision } from '../test/recorded/seeds/precision.ts'
import { createVerifier, specFromRow } from './index.ts'
import { Backtrack, concernedRegs } from './precision.ts'
import { decodeProgram } from './program.ts'

describe('what is asked for', () => {
  const slots = [0, 1, 31, 32, 33, 63]

  it('registers, by frame', () => {
    const bt = new Backtrack()
    bt.setReg(2, 0)
    bt.setReg(2, 9)
    bt.setReg(3, 4)
    const at = (frame: number): number[] => Array.from({ length: 11 }, (_, r) => Number(bt.hasReg(frame, r)))
    expect(at(2)).toEqual([1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0])
    expect(at(3)).toEqual([0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0])
    bt.clearReg(2, 9)
    expect(at(2).indexOf(1)).toBe(0)
    expect(bt.hasReg(2, 9)).toBe(false)
    bt.clearReg(2, 0)
    expect(at(2)).not.toContain(1)
    expect(bt.hasReg(3, 4)).toBe(true)
  })

  it('slots, all 64 of them', () => {
    for (const one of slots) {
      const bt = new Backtrack()
      expect(bt.hasSlots(1)).toBe(false)
      bt.setSlot(1, one)
      for (const spi of slots) expect(bt.hasSlot(1, spi), `${one} ${spi}`).toBe(spi === one)
      expect(bt.hasSlots(1)).toBe(true)
      expect(bt.hasSlots(0)).toBe(false)
      for (const spi of slots) if (spi !== one) bt.setSlot(1, spi)
      bt.clearSlot(1, one)
      for (const spi of slots) expect(bt.hasSlot(1, spi), `${one} ${spi}`).toBe(spi !== one)
    }
  })

  it('nothing, as long as no frame up to the current one has any', () => {
    for (const set of [
      (bt: Backtrack) => bt.setReg(1, 3),
      (bt: Backtrack) => bt.setSlot(1, 3),
      (bt: Backtrack) => bt.setSlot(1, 40),
    ]) {
      const bt = new Backtrack()
      expect(bt.isEmpty()).toBe(true)
      set(bt)
      expect(bt.isEmpty()).toBe(true)
      bt.frame = 1
      expect(bt.isEmpty()).toBe(false)
      bt.frame = 2
      expect(bt.isEmpty()).toBe(false)
      bt.reset()
      expect(bt.frame).toBe(0)
      bt.frame = 7
      expect(bt.isEmpty()).toBe(true)
      expect(bt.hasSlots(1)).toBe(false)
    }
  })
})

it('the registers that an instruction has to do with', () => {
  const asm = [
    ['r3 = r4', 1 << 3],
    ['w5 += 1', 1 << 5],
    ['r6 = *(u64 *)(r7 + 0)', 1 << 6],
    ['if r1 > r2 goto +0', (1 << 1) | (1 << 2)],
    ['if w8 > w9 goto +0', (1 << 8) | (1 << 9)],
    ['if r1 > 2 goto +0', 0],
    ['if w1 > 2 goto +0', 0],
    ['goto +0', 0],
    ['*(u64 *)(r10 - 8) = r1', -1],
    ['*(u64 *)(r10 - 8) = 1', -1],
    ['lock *(u64 *)(r10 - 8) += r1', -1],
    ['call bpf_get_prandom_u32#7', -1],
    ['r0 = *(u32 *)skb[12]', -1],
    ['exit', -1],
  ] as const
  const insns = assemble(asm.map(([text]) => text).join('\n'))
  const masks = concernedRegs(decodeProgram({ insns, references: [], functions: [], lines: [] } as never))
  expect([...masks]).toEqual(asm.map(([, mask]) => mask))
})

it('is told of in the log at level 2 only', async () => {
  const verifier = await createVerifier(platform)
  const words = /mark_precise|force_precise|propagating/
  let told = 0
  for (const seed of precision.filter((_, i) => i % 4 === 1)) {
    const input = specFromRow(rowOfSeed(seed), platform)
    expect(verifier.verify({ ...input, logLevel: 1 }).log(), seed.name).not.toMatch(words)
    if (words.test(verifier.verify({ ...input, logLevel: 2 }).log())) told++
  }
  expect(told).toBeGreaterThan(50)
})
