import { describe, expect, it } from 'vitest'
import { insn } from './build.ts'
import { formatMnemonic } from './format-mnemonic.ts'
import type { Insn } from './insn.ts'

describe('formatMnemonic', () => {
  it.each<[Insn, string]>([
    [insn.ldx_w(0, 1, 4), 'ldxw r0, [r1+4]'],
    [insn.ldxsx_h(0, 1, 0), 'ldxsh r0, [r1]'],
    [insn.mov32_imm(1, 5), 'mov32 r1, 5'],
    [insn.add64_reg(1, 2), 'add r1, r2'],
    [insn.movsx64_8_reg(1, 2), 'movsx864 r1, r2'],
    [insn.jeq64_imm(1, 0, 3), 'jeq r1, 0, +3'],
    [insn.jslt32_reg(1, 2, -3), 'jslt32 r1, r2, -3'],
    [insn.st_dw(10, -8, -1), 'stdw [r10-8], -1'],
    [insn.stx_b(10, 2, -8), 'stxb [r10-8], r2'],
    [insn.atomic32_fetch_add(10, 1, -8), 'lock fetch add32 [r10-8], r1'],
    [insn.atomic64_cmpxchg(10, 1, -8), 'lock cmpxchg [r10-8], r1'],
    [insn.ld_imm64(1, 0xffff_ffff_ffff_ffffn)[0], 'lddw r1, 0xffffffffffffffff'],
    [insn.ld_imm64(1, 5, 1)[0], 'lddw r1, map_fd(5)'],
    [insn.ld_imm64(1, 0x8_0000_0005n, 2)[0], 'lddw r1, map_value(5, 8)'],
    [insn.ld_imm64(1, -2, 4)[0], 'lddw r1, func(-2)'],
    [insn.call_helper(1), 'call 1'],
    [insn.call_local(-7), 'call local -7'],
    [insn.call_kfunc(0, 123), 'call kfunc 123'],
    [insn.call_kfunc(2, 123), 'call kfunc 123, 2'],
    [insn.gotol(7), 'ja32 +7'],
    [insn.be16(3), 'be16 r3'],
    [insn.bswap64(3), 'bswap64 r3'],
    [insn.ld_ind_w(3, 14), 'ldindw r3, 14'],
    [insn.addr_space_cast(1, 2, 0x10000), 'addr_space_cast r1, r2, 1, 0'],
    [insn.exit(), 'exit'],
    [insn.ld_imm64(1, 0)[1], ''],
  ])('writes %#: %s', (of, text) => {
    expect(formatMnemonic(of)).toBe(text)
  })
})
