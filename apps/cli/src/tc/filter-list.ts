import { formatAction, formatClassid, formatProgram } from '@skep/loader-tc'
import { jsonValue } from '../output.ts'
import type { FilterSelector, ShowOptions } from './filter.ts'
import { formatProtocol } from './protocols.ts'
import type { InstalledFilter, TcDevice } from './state.ts'

type Side = 'ingress' | 'egress'

/** Filters as `tc filter show` lists them: a line for each priority, and one for each filter below it. */
export function showFilters(
  device: TcDevice,
  only: Side | undefined,
  selector: FilterSelector,
  show: ShowOptions,
): string[] {
  const sides: readonly Side[] = only ? [only] : ['ingress', 'egress']
  const chosen = sides.flatMap((side) =>
    device.filters[side]
      .filter(({ link }) => selector.priority === undefined || link.priority === selector.priority)
      .filter(({ link }) => selector.chain === undefined || link.chain === selector.chain)
      .map((filter) => ({ side, filter })),
  )
  const order = ({ link }: InstalledFilter): readonly number[] => [link.chain, link.priority]
  chosen.sort((a, b) => {
    if (a.side !== b.side) return a.side < b.side ? 1 : -1
    const [x, y] = [order(a.filter), order(b.filter)]
    return x[0]! - y[0]! || x[1]! - y[1]!
  })
  const lines: string[] = []
  const objects: object[] = []
  let before = ''
  for (const { side, filter } of chosen) {
    const { link, protocol } = filter
    const where = only ? '' : `${side} `
    const head = `filter ${where}protocol ${formatProtocol(protocol)} pref ${link.priority} bpf chain ${link.chain} `
    const about = { protocol: formatProtocol(protocol), pref: link.priority, kind: 'bpf', chain: link.chain }
    if (head !== before) {
      lines.push(head)
      objects.push(about)
    }
    before = head
    lines.push(`${head}${describe(filter)}`, ...details(filter, show))
    objects.push({ ...about, options: options(filter, show) })
  }
  return show.json ? [JSON.stringify(objects, jsonValue)] : lines
}

function describe({ link, words }: InstalledFilter): string {
  const { classid, directAction, program } = words
  return [
    `handle 0x${link.handle.toString(16)} `,
    classid === undefined ? '' : `flowid ${formatClassid(classid)} `,
    program ? `${formatProgram(program)} ` : '',
    directAction ? 'direct-action ' : '',
    words.skipHw ? 'skip_hw ' : '',
    `not_in_hw id ${link.program.id} name ${link.program.name} `,
  ].join('')
}

const details = ({ link, words }: InstalledFilter, { stats }: ShowOptions): string[] => [
  ...words.actions.map((action, n) => `\taction order ${n + 1}: ${formatAction(action)}`),
  ...(stats
    ? [` Seen ${link.stats.bytes} bytes ${link.stats.packets} pkt (matched ${link.stats.matched})`]
    : []),
]

const options = ({ link, words }: InstalledFilter, { stats }: ShowOptions): object => ({
  handle: `0x${link.handle.toString(16)}`,
  ...(words.classid === undefined ? {} : { flowid: formatClassid(words.classid) }),
  ...(words.program ? { bpf_name: formatProgram(words.program) } : {}),
  ...(words.directAction ? { 'direct-action': true } : {}),
  ...(words.actions.length > 0 ? { actions: words.actions.map(formatAction) } : {}),
  not_in_hw: true,
  prog: { id: link.program.id, name: link.program.name },
  ...(stats ? { stats: { ...link.stats } } : {}),
})
