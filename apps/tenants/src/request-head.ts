import type { IncomingMessage } from 'node:http'
import { isIPv4 } from 'node:net'
import { METHODS, type Values } from './http-request.ts'

const text = new TextEncoder()
/** A body of unknown length (chunked). */
const UNKNOWN = 0xffff_ffff
const LONGEST = 8192
/** In front of the 4 bytes of an IPv4 address: it is in IPv6 as `::ffff:192.0.2.1`. */
const MAPPED = [...new Uint8Array(10), 0xff, 0xff]

export interface Head {
  readonly values: Values
  readonly path: Uint8Array
  readonly headers: Uint8Array
}

/** A request as programs see it: names of headers in small letters, 8 KiB at most of path and headers each. */
export function headOf(request: IncomingMessage): Head {
  const { rawHeaders, method = 'GET', url = '/', headers, socket } = request
  let lines = ''
  for (let n = 0; n + 1 < rawHeaders.length; n += 2)
    lines += `${rawHeaders[n]!.toLowerCase()}: ${rawHeaders[n + 1]}\n`
  const length = headers['content-length']
  const known = headers['transfer-encoding'] === undefined ? Number(length ?? 0) : UNKNOWN
  return {
    values: {
      method: METHODS.indexOf(method) + 1,
      body_len: Math.min(known, UNKNOWN),
      client: clientOf(socket.remoteAddress ?? '::'),
    },
    path: text.encode(url).subarray(0, LONGEST),
    headers: text.encode(lines).subarray(0, LONGEST),
  }
}

const addresses = new Map<string, Uint8Array>()

/** The 16 bytes of an IPv6 address; IPv4 mapped into it. */
function clientOf(address: string): Uint8Array {
  const known = addresses.get(address)
  if (known) return known
  if (addresses.size > 1000) addresses.clear()
  const bytes = bytesOf(address.replace(/^::ffff:(?=\d+\.)/, ''))
  addresses.set(address, bytes)
  return bytes
}

function bytesOf(address: string): Uint8Array {
  if (isIPv4(address)) return Uint8Array.from([...MAPPED, ...address.split('.').map(Number)])
  const [before = '', after] = address.replace(/%.*/, '').split('::')
  const words = (part = ''): number[] =>
    part === '' ? [] : part.split(':').map((one) => Number.parseInt(one, 16))
  const [first, last] = [words(before), words(after)]
  const all = [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last]
  return Uint8Array.from(all.flatMap((word) => [word >> 8, word & 0xff]))
}
