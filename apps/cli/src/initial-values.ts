import type { Collection, GlobalValue } from '@skep/runtime'
import { parseHex } from './input.ts'
import { UsageError } from './report.ts'

/** Gathers an option that may be given several times. */
export const collect = (value: string, before: readonly string[]): string[] => [...before, value]

/** Gathers `--set name=value`: integers, true and false, else text. */
export function collectGlobal(
  text: string,
  before: Readonly<Record<string, GlobalValue>>,
): Record<string, GlobalValue> {
  const [name, value] = split(text, '=', '--set takes name=value')
  if (/^-?(0x[0-9a-f]+|\d+)$/i.test(value)) {
    const magnitude = BigInt(value.replace('-', ''))
    return { ...before, [name]: value.startsWith('-') ? -magnitude : magnitude }
  }
  if (value === 'true' || value === 'false') return { ...before, [name]: value === 'true' }
  return { ...before, [name]: value }
}

function split(text: string, separator: string, usage: string): [string, string] {
  const at = text.indexOf(separator)
  if (at <= 0) throw new UsageError(`${usage}, not "${text}"`)
  return [text.slice(0, at), text.slice(at + 1)]
}

/** Adds what `--map name=key:value` says. */
export function addElements(collection: Collection, elements: readonly string[]): void {
  for (const element of elements) {
    const [name, rest] = split(element, '=', '--map takes name=key:value')
    const [key, value] = split(rest, ':', '--map takes name=key:value with key and value in hex')
    collection.map(name).update(parseHex(key, '--map'), parseHex(value, '--map'))
  }
}
