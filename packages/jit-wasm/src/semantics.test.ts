import { allDefs, type Insn, insn, type OpDef } from '@skep/isa'
import { describe, expect, it } from 'vitest'
import { createCpu, link, place } from '../test/harness.ts'
import { interpret } from '../test/reference.ts'
import { jit } from './engine.ts'

const values: readonly bigint[] = [
  0n,
  1n,
  2n,
  31n,
  32n,
  33n,
  63n,
  0x80n,
  0xffn,
  0x8000n,
  0xffffn,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0x1_0000_0000n,
  0x1_0000_0001n,
  0x1234_5678_9abc_def0n,
  0x7fff_ffff_ffff_ffffn,
  0x8000_0000_0000_0000n,
  0xffff_ffff_0000_0000n,
  0xffff_ffff_8000_0000n,
  0xffff_ffff_ffff_ffffn,
]
const immediates = [...new Set(values.map((value) => Number(BigInt.asIntN(32, value))))]

const operators = allDefs.filter(({ kind }) =>
  ['alu', 'mov', 'movsx', 'neg', 'endian', 'jump'].includes(kind),
)

interface Variant {
  /** Loads the operands: whole, or 32 bits that are known to have no high half. */
  readonly load: 'ldx_dw' | 'ldx_w'
  /** What is read of the result. */
  readonly use: 'full' | 'low'
}

const variants: readonly Variant[] = (['ldx_dw', 'ldx_w'] as const).flatMap((load) =>
  (['full', 'low'] as const).map((use) => ({ load, use })),
)

/** r2 = first operand, r3 = second; what the instruction makes of them in r0. */
function programFor(def: OpDef, imm: number, { load, use }: Variant): Insn[] {
  const make = insn[def.name as 'add64_imm'] as unknown as (...operands: number[]) => Insn
  const [dst, src, off] = [2, 3, 1]
  const one = make(...def.fields.map((field) => ({ dst, src, off, imm, pseudo: 0 })[field]))
  const result =
    def.kind === 'jump' ? [insn.mov64_imm(0, 1), one, insn.mov64_imm(0, 2)] : [one, insn.mov64_reg(0, 2)]
  return [
    insn[load](2, 1, 0),
    insn[load](3, 1, 8),
    ...result,
    ...(use === 'low' ? [insn.mov32_reg(0, 0)] : []),
    insn.exit(),
  ]
}

describe('every operator', () => {
  it.each(variants)('gives what RFC 9669 says for interesting numbers ($load, $use)', async (variant) => {
    const cpu = createCpu()
    const engine = await jit.create(cpu)
    const ctx = place(cpu.arena, 16)
    const { view } = cpu.arena
    const cases = operators.flatMap((def): { def: OpDef; imm: number; code: Insn[] }[] =>
      def.source === 'imm'
        ? immediates.map((imm) => ({ def, imm, code: programFor(def, imm, variant) }))
        : [{ def, imm: 0, code: programFor(def, 0, variant) }],
    )
    const { programs } = await engine.compile(cases.map(({ code }) => link(code)))
    const wrong: string[] = []
    cases.forEach(({ def, imm, code }, n) => {
      for (const a of values) {
        for (const b of def.source === 'reg' ? values : [0n]) {
          view.setBigUint64(ctx, a, true)
          view.setBigUint64(ctx + 8, b, true)
          const world = { view, stackTop: 0, helpers: new Map(), limit: 20 }
          const expected = interpret(code, world, [BigInt(ctx)])
          programs[n]!.run(ctx)
          if (cpu.r0() !== expected) {
            wrong.push(
              `${def.name} ${a} ${def.source === 'imm' ? imm : b}: ${cpu.r0()}, expected ${expected}`,
            )
          }
        }
      }
    })
    expect(wrong).toEqual([])
  })
})
