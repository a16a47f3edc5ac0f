/**
 * The ones' complement sum of 16-bit words that Internet checksums are made of (RFC 1071), not folded; an odd last byte
 * counts as the upper one of a word. A sum over several pieces starts each with the sum so far; all but the last must
 * have an even length.
 */
export function checksumPartial(bytes: Uint8Array, sum = 0): number {
  let total = sum
  const even = bytes.length & ~1
  for (let i = 0; i < even; i += 2) total += (bytes[i]! << 8) | bytes[i + 1]!
  if (even < bytes.length) total += bytes[even]! << 8
  return total
}

/** The 16-bit checksum of a sum: folded, and complemented. */
export function checksumFold(sum: number): number {
  let folded = sum
  while (folded > 0xffff) folded = (folded % 0x10000) + Math.floor(folded / 0x10000)
  return ~folded & 0xffff
}

/** The Internet checksum of `bytes` (RFC 1071). Over data with its checksum in place it is 0 if that is right. */
export const internetChecksum = (bytes: Uint8Array): number => checksumFold(checksumPartial(bytes))

/**
 * The sum of the pseudo header that TCP, UDP and ICMPv6 include in their checksums (RFC 9293, 3.1; RFC 8200, 8.1).
 * `source` and `destination` have 4 bytes for IPv4 or 16 for IPv6; `length` is that of the transport's header and data.
 */
export const pseudoHeaderSum = (
  source: Uint8Array,
  destination: Uint8Array,
  protocol: number,
  length: number,
): number =>
  checksumPartial(destination, checksumPartial(source)) +
  protocol +
  Math.floor(length / 0x10000) +
  (length % 0x10000)

/** The checksum of a transport's header and data, with the pseudo header before them. */
export const transportChecksum = (
  source: Uint8Array,
  destination: Uint8Array,
  protocol: number,
  segment: Uint8Array,
): number =>
  checksumFold(checksumPartial(segment, pseudoHeaderSum(source, destination, protocol, segment.length)))

/**
 * The checksum after `before` was replaced by `after` in the data that it covers (RFC 1624, equation 3). Both have an
 * even length and begin at an even place of the data.
 */
export function updateChecksum(checksum: number, before: Uint8Array, after: Uint8Array): number {
  let sum = ~checksum & 0xffff
  for (let i = 0; i < before.length; i += 2) sum += ~((before[i]! << 8) | (before[i + 1] ?? 0)) & 0xffff
  return checksumFold(checksumPartial(after, sum))
}

/**
 * What the helper bpf_csum_diff computes, up to folding: the sum of `to` less that of `from`, on top of `seed`, in the
 * byte order of the network. Lengths are multiples of 4; either may be empty.
 */
export function checksumDifference(from: Uint8Array, to: Uint8Array, seed = 0): number {
  let sum = seed
  for (let i = 0; i < from.length; i += 2) sum += ~((from[i]! << 8) | from[i + 1]!) & 0xffff
  return checksumPartial(to, sum)
}
