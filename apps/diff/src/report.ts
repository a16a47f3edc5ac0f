import type { Options } from './options.ts'
import type { Tally } from './run.ts'

const percent = (part: number, whole: number): string =>
  whole === 0 ? '-' : `${((100 * part) / whole).toFixed(3)} %`

/** What a run found, as text. */
export function report(tally: Tally, options: Options, seconds: number): string {
  const { kinds, programs } = tally
  const lines = [
    '',
    `programs        ${programs} (${options.generator}, seed ${options.seed}), ${tally.outside} more that no verifier saw, ${tally.spared} that would crash the kernel; ${seconds.toFixed(0)} s`,
    `accepted        ${percent(tally.accepted, programs)} by the kernel`,
    `same verdict    ${percent(tally.sameVerdict, programs)}`,
    `same line       ${percent(tally.sameLine, tally.lines)} of ${tally.lines} refusals`,
    `same processed  ${percent(tally.sameProcessed, tally.walked)} of ${tally.walked}`,
    `accepted here alone: ${kinds.unsafe} refused by the kernel for safety, ${kinds.limit} for a limit; refused here alone: ${kinds.strict}`,
    `same verdict, other errno ${kinds.errno}, line ${kinds.line}, processed ${kinds.processed}`,
    `kinds of decisive lines reached: ${tally.templates.size}`,
  ]
  if (options.templates)
    for (const [text, count] of [...tally.templates].sort(([, a], [, b]) => b - a))
      lines.push(`${String(count).padStart(8)}  ${text}`)
  return lines.join('\n')
}
