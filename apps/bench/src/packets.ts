import { buildPacket, type LayerInput } from '@skep/packet'

const ethernet: LayerInput = { layer: 'ethernet', src: '02:00:00:00:00:01', dst: '02:00:00:00:00:02' }
const ipv4: LayerInput = { layer: 'ipv4', src: '198.51.100.9', dst: '203.0.113.77' }
/** The port that drop_port.bpf.c drops. */
const BLOCKED_PORT = 9999
/** The shortest frame of Ethernet, without its checksum of four bytes, is 60 bytes; test tools round up to 64. */
const SHORT_FRAME = 64

/** Layers as a frame of at least 64 bytes, zeros behind. */
function frame(...layers: readonly LayerInput[]): Uint8Array {
  const packet = buildPacket(layers)
  const bytes = new Uint8Array(Math.max(SHORT_FRAME, packet.length))
  bytes.set(packet)
  return bytes
}

const numbered = (length: number): LayerInput => ({
  layer: 'payload',
  data: Uint8Array.from({ length }, (_, i) => i),
})

/** 64 bytes of UDP to the port that is dropped: what most programs get. */
export const udpPacket: Uint8Array = frame(
  ethernet,
  ipv4,
  { layer: 'udp', srcPort: 4660, dstPort: BLOCKED_PORT },
  numbered(22),
)

/** A TCP segment that the filter of program i looks for. */
export const tcpPacket: Uint8Array = frame(
  ethernet,
  ipv4,
  { layer: 'tcp', srcPort: 50_000, dstPort: 443, flags: ['ack'] },
  numbered(10),
)

/** The largest frame of Ethernet: 1,514 bytes. */
export const longPacket: Uint8Array = frame(
  ethernet,
  ipv4,
  { layer: 'udp', srcPort: 4660, dstPort: BLOCKED_PORT },
  numbered(1472),
)

/** Six headers one in the other: Ethernet, two VLAN tags, IPv6 with two kinds of options, and UDP. */
export const deepPacket: Uint8Array = frame(
  ethernet,
  { layer: 'vlan', id: 7 },
  { layer: 'vlan', id: 8 },
  { layer: 'ipv6', src: '2001:db8::1', dst: '2001:db8::2' },
  { layer: 'hopopts' },
  { layer: 'dstopts' },
  { layer: 'udp', srcPort: 4660, dstPort: 53 },
  numbered(18),
)

/** Text, as an old web server gets it; the word that program o looks for is at its end. */
export const textPacket: Uint8Array = frame(
  ethernet,
  ipv4,
  { layer: 'udp', srcPort: 4660, dstPort: 80 },
  {
    layer: 'payload',
    data: new TextEncoder().encode(
      'SUBSCRIBE-to-all-Events /hives/north/temperature?since=yesterday HTTP/1.1\r\nHost: example.net\r\n' +
        'Accept: text/plain, application/json;q=0.5\r\nUser-Agent: Keeper of a Skep',
    ),
  },
)

/** One kind of packet in a random mix. */
export interface PacketKind {
  readonly name: string
  readonly packet: Uint8Array
}

/** Mixed traffic of 64 bytes a packet; program b leaves at five different places. The first kind is `udpPacket`. */
export const mixedKinds: readonly PacketKind[] = [
  { name: 'UDP to the port', packet: udpPacket },
  {
    name: 'UDP elsewhere',
    packet: frame(ethernet, ipv4, { layer: 'udp', srcPort: 4660, dstPort: 53 }, numbered(22)),
  },
  { name: 'TCP', packet: tcpPacket },
  {
    name: 'IPv4 with options',
    packet: frame(
      ethernet,
      { ...ipv4, options: Uint8Array.of(0x94, 4, 0, 0) },
      { layer: 'udp', srcPort: 4660, dstPort: BLOCKED_PORT },
      numbered(18),
    ),
  },
  {
    name: 'IPv6',
    packet: frame(
      ethernet,
      { layer: 'ipv6', src: '2001:db8::1', dst: '2001:db8::2' },
      { layer: 'udp', srcPort: 4660, dstPort: BLOCKED_PORT },
    ),
  },
  {
    name: 'ARP',
    packet: frame(ethernet, { layer: 'arp', senderIp: '198.51.100.9', targetIp: '198.51.100.1' }),
  },
]
