import { BtfBuilder, buildBtfExt } from '@skep/btf'
import { describe, expect, it } from 'vitest'
import { ElfError, type ElfErrorCode, type ElfPlace, parseElf } from '../src/index.ts'
import { buildElf, CODE, FUNC, OBJECT, program, RETURN_0, words } from './build-elf.ts'
import { mapObject, withBtf } from './map-object.ts'

function refusal(bytes: Uint8Array): ElfError {
  try {
    parseElf(bytes)
  } catch (error) {
    if (error instanceof ElfError) return error
    throw error
  }
  throw new Error('the object was taken')
}

const LD_IMM64 = [0x18, 0, 0, 0]
const CALL = [0x1085, 0xffff_ffff]
const EXIT = [0x95, 0]

const edited = (change: (view: DataView, bytes: Uint8Array) => void): Uint8Array => {
  const bytes = program(RETURN_0)
  change(new DataView(bytes.buffer), bytes)
  return bytes
}

type Case = [what: string, bytes: () => Uint8Array, code: ElfErrorCode, message: string, place?: ElfPlace]

const container: Case[] = [
  ['nothing', () => new Uint8Array(0), 'NOT_ELF', 'does not begin with the ELF magic', { offset: 0 }],
  ['text', () => new TextEncoder().encode('int main() {}'), 'NOT_ELF', 'clang -target bpf', { offset: 0 }],
  ['a cut header', () => program(RETURN_0).slice(0, 40), 'TRUNCATED', 'has 40 bytes', { offset: 40 }],
  ['32 bits', () => edited((_, b) => b.fill(1, 4, 5)), 'NOT_BPF', 'not 64-bit', { offset: 4 }],
  ['big-endian objects', () => edited((_, b) => b.fill(2, 5, 6)), 'BIG_ENDIAN', 'bpfel', { offset: 5 }],
  [
    'another machine',
    () => edited((v) => v.setUint16(18, 62, true)),
    'NOT_BPF',
    'machine 62',
    { offset: 18 },
  ],
  [
    'an executable',
    () => edited((v) => v.setUint16(16, 2, true)),
    'NOT_RELOCATABLE',
    'type 2',
    { offset: 16 },
  ],
  [
    'other section headers',
    () => edited((v) => v.setUint16(58, 40, true)),
    'BAD_SECTION',
    '40 bytes, not 64',
  ],
  [
    'headers past the end',
    () => edited((v) => v.setUint16(60, 9999, true)),
    'TRUNCATED',
    '9999 section headers',
  ],
  ['huge offsets', () => edited((v) => v.setUint32(44, 1, true)), 'TRUNCATED', 'section headers end past'],
  [
    'sections past the end',
    () => buildElf({ sections: [{ name: 'xdp', flags: CODE, data: RETURN_0, size: 1 << 20 }] }),
    'TRUNCATED',
    'section 1 ends past',
  ],
  [
    'sections that overlap',
    () =>
      buildElf({
        sections: Array.from({ length: 40 }, (_, i) => ({ name: `.data.${i}`, data: RETURN_0, size: 1000 })),
      }),
    'BAD_SECTION',
    'overlap',
  ],
  [
    'other symbols',
    () => buildElf({ sections: [{ name: '.other', type: 2, entrySize: 16 }] }),
    'BAD_SECTION',
    'symbols of 16 bytes, not 24',
    { section: '.other' },
  ],
  ['an object of nothing', () => buildElf({ sections: [] }), 'BAD_FUNCTION', 'no program and no map'],
  [
    'code without functions',
    () => buildElf({ sections: [{ name: 'xdp', flags: CODE, data: RETURN_0 }] }),
    'BAD_FUNCTION',
    'xdp has no function symbols',
  ],
  [
    'compressed sections',
    () => program(RETURN_0, { sections: [{ name: 'license', flags: 0x800, data: RETURN_0 }] }),
    'UNSUPPORTED',
    'compressed',
    { section: 'license' },
  ],
  [
    'a version that is none',
    () => program(RETURN_0, { sections: [{ name: 'version', data: RETURN_0.slice(0, 3) }] }),
    'BAD_SECTION',
    '3 bytes instead of a u32',
    { section: 'version' },
  ],
  [
    'a hostile .bss',
    () => program(RETURN_0, { sections: [{ name: '.bss', type: 8, size: 0xffff_ffff }] }),
    'BAD_SECTION',
    'bytes of globals',
    { section: '.bss' },
  ],
]

