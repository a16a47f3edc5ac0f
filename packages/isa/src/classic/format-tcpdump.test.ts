import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { assembleBpfAsm } from './bpf-asm.ts'
import { checkClassic } from './check.ts'
import { formatDdd, parseDdd } from './ddd.ts'
import { disassembleBpfAsm } from './format-bpf-asm.ts'
import { formatClassic } from './format-tcpdump.ts'
import { decodeClassic, encodeClassic } from './insn.ts'

const testdata = (name: string): string =>
  readFileSync(new URL(`../../testdata/classic/${name}`, import.meta.url), 'utf8')

interface Filter {
  readonly name: string
  readonly text: readonly string[]
  readonly ddd: string
}

/** Expression, `tcpdump -d` and `tcpdump -ddd`, in turns. */
const filters: Filter[] = testdata('filters.txt')
  .split(/^# /m)
  .slice(1)
  .map((part) => {
    const [name, ...lines] = part.trimEnd().split('\n')
    const text = lines.filter((line) => line.startsWith('('))
    const ddd = lines.filter((line) => !line.startsWith('('))
    return { name: name!, text, ddd: `${ddd.join('\n')}\n` }
  })

describe('formatClassic', () => {
  it('writes every opcode as libpcap does', () => {
    const rows = testdata('image.txt')
      .trimEnd()
      .split('\n')
      .map((row) => row.split(' | ') as [string, string])
      // libpcap 1.10.3, which was recorded, does not know it; later versions do.
      .map(([fields, text]) => [fields, text.replace('unimp    0x81', 'ldx      #pktlen')] as const)
    expect(rows.length).toBeGreaterThan(400)
    const nops = Array.from({ length: 7 }, () => ({ code: 0, jt: 0, jf: 0, k: 0 }))
    const ours = rows.map(([fields]) => {
      const [code, jt, jf, k] = fields.split(' ').map(Number) as [number, number, number, number]
      return [fields, formatClassic([...nops, { code, jt, jf, k }])[7]]
    })
    expect(ours).toEqual(rows)
  })

  it.each(filters.map((filter) => [filter.name, filter] as const))(
    'writes what tcpdump wrote: %s',
    (_, filter) => {
      const insns = parseDdd(filter.ddd)
      expect(insns).toHaveLength(filter.text.length)
      expect(formatClassic(insns)).toEqual(filter.text)
      expect(formatDdd(insns)).toBe(filter.ddd)
      expect(parseDdd(formatDdd(insns, 'commas'))).toEqual(insns)
      expect(decodeClassic(encodeClassic(insns))).toEqual(insns)
      // libpcap leaves rubbish in the k of instructions that read none, so compare what is read.
      expect(formatClassic(assembleBpfAsm(disassembleBpfAsm(insns)))).toEqual(filter.text)
      expect(() => checkClassic(insns)).not.toThrow()
    },
  )
})
