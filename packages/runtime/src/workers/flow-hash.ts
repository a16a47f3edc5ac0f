const VLAN = 0x8100
const SERVICE_VLAN = 0x88a8
const IPV4 = 0x0800
const IPV6 = 0x86dd
const TCP = 6
const UDP = 17
const SCTP = 132
const FRAGMENT = 44

/** The finalizer of MurmurHash3. */
function mix(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35)
  return (h ^ (h >>> 16)) >>> 0
}

const u16 = (b: Uint8Array, at: number): number => (b[at]! << 8) | b[at + 1]!
const u32 = (b: Uint8Array, at: number): number =>
  (b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!

function fold(b: Uint8Array, at: number, words: number): number {
  let h = 0
  for (let i = 0; i < words; i++) h = mix(h ^ u32(b, at + 4 * i))
  return h
}

/**
 * A number of 32 bits for an Ethernet frame's flow, as network cards spread packets over queues (RSS): from addresses,
 * protocol and ports; without the ports for fragments, which do not all have them, and for protocols without; from the
 * hardware addresses where there is no IP. Both directions of a connection have the same number. Up to two VLAN tags are
 * looked behind. `start` and `end` bound the frame in `bytes`.
 */
export function flowHash(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  let at = start + 12
  if (end - start < 14) return 0
  let type = u16(bytes, at)
  for (let tags = 0; tags < 2 && (type === VLAN || type === SERVICE_VLAN) && at + 6 <= end; tags++) {
    at += 4
    type = u16(bytes, at)
  }
  at += 2
  let protocol: number
  let from: number
  let to: number
  let ports: number
  if (type === IPV4 && at + 20 <= end) {
    protocol = bytes[at + 9]!
    from = fold(bytes, at + 12, 1)
    to = fold(bytes, at + 16, 1)
    const fragment = (u16(bytes, at + 6) & 0x3fff) !== 0
    ports = fragment ? end : at + 4 * (bytes[at]! & 15)
  } else if (type === IPV6 && at + 40 <= end) {
    protocol = bytes[at + 6]!
    // Other extension headers hide the ports, as they do from most cards.
    if (protocol === FRAGMENT && at + 41 <= end) protocol = bytes[at + 40]!
    from = fold(bytes, at + 8, 4)
    to = fold(bytes, at + 24, 4)
    ports = bytes[at + 6] === FRAGMENT ? end : at + 40
  } else {
    return mix(fold(bytes, start, 1) + fold(bytes, start + 6, 1) + type)
  }
  if ((protocol === TCP || protocol === UDP || protocol === SCTP) && ports + 4 <= end) {
    from = mix(from ^ u16(bytes, ports))
    to = mix(to ^ u16(bytes, ports + 2))
  }
  // A sum, so that the direction does not matter.
  return mix((from + to + protocol) | 0)
}
