import { buildBtf } from '@skep/btf'
import { describe, expect, it } from 'vitest'
import { parseElf } from '../src/index.ts'
import { buildElf, CODE, FUNC, LOCAL, OBJECT, program, RETURN_0, words } from './build-elf.ts'
import { mapObject, withBtf } from './map-object.ts'

const LD_IMM64 = [0x18, 0, 0, 0]
const EXIT = [0x95, 0]

describe('parseElf takes', () => {
  it('what the builder of these tests makes', () => {
    const spec = parseElf(program(RETURN_0))
    expect(spec.programs).toMatchObject([{ name: 'main', type: 'xdp', insns: RETURN_0 }])
  })

  it('malformed BTF that nothing needs, with a note', () => {
    const spec = parseElf(program(RETURN_0, { sections: [{ name: '.BTF', data: new Uint8Array(30) }] }))
    expect(spec.btf).toBeUndefined()
    expect(spec.notes).toEqual(['section .BTF is left out: BTF begins with 0x0, not 0xeb9f (offset 0)'])
  })

  it('malformed BTF.ext, with a note', () => {
    const sections = [withBtf((b) => b.int('int', 4)), { name: '.BTF.ext', data: new Uint8Array(30) }]
    const spec = parseElf(program(RETURN_0, { sections }))
    expect(spec.btf).toBeDefined()
    expect(spec.notes[0]).toContain('section .BTF.ext is left out')
  })

  it('what clang 3.7 wrote: relocations of type 0 with no addend, functions among the labels of blocks', () => {
    const spec = parseElf(
      buildElf({
        sections: [
          { name: 'xdp', flags: CODE, data: words(...LD_IMM64, 0, 0, ...EXIT) },
          { name: '.relaxdp', type: 4, info: 1, entrySize: 24, data: words(0, 0, 0, 3, 0, 0) },
          { name: 'maps', data: words(1, 4, 4, 1, 0) },
        ],
        symbols: [
          { name: 'LBB0_0', section: 'xdp', binding: LOCAL },
          { name: 'main', section: 'xdp', binding: LOCAL },
          { name: 'm', section: 'maps' },
        ],
      }),
    )
    expect(spec.programs.map((p) => [p.name, p.references])).toEqual([
      ['main', [{ insn: 0, kind: 'map', map: 'm' }]],
    ])
  })

  it('static programs, with a note', () => {
    const spec = parseElf(
      buildElf({
        sections: [{ name: 'xdp', flags: CODE, data: RETURN_0 }],
        symbols: [{ name: 'f', section: 'xdp', size: 16, type: FUNC, binding: LOCAL }],
      }),
    )
    expect(spec.programs.map((p) => p.name)).toEqual(['f'])
    expect(spec.notes).toEqual([
      'program f is static, which libbpf does not take; leave `static` out, or the section',
    ])
  })

  it('maps that another loader pins, with a note', () => {
    const spec = parseElf(
      mapObject((_, uint) => [
        ['type', uint(1)],
        ['pinning', uint(16)],
      ]),
    )
    expect(spec.maps[0]!.pinning).toBeUndefined()
    expect(spec.notes[0]).toContain('map m is not pinned: pinning 16')
  })

  const legacy = (definitions: Uint8Array, names: readonly string[]): Uint8Array =>
    buildElf({
      sections: [{ name: 'maps', data: definitions }],
      symbols: names.map((name, i) => ({
        name,
        section: 'maps',
        value: (i * definitions.length) / names.length,
        type: OBJECT,
      })),
    })
  const inner = { name: 'outer.inner', type: 2, keySize: 4, valueSize: 8, maxEntries: 7 }

  it('legacy maps whose size is no multiple of a word: what is missing is zero', () => {
    const definition = Uint8Array.of(...words(1, 4, 8, 7), 5, 0)
    expect(parseElf(legacy(definition, ['m'])).maps).toEqual([
      { name: 'm', type: 1, keySize: 4, valueSize: 8, maxEntries: 7, flags: 5 },
    ])
  })

  it("the templates of the kernel samples' maps, by index", () => {
    const spec = parseElf(legacy(words(2, 4, 8, 7, 0, 0, 0, 12, 4, 4, 9, 0, 0, 0), ['array', 'outer']))
    expect(spec.maps.map((m) => m.inner)).toEqual([undefined, inner])
  })

  it("the templates of iproute2's maps, by id, and what it pins", () => {
    const spec = parseElf(
      legacy(words(12, 4, 4, 9, 0, 1, 2, 5, -1, 2, 4, 8, 7, 0, 5, 0, 0, 0), ['outer', 'array']),
    )
    expect(spec.maps.map((m) => m.inner)).toEqual([inner, undefined])
  })

  it('maps of a section for each, whose template is counted over all', () => {
    const spec = parseElf(
      buildElf({
        sections: [
          { name: 'maps/outer', data: words(12, 4, 4, 9, 0, 1, 0) },
          { name: 'maps/array', data: words(2, 4, 8, 7, 0, 0, 0) },
        ],
        symbols: ['outer', 'array'].map((name) => ({ name, section: `maps/${name}`, type: OBJECT })),
      }),
    )
    expect(spec.maps.map((m) => m.inner)).toEqual([inner, undefined])
  })

  it('two names for one function', () => {
    const spec = parseElf(
      program(RETURN_0, { symbols: [{ name: 'alias', section: 'xdp', size: 16, type: FUNC }] }),
    )
    expect(spec.programs.map((p) => p.name)).toEqual(['main', 'alias'])
  })

  it('struct_ops without types, with a note', () => {
    const spec = parseElf(program(RETURN_0, { sections: [{ name: '.struct_ops', data: RETURN_0 }] }))
    expect(spec.notes).toEqual(['section .struct_ops is left out: no BTF says what its structs are'])
  })

  it('the members of structs that programs implement', () => {
    const btf = buildBtf((b) => {
      const int = b.int('int', 4, { signed: true })
      const fn = b.pointer(b.funcProto(int))
      const ops = b.struct('some_ops___v2', [
        { name: 'number', type: int },
        { name: 'first', type: fn },
        { name: 'second', type: fn },
      ])
      b.dataSection('.struct_ops.link', 0, [{ type: b.variable('ops', ops), offset: 0, size: 24 }])
    })
    const spec = parseElf(
      buildElf({
        sections: [
          { name: 'struct_ops/ours', flags: CODE, data: RETURN_0 },
          { name: '.struct_ops.link', data: new Uint8Array(24) },
          { name: '.BTF', data: btf },
        ],
        symbols: [
          { name: 'ours', section: 'struct_ops/ours', size: 16, type: FUNC },
          { name: 'ops', section: '.struct_ops.link', size: 24, type: OBJECT },
        ],
        relocations: { '.struct_ops.link': [[16, 2, 0]] },
      }),
    )
    expect(spec.programs.map((p) => [p.name, p.attachTo])).toEqual([['ours', 'some_ops:second']])
    expect(spec.notes).toEqual([])
    expect(spec.structOps).toEqual([
      {
        name: 'ops',
        struct: 'some_ops',
        value: new Uint8Array(24),
        methods: [{ member: 'second', program: 'ours', args: 0, returns: { size: 4, signed: true } }],
      },
    ])
  })
})
