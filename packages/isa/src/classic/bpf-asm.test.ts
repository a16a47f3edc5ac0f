import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { failure } from '../../test/failure.ts'
import { AssemblyError } from '../asm/error.ts'
import { assembleBpfAsm } from './bpf-asm.ts'
import { formatDdd } from './ddd.ts'
import { disassembleBpfAsm } from './format-bpf-asm.ts'

const rows = (text: string): string => formatDdd(assembleBpfAsm(text)).trim().split('\n').slice(1).join(',')

describe('assembleBpfAsm', () => {
  it('takes labels, comments and instructions without regard to lines', () => {
    const text = `
# only IPv4
      ldh [12] /* the
                  type */ jeq #0x800, ip, drop ; or
ip:   ld #len
      jlt #64,
          drop
      ret #-1
drop: ret #0`
    expect(rows(text)).toBe('40 0 0 12,21 0 3 2048,128 0 0 0,53 0 1 64,6 0 0 4294967295,6 0 0 0')
  })

  it.each([
    ['ldb [5]', '48 0 0 5'],
    ['ldb [x + 5]', '80 0 0 5'],
    ['ldh [%x+-14]', '72 0 0 4294967282'],
    ['ld [x - 4]', '64 0 0 4294967292'],
    ['LD #PROTO', '32 0 0 4294963200'],
    ['ld cpu', '32 0 0 4294963236'],
    ['ldh #vlan_tci', '40 0 0 4294963244'],
    ['ld vlan_pr', '32 0 0 4294963248'],
    ['ld rand', '32 0 0 4294963256'],
    ['ld #len', '128 0 0 0'],
    ['ldx len', '129 0 0 0'],
    ['ld #0b101', '0 0 0 5'],
    ['ld #017', '0 0 0 15'],
    ['ldi 7', '0 0 0 7'],
    ['ldxi #7', '1 0 0 7'],
    ['ldx #7', '1 0 0 7'],
    ['ld M[3]', '96 0 0 3'],
    ['ldx M[15]', '97 0 0 15'],
    ['ldx 4*([14]&0xf)', '177 0 0 14'],
    ['ldxb 4*([14]&0xf)', '177 0 0 14'],
    ['st M[1]', '2 0 0 1'],
    ['stx M[1]', '3 0 0 1'],
    ['add #5', '4 0 0 5'],
    ['sub %x', '28 0 0 0'],
    ['xor x', '172 0 0 0'],
    ['neg', '132 0 0 0'],
    ['tax', '7 0 0 0'],
    ['txa', '135 0 0 0'],
    ['ret a', '22 0 0 0'],
    ['ret %a', '22 0 0 0'],
    ['jmp end ja end end: tax', '5 0 0 1,5 0 0 0,7 0 0 0'],
    ['jeq x, end tax end: tax', '29 1 0 0,7 0 0 0,7 0 0 0'],
    ['jset #1, end, next next: tax end: tax', '69 1 0 1,7 0 0 0,7 0 0 0'],
    ['jne #1, end tax end: tax', '21 0 1 1,7 0 0 0,7 0 0 0'],
    ['jneq x, end tax end: tax', '29 0 1 0,7 0 0 0,7 0 0 0'],
    ['jle #1, end tax end: tax', '37 0 1 1,7 0 0 0,7 0 0 0'],
    ['jlt %x, end tax end: tax', '61 0 1 0,7 0 0 0,7 0 0 0'],
  ])('reads %s', (text, expected) => {
    expect(rows(text)).toBe(expected)
  })
})

describe('disassembleBpfAsm', () => {
  it('writes every line with a label', () => {
    const insns = assembleBpfAsm('ldh [12]\njeq #0x800, aa, bb\naa: ld #proto\nbb: and #0xff\nret #0\nret a')
    expect(disassembleBpfAsm(insns)).toBe(
      'l0:\tldh [12]\nl1:\tjeq #0x800, l2, l3\nl2:\tld #proto\nl3:\tand #0xff\nl4:\tret #0\nl5:\tret a\n',
    )
  })
})

describe('AssemblyError', () => {
  it.each<[string, string, number, number, string]>([
    ['', 'UNEXPECTED', 1, 1, ''],
    ['ldq [5]', 'UNKNOWN_MNEMONIC', 1, 1, 'ldq'],
    ['ret #0\nld [5', 'UNEXPECTED', 2, 6, ''],
    ['ld #4294967296', 'OUT_OF_RANGE', 1, 5, '4294967296'],
    ['ld #09', 'BAD_NUMBER', 1, 5, '09'],
    ['ldb M[1]', 'UNEXPECTED', 1, 5, 'M'],
    ['ld #nothing', 'UNEXPECTED', 1, 5, 'nothing'],
    ['ret x', 'UNEXPECTED', 1, 5, 'x'],
    ['ldxb 5*([14]&0xf)', 'UNEXPECTED', 1, 6, '5'],
    ['ldx 4*([14]&0xff)', 'UNEXPECTED', 1, 13, '0xff'],
    ['jeq #1, nowhere', 'UNKNOWN_LABEL', 1, 9, 'nowhere'],
    ['up: tax\nja up', 'JUMP_BACKWARD', 2, 4, 'up'],
    ['aa: tax aa: tax', 'DUPLICATE_LABEL', 1, 9, 'aa'],
    [`jeq #1, far ${'tax '.repeat(256)} far: tax`, 'JUMP_TOO_FAR', 1, 9, 'far'],
    ['tax\n'.repeat(4097), 'TOO_MANY_INSNS', 4097, 1, 'tax'],
  ])('says where and what: %j', (text, code, line, column, word) => {
    expect(failure(assembleBpfAsm, text)).toMatchObject({ code, line, column, word })
  })

  it('is the only thing that bad text throws', () => {
    const words =
      'ld ldx ldh jeq jne ja ret st M [ ] ( ) # 4 * & 0xf x a + - , : end proto len % \n ; /* constructor'
    const word = fc.constantFrom(...words.split(' '))
    const text = fc.oneof(
      fc.string(),
      fc.array(word, { maxLength: 12 }).map((all) => all.join(' ')),
    )
    fc.assert(
      fc.property(text, (source) => {
        try {
          assembleBpfAsm(source)
        } catch (error) {
          expect(error).toBeInstanceOf(AssemblyError)
        }
      }),
      { numRuns: 10_000 },
    )
  })
})
