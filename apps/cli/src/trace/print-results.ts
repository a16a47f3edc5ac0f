import type { Bucket, KeyPart, MapResult } from './results.ts'

const BAR = 52

/** Maps as bpftrace prints them. */
export function formatResults(results: readonly MapResult[]): string {
  const lines: string[] = []
  for (const result of results) {
    if ('rows' in result) {
      for (const { key, value } of result.rows) lines.push(`${result.name}${formatKey(key)}: ${value}`)
    } else {
      for (const { key, buckets } of result.histograms)
        lines.push(`${result.name}${formatKey(key)}:`, ...formatBuckets(buckets), '')
    }
    lines.push('')
  }
  return lines.join('\n').trimEnd()
}

function formatKey(parts: readonly KeyPart[]): string {
  if (parts.length === 0) return ''
  const text = parts.map((part) =>
    typeof part === 'object' ? `\n${part.map((frame) => `        ${frame}\n`).join('')}` : `${part}`,
  )
  return `[${text.join(', ')}]`
}

const UNITS = ['', 'K', 'M', 'G', 'T', 'P', 'E']

function short(value: bigint): string {
  let unit = 0
  let left = value
  while (left >= 1024n && left % 1024n === 0n && unit < UNITS.length - 1) {
    left /= 1024n
    unit++
  }
  return `${left}${UNITS[unit]}`
}

function formatBuckets(buckets: readonly Bucket[]): readonly string[] {
  let most = 1n
  for (const { count } of buckets) if (count > most) most = count
  return buckets.map(({ least, end, count }) => {
    const range =
      least < 0n ? '(..., 0)' : end - least === 1n ? `[${least}]` : `[${short(least)}, ${short(end)})`
    const bar = '@'.repeat(Number((count * BigInt(BAR) + most - 1n) / most))
    return `${range.padEnd(16)} ${`${count}`.padStart(8)} |${bar.padEnd(BAR)}|`
  })
}
