import { decode, IsaError, insn } from '@skep/isa'
import type { CompiledProgram } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { bytesOf, conformanceCases } from '../../../vitest.conformance.ts'
import { bigHelper, createCpu, link, place, type TestCpu } from '../test/harness.ts'
import { jit } from './engine.ts'

const cases = conformanceCases ?? []

/** The helpers of the suite's own plugins (bpf_conformance, src/test_helpers.h). */
function suiteHelpers(cpu: TestCpu): ReturnType<typeof bigHelper>[] {
  const swap = (value: bigint, bytes: number): bigint => {
    let result = 0n
    for (let n = 0; n < bytes; n++) result = (result << 8n) | ((value >> BigInt(8 * n)) & 0xffn)
    return result
  }
  return [
    bigHelper(cpu, 0, (...r) => r.reduce((sum, byte) => (sum << 8n) | (byte & 0xffn), 0n)),
    bigHelper(cpu, 5, () => -1n),
    bigHelper(cpu, 6, (r1) => swap(r1, 4)),
  ]
}

describe.skipIf(!conformanceCases)('bpf_conformance (skipped where the corpus is absent)', () => {
  const runnable = cases.filter(({ expected_r0 }) => expected_r0 !== null)
  const refused = cases.filter(({ expected_r0 }) => expected_r0 === null)

  it('has all of its cases', () => {
    expect([runnable.length, refused.length]).toEqual([313, 45])
  })

  it.each([false, true])(
    'gives the expected r0 in every case, by every entry (shared memory: %s)',
    async (shared) => {
      const cpu = createCpu({ shared })
      const engine = await jit.create(cpu)
      const helpers = suiteHelpers(cpu)
      const wrong: string[] = []
      for (const { name, insns, mem, expected_r0 } of runnable) {
        const memory = bytesOf(mem)
        // The suite also passes the memory's size, in r2.
        const code = decode(bytesOf(insns))
        const program = link([insn.mov64_imm(2, memory.length), ...code], { name, helpers })
        const { programs } = await engine.compile([program])
        const expected = BigInt(expected_r0!)
        const check = (how: string, run: (program: CompiledProgram, ctx: number) => bigint): void => {
          const ctx = memory.length > 0 ? place(cpu.arena, memory) : 0
          const r0 = run(programs[0]!, ctx)
          if (r0 !== expected) wrong.push(`${name} (${how}): 0x${r0.toString(16)}, expected ${expected_r0}`)
          if (ctx !== 0) cpu.arena.free(ctx)
        }
        check('run', (compiled, ctx) => {
          const low = compiled.run(ctx)
          expect(low).toBe(Number(cpu.r0() & 0xffff_ffffn))
          return cpu.r0()
        })
        check('batch', (compiled, ctx) => {
          const area = place(cpu.arena, 16)
          cpu.arena.view.setUint32(area, ctx, true)
          expect(compiled.runBatch(area, 1, area + 8)).toBe(1)
          expect(cpu.arena.view.getUint32(area + 8, true)).toBe(Number(cpu.r0() & 0xffff_ffffn))
          return cpu.r0()
        })
        check('entry', (compiled, ctx) => BigInt.asUintN(64, compiled.entry(BigInt(ctx), 0n, 0n, 0n, 0n)))
      }
      expect(wrong).toEqual([])
    },
  )

  it('is never asked to compile what the decoder refuses', () => {
    for (const { insns } of refused) {
      expect(() => decode(bytesOf(insns))).toThrow(IsaError)
    }
  })
})
