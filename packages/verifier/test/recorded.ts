import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import type { Row } from '@skep/registry'

/** A program and what Linux 6.18 says of it: a line of testdata/recorded.jsonl.gz. */
export interface Recorded {
  readonly row: Row
  readonly verdict: 'accept' | 'reject'
  readonly errno?: string
  /** The decisive line of the log. */
  readonly line?: string
  readonly processed: number
  /** The start of the SHA-256 of the log of level 2, as `comparable` leaves it. */
  readonly log: string
}

/** CPUs of the machine that the kernel ran on: bpf_get_smp_processor_id() has its range from them. */
export const RECORDED_CPUS = 2

/**
 * A log without what differs from load to load, addresses of maps and times, and from machine to machine: numbers of
 * kernel functions are those of its types, and 0 without.
 */
export const comparable = (log: string): string =>
  log
    .replaceAll(/\(18\) r(\d) = 0x[0-9a-f]+ */g, '(18) r$1 = … ')
    .replaceAll(/call (?!bpf_unspec)(bpf_\w+)#(?:0|\d{5,}) */g, 'call $1 ')
    .replaceAll(/^verification time.*\n/gm, '')
    .replaceAll(/^stack depth.*\n/gm, '')
    .replaceAll(/(?<=.)processed (?=\d+ insns)/g, '\nprocessed ')
    .replaceAll(/\(limit \d+\)/g, '')
    .replaceAll(/[ \t]+$/gm, '')
    .trimEnd()

/** What is kept of a log. */
export const hashLog = (log: string): string =>
  createHash('sha256').update(comparable(log)).digest('hex').slice(0, 12)

/** The programs of a file of JSON lines under testdata/, unpacked. */
export const readRecorded = (file: string | URL): readonly Recorded[] =>
  gunzipSync(readFileSync(file))
    .toString()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Recorded)
