import type { TestCapture } from './captures.ts'
import type { Difference, Tally } from './compare.ts'

const share = (part: number, of: number): string => `${(of === 0 ? 100 : (100 * part) / of).toFixed(2)} %`

/** The figures of a run, a name and a value each. */
export function figures(tally: Tally): readonly (readonly [name: string, value: string])[] {
  const { agreed, compiled } = tally
  const measured = tally.measured
  const unknown = tally.otherPackets.get('') ?? 0
  return [
    ['expressions for a link type', `${tally.expressions}`],
    ['refused by both', `${tally.refused}`],
    ['the same refusals', share(tally.expressions - tally.otherwiseRefused, tally.expressions)],
    ['left out: libpcap’s code reads memory that it has not written', `${tally.unsure}`],
    ['packets asked about', `${tally.packets}`],
    [
      'the same packets: classic code and eBPF on the JIT, beside tcpdump',
      share(tally.samePackets, compiled),
    ],
    ['other packets: libpcap does something else, see below', `${compiled - tally.samePackets - unknown}`],
    ['other packets, for another reason', `${unknown}`],
    ['the same packets: the meaning, beside tcpdump -O', share(agreed.meaning, compiled)],
    [
      'the same packets: classic code without the optimiser, beside tcpdump -O',
      share(agreed['plain classic'], measured),
    ],
    ['code no longer than libpcap’s', share(tally.notLonger, measured)],
    ['code shorter than libpcap’s', share(tally.shorter, measured)],
    ['instructions, of all together', `${tally.ours}, libpcap ${tally.theirs}`],
    ['loops, which classic code has not', `${tally.loops}`],
  ]
}

export function report(title: string, tally: Tally): string {
  return [title, ...figures(tally).map(([name, value]) => `  ${name.padEnd(74)} ${value}`)].join('\n')
}

export function differenceText(
  captures: readonly TestCapture[],
  { question, kind, what }: Difference,
): string {
  const { linkType } = captures[question.capture]!
  return `\n${kind}, link type ${linkType}: ${question.expression}\n  ${what}`
}

/** What libpcap does otherwise, and how many expressions show it. */
function reasons(...tallies: readonly Tally[]): [reason: string, count: number][] {
  const counts = new Map<string, number>()
  for (const [reason, count] of tallies.flatMap(({ otherPackets }) => [...otherPackets])) {
    if (reason !== '') counts.set(reason, (counts.get(reason) ?? 0) + count)
  }
  return [...counts]
}

const START = '<!-- figures -->'
const END = '<!-- end -->'

/** A page with the figures between its marks. Throws Error where it has none. */
export function withFigures(page: string, version: string, own: Tally, random: Tally, seed: number): string {
  const from = page.indexOf(START)
  const to = page.indexOf(END)
  if (from < 0 || to < from) throw new Error(`the page has no lines "${START}" and "${END}"`)
  const [mine, theirs] = [figures(own), figures(random)]
  const table = [
    `Beside ${version}, seed ${seed}.`,
    '',
    '| | our own | generated |',
    '|---|---:|---:|',
    ...mine.map(([name, value], at) => `| ${name} | ${value} | ${theirs[at]![1]} |`),
    '',
    'Where packets differ, libpcap does something else than the expression says; in brackets, how many expressions show it.',
    '',
    ...reasons(own, random).map(([why, count]) => `- ${why} (${count})`),
  ]
  return `${page.slice(0, from)}${START}\n\n${table.join('\n')}\n\n${page.slice(to)}`
}