const functions: Case[] = [
  [
    'half an instruction',
    () =>
      buildElf({
        sections: [{ name: 'xdp', flags: CODE, data: RETURN_0 }],
        symbols: [{ name: 'f', section: 'xdp', size: 12, type: FUNC }],
      }),
    'BAD_FUNCTION',
    'no whole number of instructions',
    { section: 'xdp', symbol: 'f' },
  ],
  [
    'functions past their section',
    () =>
      buildElf({
        sections: [{ name: 'xdp', flags: CODE, data: RETURN_0 }],
        symbols: [{ name: 'f', section: 'xdp', value: 8, size: 16, type: FUNC }],
      }),
    'BAD_FUNCTION',
    'ends at 24 of 16 bytes',
  ],
  [
    'programs of one name',
    () => program(RETURN_0, { symbols: [{ name: 'main', section: 'xdp', size: 8, type: FUNC }] }),
    'BAD_FUNCTION',
    'same name',
  ],
  [
    'programs without measure',
    () => {
      const code = new Uint8Array(8 * 4000)
      const symbols = Array.from({ length: 600 }, (_, i) => ({
        name: `f${i}`,
        section: 'xdp',
        size: code.length,
        type: FUNC,
      }))
      return buildElf({ sections: [{ name: 'xdp', flags: CODE, data: code }], symbols })
    },
    'BAD_FUNCTION',
    'programs of more than 2000000 instructions together',
  ],
  [
    'an exception callback that is not there',
    () => {
      const b = new BtfBuilder()
      const f = b.func('main', b.funcProto(0))
      b.declTag('exception_callback:away', f)
      const ext = buildBtfExt({ functions: new Map([['xdp', [{ offset: 0, type: f }]]]) }, (t) => b.string(t))
      return program(RETURN_0, {
        sections: [
          { name: '.BTF', data: b.build() },
          { name: '.BTF.ext', data: ext },
        ],
      })
    },
    'BAD_FUNCTION',
    'the exception callback "away" is not there',
  ],
]

const relocations: Case[] = [
  [
    'a call without a symbol',
    () => program(words(...CALL, ...EXIT), { relocations: { xdp: [[0, 10, 7]] } }),
    'BAD_RELOCATION',
    'symbol 8 of 2',
    { section: '.relxdp', offset: 0 },
  ],
  [
    'relocations with addends',
    () =>
      program(RETURN_0, {
        sections: [{ name: '.relaxdp', type: 4, info: 1, entrySize: 24, data: words(0, 0, 0, 1, 8, 0) }],
      }),
    'UNSUPPORTED',
    'SHT_RELA',
    { section: '.relaxdp', offset: 0 },
  ],
  [
    'relocations between instructions',
    () => program(RETURN_0, { relocations: { xdp: [[4, 1, 0]] } }),
    'BAD_RELOCATION',
    'patches no instruction',
    { section: 'xdp', symbol: 'main', offset: 4 },
  ],
  [
    'relocations on other instructions',
    () => program(RETURN_0, { relocations: { xdp: [[0, 1, 0]] } }),
    'BAD_RELOCATION',
    'a reference to main is on opcode 0xb7',
    { section: 'xdp', symbol: 'main', insn: 0 },
  ],
  [
    'relocations of data on code',
    () => program(words(...LD_IMM64, ...EXIT), { relocations: { xdp: [[0, 2, 0]] } }),
    'BAD_RELOCATION',
    'relocation type 2 has no meaning on an instruction',
  ],
  [
    'half an ld_imm64',
    () => program(words(0xb7, 0, 0x18, 0), { relocations: { xdp: [[8, 1, 0]] } }),
    'BAD_RELOCATION',
    'not on a call or an ld_imm64',
    { section: 'xdp', symbol: 'main', insn: 1 },
  ],
  [
    'a call to nowhere',
    () => program(words(0x1085, 5, ...EXIT)),
    'BAD_RELOCATION',
    'no function begins at instruction 6 of section xdp',
    { section: 'xdp', symbol: 'main', insn: 0 },
  ],
  [
    'a call to data',
    () =>
      program(words(...CALL, ...EXIT), {
        sections: [{ name: '.data', data: RETURN_0 }],
        symbols: [{ name: 'd', section: '.data', type: OBJECT, size: 8 }],
        relocations: { xdp: [[0, 10, 1]] },
      }),
    'BAD_RELOCATION',
    'the call goes to d, which is no code',
  ],
  [
    'an address in a section of something else',
    () =>
      program(words(...LD_IMM64, ...EXIT), {
        sections: [{ name: '.notes', data: RETURN_0 }],
        symbols: [{ name: 'n', section: '.notes', type: OBJECT, size: 8 }],
        relocations: { xdp: [[0, 1, 1]] },
      }),
    'BAD_RELOCATION',
    'refers to n in section .notes, which is neither map, data nor code',
  ],
  [
    'a common symbol',
    () =>
      program(words(...LD_IMM64, ...EXIT), {
        symbols: [{ name: 'c', section: 0xfff2, type: OBJECT, size: 8 }],
        relocations: { xdp: [[0, 1, 1]] },
      }),
    'BAD_RELOCATION',
    'left without a value',
  ],
  [
    'the address of a function that no relocation names',
    () => program(words(0x4018, 0, 0, 0, ...EXIT)),
    'BAD_RELOCATION',
    'no relocation says which',
  ],
]

