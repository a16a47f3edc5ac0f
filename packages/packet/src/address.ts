import { PacketError } from './errors.ts'

/** Converts an address between text and its bytes in network order. It serves as a codec of map keys and values, too. */
export interface AddressCodec {
  readonly name: string
  /** Bytes. */
  readonly size: number
  /** Alignment in C. */
  readonly align: number
  /** The bytes of an address in text. Throws PacketError BAD_ADDRESS. */
  parse(text: string): Uint8Array
  /** The text of the address at `offset`. Throws PacketError BAD_ADDRESS if the bytes end before it does. */
  format(bytes: Uint8Array, offset?: number): string
  encode(text: string, view: DataView, offset: number): void
  decode(view: DataView, offset: number): string
}

const bad = (name: string, text: unknown, why: string): PacketError =>
  new PacketError('BAD_ADDRESS', `"${String(text)}" is no ${name} address: ${why}`)

function addressCodec(
  name: string,
  size: number,
  align: number,
  read: (text: string) => Uint8Array,
  write: (bytes: Uint8Array) => string,
): AddressCodec {
  const parse = (text: string): Uint8Array => {
    if (typeof text !== 'string') throw bad(name, text, 'not text')
    return read(text)
  }
  const format = (bytes: Uint8Array, offset = 0): string => {
    const part = bytes.subarray(offset, offset + size)
    if (part.length !== size) {
      throw new PacketError(
        'BAD_ADDRESS',
        `${name} addresses have ${size} bytes, and ${part.length} are here`,
      )
    }
    return write(part)
  }
  return {
    name,
    size,
    align,
    parse,
    format,
    encode: (text, view, offset) =>
      new Uint8Array(view.buffer, view.byteOffset, view.byteLength).set(parse(text), offset),
    decode: (view, offset) => format(new Uint8Array(view.buffer, view.byteOffset, view.byteLength), offset),
  }
}

/** IPv4: `192.0.2.1`. Four decimal numbers without leading zeros. */
export const ipv4: AddressCodec = addressCodec(
  'ipv4',
  4,
  4,
  (text) => {
    const parts = text.split('.')
    if (parts.length !== 4) throw bad('ipv4', text, `it has ${parts.length} parts, not four`)
    return Uint8Array.from(parts, (part) => {
      if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) {
        throw bad('ipv4', text, `${JSON.stringify(part)} is no number from 0 to 255`)
      }
      return Number(part)
    })
  },
  (bytes) => bytes.join('.'),
)

/** IPv6 in every form of RFC 4291, written in that of RFC 5952: `2001:db8::1`. */
export const ipv6: AddressCodec = addressCodec('ipv6', 16, 4, parseIpv6, formatIpv6)

/** A MAC address: `02:00:00:00:00:01`, read with colons or hyphens. */
export const mac: AddressCodec = addressCodec(
  'mac',
  6,
  1,
  (text) => {
    if (!/^[0-9a-f]{1,2}([:-])[0-9a-f]{1,2}(\1[0-9a-f]{1,2}){4}$/i.test(text)) {
      throw bad('mac', text, 'not six bytes in hexadecimal')
    }
    return Uint8Array.from(text.split(/[:-]/), (part) => Number.parseInt(part, 16))
  },
  (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':'),
)

function parseIpv6(text: string): Uint8Array {
  const halves = text.split('::')
  if (halves.length > 2) throw bad('ipv6', text, '"::" stands twice')
  const [head, tail] = halves.map((half) => words(half, text)) as [number[], number[]?]
  const missing = 8 - head.length - (tail?.length ?? 0)
  if (tail ? missing < 1 : missing !== 0) {
    throw bad(
      'ipv6',
      text,
      `it has ${8 - missing} groups, not ${tail ? 'seven or fewer beside "::"' : 'eight'}`,
    )
  }
  const all = tail ? [...head, ...new Array<number>(missing).fill(0), ...tail] : head
  return Uint8Array.from(all.flatMap((word) => [word >> 8, word & 0xff]))
}

/** The 16-bit groups of one side of "::"; the last two may be an IPv4 address. */
function words(half: string, text: string): number[] {
  if (half === '') return []
  const groups = half.split(':')
  return groups.flatMap((group, i) => {
    if (i === groups.length - 1 && group.includes('.') && text.endsWith(group)) {
      const bytes = ipv4.parse(group)
      return [(bytes[0]! << 8) | bytes[1]!, (bytes[2]! << 8) | bytes[3]!]
    }
    if (!/^[0-9a-f]{1,4}$/i.test(group))
      throw bad('ipv6', text, `${JSON.stringify(group)} is no 16-bit hexadecimal group`)
    return [Number.parseInt(group, 16)]
  })
}

function formatIpv6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => (bytes[2 * i]! << 8) | bytes[2 * i + 1]!)
  // IPv4-mapped addresses keep their dots (RFC 5952, section 5).
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff)
    return `::ffff:${ipv4.format(bytes, 12)}`
  let longest = { at: 0, length: 1 }
  for (let at = 0; at < 8; at++) {
    let length = 0
    while (at + length < 8 && groups[at + length] === 0) length++
    if (length > longest.length) longest = { at, length }
  }
  const text = (part: number[]) => part.map((group) => group.toString(16)).join(':')
  if (longest.length < 2) return text(groups)
  return `${text(groups.slice(0, longest.at))}::${text(groups.slice(longest.at + longest.length))}`
}
