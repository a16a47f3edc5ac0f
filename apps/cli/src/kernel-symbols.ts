import { readFileSync } from 'node:fs'
import { parseKallsyms } from '@skep/verifier'

/** The names that have an address in the running kernel; undefined where it does not show them. */
export function runningSymbols(): ReadonlySet<string> | undefined {
  try {
    const names = parseKallsyms(readFileSync('/proc/kallsyms', 'latin1'))
    return names.size > 0 ? names : undefined
  } catch {
    return undefined
  }
}