const externs: Case[] = [
  [
    'undefined symbols without BTF',
    () =>
      program(words(...CALL, ...EXIT), { symbols: [{ name: 'away' }], relocations: { xdp: [[0, 10, 1]] } }),
    'BAD_EXTERN',
    'no BTF that says what it is',
    { symbol: 'away' },
  ],
  [
    'undefined symbols that BTF does not know',
    () => program(RETURN_0, { symbols: [{ name: 'away' }], sections: [withBtf(() => {})] }),
    'BAD_EXTERN',
    'BTF has no variable or function of that name',
  ],
  [
    'functions of other objects',
    () =>
      program(RETURN_0, {
        symbols: [{ name: 'away' }],
        sections: [withBtf((b) => b.func('away', b.funcProto(0), 'extern'))],
      }),
    'BAD_EXTERN',
    'link the objects with bpftool gen object',
  ],
  [
    'configuration that is not known',
    () =>
      program(RETURN_0, {
        symbols: [{ name: 'CONFIG_X' }],
        sections: [
          withBtf((b) => {
            const type = b.variable('CONFIG_X', b.int('int', 4), 'extern')
            b.dataSection('.kconfig', 0, [{ type, offset: 0, size: 4 }])
          }),
        ],
      }),
    'BAD_EXTERN',
    'give one in the option kconfig, or declare it __weak',
    { section: '.kconfig', symbol: 'CONFIG_X' },
  ],
]

