/** `struct nlattr`: u16 nla_len, u16 nla_type, both in the host's order, little-endian here. */
const HEADER = 4
/** NLA_F_NESTED and NLA_F_NET_BYTEORDER are flags in the type. */
const TYPE_MASK = 0x3fff

/**
 * The offset of the first netlink attribute of a type among those that begin at `from`, 0 if there is none (lib/nlattr.c,
 * nla_find). The walk ends at the first attribute whose length makes no sense.
 */
export function findAttribute(data: Uint8Array, from: number, type: number): number {
  return find(data, from, data.length, type)
}

/** The same among the attributes inside the attribute at `at`. */
export function findNestedAttribute(data: Uint8Array, at: number, type: number): number {
  const length = lengthAt(data, at, data.length)
  return length === undefined ? 0 : find(data, at + HEADER, at + length, type)
}

function find(data: Uint8Array, from: number, end: number, type: number): number {
  for (let at = from; ; ) {
    const length = lengthAt(data, at, end)
    if (length === undefined) return 0
    if (((data[at + 2]! | (data[at + 3]! << 8)) & TYPE_MASK) === type) return at
    // Attributes begin at multiples of 4 bytes from the first.
    at += (length + 3) & ~3
  }
}

function lengthAt(data: Uint8Array, at: number, end: number): number | undefined {
  if (at + HEADER > end) return undefined
  const length = data[at]! | (data[at + 1]! << 8)
  return length >= HEADER && at + length <= end ? length : undefined
}
