import { describe, expect, it } from 'vitest'
import { field, type StructContext, struct } from './context.ts'
import { contextAllows, contextFieldAt } from './context-access.ts'

const context: StructContext = struct('request', {
  exact: field.u32({ widths: 'exact' }),
  narrow: field.u32({ write: true, writeExact: true }),
  first: field.u32({ widths: 'first' }),
  port: field.u32({ narrowTo: 2 }),
  words: field.array(field.u32(), 4, { widths: 'any', minWriteWidth: 4, write: ['bind'] }),
  secret: field.u32({ read: ['bind'] }),
  hidden: field.padding(4),
  data: field.pointer('packet'),
})
const at = (off: number, size: number, write = false, attachType = ''): string | undefined =>
  contextFieldAt(context, off, size, write, attachType)?.name

describe('contextFieldAt', () => {
  it('takes the unit alone for exact fields', () => {
    expect([at(0, 4), at(0, 2), at(0, 8)]).toEqual(['exact', undefined, undefined])
  })

  it('takes aligned parts of narrow fields, and whole stores', () => {
    expect([at(4, 1), at(7, 1), at(6, 2), at(5, 2)]).toEqual(['narrow', 'narrow', 'narrow', undefined])
    expect([at(4, 4, true), at(4, 2, true)]).toEqual(['narrow', undefined])
  })

  it('takes parts from the first byte on, or within the first bytes', () => {
    expect([at(8, 2), at(10, 2)]).toEqual(['first', undefined])
    expect([at(12, 4), at(13, 1), at(14, 1), at(14, 2)]).toEqual(['port', 'port', undefined, undefined])
  })

  it('takes wide accesses inside arrays, and stores of a least width', () => {
    expect([at(16, 8), at(20, 8), at(28, 8)]).toEqual(['words', undefined, undefined])
    expect([at(16, 8, true, 'bind'), at(16, 2, true, 'bind'), at(16, 4, true)]).toEqual([
      'words',
      undefined,
      undefined,
    ])
  })

  it('minds the attach type, reserved bytes and the ends', () => {
    expect([at(32, 4), at(32, 4, false, 'bind'), at(36, 4)]).toEqual([undefined, 'secret', undefined])
    expect([at(-4, 4), at(48, 4)]).toEqual([undefined, undefined])
  })
})

describe('contextAllows', () => {
  it('never lets a pointer be written', () => {
    const writable = { ...context, fields: context.fields.map((f) => ({ ...f, write: true })) }
    expect(contextAllows(writable, 40, 8, false, '')).toBe(true)
    expect(contextAllows(writable, 40, 8, true, '')).toBe(false)
  })

  it('takes raw bytes from a start on, aligned, and writes where they may be written', () => {
    const raw = { kind: 'raw', name: 'record', size: 16, start: 8 } as const
    const allowed = [0, 7, 8, 12, 15].map((off) => contextAllows(raw, off, 4, false, ''))
    expect(allowed).toEqual([false, false, true, true, false])
    expect(contextAllows(raw, 8, 4, true, '')).toBe(false)
    expect(contextAllows({ ...raw, writable: true }, 8, 4, true, '')).toBe(true)
  })

  it('takes reads of arguments alone', () => {
    const args = { kind: 'args', name: 'args', max: 2, btf: false } as const
    expect([0, 8, 16].map((off) => contextAllows(args, off, 8, false, ''))).toEqual([true, true, false])
    expect(contextAllows(args, 0, 8, true, '')).toBe(false)
  })
})
