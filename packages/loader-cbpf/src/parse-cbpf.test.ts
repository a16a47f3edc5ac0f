import { readFileSync } from 'node:fs'
import {
  type ClassicInsn,
  checkClassic,
  disassembleBpfAsm,
  encodeClassic,
  formatClassic,
  formatDdd,
} from '@skep/isa'
import { createPlatform } from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { traffic } from '../test/capture.ts'
import { Random, randomClassic } from '../test/random-program.ts'
import { formatCArray } from './c-array.ts'
import { CbpfError } from './errors.ts'
import { cbpfLoader } from './loader.ts'
import { parseCbpf } from './parse-cbpf.ts'
import { type ClassicFormat, type ClassicInput, detectClassic, parseClassic } from './parse-classic.ts'
import { runClassic } from './run-classic.ts'

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

/** Every form of a program, by name. */
const forms = (insns: readonly ClassicInsn[]): [form: ClassicFormat, input: string | Uint8Array][] => [
  ['ddd', formatDdd(insns)],
  ['ddd', formatDdd(insns, 'commas')],
  ['ddd', `'${formatDdd(insns, 'commas').slice(0, -1)}'\n`],
  ['c', formatCArray(insns)],
  ['c', `// a filter\nstatic const struct sock_filter code[${insns.length}] = {\n${formatCArray(insns)}};\n`],
  ['c', `{ ${formatCArray(insns).replaceAll('\n', ' ')} }`],
  ['c', formatCArray(insns, 'bpf_asm')],
  ['listing', `${formatClassic(insns).join('\n')}\n`],
  ['asm', disassembleBpfAsm(insns)],
  ['json', JSON.stringify(insns)],
  [
    'json',
    JSON.stringify(
      insns.map(({ code, jt, jf, k }) => [code, jt, jf, k]),
      undefined,
      1,
    ),
  ],
  ['bytes', encodeClassic(insns)],
]

const failure = (input: ClassicInput, format?: ClassicFormat): CbpfError => {
  try {
    parseCbpf(input, format === undefined ? {} : { format })
  } catch (error) {
    if (error instanceof CbpfError) return error
    throw error
  }
  throw new Error(`${input} was accepted`)
}

describe('formatCArray', () => {
  it('has the columns of bpf_asm -c', () => {
    const asm = 'ld #0\nst M[0]\njset #7, a1, b1\na1: tax\nb1: ret #0x12345678'
    expect(formatCArray(parseClassic(asm), 'bpf_asm')).toBe(
      [
        '{ 0000,  0,  0, 0000000000 },',
        '{ 0x02,  0,  0, 0000000000 },',
        '{ 0x45,  0,  1, 0x00000007 },',
        '{ 0x07,  0,  0, 0000000000 },',
        '{ 0x06,  0,  0, 0x12345678 },\n',
      ].join('\n'),
    )
  })
})

describe('every form', () => {
  it('is recognised, as text and as bytes, and gives the same program', () => {
    const random = new Random(6)
    for (let round = 0; round < 200; round++) {
      // The exclusive or has no name in bpf_asm; everything else is in every form.
      const extensions = [0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 44, 48, 52, 56, 60]
      const insns = randomClassic(random, 1 + random.below(30), { extensions, headers: true })
      for (const [form, input] of forms(insns)) {
        // What the machine does not read is not in every form, nor in this text.
        const expected = formatClassic(insns)
        expect(detectClassic(input)).toBe(form)
        expect(formatClassic(parseClassic(input))).toEqual(expected)
        expect(formatClassic(parseClassic(input, form))).toEqual(expected)
        if (typeof input === 'string') {
          expect(detectClassic(utf8(input))).toBe(form)
          expect(formatClassic(parseClassic(utf8(input)))).toEqual(expected)
        }
      }
    }
  })

  it('reads C with macros, names and comments', () => {
    const text = `
      /* IPv4 over TCP, not for PACKET_OUTGOING */
      struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_PKTTYPE),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 4, 3, 0), // outgoing
        BPF_STMT(BPF_LD + BPF_B + BPF_ABS, (SKF_NET_OFF + 011)),
        { 0x15, 0, 1, 6U },
        BPF_STMT(BPF_RET | BPF_K, -1),
        BPF_STMT(BPF_RET | BPF_K, 0),
      };`
    expect(formatDdd(parseClassic(text), 'commas')).toBe(
      '6,32 0 0 4294963204,21 3 0 4,48 0 0 4293918729,21 0 1 6,6 0 0 4294967295,6 0 0 0,',
    )
    expect(parseClassic('BPF_STMT(6, 0)')).toEqual([{ code: 6, jt: 0, jf: 0, k: 0 }])
  })

  it('is not taken for one where it is something else', () => {
    for (const input of [
      '',
      'tcp port 80',
      'not ip',
      '{}x'.slice(2),
      '<html>',
      '\u007fELF',
      '# only a comment',
      'label:',
    ]) {
      expect(detectClassic(input), input).toBeUndefined()
      expect(detectClassic(utf8(input)), input).toBeUndefined()
    }
    const elf = Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    const pcap = Uint8Array.of(0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0)
    for (const bytes of [elf, pcap, new Uint8Array(8), new Uint8Array(7).fill(0)]) {
      expect(detectClassic(bytes)).toBeUndefined()
    }
  })
})

