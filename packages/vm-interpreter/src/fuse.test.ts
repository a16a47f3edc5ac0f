import { type Insn, insn, type OpName } from '@skep/isa'
import { describe, expect, it } from 'vitest'
import { Bench, bareContext } from '../test/harness.ts'
import { Random } from '../test/random-numbers.ts'
import * as h from './layout/handlers.ts'
import * as layout from './layout/structures.ts'
import { createStepper } from './stepper.ts'

const fusions = Object.entries(h)
  .map(([name, handler]) => {
    const same = name.includes('__')
    return { name, handler, same, parts: name.split(same ? '__' : '_AND_') }
  })
  .filter(({ parts }) => parts.length > 1)

const values = [
  0n,
  1n,
  -1n,
  5n,
  0x8000_0000n,
  0xffff_ffffn,
  0x1_0000_0000n,
  1n << 63n,
  0x1234_5678_9abc_def0n,
]

/** An instruction by the name of its handler; jumps go over one instruction. */
function part(name: string, random: Random, dst: number): Insn {
  const build = insn[name.toLowerCase() as OpName & 'add64_imm'] as unknown as (...operands: number[]) => Insn
  const memory = /^(LDX|STX)/.test(name)
  const base = random.below(2) === 0 ? 10 : 9
  const off = -8 * (1 + random.below(4))
  const imm = random.pick([0, 1, -1, 5, 31, 0x7fffffff, random.next() | 0])
  const operand = random.below(6)
  if (name.startsWith('LDX')) return build(dst, base, off)
  if (name.startsWith('STX')) return build(base, operand, off)
  if (name.startsWith('J')) return build(dst, name.endsWith('REG') ? operand : imm, 1)
  expect(memory).toBe(false)
  return build(dst, name.endsWith('REG') ? operand : imm)
}

describe('handlers of several instructions', () => {
  it('are chosen for them, where they work on one register if they must', async () => {
    const bench = await Bench.create()
    for (const { name, handler, same, parts } of fusions) {
      const random = new Random(handler)
      const chosen = async (registers: readonly number[]): Promise<number> => {
        const body = parts.map((one, n) => part(one, random, registers[n]!))
        const program = await bench.load([...body, insn.mov64_imm(0, 0), insn.exit()])
        const first = bench.arena.view.getUint32(program.code + layout.CODE_FIRST, true)
        return bench.arena.view.getUint8(first + layout.REC_HANDLER)
      }
      expect(await chosen([3, 3, 3]), name).toBe(handler)
      const differing = await chosen([3, 4, 4])
      if (same) expect(differing, name).not.toBe(handler)
      else expect(differing, name).toBe(handler)
    }
    expect(fusions.length).toBeGreaterThan(35)
  })

  it.each(['plain', 'checked'])('do what the instructions do: %s', async (form) => {
    const bench = await Bench.create()
    for (const { name, handler, parts } of fusions) {
      const random = new Random(handler * 77)
      for (let n = 0; n < 40; n++) {
        const code: Insn[] = [insn.mov64_reg(9, 10), insn.add64_imm(9, -64)]
        for (let reg = 0; reg < 8; reg++) code.push(...insn.ld_imm64(reg, random.pick(values)))
        for (let off = -96; off < 0; off += 8) code.push(insn.stx_dw(10, random.below(6), off))
        const dst = random.below(6)
        for (const one of parts) code.push(part(one, random, dst))
        code.push(insn.mov64_imm(6, 1), insn.mov64_imm(7, 2))
        // Everything ends up in r0.
        for (let reg = 1; reg < 8; reg++) code.push(insn.mul64_imm(0, 31), insn.xor64_reg(0, reg))
        for (let off = -96; off < 0; off += 8) {
          code.push(insn.ldx_dw(1, 10, off), insn.mul64_imm(0, 31), insn.xor64_reg(0, 1))
        }
        code.push(insn.exit())
        const program = await bench.load(code, { checked: form === 'checked', context: bareContext(0) })
        const stepper = createStepper(program, 0)
        stepper.continue()
        expect(bench.run(program), `${name}, ${n}`).toBe(stepper.register(0))
        stepper.close()
      }
    }
  })
})
