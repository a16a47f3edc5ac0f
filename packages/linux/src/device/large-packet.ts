import { checksumFold, checksumPartial, internetChecksum } from '@skep/packet'

/** struct virtio_net_hdr (include/uapi/linux/virtio_net.h): what a card would still have to do to a packet. Little-endian. */
export const VNET_HEADER_SIZE = 10
export const NEEDS_CHECKSUM = 1
const GSO_TYPE = 1
const GSO_SIZE = 4
const CSUM_START = 6
const CSUM_OFFSET = 8
const GSO_TCPV4 = 1
const GSO_TCPV6 = 4
const GSO_UDP_L4 = 5
const GSO_ECN = 0x80

const ETHERNET_SIZE = 14
const TCP_FIN_PSH = 0x09
const TCP_CWR = 0x80

const u16 = (bytes: Uint8Array, at: number): number => bytes[at]! | (bytes[at + 1]! << 8)

const putBe16 = (bytes: Uint8Array, at: number, value: number): void => {
  bytes[at] = value >> 8
  bytes[at + 1] = value & 0xff
}

/** Whether the packet is one that a card would have cut. */
export const isLarge = (header: Uint8Array): boolean => header[GSO_TYPE] !== 0

/**
 * Fills in the checksum that a sender on this machine left to the card. The field holds the sum of the pseudo header; `shift`
 * is by how much the packet grew since.
 */
export function completeChecksum(packet: Uint8Array, header: Uint8Array, shift: number): void {
  const start = u16(header, CSUM_START) + shift
  const field = start + u16(header, CSUM_OFFSET)
  if (field + 2 > packet.length) return
  const sum = internetChecksum(packet.subarray(start))
  // 0 in UDP's field means that there is none.
  putBe16(packet, field, sum === 0 ? 0xffff : sum)
}

/**
 * The packets that a card would send for a large one that a sender left it to cut (TSO, UDP_SEGMENT): each with headers,
 * lengths and checksums of its own. Undefined for kinds that are not known, or headers that contradict each other.
 */
export function segments(packet: Uint8Array, header: Uint8Array, shift: number): Uint8Array[] | undefined {
  const kind = header[GSO_TYPE]! & ~GSO_ECN
  const size = u16(header, GSO_SIZE)
  const transport = u16(header, CSUM_START) + shift
  const tcp = kind === GSO_TCPV4 || kind === GSO_TCPV6
  if ((!tcp && kind !== GSO_UDP_L4) || size === 0) return undefined
  const network = networkOffset(packet)
  const version = packet[network]! >> 4
  const headers = transport + (tcp ? (packet[transport + 12]! >> 4) * 4 : 8)
  if (network >= transport || headers >= packet.length || (version !== 4 && version !== 6)) return undefined
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length)
  // What the field holds covers the length of the whole: without it, it is the sum of addresses and protocol.
  const field = transport + u16(header, CSUM_OFFSET)
  const pseudo = view.getUint16(field) + (~(packet.length - transport) & 0xffff)
  const parts: Uint8Array[] = []
  for (let from = headers; from < packet.length; from += size) {
    const payload = packet.subarray(from, Math.min(from + size, packet.length))
    const part = new Uint8Array(headers + payload.length)
    part.set(packet.subarray(0, headers))
    part.set(payload, headers)
    const to = new DataView(part.buffer)
    const length = part.length - transport
    if (version === 4) {
      to.setUint16(network + 2, part.length - network)
      to.setUint16(network + 4, view.getUint16(network + 4) + parts.length)
      to.setUint16(network + 10, 0)
      to.setUint16(network + 10, internetChecksum(part.subarray(network, transport)))
    } else to.setUint16(network + 4, part.length - network - 40)
    if (tcp) {
      to.setUint32(transport + 4, view.getUint32(transport + 4) + (from - headers))
      if (from + size < packet.length) part[transport + 13]! &= ~TCP_FIN_PSH
      if (parts.length > 0) part[transport + 13]! &= ~TCP_CWR
    } else to.setUint16(transport + 4, length)
    to.setUint16(field, 0)
    const sum = checksumFold(checksumPartial(part.subarray(transport), pseudo + length))
    to.setUint16(field, sum === 0 && !tcp ? 0xffff : sum)
    parts.push(part)
  }
  return parts
}

/** Where the network header begins: behind an Ethernet header and its VLAN tags, or at once. */
function networkOffset(packet: Uint8Array): number {
  let at = 12
  for (;;) {
    const type = (packet[at]! << 8) | packet[at + 1]!
    if (type === 0x0800 || type === 0x86dd) return at + 2
    if (type !== 0x8100 && type !== 0x88a8) return at === 12 ? 0 : ETHERNET_SIZE
    at += 4
  }
}