describe('parseCbpf', () => {
  it('gives a collection of one program', () => {
    const spec = parseCbpf('1,6 0 0 65535', { name: 'all' })
    expect(spec).toMatchObject({ name: 'all', maps: [], variables: [], license: '', notes: [] })
    expect(spec.programs).toMatchObject([{ name: 'all', type: 'socket_filter', references: [] }])
  })

  it('takes instructions as they are', () => {
    const insns = [{ code: 6, jt: 0, jf: 0, k: 1 }]
    expect(parseCbpf(insns).programs[0]!.insns).toEqual(parseCbpf(encodeClassic(insns)).programs[0]!.insns)
  })

  it('reads a filter that tcpdump made, which accepts the packets that it should', () => {
    const text = readFileSync(new URL('../testdata/web-push.ddd', import.meta.url), 'utf8')
    const insns = parseClassic(text)
    checkClassic(insns)
    // tcpdump --count -r traffic.pcap 'tcp port 80 and src net 192.0.2.0/28 and tcp[tcpflags] & tcp-push != 0'
    expect(traffic().filter((packet) => runClassic(insns, packet) !== 0)).toHaveLength(18)
  })

  it.each<[what: string, input: ClassicInput, code: string, place: object]>([
    ['nothing', '', 'UNKNOWN_FORMAT', {}],
    ['a filter expression', 'tcp port 80', 'UNKNOWN_FORMAT', {}],
    ['too much', ' '.repeat(5_000_000), 'TOO_LONG', {}],
    ['ddd: no number', '2\n6 0 0 0\n6 0 x 0\n', 'BAD_NUMBER', { line: 3, column: 5 }],
    ['ddd: wrong count', '3\n6 0 0 0\n', 'BAD_COUNT', { line: 1 }],
    ['ddd: bad instruction', '3\n0 0 0 0\n52 0 0 0\n6 0 0 0\n', 'DIVISION_BY_ZERO', { insn: 1, line: 3 }],
    ['C: no brace', '{ 6, 0, 0, 0 }, 6', 'UNEXPECTED', { line: 1, column: 17 }],
    ['C: end', '{ 6, 0, 0,', 'UNEXPECTED', { line: 1, column: 11 }],
    ['C: name', '{ BPF_RET | BPF_Q,\n0, 0, 0 }', 'UNKNOWN_NAME', { line: 1, column: 13 }],
    ['C: number', '{ 6, 0, 0, 09 }', 'BAD_NUMBER', { line: 1, column: 12 }],
    ['C: too large', '{ 6, 256, 0, 0 }', 'BAD_VALUE', { line: 1, column: 6 }],
    ['C: larger still', '{ 6, 0, 0, 0x100000000 }', 'OUT_OF_RANGE', { line: 1, column: 12 }],
    ['C: comment', '{ 6, 0, 0, 0 }\n /* open', 'UNTERMINATED_COMMENT', { line: 2, column: 2 }],
    ['C: outer brace', 'struct sock_filter f[] = { { 6, 0, 0, 0 },', 'UNEXPECTED', { line: 1 }],
    ['C: too many', '{ 6, 0, 0, 0 },\n'.repeat(4097), 'TOO_MANY_INSNS', { line: 4097 }],
    [
      'C: bad instruction',
      '{ 0, 0, 0, 0 },\n{ 0x15, 9, 0, 0 },\n{6,0,0,0}',
      'JUMP_OUT_OF_RANGE',
      { insn: 1, line: 2 },
    ],
    ['listing: line', '(000) ret      #0\nthen', 'UNEXPECTED', { line: 2, column: 1 }],
    ['listing: number', '(001) ret      #0\n', 'BAD_VALUE', { line: 1, column: 1 }],
    ['listing: mnemonic', '(000) unimp    0xff', 'UNKNOWN_MNEMONIC', { line: 1, column: 7 }],
    ['listing: operand', '(000) ldh      [12', 'UNEXPECTED', { line: 1, column: 16 }],
    ['listing: extension', '(000) ldh      [nothing]', 'BAD_VALUE', { line: 1, column: 16 }],
    ['listing: jump', '(000) jeq      #0x1', 'UNEXPECTED', { line: 1, column: 16 }],
    ['listing: backward', '(000) txa\n(001) ja       0\n', 'BAD_VALUE', { line: 2, column: 16 }],
    ['listing: far', '(000) jeq      #0x1             jt 1\tjf 999', 'BAD_VALUE', { line: 1 }],
    ['asm: word', 'ldh [12]\nldq [5]', 'UNKNOWN_MNEMONIC', { line: 2, column: 1 }],
    ['asm: bad instruction', 'ld M[1]\nret a', 'UNINITIALIZED_MEMORY', { insn: 0 }],
    ['JSON: text', '[{"code":6}', 'BAD_JSON', {}],
    ['JSON: element', '[[6,0,0,0],[6,0,0]]', 'BAD_VALUE', { insn: 1 }],
    ['JSON: field', '[{"code":6,"kk":1}]', 'BAD_JSON', { insn: 0 }],
    ['JSON: value', '[{"code":6,"k":-1}]', 'BAD_VALUE', { insn: 0 }],
    ['JSON: too many', `[${'0,'.repeat(5000)}0]`, 'TOO_MANY_INSNS', {}],
    ['bytes: no return', encodeClassic([{ code: 7, jt: 0, jf: 0, k: 0 }]), 'UNKNOWN_FORMAT', {}],
    ['a hole', [undefined as unknown as ClassicInsn], 'BAD_JSON', { insn: 0 }],
    ['no program', [], 'EMPTY', {}],
    [
      'no context field',
      '(000) ldh      [12]\n\n(001) ld       [hatype]\n(002) ret',
      'NO_CONTEXT_FIELD',
      { insn: 1, line: 3 },
    ],
  ])('refuses %s', (_, input, code, place) => {
    const error = failure(input)
    expect(error).toMatchObject({ code, ...place })
    expect(error.message).not.toContain('\n')
    expect(error.message.length).toBeLessThan(400)
  })

  it('refuses a form that the input cannot have', () => {
    expect(failure('ret #0', 'bytes')).toMatchObject({ code: 'BAD_OPTION' })
    expect(failure(Uint8Array.of(0xff, 0xff), 'asm')).toMatchObject({ code: 'UNKNOWN_FORMAT' })
    expect(failure(new Uint8Array(9), 'bytes')).toMatchObject({ code: 'BAD_LENGTH' })
  })

  it('never fails but with a CbpfError, whatever the input', () => {
    const random = new Random(7)
    let refused = 0
    for (let round = 0; round < 400; round++) {
      const insns = randomClassic(random, 1 + random.below(12), { extensions: [0, 28, 36] })
      for (const [form, input] of forms(insns)) {
        const bytes = typeof input === 'string' ? utf8(input) : input
        const mutated = mutate(random, bytes)
        for (const format of [undefined, form]) {
          try {
            parseCbpf(mutated, format === undefined ? {} : { format })
          } catch (error) {
            refused++
            if (!(error instanceof CbpfError)) throw error
          }
        }
      }
    }
    expect(refused).toBeGreaterThan(4000)
  })

  it('gets through long nonsense', () => {
    const pieces = [
      ' ',
      '/**/',
      '# \n',
      'a ',
      '{',
      '{(',
      '(',
      '-',
      '0 ',
      '"',
      '[',
      'ld ',
      '\n',
      '/*',
      ',',
      '(000) ',
      'x:',
    ]
    for (const piece of pieces) {
      const text = piece.repeat(200_000 / piece.length)
      for (const start of ['', '{', '{ 6, ']) {
        for (const format of [undefined, 'ddd', 'c', 'listing', 'asm', 'json'] as const)
          failure(start + text, format)
      }
    }
  })
})

