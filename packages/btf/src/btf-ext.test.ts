import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { BtfBuilder, BtfError, type BtfExt, buildBtfExt, parseBtf, parseBtfExt } from './index.ts'

const testdata = new URL('../testdata/', import.meta.url)
const read = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, testdata)))
const btf = parseBtf(read('types.btf'))

const records: BtfExt = {
  functions: new Map([['xdp', [{ offset: 0, type: 4 }]]]),
  lines: new Map([
    ['xdp', [{ offset: 8, file: 'a.c', text: '\treturn 0;', line: 70_000, column: 1000 }]],
    ['.text', [{ offset: 0, file: 'b.c', text: '', line: 1, column: 0 }]],
  ]),
  relocations: new Map([['xdp', [{ offset: 16, type: 2, access: '0:1:2', kind: 3 }]]]),
}

function build(): { bytes: Uint8Array; strings: Uint8Array } {
  const builder = new BtfBuilder()
  const bytes = buildBtfExt(records, (text) => builder.string(text))
  return { bytes, strings: builder.build() }
}

const code = (bytes: Uint8Array): string | undefined => {
  try {
    parseBtfExt(bytes, btf)
  } catch (error) {
    expect(error).toBeInstanceOf(BtfError)
    return (error as BtfError).code
  }
  return undefined
}

describe('BTF.ext', () => {
  it("reads clang's functions and lines", () => {
    const ext = parseBtfExt(read('types.btfext'), btf)
    expect([...ext.functions.keys()]).toEqual(['xdp', '.text'])
    const [main] = ext.functions.get('xdp')!
    expect(main!.offset).toBe(0)
    expect(btf.name(main!.type)).toBe('program')
    const [line] = ext.lines.get('xdp')!
    expect(line).toMatchObject({ offset: 0, text: expect.stringContaining('twice(&everything.flow') })
    expect(line!.line).toBeGreaterThan(100)
    expect(ext.relocations.size).toBe(0)
  })

  it('reads what it writes', () => {
    const { bytes, strings } = build()
    expect(parseBtfExt(bytes, parseBtf(strings))).toEqual(records)
  })

  it('reads big-endian records', () => {
    const { bytes, strings } = build()
    const little = new DataView(bytes.buffer)
    const big = bytes.slice()
    const view = new DataView(big.buffer)
    view.setUint16(0, 0xeb9f)
    for (let at = 4; at < bytes.length; at += 4) view.setUint32(at, little.getUint32(at, true))
    expect(parseBtfExt(big, parseBtf(strings))).toEqual(records)
  })

  it('takes headers without CO-RE and records with more fields than it knows', () => {
    const words = [0, 24, 0, 24, 24, 0, 12, 1, 1, 8, 4, 99]
    const bytes = new Uint8Array(new Uint32Array(words).buffer)
    new DataView(bytes.buffer).setUint32(0, 0x0001_eb9f, true)
    const ext = parseBtfExt(bytes, btf)
    expect([...ext.functions.values()]).toEqual([[{ offset: 8, type: 4 }]])
    expect(ext.relocations.size).toBe(0)
  })

  it.each<[string, (view: DataView) => void, string]>([
    ['other magic', (v) => v.setUint16(0, 1), 'BAD_MAGIC'],
    ['another version', (v) => v.setUint8(2, 7), 'BAD_HEADER'],
    ['a header past the end', (v) => v.setUint32(4, 9999, true), 'BAD_HEADER'],
    ['a section past the end', (v) => v.setUint32(12, 9999, true), 'TRUNCATED'],
    ['records that are too small', (v) => v.setUint32(32, 4, true), 'BAD_RECORD'],
    ['records of odd size', (v) => v.setUint32(32, 9, true), 'BAD_RECORD'],
    ['more records than fit', (v) => v.setUint32(40, 0xffff_ffff, true), 'BAD_RECORD'],
    ['a section without records', (v) => v.setUint32(40, 0, true), 'BAD_RECORD'],
  ])('refuses %s', (_, change, expected) => {
    const { bytes } = build()
    change(new DataView(bytes.buffer))
    expect(code(bytes)).toBe(expected)
  })

  it('refuses what is too short', () => {
    expect(code(new Uint8Array(3))).toBe('TRUNCATED')
    expect(code(build().bytes.subarray(0, 30))).toBe('BAD_HEADER')
  })
})
