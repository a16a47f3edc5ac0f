import { describe, expect, it } from 'vitest'
import { insn } from './build.ts'
import { decode } from './decode.ts'
import { encode } from './encode.ts'
import { allDefs, defs } from './table.ts'

describe('insn', () => {
  it('takes operands in the order of the row and fills the fixed fields', () => {
    expect(insn.mov64_imm(3, -1)).toEqual({ def: defs.mov64_imm, dst: 3, src: 0, off: 0, imm: -1 })
    expect(insn.jeq64_imm(1, 5, 3)).toEqual({ def: defs.jeq64_imm, dst: 1, src: 0, off: 3, imm: 5 })
    expect(insn.sdiv32_reg(1, 2)).toEqual({ def: defs.sdiv32_reg, dst: 1, src: 2, off: 1, imm: 0 })
    expect(insn.call_local(7)).toEqual({ def: defs.call_local, dst: 0, src: 1, off: 0, imm: 7 })
  })

  it('makes both slots of a 64-bit immediate', () => {
    const program = [...insn.ld_imm64(1, 0x8000_0001_ffff_fffen), ...insn.ld_imm64(2, 3, 1), insn.exit()]
    expect(decode(encode(program))).toEqual(program)
    expect(insn.ld_imm64(0, -1)[0].imm64).toBe(0xffff_ffff_ffff_ffffn)
  })

  it('has what encode takes for every row of the table', () => {
    for (const def of allDefs) {
      if (def.kind === 'ld_imm64' || def.kind === 'ld_imm64_hi') continue
      const build = insn[def.name] as (...operands: number[]) => ReturnType<typeof insn.exit>
      const made = build(...def.fields.map((field, index) => (field === 'imm' ? 1 : index + 1)))
      expect(decode(encode([made]), { checkTargets: false })).toEqual([made])
    }
  })
})