function mutate(random: Random, bytes: Uint8Array): Uint8Array {
  let result = bytes
  for (let n = random.below(4) + 1; n > 0; n--) {
    const at = random.below(result.length + 1)
    const length = random.below(8)
    switch (random.below(4)) {
      case 0:
        result = Uint8Array.of(...result.subarray(0, at), ...result.subarray(at + length))
        break
      case 1:
        result = Uint8Array.of(
          ...result.subarray(0, at),
          ...result.subarray(0, length),
          ...result.subarray(at),
        )
        break
      case 2:
        result = result.with(Math.min(at, result.length - 1), random.below(256))
        break
      default:
        result = result.with(
          Math.min(at, result.length - 1),
          random.pick([...'0123456789 (){}[],#x-\n'].map((c) => c.charCodeAt(0))),
        )
    }
    if (result.length === 0) return Uint8Array.of(0x30)
  }
  return result
}

describe('cbpfLoader', () => {
  it('is a loader of a platform', () => {
    const platform = createPlatform([{ name: 'classic', loaders: [cbpfLoader] }])
    const loader = platform.loaders.byName('cbpf')!
    const bytes = utf8('ld #len\nret a\n')
    expect(loader.detect(bytes)).toBe(true)
    expect(loader.detect(utf8('tcp port 80'))).toBe(false)
    expect(loader.parse(bytes, platform).programs).toMatchObject([{ name: 'filter', type: 'socket_filter' }])
  })
})
