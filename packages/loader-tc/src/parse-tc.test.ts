import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  parsePinning,
  parseTc,
  parseTcBytecode,
  pinPathOf,
  readBytecode,
  scanSlot,
  TcError,
} from './index.ts'
import { sha1 } from './sha1.ts'

const read = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../testdata/${name}.o`, import.meta.url)))

const refusal = (act: () => unknown): TcError => {
  try {
    act()
  } catch (error) {
    expect(error).toBeInstanceOf(TcError)
    return error as TcError
  }
  throw new Error('nothing was thrown')
}

describe('an object of iproute2', () => {
  it('has its entry and what is in the slots that sections name', () => {
    const spec = parseTc(read('cyclic'))
    expect(spec.entry).toBe('begin')
    expect(spec.programs.map(({ name, type, section }) => [name, type, section])).toEqual([
      ['again', 'sched_cls', '0xabccba/0'],
      ['begin', 'sched_cls', 'classifier'],
    ])
    expect(spec.slots).toEqual([{ map: 'ring', key: 0, program: 'again' }])
    const object = createHash('sha1').update(read('cyclic')).digest('hex')
    expect(spec.pins).toEqual([{ map: 'ring', path: `/sys/fs/bpf/tc/${object}/ring` }])
    const ring = { name: 'ring', type: 3, keySize: 4, valueSize: 4, maxEntries: 1, pinning: 'by_name' }
    expect(spec.maps[0]).toMatchObject({ ...ring, initial: [{ index: 0, program: 'again' }] })
    expect(spec.license).toBe('GPL')
  })

  it('may have several arrays, and numbers of any base', () => {
    const spec = parseTc(read('jumps'))
    expect(spec.slots).toEqual([
      { map: 'ways', key: 0, program: 'first' },
      { map: 'ways', key: 1, program: 'second' },
      { map: 'ends', key: 0, program: 'last' },
    ])
    expect(spec.elfMaps.map(({ name, id, pinning }) => [name, id, pinning])).toEqual([
      ['ways', 42, 1],
      ['ends', 43, 1],
      ['counter', 0, 1],
    ])
  })

  it('is loaded by section or by program, and leaves the others out', () => {
    for (const name of ['graft', 'graft_legacy']) {
      expect(parseTc(read(name)).programs.map((p) => p.name)).toEqual(['choose'])
      expect(parseTc(read(name), { section: 'red' }).entry).toBe('to_red')
      expect(parseTc(read(name), { program: 'to_green', section: 'red' }).entry).toBe('to_green')
      expect(parseTc(read(name)).pins).toEqual([{ map: 'choice', path: '/sys/fs/bpf/tc/globals/choice' }])
    }
    expect(parseTc(read('graft_legacy')).notes.join()).toContain('unable to find map id 0')
  })

  it('has maps in maps', () => {
    for (const name of ['nested', 'nested_legacy']) {
      const outer = parseTc(read(name), { section: 'egress' }).maps.find((m) => m.name === 'outer')!
      expect(outer).toMatchObject({ valueSize: 4, inner: { keySize: 4, valueSize: 4, maxEntries: 1 } })
      expect(outer.initial).toEqual([{ index: 0, map: 'inner' }])
      expect(outer.pinPath).toBe('/sys/fs/bpf/tc/globals/outer')
    }
  })

  it.each([
    [4, 0, 0],
    [5, 0, 0],
    [6, 9, 0],
    [7, 9, 5],
    [9, 9, 5],
  ])('of %i words has id %i and pinning %i', (words, id, pinning) => {
    const bytes = read(`sizes_${words}`)
    const spec = parseTc(bytes, { type: 'xdp', pinning: { 5: 'mine/here' }, mount: '/bpf' })
    expect(spec.elfMaps).toMatchObject([
      { name: 'sized', type: 1, sizeKey: 4, sizeValue: 8, maxElem: 16, id, pinning },
    ])
    expect(spec.pins.map((pin) => pin.path)).toEqual(pinning === 5 ? ['/bpf/mine/here/sized'] : [])
    expect(spec.programs[0]!.type).toBe('xdp')
    const without = parseTc(bytes, { type: 'xdp' })
    expect([without.pins, without.notes.some((note) => note.includes('pinning 5'))]).toEqual([
      [],
      pinning === 5,
    ])
  })

  it('is refused in the words of tc', () => {
    expect(refusal(() => parseTc(read('graft'), { section: 'blue' }))).toMatchObject({
      code: 'NO_SECTION',
      says: "object file doesn't contain sec blue",
      message: expect.stringContaining('red, green'),
    })
    expect(refusal(() => parseTc(read('graft'), { program: 'blue' })).code).toBe('NO_PROGRAM')
    expect(refusal(() => parseTc(read('graft'), { type: 'socket' as 'xdp' })).code).toBe('BAD_OPTION')
  })

  it.each([
    // Words of struct bpf_elf_map, at their place in the object: max_elem 1, id 42.
    ['nested_legacy', { 1: { 7: 0 } }, 'NO_INNER_MAP', /no inner map ID/],
    ['nested_legacy', { 1: { 7: 41 } }, 'NO_INNER_MAP', /ID 41 not found/],
    ['nested_legacy', { 0: { 8: 1 } }, 'BAD_SLOT', /has 1 elements, index 1/],
    ['jumps', { 0: { 3: 1 } }, 'BAD_SLOT', /key 1 for map 42 out of bounds/],
  ] as const)('%s with %j: %s', (name, words, code, text) => {
    const bytes = read(name)
    const { elfMaps } = parseTc(bytes, { section: name === 'jumps' ? 'classifier' : 'egress' })
    const first = elfMaps[0]!
    const head = [first.type, first.sizeKey, first.sizeValue, first.maxElem, first.flags, first.id]
    const view = new DataView(bytes.buffer)
    let at = 0
    while (!head.every((word, n) => view.getUint32(at + 4 * n, true) === word)) at += 4
    for (const [map, changes] of Object.entries(words))
      for (const [word, value] of Object.entries(changes as Record<string, number>))
        view.setUint32(at + Number(map) * 36 + Number(word) * 4, value, true)
    const error = refusal(() => parseTc(bytes, { section: name === 'jumps' ? 'classifier' : 'egress' }))
    expect(error.code).toBe(code)
    expect(error.message).toMatch(text)
  })
})

describe('names and numbers', () => {
  it.each([
    ['42/1', { id: 42, key: 1 }],
    ['0xabccba/0', { id: 0xabccba, key: 0 }],
    [' 017/0x10 rest', { id: 15, key: 16 }],
    ['-1/+2', { id: 0xffff_ffff, key: 2 }],
    ['08/1', undefined],
    ['1/', undefined],
    ['classifier', undefined],
    ['1 /1', undefined],
  ])('a section %j is slot %j', (section, slot) => expect(scanSlot(section)).toEqual(slot))

  it('a table of pinning scopes is read as iproute2 reads it', () => {
    const text = '# comment\n\n 3 foo/bar\n0x4\t/baz/ # more\n2 taken\n'
    expect(parsePinning(text)).toEqual({ 3: 'foo/bar', 4: 'baz' })
    expect(refusal(() => parsePinning('3 a\nfive b')).place.line).toBe(2)
    expect(pinPathOf('m:globals/x')).toBe('/sys/fs/bpf/tc/globals/x')
    expect(pinPathOf('/a/x')).toBe('/a/x')
  })

  it('SHA-1 is that of others', () => {
    for (const size of [0, 1, 55, 56, 63, 64, 65, 119, 120, 1000]) {
      const bytes = Uint8Array.from({ length: size + 3 }, (_, n) => n * 7).subarray(3)
      expect(sha1(bytes)).toBe(createHash('sha1').update(bytes).digest('hex'))
    }
  })
})

describe('bytecode', () => {
  it('is read as tc reads it, on lines too', () => {
    const insns = [
      { code: 0x28, jt: 0, jf: 0, k: 12 },
      { code: 0x15, jt: 0, jf: 1, k: 2048 },
      { code: 6, jt: 0, jf: 0, k: 0xffff_ffff },
      { code: 6, jt: 0, jf: 0, k: 0 },
    ]
    const text = '4,40 0 0 12,21 0 1 2048,6 0 0 -1,6 0 0 0,'
    expect(readBytecode(text)).toEqual(insns)
    const spec = parseTcBytecode(text)
    expect(spec.programs.map((p) => p.type)).toEqual(['sched_cls'])
    const file = '4\n40  0 0 12\n21 0\t1 2048,\n6 0 0 4294967295\n6 0 0 0'
    expect(parseTcBytecode(new TextEncoder().encode(file), { file: true }).programs[0]!.insns).toEqual(
      spec.programs[0]!.insns,
    )
  })

  it.each([
    ['2,6 0 0 0,', 'Parsed program length is less than encoded length parameter!'],
    ['1,6 0 0 0,6 0 0 0,', 'Real program length exceeds encoded length parameter!'],
    ['2,6 0 0 0,6 0 0,', 'Error at instruction 1!'],
    ['1 6 0 0 0', 'Unable to parse bpf command line'],
    ['0,', 'Unable to parse bpf command line'],
    ['', 'Unable to parse bpf command line'],
  ])('%j is refused', (text, says) => {
    expect(refusal(() => readBytecode(text))).toMatchObject({ code: 'BAD_BYTECODE', says })
  })
})
