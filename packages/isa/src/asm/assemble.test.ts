import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { failure } from '../../test/failure.ts'
import { insn } from '../ebpf/build.ts'
import { encode } from '../ebpf/encode.ts'
import type { Insn } from '../ebpf/insn.ts'
import { type AssembleOptions, assemble, parseAssembly } from './assemble.ts'
import { AssemblyError } from './error.ts'

const testdata = (file: string): string =>
  readFileSync(new URL(`../../testdata/llvm/${file}`, import.meta.url), 'utf8')

describe('assemble', () => {
  it('makes the bytes that clang makes of every instruction', () => {
    const recorded = [...testdata('classes.generic.txt').matchAll(/^\s+\d+:\t([0-9a-f ]+)\t/gm)]
    const expected = recorded.flatMap((row) => row[1]!.split(' ').map((byte) => Number.parseInt(byte, 16)))
    const pseudo = ['lddw r2, map_fd(7)', 'lddw r2, map_value(-1, 8)']
    const text = testdata('classes.s')
      .replace('\t.text\n', '')
      .replaceAll(/\t\.byte.*/g, () => pseudo.shift()!)
    expect([...assemble(text)]).toEqual(expected)
  })

  it('takes labels, comments and both syntaxes in one text', () => {
    const text = `
      start:            # bpf_conformance's comment
        r1 = 5          // LLVM's
        mov32 %r2, 0xffffffff ; the kernel's
      /* over
         lines */ loop: again:
        sub r1, 1
        if r1 s> -0x1 goto loop
        ja end
        call local start
        lddw r3, func(start)
      end: exit
    `
    const program = [
      insn.mov64_imm(1, 5),
      insn.mov32_imm(2, -1),
      insn.sub64_imm(1, 1),
      insn.jsgt64_imm(1, -1, -2),
      insn.ja(3),
      insn.call_local(-6),
      ...insn.ld_imm64(3, BigInt.asUintN(32, -7n), 4),
      insn.exit(),
    ]
    expect([...assemble(text)]).toEqual([...encode(program)])
    const { lines, labels } = parseAssembly(text)
    expect(lines).toEqual([3, 4, 7, 8, 9, 10, 11, 11, 12])
    expect([...labels]).toEqual([
      ['start', 0],
      ['loop', 2],
      ['again', 2],
      ['end', 8],
      ['exit', 8],
    ])
  })

  it.each<[string, Insn | Insn[]]>([
    ['r1 = *(u8 *)(r2 +3)', insn.ldx_b(1, 2, 3)],
    ['w1 = *(u8*)(r2+0x3)', insn.ldx_b(1, 2, 3)],
    ['r1 = *(u64 *)(r10 - 8)', insn.ldx_dw(1, 10, -8)],
    ['r1 = *(u32 *)(r2)', insn.ldx_w(1, 2, 0)],
    ['*(u32 *)(r10 -4) = w3', insn.stx_w(10, 3, -4)],
    ['r2 = atomic64_fetch_add((u64 *)(r1 +8), r2)', insn.atomic64_fetch_add(1, 2, 8)],
    ['w2 = xchg32_32(r1 - 8, w2)', insn.atomic32_xchg(1, 2, -8)],
    ['r0 = atomic_cmpxchg((u32 *)(r1 -8), r0, r2)', insn.atomic32_cmpxchg(1, 2, -8)],
    ['r0 = *(u32 *)skb[r3 + -5]', insn.ld_ind_w(3, -5)],
    ['if r1 == 0 goto +3 <label+0x10>', insn.jeq64_imm(1, 0, 3)],
    ['15: (18) r1 = 0xffff888100000000 ; R1=map_ptr()', insn.ld_imm64(1, 0xffff888100000000n)],
    ['r1 = -1 ll', insn.ld_imm64(1, -1)],
    ['r1 = map_fd(3) ll', insn.ld_imm64(1, 3, 1)],
    ['call bpf_map_lookup_elem#1', insn.call_helper(1)],
    ['call bpf_map_lookup_elem', insn.call_helper(1)],
    ['call #7', insn.call_helper(7)],
    ['call kernel-function#70', insn.call_kfunc(0, 70)],
    ['call r4', insn.callx(4)],
    ['call pc-1', insn.call_local(-1)],
    ['add64 r1, 2', insn.add64_imm(1, 2)],
    ['swap32 r1', insn.bswap32(1)],
    ['lock fetch xor32 [%r10-4], %r1', insn.atomic32_fetch_xor(10, 1, -4)],
    ['ldxdw r1, [r2]', insn.ldx_dw(1, 2, 0)],
    ['may_goto +2', insn.may_goto(2)],
    ['goto -1', insn.ja(-1)],
  ])('reads %s', (text, expected) => {
    const options: AssembleOptions = { helperId: (name) => ({ bpf_map_lookup_elem: 1 })[name] }
    expect([...assemble(text, options)]).toEqual([...encode([expected].flat())])
  })

  it('writes the other byte order when asked', () => {
    expect([...assemble('mov32 r1, 2', { bigEndian: true })]).toEqual([0xb4, 0x10, 0, 0, 0, 0, 0, 2])
  })

  it('keeps to one syntax when asked', () => {
    expect(() => assemble('mov r1, 2', { syntax: 'llvm' })).toThrow(AssemblyError)
    expect(() => assemble('r1 = 2', { syntax: 'mnemonic' })).toThrow(AssemblyError)
  })

  it('is not slow on long texts', () => {
    const text = 'r1 += 5\nif r1 > 7 goto +1\nldxw r1, [r2+4]\n'.repeat(10_000)
    expect(assemble(text)).toHaveLength(240_000)
  })
})

