import { readFileSync } from 'node:fs'

/** The first CPU that this process may run on. */
export function firstCpu(): number {
  const allowed = /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'latin1'))
  return Number(allowed?.[1] ?? 0)
}
