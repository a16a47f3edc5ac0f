import { type Collection, RuntimeError } from '@skep/runtime'

/** Elements of a map that are shown. */
const MOST = 64

/** What a map holds, by the types of its object's BTF, or as hexadecimal bytes. */
export function mapContents(collection: Collection, name: string): readonly (readonly [unknown, unknown])[] {
  const shown: (readonly [unknown, unknown])[] = []
  for (const entry of entriesOf(collection, name)) {
    if (shown.length === MOST) break
    shown.push([plain(entry[0]), plain(entry[1])])
  }
  return shown
}

function entriesOf(collection: Collection, name: string): Iterable<readonly [unknown, unknown]> {
  try {
    return collection.map(name, 'btf')
  } catch (error) {
    if (error instanceof RuntimeError) return []
    throw error
  }
}

/** What JSON can say: numbers beyond 2^53 as text, bytes in hexadecimal. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plain(one)]))
  return value
}