describe('AssemblyError', () => {
  it.each<[string, string, number, number, string]>([
    ['exit\nmvo r1, 2', 'UNKNOWN_MNEMONIC', 2, 1, 'mvo'],
    ['mov r11, 2', 'BAD_REGISTER', 1, 5, 'r11'],
    ['mov r1 2', 'UNEXPECTED', 1, 8, '2'],
    ['mov r1,', 'UNEXPECTED', 1, 8, ''],
    ['mov r1, 2 3', 'UNEXPECTED', 1, 11, '3'],
    ['mov r1, 0x1g', 'BAD_NUMBER', 1, 9, '0x1g'],
    ['mov r1, 4294967296', 'OUT_OF_RANGE', 1, 9, '4294967296'],
    ['mov r1, -2147483649', 'OUT_OF_RANGE', 1, 10, '2147483649'],
    ['ldxw r1, [r2+32768]', 'OUT_OF_RANGE', 1, 14, '32768'],
    ['lddw r1, 0x10000000000000000', 'OUT_OF_RANGE', 1, 10, '0x10000000000000000'],
    ['  ja nowhere', 'UNKNOWN_LABEL', 1, 6, 'nowhere'],
    ['a: exit\na: exit', 'DUPLICATE_LABEL', 2, 1, 'a'],
    ['exit /* open', 'UNTERMINATED_COMMENT', 1, 6, '/*'],
    ['mov r1, @', 'BAD_CHARACTER', 1, 9, '@'],
    ['w1 = r2', 'WIDTH_MISMATCH', 1, 6, 'r2'],
    ['w1 = 5 ll', 'WIDTH_MISMATCH', 1, 1, 'w1'],
    ['w1 = *(u64 *)(r1 + 0)', 'WIDTH_MISMATCH', 1, 1, 'w1'],
    ['r1 = -r2', 'UNEXPECTED', 1, 7, 'r2'],
    ['r1 = (u8)r2', 'UNEXPECTED', 1, 7, 'u8'],
    ['r1 = *(s64 *)(r2 + 0)', 'UNEXPECTED', 1, 8, 's64'],
    ['r1 = *(u8 *)skb[0]', 'BAD_REGISTER', 1, 1, 'r1'],
    ['r1 =', 'UNEXPECTED', 1, 5, ''],
    ['if r1 = 5 goto +1', 'UNEXPECTED', 1, 7, '='],
    ['(07) r1 = 5', 'OPCODE_MISMATCH', 1, 6, 'r1'],
    ['lock *(u8 *)(r1 + 0) += r2', 'UNEXPECTED', 1, 1, 'lock'],
    [`ja end\n${'exit\n'.repeat(40_000)}end: exit`, 'JUMP_TOO_FAR', 1, 4, 'end'],
  ])('says where and what: %j', (text, code, line, column, word) => {
    expect(failure(assemble, text)).toMatchObject({ code, line, column, word })
  })

  it('says what could have stood there, in one line', () => {
    expect(failure(assemble, 'exit\nmvo r1, 2').message).toBe(
      'line 2, column 1: `mvo` is no instruction; expected `mov`',
    )
    expect(failure(assemble, 'w1 = r2').message).toBe(
      'line 1, column 6: `r2` is the 64-bit register; expected `w2`',
    )
    expect(failure(assemble, 'mov r1,').expected).toEqual(['a register r0 to r10', 'a number'])
  })

  it('is the only thing that bad text throws', () => {
    const word = fc.constantFrom(
      ...'r1 w2 r11 5 -3 0x ll goto if call lock * ( ) [ ] , : + - = += s>>= == u32 s8 skb exit mov ldxw'.split(
        ' ',
      ),
      ...'lddw map_fd be16 atomic_fetch_add xchg_64 load_acquire \n # /* */ ; % @ label constructor 99999999999'.split(
        ' ',
      ),
    )
    const text = fc.oneof(
      fc.string(),
      fc.array(word, { maxLength: 12 }).map((words) => words.join(' ')),
    )
    fc.assert(
      fc.property(text, (source) => {
        try {
          assemble(source)
        } catch (error) {
          expect(error).toBeInstanceOf(AssemblyError)
        }
      }),
      { numRuns: 20_000 },
    )
  })

  it('comes quickly for absurd input', () => {
    expect(failure(assemble, `mov r1, ${'9'.repeat(1_000_000)}`).code).toBe('OUT_OF_RANGE')
    expect(failure(assemble, '('.repeat(1_000_000)).code).toBe('UNKNOWN_MNEMONIC')
  })
})
