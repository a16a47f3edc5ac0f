import { readdirSync, readFileSync } from 'node:fs'
import { decode } from '@skep/isa'
import { describe, expect, it } from 'vitest'
import { parseElf } from './parse-elf.ts'

const testdata = new URL('../../../apps/cli/testdata/', import.meta.url)
const load = (name: string) => parseElf(new Uint8Array(readFileSync(new URL(name, testdata))))

describe('parseElf', () => {
  it('reads the firewall', () => {
    const spec = load('firewall.o')
    expect(spec.programs.map((p) => [p.name, p.section, p.type])).toEqual([['firewall', 'xdp', 'xdp']])
    expect(spec.maps.map((m) => m.name)).toEqual(['traffic', 'blocked', 'shares', '.rodata'])
    expect(spec.maps.find((m) => m.name === 'blocked')).toMatchObject({
      type: 1,
      keySize: 4,
      valueSize: 8,
      maxEntries: 1024,
    })
    expect(spec.variables.map((v) => v.name).sort()).toContain('blocked_udp_port')
    expect(spec.license).toBe('Dual MIT/GPL')
  })

  it.each(readdirSync(testdata).filter((f) => f.endsWith('.o')))(
    '%s: every program decodes after linking',
    (file) => {
      const spec = load(file)
      for (const program of spec.programs) {
        expect(decode(program.insns).length).toBeGreaterThan(1)
        const names = new Set(spec.maps.map((m) => m.name))
        for (const r of program.references) if ('map' in r) expect(names).toContain(r.map)
      }
    },
  )
})
