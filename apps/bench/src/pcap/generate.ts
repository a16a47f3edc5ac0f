import { closeSync, openSync, writeSync } from 'node:fs'
import { buildPacket, createEncoder, type LayerInput, LINKTYPE, type PacketToWrite } from '@skep/packet'
import { Random } from '../random.ts'

/**
 * Sizes of packets and how often each comes, of 12: the "simple IMIX" that routers are tested with, as frames without the
 * checksum that captures leave out.
 */
const SIZES: readonly (readonly [bytes: number, share: number])[] = [
  [60, 7],
  [590, 4],
  [1514, 1],
]
/** Packets that are made; the file repeats them, at later and later times. */
const DISTINCT = 20_000

const ethernet: LayerInput = { layer: 'ethernet', src: '02:00:00:00:00:01', dst: '02:00:00:00:00:02' }

function sizeOf(random: Random): number {
  let at = random.below(SIZES.reduce((sum, [, share]) => sum + share, 0))
  for (const [bytes, share] of SIZES) {
    if (at < share) return bytes
    at -= share
  }
  return SIZES[0]![0]
}

/** HTTPS, web, DNS and other UDP between a few thousand hosts, some of it IPv6, now and then ICMP and ARP. */
function makePacket(random: Random): Uint8Array {
  const size = sizeOf(random)
  const host = (): string => `198.51.${random.below(100)}.${1 + random.below(250)}`
  const src = random.below(50) === 0 ? '192.0.2.7' : host()
  const ip: LayerInput =
    random.below(10) === 0
      ? { layer: 'ipv6', src: `2001:db8::${random.below(4096).toString(16)}`, dst: '2001:db8::1' }
      : { layer: 'ipv4', src, dst: host() }
  const client = 32_768 + random.below(28_000)
  const kind = random.below(100)
  let layers: LayerInput[]
  if (kind < 45) {
    const [srcPort, dstPort] = random.below(2) === 0 ? [443, client] : [client, 443]
    layers = [ethernet, ip, { layer: 'tcp', srcPort, dstPort, flags: ['ack'] }]
  } else if (kind < 60)
    layers = [ethernet, ip, { layer: 'tcp', srcPort: client, dstPort: 80, flags: ['ack'] }]
  else if (kind < 98) {
    layers = [ethernet, ip, { layer: 'udp', srcPort: client, dstPort: random.below(3) === 0 ? 53 : 443 }]
  } else if (kind < 99) layers = [ethernet, { layer: 'arp', senderIp: host(), targetIp: host() }]
  else layers = [ethernet, { layer: 'ipv4', src, dst: host() }, { layer: 'icmp', type: 8, code: 0 }]
  const bare = buildPacket(layers).length
  const filled = Math.max(0, size - bare)
  // ARP has no payload; what a short frame lacks is padding.
  if (layers.at(-1)!.layer === 'arp') {
    const padded = new Uint8Array(Math.max(60, bare))
    padded.set(buildPacket(layers))
    return padded
  }
  return buildPacket([...layers, { layer: 'payload', data: new Uint8Array(filled).fill(filled & 255) }])
}

export interface Generated {
  readonly packets: number
  readonly bytes: number
}

/** Writes a pcap file of at least `size` bytes, in pieces of some megabytes. */
export function generateCapture(path: string, size: number): Generated {
  const random = new Random(23)
  const distinct = Array.from({ length: DISTINCT }, () => makePacket(random))
  const encoder = createEncoder({
    nanos: false,
    interfaces: [{ linkType: LINKTYPE.ETHERNET, snapLength: 0 }],
  })
  const file = openSync(path, 'w')
  let bytes = 0
  let packets = 0
  const write = (piece: Uint8Array): void => {
    for (let at = 0; at < piece.length; ) at += writeSync(file, piece, at)
    bytes += piece.length
  }
  try {
    write(encoder.header())
    while (bytes < size) {
      const records = distinct.map((data, i): PacketToWrite => {
        const micros = (packets + i) * 3
        const seconds = 1_700_000_000 + Math.floor(micros / 1e6)
        return { data, seconds, nanos: (micros % 1e6) * 1000 }
      })
      write(new Uint8Array(Buffer.concat(records.map((record) => encoder.packet(record)))))
      packets += DISTINCT
    }
    return { packets, bytes }
  } finally {
    closeSync(file)
  }
}
