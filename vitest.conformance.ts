import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

/** A case of the public bpf_conformance suite; bytes in hex. */
export interface ConformanceCase {
  readonly name: string
  readonly groups: readonly string[] | null
  readonly cpu_version: number | null
  readonly asm: string | null
  readonly insns: string
  readonly mem: string
  readonly expected_r0: string | null
  readonly expected_error: string | null
}

// The suite as JSON lines, which lies beside the work tree where it lies at all; it is not ours to copy.
const corpus = new URL('../shared/corpora/conformance.jsonl.gz', import.meta.url)

/** Undefined where the suite is not there: tests are skipped then. */
export const conformanceCases: readonly ConformanceCase[] | undefined = existsSync(corpus)
  ? gunzipSync(readFileSync(corpus))
      .toString()
      .trim()
      .split('\n')
      .map((line): ConformanceCase => JSON.parse(line))
  : undefined

/** Bytes in hex, perhaps with spaces. */
export const bytesOf = (hex: string): Uint8Array =>
  Uint8Array.from(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'))
