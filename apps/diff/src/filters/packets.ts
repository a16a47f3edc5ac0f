import { buildPacket, type LayerInput } from '@skep/packet'

/** What a link layer carries. */
export interface NetworkPacket {
  readonly etherType: number
  readonly data: Uint8Array
}

export const bytes = (...parts: readonly (number | Uint8Array)[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === 'number' ? [part] : [...part])))
export const be16 = (value: number): Uint8Array => Uint8Array.of(value >>> 8, value & 0xff)
export const be32 = (value: number): Uint8Array => bytes(be16(value >>> 16), be16(value & 0xffff))
/** The bytes 1, 2, 3, … */
export const counted = (length: number): Uint8Array => Uint8Array.from({ length }, (_, at) => at + 1)
const zeros = (length: number): Uint8Array => new Uint8Array(length)

const IPV4 = 0x800
const IPV6 = 0x86dd
const A4 = '10.0.0.1'
const B4 = '192.168.1.2'
const A6 = 'fe80::1'
const B6 = '2001:db8::2'

/** A header's bytes, or those of several. */
const build = (...layers: LayerInput[]): Uint8Array => buildPacket(layers)
const payload = (data: Uint8Array): LayerInput => ({ layer: 'payload', data })

const tcp = (
  srcPort: number,
  dstPort: number,
  flags: readonly ('syn' | 'ack' | 'fin' | 'rst' | 'psh')[],
): LayerInput => ({
  layer: 'tcp',
  srcPort,
  dstPort,
  flags,
  ...(flags.includes('syn') ? { options: Uint8Array.of(2, 4, 5, 0xb4) } : {}),
})
const udp = (srcPort: number, dstPort: number): LayerInput => ({ layer: 'udp', srcPort, dstPort })

const over4 = (protocol: number, data: Uint8Array, more: object = {}): NetworkPacket => ({
  etherType: IPV4,
  data: build({ layer: 'ipv4', src: A4, dst: B4, protocol, ...more }, payload(data)),
})
const over6 = (nextHeader: number, data: Uint8Array, more: object = {}): NetworkPacket => ({
  etherType: IPV6,
  data: build({ layer: 'ipv6', src: A6, dst: B6, nextHeader, ...more }, payload(data)),
})

/** An Ethernet frame around a packet. */
export const inEthernet = ({ etherType, data }: NetworkPacket): Uint8Array =>
  bytes(Uint8Array.of(2, 0, 0, 0, 0, 1), Uint8Array.of(2, 0, 0, 0, 0, 2), be16(etherType), data)

function transports(): Uint8Array[][] {
  const data = payload(counted(20))
  const at = (...layers: LayerInput[]): Uint8Array[] => {
    const four = build({ layer: 'ipv4', src: A4, dst: B4 }, ...layers)
    const six = build({ layer: 'ipv6', src: A6, dst: B6 }, ...layers)
    return [four, six]
  }
  return [
    at(tcp(34567, 80, ['syn'])),
    at(tcp(80, 34567, ['syn', 'ack'])),
    at(tcp(443, 1024, ['ack']), data),
    at(tcp(22, 6000, ['fin', 'ack'])),
    at(tcp(23, 25, ['rst'])),
    at(tcp(8080, 21, ['psh', 'ack']), data),
    at(udp(53, 1025), data),
    at(udp(5353, 53), data),
    at(udp(67, 68), data),
    at(udp(123, 123), data),
  ]
}

function ipv4Packets(): NetworkPacket[] {
  const echo = (type: number, code = 0): NetworkPacket =>
    over4(1, bytes(type, code, 0, 0, 0, 1, 0, 2, counted(16)))
  const ports = bytes(be16(80), be16(53), counted(24))
  const options = Uint8Array.of(1, 1, 1, 1, 0x94, 4, 0, 0)
  return [
    ...transports().map(([four]) => ({ etherType: IPV4, data: four! })),
    ...[0, 3, 5, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18].map((type) => echo(type, type === 3 ? 3 : 0)),
    ...[6, 17, 132].flatMap((protocol) => [
      over4(protocol, ports, { options }),
      over4(protocol, ports, { flags: ['mf'] }),
      over4(protocol, ports, { fragmentOffset: 5 }),
      over4(protocol, ports, { dst: '255.255.255.255' }),
      over4(protocol, ports, { src: '224.0.0.5', dst: '239.1.2.3' }),
      over4(protocol, ports, { src: '0.0.0.0', dst: '127.0.0.1', ttl: 1, tos: 0xb8 }),
    ]),
    ...[2, 3, 4, 41, 46, 47, 50, 88, 89, 94, 103, 112, 255].map((protocol) => over4(protocol, ports)),
    // An authentication header before TCP, and before another one.
    over4(51, bytes(6, 4, zeros(22), ports)),
    over4(51, bytes(51, 4, zeros(22), 17, 2, zeros(14), ports)),
  ]
}

