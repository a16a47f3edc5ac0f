import { describe, expect, it } from 'vitest'
import { evaluateFilter, type FilterPacketInfo } from './evaluate.ts'
import type { FilterCondition, FilterValue } from './ir.ts'

const packet = Uint8Array.of(0x45, 1, 2, 3, 0xff, 0xfe, 7, 0)
const constant = (value: number): FilterValue => ({ op: 'constant', value })
const load = (size: 1 | 2 | 4, offset: number, base?: FilterValue): FilterValue => ({
  op: 'load',
  size,
  offset,
  ...(base ? { base } : {}),
})
const run = (condition: FilterCondition, info?: FilterPacketInfo): boolean =>
  evaluateFilter({ condition, variables: 2, snaplen: 96 }, packet, info) === 96
const equals = (left: FilterValue, right: number, info?: FilterPacketInfo): boolean =>
  run({ op: 'eq', left, right: constant(right) }, info)
const isTrue: FilterCondition = { op: 'true' }

describe('evaluateFilter', () => {
  it('loads in network byte order, from a constant or a computed place', () => {
    expect(equals(load(2, 4), 0xfffe)).toBe(true)
    expect(equals(load(4, 1), 0x010203ff)).toBe(true)
    expect(equals({ op: 'header', offset: 0 }, 20)).toBe(true)
    expect(equals(load(1, 4, load(1, 2)), 7)).toBe(true)
    expect(equals(load(1, 2, constant(0xffff_ffff)), 1)).toBe(true)
  })

  it('rejects at once what loads from outside the packet or divides by 0', () => {
    const outside: FilterCondition = { op: 'ge', left: load(2, 7), right: constant(0) }
    expect(run(outside)).toBe(false)
    expect(run({ op: 'not', condition: outside })).toBe(false)
    expect(run({ op: 'any', conditions: [outside, isTrue] })).toBe(false)
    expect(run({ op: 'any', conditions: [isTrue, outside] })).toBe(true)
    const far = load(1, 0xffff_fff0, load(1, 4))
    expect(run({ op: 'any', conditions: [{ op: 'ge', left: far, right: constant(0) }, isTrue] })).toBe(false)
    for (const op of ['div', 'mod'] as const) {
      const divided: FilterValue = { op, left: constant(4), right: load(1, 7) }
      expect(run({ op: 'any', conditions: [{ op: 'ge', left: divided, right: constant(0) }, isTrue] })).toBe(
        false,
      )
    }
  })

  it('computes in unsigned 32 bits', () => {
    const [left, right] = [constant(0xffff_fff0), constant(0x20)]
    const results = { add: 0x10, sub: 0xffff_ffd0, mul: 0xffff_fe00, div: 0x7ff_ffff, mod: 0x10 }
    for (const [op, result] of Object.entries(results)) {
      expect(equals({ op: op as 'add', left, right }, result), op).toBe(true)
    }
    expect(equals({ op: 'neg', value: constant(1) }, 0xffff_ffff)).toBe(true)
    expect(equals({ op: 'lsh', left, right }, 0)).toBe(true)
    expect(equals({ op: 'rsh', left, right: constant(4) }, 0x0fff_ffff)).toBe(true)
    expect(run({ op: 'gt', left, right })).toBe(true)
    expect(run({ op: 'set', left, right })).toBe(true)
  })

  it('reads what the packet has besides its bytes', () => {
    expect(equals({ op: 'length' }, 8)).toBe(true)
    expect(equals({ op: 'length' }, 1500, { length: 1500 })).toBe(true)
    expect(equals({ op: 'extension', name: 'ifindex' }, 3, { ifindex: 3 })).toBe(true)
    expect(equals({ op: 'extension', name: 'vlan_tag_present' }, 1, { vlan_tag_present: 9 })).toBe(true)
    expect(equals({ op: 'extension', name: 'vlan_tag' }, 0)).toBe(true)
  })

  it('keeps variables, and goes round loops', () => {
    const position: FilterValue = { op: 'variable', variable: 0 }
    const next: FilterValue = { op: 'add', left: position, right: constant(1) }
    const small: FilterCondition = {
      op: 'not',
      condition: { op: 'ge', left: load(1, 1, position), right: constant(0xf0) },
    }
    const walk: FilterCondition = {
      op: 'loop',
      body: { op: 'all', conditions: [small, { op: 'assign', variable: 0, value: next }] },
    }
    const there: FilterCondition = { op: 'eq', left: position, right: constant(3) }
    expect(run({ op: 'all', conditions: [walk, there] })).toBe(true)
    expect(equals(position, 0)).toBe(true)
  })
})