const maps: Case[] = [
  [
    '.maps without BTF',
    () => buildElf({ sections: [{ name: '.maps', data: RETURN_0 }] }),
    'BAD_MAP',
    'compile with -g',
    { section: '.maps' },
  ],
  ['a map without type', () => mapObject((_, uint) => [['max_entries', uint(3)]]), 'BAD_MAP', 'has no type'],
  [
    'unknown fields',
    () => mapObject((_, uint) => [['entries', uint(3)]]),
    'BAD_MAP',
    'unknown field entries',
  ],
  [
    'fields of the wrong kind',
    () => mapObject((b) => [['type', b.int('u32', 4)]]),
    'BAD_MAP',
    'write __uint(type, n)',
  ],
  [
    'sizes that differ',
    () =>
      mapObject((b, uint) => [
        ['type', uint(1)],
        ['key_size', uint(8)],
        ['key', b.pointer(1)],
      ]),
    'BAD_MAP',
    'key size 4, but 8 before',
  ],
  [
    'keys of unknown size',
    () =>
      mapObject((b, uint) => [
        ['type', uint(1)],
        ['key', b.pointer(b.forward('opaque'))],
      ]),
    'BAD_MAP',
    'with a complete type',
  ],
  [
    'values of a hash',
    () =>
      mapObject((b, uint) => [
        ['type', uint(1)],
        ['values', b.array(uint(1), 0, 1)],
      ]),
    'BAD_MAP',
    'for maps of maps and program arrays',
  ],
  [
    'maps of maps of maps',
    () =>
      mapObject((b, uint) => {
        const none = b.array(b.pointer(b.struct('i', [{ name: 'type', type: uint(1) }])), 0, 1)
        const middle = b.struct('o', [
          { name: 'type', type: uint(12) },
          { name: 'values', type: none },
        ])
        return [
          ['type', uint(12)],
          ['values', b.array(b.pointer(middle), 0, 1)],
        ]
      }),
    'BAD_MAP',
    'only one level is possible',
  ],
  [
    'legacy maps of no size',
    () =>
      buildElf({
        sections: [{ name: 'maps', data: new Uint8Array(30) }],
        symbols: [
          { name: 'm', section: 'maps', type: OBJECT },
          { name: 'n', section: 'maps', type: OBJECT },
        ],
      }),
    'BAD_MAP',
    '2 maps do not part 30 bytes into definitions of at least 16',
    { section: 'maps' },
  ],
  [
    'legacy maps with fields of their own',
    () =>
      buildElf({
        sections: [{ name: 'maps', data: words(1, 4, 4, 1, 0, 0, 7, 0) }],
        symbols: [{ name: 'm', section: 'maps', type: OBJECT }],
      }),
    'BAD_MAP',
    'a value in a field past map_flags',
    { section: 'maps', symbol: 'm', offset: 24 },
  ],
  [
    'legacy maps of maps without their template',
    () =>
      buildElf({
        sections: [{ name: 'maps', data: words(12, 4, 4, 1, 0, 3, 0) }],
        symbols: [{ name: 'm', section: 'maps', type: OBJECT }],
      }),
    'BAD_MAP',
    'its template is map 3, which is not there',
    { section: 'maps', symbol: 'm' },
  ],
  [
    'legacy maps of maps that are their own template',
    () =>
      buildElf({
        sections: [{ name: 'maps', data: words(12, 4, 4, 1, 0, 0, 0) }],
        symbols: [{ name: 'm', section: 'maps', type: OBJECT }],
      }),
    'BAD_MAP',
    'its template is map 0, which is a map of maps',
    { section: 'maps', symbol: 'm' },
  ],
  [
    'arena globals without an arena',
    () => program(RETURN_0, { sections: [{ name: '.addr_space.1', data: RETURN_0 }] }),
    'BAD_SECTION',
    'no map of type BPF_MAP_TYPE_ARENA',
  ],
]

const types: Case[] = [
  [
    'malformed BTF that maps need',
    () =>
      buildElf({
        sections: [
          { name: '.maps', data: RETURN_0 },
          { name: '.BTF', data: new Uint8Array(30) },
        ],
      }),
    'BAD_BTF',
    'BTF begins with 0x0',
    { section: '.BTF' },
  ],
  [
    'CO-RE without a kernel',
    () => {
      const b = new BtfBuilder()
      const s = b.struct('task_struct', [{ name: 'pid', type: b.int('int', 4) }])
      const ext = buildBtfExt(
        { relocations: new Map([['xdp', [{ offset: 8, type: s, access: '0:0', kind: 0 }]]]) },
        (t) => b.string(t),
      )
      return program(RETURN_0, {
        sections: [
          { name: '.BTF', data: b.build() },
          { name: '.BTF.ext', data: ext },
        ],
      })
    },
    'BAD_CORE',
    'give its BTF (/sys/kernel/btf/vmlinux) in the option kernelBtf',
    { section: 'xdp', symbol: 'main', insn: 1 },
  ],
  [
    'too many line records',
    () => {
      const b = new BtfBuilder()
      const line = { offset: 0, file: 'a', text: 'b', line: 1, column: 1 }
      const ext = buildBtfExt({ lines: new Map([['xdp', Array(9).fill(line)]]) }, (t) => b.string(t))
      return program(RETURN_0, {
        sections: [
          { name: '.BTF', data: b.build() },
          { name: '.BTF.ext', data: ext },
        ],
      })
    },
    'BAD_BTF',
    '9 line records for 2 instructions',
  ],
]

describe('parseElf refuses', () => {
  it.each([...container, ...functions, ...relocations, ...externs, ...maps, ...types])(
    '%s',
    (_, bytes, code, message, place) => {
      const error = refusal(bytes())
      expect(error.message).toContain(message)
      expect(error.code).toBe(code)
      if (place) expect(error.place).toEqual(place)
      expect(error.message).not.toMatch(/\n/)
    },
  )

  it('names of the object do not break its message', () => {
    const error = refusal(
      buildElf({
        sections: [{ name: 'x\ny', flags: CODE, data: RETURN_0 }],
        symbols: [{ name: 'f\u001b', section: 'x\ny', size: 4, type: FUNC }],
      }),
    )
    expect(error.message).toContain('(section x?y, symbol f?)')
  })
})
