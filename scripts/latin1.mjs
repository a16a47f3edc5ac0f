// An engine keeps a source in one byte a character while no character needs two, and scans it sooner.
import { readFileSync, writeFileSync } from 'node:fs'

/** Escapes what Latin-1 lacks: in built code it stands in literals alone. */
export function escapeBeyondLatin1(file) {
  const text = readFileSync(file, 'utf8')
  const escaped = text.replace(
    /[^\0-\xff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  if (escaped !== text) writeFileSync(file, escaped)
}
