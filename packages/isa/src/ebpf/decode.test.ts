import { describe, expect, it } from 'vitest'
import { decode, decodeLenient, decodeSlot } from './decode.ts'
import { encode } from './encode.ts'
import { IsaError } from './error.ts'
import type { OpName } from './table.ts'

const hex = (text: string): Uint8Array =>
  Uint8Array.from(text.replaceAll(' ', '').match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))

const refusal = (text: string): Partial<IsaError> => {
  try {
    decode(hex(text))
  } catch (error) {
    if (error instanceof IsaError) return { code: error.code, insn: error.insn, field: error.field }
    throw error
  }
  throw new Error(`${text} was accepted`)
}

const exit = '9500000000000000'

describe('decode', () => {
  it('reads registers, signed fields and the name', () => {
    const [load, done] = decode(hex(`61 a3 f8ff 00000000 ${exit}`))
    expect(load).toMatchObject({ def: { name: 'ldx_w' }, dst: 3, src: 10, off: -8, imm: 0 })
    expect(done?.def.name).toBe('exit')
  })

  it('reads the big-endian form', () => {
    const little = decode(hex(`b4 01 0000 feffffff 05 00 0000 00000000 ${exit}`))
    const big = hex(`b4 10 0000 fffffffe 05 00 0000 00000000 ${exit}`)
    expect(decode(big, { bigEndian: true })).toEqual(little)
    expect(encode(little, { bigEndian: true })).toEqual(big)
  })

  it('joins both halves of a 64-bit immediate without sign', () => {
    const [low, high] = decode(hex(`18 01 0000 ffffffff 00 00 0000 00000080 ${exit}`))
    expect(low).toMatchObject({ def: { name: 'ld_imm64' }, imm: -1, imm64: 0x80000000_ffffffffn })
    expect(high).toMatchObject({ def: { name: 'ld_imm64_hi' }, imm: -(2 ** 31) })
  })

  it.each<[string, OpName]>([
    ['37 01 0000 02000000', 'div64_imm'],
    ['37 01 0100 02000000', 'sdiv64_imm'],
    ['bf 21 0000 00000000', 'mov64_reg'],
    ['bf 21 0100 01000000', 'addr_space_cast'],
    ['bf 21 2000 00000000', 'movsx64_32_reg'],
    ['bc 21 0800 00000000', 'movsx32_8_reg'],
    ['d7 01 0000 10000000', 'bswap16'],
    ['db 21 f8ff f1000000', 'atomic64_cmpxchg'],
    ['c3 21 f8ff 01000000', 'atomic32_fetch_add'],
    ['d3 21 f8ff 00010000', 'load_acq_b'],
    ['cb 21 f8ff 10010000', 'store_rel_h'],
    ['85 10 0000 00000000', 'call_local'],
    ['85 20 0300 01000000', 'call_kfunc'],
    ['e5 00 0000 00000000', 'may_goto'],
    ['06 00 0000 00000000', 'gotol'],
    ['8d 02 0000 00000000', 'callx'],
    ['0d 02 0000 00000000', 'gotox'],
  ])('tells %s by all its fields: %s', (text, name) => {
    const program = hex(`${text} ${exit}`)
    const insns = decode(program)
    expect(insns[0]?.def.name).toBe(name)
    expect(encode(insns)).toEqual(program)
  })

  it.each<[string, Partial<IsaError>]>([
    ['9500', { code: 'BAD_LENGTH', insn: undefined }],
    [`ff00000000000000${exit}`, { code: 'UNKNOWN_OPCODE', insn: 0, field: 'code' }],
    [`0000000000000000${exit}`, { code: 'UNKNOWN_OPCODE', insn: 0, field: 'code' }],
    [`${exit}dc01000011000000`, { code: 'UNKNOWN_OPCODE', insn: 1, field: 'imm' }],
    [`db21f8ff02000000${exit}`, { code: 'UNKNOWN_OPCODE', insn: 0, field: 'imm' }],
    [`d321f8ff00000000${exit}`, { code: 'UNKNOWN_OPCODE', insn: 0, field: 'imm' }],
    [`8530000000000000${exit}`, { code: 'UNKNOWN_OPCODE', insn: 0, field: 'src' }],
    [`bf21030000000000${exit}`, { code: 'RESERVED_FIELD', insn: 0, field: 'off' }],
    [`3701020002000000${exit}`, { code: 'RESERVED_FIELD', insn: 0, field: 'off' }],
    [`0701010001000000${exit}`, { code: 'RESERVED_FIELD', insn: 0, field: 'off' }],
    [`0711000001000000${exit}`, { code: 'RESERVED_FIELD', insn: 0, field: 'src' }],
    [`3f21010001000000${exit}`, { code: 'RESERVED_FIELD', insn: 0, field: 'imm' }],
    [`db21f8ff00010000${exit}`.replace('21', 'b1'), { code: 'BAD_REGISTER', insn: 0, field: 'src' }],
    [`b70b000000000000${exit}`, { code: 'BAD_REGISTER', insn: 0, field: 'dst' }],
    [`${exit}1801000000000000`, { code: 'TRUNCATED_LD_IMM64', insn: 1 }],
    [`1801000000000000${exit}`, { code: 'BAD_LD_IMM64', insn: 1, field: 'code' }],
    [`18010000000000000001000000000000${exit}`, { code: 'BAD_LD_IMM64', insn: 1, field: 'dst' }],
    [`18710000000000000000000000000000${exit}`, { code: 'UNKNOWN_OPCODE', insn: 0, field: 'pseudo' }],
    [`18110000000000000000000001000000${exit}`, { code: 'RESERVED_FIELD', insn: 1, field: 'imm' }],
    [`0500010000000000${exit}`, { code: 'JUMP_OUT_OF_RANGE', insn: 0, field: 'off' }],
    [`1501feff00000000${exit}`, { code: 'JUMP_OUT_OF_RANGE', insn: 0, field: 'off' }],
    [`0600000001000000${exit}`, { code: 'JUMP_OUT_OF_RANGE', insn: 0, field: 'imm' }],
    [`8510000001000000${exit}`, { code: 'JUMP_OUT_OF_RANGE', insn: 0, field: 'imm' }],
    [`050001000000000018010000000000000000000000000000${exit}`, { code: 'JUMP_INTO_LD_IMM64', insn: 0 }],
  ])('refuses %s', (text, expected) => {
    expect(refusal(text)).toMatchObject(expected)
  })

  it('says the place, the fact and the mend in one line', () => {
    expect(() => decode(hex(`${exit}0711000001000000`))).toThrow(
      'insn 1 (byte 8): reserved field src is 1 in add64_imm, must be 0',
    )
  })

  it('leaves jumps alone when asked', () => {
    expect(decode(hex(`0500010000000000${exit}`), { checkTargets: false })).toHaveLength(2)
  })
})

describe('decodeSlot', () => {
  it('answers for every opcode byte', () => {
    for (let code = 0; code < 256; code++) {
      const { def, problem } = decodeSlot(code, 0, 0, 0, 0)
      expect(def === undefined).toBe(problem !== undefined)
    }
  })
})

describe('decodeLenient', () => {
  it('keeps the fields of slots that mean nothing', () => {
    const slots = decodeLenient(hex(`ff21f8ff07000000 1801000001000000 0000000002000000 18010000 01000000`))
    expect(slots.map((slot) => slot.def?.name)).toEqual([undefined, 'ld_imm64', 'ld_imm64_hi', 'ld_imm64'])
    expect(slots[0]).toMatchObject({ code: 0xff, dst: 1, src: 2, off: -8, imm: 7 })
    expect(slots[1]?.imm64).toBe(0x2_0000_0001n)
    expect(slots[3]?.problem?.code).toBe('TRUNCATED_LD_IMM64')
  })
})
