import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { BTF_KIND, BtfBuilder, BtfError, buildBtf, formatCHeader, parseBtf } from './index.ts'

const bpftool = '/usr/sbin/bpftool'

function everyKind(): Uint8Array {
  return buildBtf((b) => {
    const int = b.int('int', 4, { signed: true })
    const char = b.int('char', 1, { signed: true })
    const bool = b.int('_Bool', 1, { bool: true })
    const u64 = b.typedef('u64', b.int('unsigned long long', 8))
    b.enum('small', { A: 0, B: -1 })
    const wide = b.enum('wide', { C: 1n << 40n })
    b.forward('later')
    b.forward('either', 'union')
    const text = b.pointer(b.const(char))
    const proto = b.funcProto(int, [
      ['format', text],
      ['', 0],
    ])
    const s = b.struct('mixed', [
      { name: 'flag', type: bool },
      { name: 'number', type: u64 },
      { name: 'low', type: int, bitSize: 3 },
      { name: 'high', type: int, bitSize: 30 },
      { name: 'last', type: char },
      { name: 'wide', type: wide },
      { name: 'names', type: b.array(text, 4, int) },
      { name: 'call', type: b.restrict(b.pointer(proto)) },
      { name: 'user', type: b.pointer(b.typeTag('user', b.volatile(int))) },
      { name: 'real', type: b.float('double', 8) },
    ])
    b.union('either_way', [
      { name: 'a', type: s },
      { name: 'b', type: u64 },
    ])
    b.declTag('important', s, 1)
    b.func('print', proto, 'extern')
    const variable = b.variable('state', s, 'static')
    b.dataSection('.bss', 112, [{ type: variable, offset: 0, size: 112 }])
  })
}

describe('BtfBuilder', () => {
  it('lays structs out as C does', () => {
    const btf = parseBtf(everyKind())
    const id = btf.findByName(BTF_KIND.STRUCT, 'mixed')!
    // As clang lays out the same declaration.
    expect(btf.members(id).map((m) => [m.name, m.bitOffset, m.bitSize])).toEqual([
      ['flag', 0, 0],
      ['number', 64, 0],
      ['low', 128, 3],
      ['high', 160, 30],
      ['last', 192, 0],
      ['wide', 256, 0],
      ['names', 320, 0],
      ['call', 576, 0],
      ['user', 640, 0],
      ['real', 704, 0],
    ])
    expect([btf.size(id), btf.align(id)]).toEqual([96, 8])
    expect(btf.size(btf.findByName(BTF_KIND.UNION, 'either_way')!)).toBe(96)
    expect(btf.enumerators(btf.findByName(BTF_KIND.ENUM, 'small')!)).toEqual([
      { name: 'A', value: 0n },
      { name: 'B', value: -1n },
    ])
    expect(new Set(Array.from({ length: btf.count - 1 }, (_, i) => btf.kind(i + 1))).size).toBe(19)
  })

  it.skipIf(!existsSync(bpftool))('writes what bpftool reads', () => {
    const directory = mkdtempSync(join(tmpdir(), 'skep-btf-'))
    try {
      const file = join(directory, 'raw')
      writeFileSync(file, everyKind())
      const text = execFileSync(bpftool, ['btf', 'dump', 'file', file, 'format', 'c'], { encoding: 'utf8' })
      expect(text).toContain(formatCHeader(parseBtf(everyKind())))
      expect(text).toContain('int high: 30;')
    } finally {
      rmSync(directory, { recursive: true })
    }
  })

  it('writes a string once', () => {
    const b = new BtfBuilder()
    expect(b.string('abc')).toBe(1)
    expect(b.string('de')).toBe(5)
    expect(b.string('abc')).toBe(1)
    expect(b.string('')).toBe(0)
  })

  it.each<[string, (b: BtfBuilder) => void, string]>([
    ['a NUL in a name', (b) => b.int('a\0b', 4), 'has a NUL'],
    ['a value past 64 bits', (b) => b.enum('e', { A: 1n << 64n }), 'does not fit in 64 bits'],
    ['half a value', (b) => b.enum('e', { A: 0.5 }), 'no integer'],
    ['a member of unknown size', (b) => b.struct('s', [{ name: 'm', type: 9 }]), 'give bitOffset and size'],
    [
      'too many members',
      (b) => b.enum('e', Object.fromEntries(Array.from({ length: 70_000 }, (_, i) => [`E${i}`, i]))),
      'BTF counts up to 65535',
    ],
  ])('refuses %s', (_, build, message) => {
    const act = (): unknown => buildBtf(build)
    expect(act).toThrow(BtfError)
    expect(act).toThrow(message)
  })
})
