import { formatClassic } from '@skep/isa'
import { describe, expect, it } from 'vitest'
import { CbpfError } from '../errors.ts'
import { runClassic } from '../run-classic.ts'
import { compileClassicFilter, compileClassicProgram, compileFilter } from './compile.ts'
import { FilterError } from './filter-error.ts'
import { filterDot } from './graph-dot.ts'
import type { FilterCondition, FilterValue } from './ir.ts'

const codeOf = (act: () => unknown): string | undefined => {
  try {
    act()
    return undefined
  } catch (error) {
    if (error instanceof FilterError || error instanceof CbpfError) return error.code
    throw error
  }
}

const load = (offset: number): FilterValue => ({ op: 'load', size: 1, offset })
const is = (offset: number, value: number): FilterCondition => ({
  op: 'eq',
  left: load(offset),
  right: { op: 'constant', value },
})

describe('compileClassicFilter', () => {
  it('makes short code', () => {
    expect(formatClassic(compileClassicFilter('ip and ip[8] < 5'))).toEqual([
      '(000) ldh      [12]',
      '(001) jeq      #0x800           jt 2\tjf 5',
      '(002) ldb      [22]',
      '(003) jge      #0x5             jt 5\tjf 4',
      '(004) ret      #262144',
      '(005) ret      #0',
    ])
    expect(compileClassicFilter('')).toHaveLength(1)
    expect(compileClassicFilter('ip and ip')).toHaveLength(4)
    expect(compileClassicFilter('ip and ip', { optimise: false })).toHaveLength(6)
  })

  it('refuses what accepts no packet, if it may look', () => {
    expect(codeOf(() => compileClassicFilter('ip and arp'))).toBe('REJECTS_ALL')
    expect(codeOf(() => compileClassicFilter('ip and arp', { optimise: false }))).toBeUndefined()
  })

  it('refuses what classic BPF has no way or room for, which eBPF has', () => {
    const chain = 'ip protochain 6'
    expect(codeOf(() => compileClassicFilter(chain))).toBe('NO_LOOPS')
    expect(compileFilter(chain).programs[0]!.insns.length).toBeGreaterThan(0)
    const many = Array.from({ length: 2100 }, (_, n) => `ether[${n}] = 1`)
    expect(codeOf(() => compileClassicFilter(many.join(' or ')))).toBe('TOO_MANY_INSNS')
    expect(compileFilter(many.join(' or ')).programs[0]!.insns.length / 8).toBeGreaterThan(4096)
  })

  it('refuses calculations of numbers where libpcap comes to them', () => {
    const refused = (text: string, linkType = 1): unknown => {
      try {
        return compileClassicFilter(text, { linkType }).length
      } catch (error) {
        return error
      }
    }
    expect(refused('len << (30 + 2) = 1')).toMatchObject({ code: 'BAD_VALUE', word: '30 + 2', offset: 8 })
    expect(refused('ip and len / (3 - 3) = 1')).toMatchObject({ code: 'BAD_VALUE', word: '3 - 3' })
    // LOOP has no LAT, so that nothing is left of it.
    expect(refused('lat[13] << (30 + 3) = 1 or ip', 108)).toBe(4)
    expect(refused('lat[13] << (30 + 3) = 1 or ip')).toMatchObject({ code: 'BAD_VALUE' })
    expect(refused('2 = 3')).toMatchObject({ code: 'REJECTS_ALL' })
    expect(refused('ip and 2 = 3')).toMatchObject({ code: 'REJECTS_ALL' })
    expect(refused('ip and 2 = 1 + 2')).toBe(1)
  })

  it('finds nothing in front of the packet', () => {
    const packet = new Uint8Array(60)
    packet.set([0x08, 0x00, 0x45], 12)
    const accepts = (text: string): boolean => runClassic(compileClassicFilter(text), packet) !== 0
    expect(accepts('ip[ip[1] - 0] = 0x45')).toBe(true)
    expect(accepts('ip[ip[1] - 2] = 8')).toBe(false)
    expect(accepts('ip[-ip[0] + 67] = 8')).toBe(false)
    expect(accepts('ip[-ip[0] + 69] = 0x45')).toBe(true)
  })

  it('jumps farther than a conditional jump can', () => {
    const far: FilterCondition[] = Array.from({ length: 600 }, (_, n) => is(n, 1))
    const code = compileClassicProgram({
      condition: { op: 'any', conditions: far },
      variables: 0,
      snaplen: 7,
    })
    expect(code.length).toBeGreaterThan(1201)
    expect(code.length).toBeLessThan(1215)
    for (const { jt, jf } of code) expect(Math.max(jt, jf)).toBeLessThan(256)
    const packet = new Uint8Array(700)
    expect(runClassic(code, packet)).toBe(0)
    packet[300] = 1
    expect(runClassic(code, packet)).toBe(7)
  })
})

describe('filterDot', () => {
  it('draws tests, ends and loops', () => {
    const text = filterDot('ip protochain 6 or vlan 5', { snaplen: 96 })
    expect(text).toMatch(/^digraph filter \{/)
    expect(text).toContain('H[12] = 0x800')
    expect(text).toContain('[label="accept 96", shape=oval]')
    expect(text).toContain('[label="loop", style=dotted]')
  })
})
