import { Buffer } from 'node:buffer'
import { fileURLToPath } from 'node:url'
import { types } from 'node:util'

/** A path as Node takes it, taken once: what is asked about is what is used. */
export interface TakenPath {
  /** What Node is to be called with. */
  readonly value: string | Buffer
  /** The path as text; what is no UTF-8 is U+FFFD, which no guard lets pass. */
  readonly text: string
}

/** Whether an object, or anything that it inherits from, runs code when it is looked at. */
function isProxied(object: object): boolean {
  for (let one: object | null = object; one !== null; one = Object.getPrototypeOf(one))
    if (types.isProxy(one)) return true
  return false
}

/**
 * A path argument, or undefined where it is none: a descriptor, a FileHandle, or what Node will refuse. Objects whose answers
 * may change are read here, and a plain value goes on. Throws what Node throws of URLs.
 */
export function takePath(argument: unknown): TakenPath | undefined {
  if (typeof argument === 'string') return argument.includes('\0') ? undefined : plain(argument)
  if (typeof argument !== 'object' || argument === null) return undefined
  if (isProxied(argument)) throw invalid(argument)
  if (types.isUint8Array(argument)) {
    const bytes = Buffer.from(Uint8Array.prototype.slice.call(argument))
    return bytes.includes(0) ? undefined : { value: bytes, text: bytes.toString('utf8') }
  }
  return 'href' in argument ? plain(fileURLToPath(argument as URL)) : undefined
}

const plain = (text: string): TakenPath => ({ value: text, text })

function invalid(argument: object): TypeError {
  const message = `The "path" argument must be of type string or an instance of Buffer or URL. Received ${typeof argument}`
  return Object.assign(new TypeError(message), { code: 'ERR_INVALID_ARG_TYPE' })
}

/** Options with these of them as they are now: what is inherited stays. */
export function pinned(options: object, values: Readonly<Record<string, unknown>>): object {
  const own = Object.entries(values).map(([name, value]) => [
    name,
    { value, enumerable: true, writable: true },
  ])
  return Object.create(options, Object.fromEntries(own) as PropertyDescriptorMap) as object
}

/** All that options say, inherited or not, as it is now. */
export function copied(options: object): Record<string, unknown> {
  const copy: Record<string, unknown> = {}
  for (const name in options) copy[name] = (options as Record<string, unknown>)[name]
  return copy
}

/** `r`, `w+`, … as open(2) takes them on Linux. */
const FLAGS: Readonly<Record<string, number>> = {
  r: 0,
  'r+': 0o2,
  w: 0o1101,
  'w+': 0o1102,
  a: 0o2101,
  'a+': 0o2102,
}

/** O_RDONLY with nothing that makes or empties a file. */
export const isReading = (flags: number): boolean => (flags & 0o3103) === 0

/** A flag of fs as Linux's number of it; another system's numbers are taken as they are. */
export function flagNumber(flag: unknown): number {
  if (typeof flag === 'number') return flag >>> 0
  if (typeof flag !== 'string') return 0
  const exclusive = flag.includes('x') ? 0o200 : 0
  const synchronous = flag.includes('s') ? 0o4010000 : 0
  return ((FLAGS[flag.replace(/[xs]/g, '')] ?? 0o102) | exclusive | synchronous) >>> 0
}