function ipv6Packets(): NetworkPacket[] {
  const ports = bytes(be16(80), be16(53), counted(24))
  const header = (next: number, length = 0): Uint8Array => bytes(next, length, zeros(6 + 8 * length))
  return [
    ...transports().map(([, six]) => ({ etherType: IPV6, data: six! })),
    ...[1, 2, 3, 4, 128, 129, 130, 131, 132, 133, 134, 135, 136, 137, 143].map((type) =>
      over6(58, bytes(type, 0, 0, 0, counted(20))),
    ),
    over6(17, ports, { dst: 'ff02::1' }),
    over6(17, ports, { src: '2001:db8:1:2::3', dst: '::1' }),
    ...[6, 17, 58, 132].flatMap((next) => [
      over6(44, bytes(header(next), ports)),
      over6(44, bytes(next, 0, 0, 9, 0, 0, 0, 7, ports)),
      over6(0, bytes(header(next), ports)),
      over6(0, bytes(header(43, 1), header(60), header(next, 2), ports)),
      over6(0, bytes(header(44), header(51), bytes(next, 2, zeros(10)), ports)),
      over6(60, bytes(header(59), ports)),
    ]),
    ...[0, 2, 4, 41, 43, 46, 47, 50, 51, 59, 89, 103, 112].map((next) => over6(next, ports)),
  ]
}

/** UDP around a tunnel's header and a packet. */
const tunnel = (dstPort: number, header: Uint8Array, inner: Uint8Array): NetworkPacket[] => {
  const data = bytes(header, inner)
  const layers: LayerInput[] = [{ layer: 'udp', srcPort: 40000, dstPort }, payload(data)]
  return [
    { etherType: IPV4, data: build({ layer: 'ipv4', src: A4, dst: B4 }, ...layers) },
    { etherType: IPV4, data: build({ layer: 'ipv4', src: A4, dst: B4, options: counted(8) }, ...layers) },
    { etherType: IPV6, data: build({ layer: 'ipv6', src: A6, dst: B6 }, ...layers) },
  ]
}

function tunnelled(inner: readonly NetworkPacket[]): NetworkPacket[] {
  const geneve = (options: number, vni: number, type: number): Uint8Array =>
    bytes(options, 0, be16(type), vni >>> 16, be16(vni & 0xffff), 0, zeros(options * 4))
  const vxlan = (vni: number): Uint8Array => bytes(8, 0, 0, 0, vni >>> 16, be16(vni & 0xffff), 0)
  return inner.flatMap((packet, at) => [
    ...tunnel(6081, geneve(at % 3, at % 2 === 0 ? 5 : 0x10203, 0x6558), inEthernet(packet)),
    ...tunnel(6081, geneve(at % 2, 7, packet.etherType), packet.data),
    ...tunnel(4789, vxlan(at % 2 === 0 ? 5 : 0xabcdef), inEthernet(packet)),
  ])
}

/** Tags, labels and sessions around packets. */
function encapsulated(inner: readonly NetworkPacket[]): NetworkPacket[] {
  const tag = (etherType: number, id: number, { etherType: type, data }: NetworkPacket): NetworkPacket => ({
    etherType,
    data: bytes(be16(id), be16(type), data),
  })
  const label = (value: number, bottom: number, data: Uint8Array): Uint8Array =>
    bytes(be32(((value << 12) | (bottom << 8) | 64) >>> 0), data)
  const session = (etherType: number, id: number, data: Uint8Array): NetworkPacket => ({
    etherType,
    data: bytes(0x11, 0, be16(id), be16(data.length), data),
  })
  const ppp = ({ etherType, data }: NetworkPacket): Uint8Array =>
    bytes(be16({ [IPV4]: 0x21, [IPV6]: 0x57 }[etherType] ?? etherType), data)
  const tags = inner.flatMap((packet) => [
    tag(0x8100, 5, packet),
    tag(0x8100, 0x6064, packet),
    tag(0x88a8, 200, packet),
    tag(0x9100, 300, packet),
    tag(0x8100, 100, tag(0x8100, 5, packet)),
    tag(0x88a8, 5, tag(0x8100, 100, packet)),
    tag(0x8100, 7, session(0x8864, 9, ppp(packet))),
    tag(0x8100, 7, { etherType: 0x8847, data: label(1024, 1, packet.data) }),
  ])
  const labels = inner.flatMap(({ data }) => [
    { etherType: 0x8847, data: label(1024, 1, data) },
    { etherType: 0x8847, data: label(100000, 0, label(1024, 1, data)) },
    { etherType: 0x8848, data: label(16, 1, data) },
  ])
  const sessions = inner.flatMap((packet) => [
    session(0x8864, 9, ppp(packet)),
    session(0x8864, 0x27, ppp(packet)),
  ])
  return [...tags, ...labels, ...sessions, session(0x8863, 0, counted(12))]
}

function others(): NetworkPacket[] {
  const arp = (operation: number, type = 0x806): NetworkPacket => ({
    etherType: type,
    data: build({
      layer: 'arp',
      operation,
      senderMac: '02:00:00:00:00:01',
      senderIp: A4,
      targetMac: '02:00:00:00:00:02',
      targetIp: B4,
    }),
  })
  const decnet = (flags: number): NetworkPacket => ({
    etherType: 0x6003,
    data: bytes(20, 0, flags, counted(24)),
  })
  const types = [0x80f3, 0x809b, 0x6000, 0x6001, 0x6002, 0x6004, 0x6007, 0x9000, 0x88cc, 0x8037, 0x200]
  return [
    ...[1, 2].flatMap((operation) => [arp(operation), arp(operation, 0x8035)]),
    decnet(0x02),
    decnet(0x06),
    decnet(0x26),
    ...types.map((etherType) => ({ etherType, data: counted(40) })),
  ]
}

/** What a filter can tell apart above the link layer. */
export function networkPackets(): NetworkPacket[] {
  const [four, six] = [ipv4Packets(), ipv6Packets()]
  const few = [four[0]!, four[6]!, four[10]!, six[0]!, six[6]!, six[26]!, others()[0]!]
  return [...four, ...six, ...others(), ...encapsulated(few), ...tunnelled(few)]
}
