import { readFileSync } from 'node:fs'
import { parseElf } from '@skep/loader-elf'
import { createDefaultPlatform } from '@skep/runtime'
import { describe, expect, it } from 'vitest'
import { comparable, type Knowledge, type Recorded } from '../../../../packages/loader-elf/test/recorded.ts'
import { compareObject } from './compare.ts'
import { withFigures } from './page.ts'

const bytes = readFileSync(new URL('../../../../packages/loader-elf/testdata/maps.o', import.meta.url))
const known: Knowledge = { platform: createDefaultPlatform(), cpus: 4 }
const options = { platform: known.platform }
const record = comparable(parseElf(bytes, options), { maps: [], programs: [], btf: '' }, known) as Recorded
const taken = (changed: object = {}) =>
  ({ kind: 'taken', version: '1.1', record: { ...record, ...changed } }) as const

describe('compareObject', () => {
  it('finds what is the same', () => {
    expect(compareObject(bytes, taken(), options, known)).toEqual({ kind: 'same' })
  })

  it('says which map, which program and which instruction differ', () => {
    const [first, ...maps] = record.maps!
    const programs = record.programs!.map((one, i) =>
      i > 0
        ? one
        : {
            ...one,
            flags: 8,
            insns: (one as unknown as { insns: string }).insns.replace(/^(.{16})./, '$1f'),
          },
    )
    const outcome = compareObject(
      bytes,
      taken({ maps: [{ ...first, maxEntries: 77 }, ...maps], programs }),
      options,
      known,
    )
    expect(outcome).toMatchObject({ kind: 'differs' })
    const { differences } = outcome as { differences: readonly string[] }
    expect(differences[0]).toMatch(/^maps\[\w+\]\.maxEntries: \d+ here, 77 of libbpf$/)
    expect(differences[1]).toMatch(/^programs\[\w+\]\.flags: 0 here, 8 of libbpf$/)
    expect(differences[2]).toMatch(/^programs\[\w+\]\.insns: .*(insn 1 on|of libbpf)/)
  })

  it('names maps and programs that one side has not', () => {
    const outcome = compareObject(bytes, taken({ maps: record.maps!.slice(1) }), options, known)
    expect(outcome).toMatchObject({ kind: 'differs' })
    expect((outcome as { differences: readonly string[] }).differences[0]).toMatch(
      /^maps: .* here, .* of libbpf$/,
    )
  })

  it('knows why libbpf refuses what is taken here', () => {
    const refused = (reason: string) =>
      compareObject(bytes, { kind: 'refused', errno: 95, reason }, options, known)
    expect(refused("sec 'tc': program 'x' is static and not supported")).toMatchObject({
      kind: 'beyond',
      known: { kind: 'static programs' },
    })
    expect(refused('something new')).toMatchObject({ kind: 'beyond', known: undefined })
  })

  it('tells what is refused here alone from what both refuse', () => {
    const cut = bytes.subarray(0, 900)
    expect(compareObject(cut, taken(), options, known)).toMatchObject({ kind: 'short' })
    const both = compareObject(cut, { kind: 'crashed', reason: 'SIGSEGV' }, options, known)
    expect(both).toMatchObject({ kind: 'refused', theirs: 'libbpf ends by SIGSEGV' })
  })
})

describe('withFigures', () => {
  it('writes between the marks, and says when there are none', () => {
    const outcome = { kind: 'same' } as const
    const rows = [{ collection: 'ours', file: 'maps.o', answer: taken(), outcome }]
    const text = withFigures('before\n<!-- figures -->\nold\n<!-- end -->\nafter', rows, ['1.1'], '6.18.0-x')
    expect(text).toMatch(
      /^before\n<!-- figures -->[\s\S]*\| ours \| 1 \| 1 \| 0 \| 0 \| 0 \| 0 \|[\s\S]*<!-- end -->\nafter$/,
    )
    expect(text).not.toContain('old')
    expect(() => withFigures('none', rows, ['1.1'], '6')).toThrow('<!-- figures -->')
  })
})
