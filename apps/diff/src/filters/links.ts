import { be16, be32, bytes, counted, type NetworkPacket } from './packets.ts'

/** A link type, and its frames around packets. */
export interface Link {
  /** LINKTYPE */
  readonly linkType: number
  frames(packets: readonly NetworkPacket[]): Uint8Array[]
}

const IPV4 = 0x800
const IPV6 = 0x86dd
const isIp = ({ etherType }: NetworkPacket): boolean => etherType === IPV4 || etherType === IPV6

const MACS = [
  [0x02, 0, 0, 0, 0, 1],
  [0x02, 0, 0, 0, 0, 2],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  [0x01, 0x00, 0x5e, 0, 0, 5],
  [0x33, 0x33, 0, 0, 0, 1],
].map((mac) => Uint8Array.from(mac))
/** The number of a frame decides who talks to whom. */
const mac = (at: number): Uint8Array => MACS[at % MACS.length]!

const SNAP = Uint8Array.of(0xaa, 0xaa, 3, 0, 0, 0)
/** Frames of IEEE 802.2 that no EtherType stands for: ISO, STP, IPX, NetBEUI, NetWare; I, S and U formats. */
const LLC_FRAMES: readonly Uint8Array[] = [
  ...[0x82, 0x88, 0x89].map((nlpid) => bytes(0xfe, 0xfe, 3, nlpid, 27, 1, 0)),
  // The PDUs of IS-IS.
  ...[15, 16, 17, 18, 20, 24, 25, 26, 27].map((pdu) =>
    bytes(0xfe, 0xfe, 3, 0x83, 27, 1, 0, pdu, 1, 0, 0, counted(12)),
  ),
  bytes(0x42, 0x42, 3, counted(35)),
  bytes(0xe0, 0xe0, 3, 0xff, 0xff, counted(30)),
  bytes(0xff, 0xff, counted(30)),
  bytes(0xf0, 0xf0, 3, counted(20)),
  bytes(0xf0, 0xf1, 0x02, 0x04, counted(20)),
  ...[0x00, 0x02, 0x01, 0x05, 0x09, 0x03, 0x6f, 0x43, 0x0f, 0x63, 0x87, 0xaf, 0xe3, 0x7f].map((control) =>
    bytes(0x06, 0x06, control, 0x01, counted(20)),
  ),
  bytes(0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0, counted(20)),
  bytes(0xaa, 0xaa, 3, 0x08, 0, 7, 0x80, 0x9b, counted(20)),
]

const ethernetFrames =
  (before: Uint8Array) =>
  (packets: readonly NetworkPacket[]): Uint8Array[] => [
    ...packets.map(({ etherType, data }, at) => bytes(before, mac(at), mac(at + 1), be16(etherType), data)),
    ...LLC_FRAMES.map((llc, at) => bytes(before, mac(at), mac(at + 2), be16(llc.length), llc)),
    ...packets
      .filter(isIp)
      .slice(0, 8)
      .map(({ etherType, data }, at) => {
        return bytes(before, mac(at), mac(at + 3), be16(data.length + 8), SNAP, be16(etherType), data)
      }),
  ]

/** Every so many of the packets, so that link types with the same inside do not repeat them all. */
const some = (packets: readonly NetworkPacket[], step: number): NetworkPacket[] =>
  packets.filter((_, at) => at % step === 0)

const each =
  (step: number, frame: (packet: NetworkPacket, at: number) => Uint8Array) =>
  (packets: readonly NetworkPacket[]): Uint8Array[] =>
    some(packets, step).map(frame)

const snapped = (header: (at: number) => Uint8Array, step: number) => (packets: readonly NetworkPacket[]) => [
  ...some(packets, step).map(({ etherType, data }, at) => bytes(header(at), SNAP, be16(etherType), data)),
  ...LLC_FRAMES.map((llc, at) => bytes(header(at), llc)),
]

/** AF_INET and AF_INET6 as Linux and the BSDs have them. */
const family = ({ etherType }: NetworkPacket, at: number): number =>
  etherType === IPV4 ? 2 : etherType === IPV6 ? [10, 24, 28, 30][at % 4]! : 7
const little32 = (value: number): Uint8Array => be32(value).toReversed()

const pppProtocol = ({ etherType }: NetworkPacket): Uint8Array =>
  be16(
    { [IPV4]: 0x21, [IPV6]: 0x57, 34887: 0x281, 34888: 0x283, 24579: 0x27, 33011: 0x29 }[etherType] ?? 0xc021,
  )

/** Frames of IEEE 802.11: data in all directions, with and without QoS, management and control. */
function wlanFrames(header: (at: number) => Uint8Array) {
  return (packets: readonly NetworkPacket[]): Uint8Array[] => {
    const data = some(packets, 6).map(({ etherType, data: inner }, at) => {
      const direction = at % 4
      const qos = (at >> 2) % 2 === 1
      return bytes(
        header(at),
        qos ? 0x88 : 0x08,
        direction | (at % 7 === 0 ? 0x40 : 0),
        be16(0),
        mac(at),
        mac(at + 1),
        mac(at + 2),
        be16(0),
        ...(direction === 3 ? [mac(at + 3)] : []),
        ...(qos ? [be16(0)] : []),
        SNAP,
        be16(etherType),
        inner,
      )
    })
    const subtypes = Array.from({ length: 16 }, (_, subtype) => subtype)
    const rest = [0, 1, 2].flatMap((type) =>
      subtypes.map((subtype) =>
        bytes(
          header(subtype),
          (subtype << 4) | (type << 2),
          subtype % 4,
          be16(0),
          mac(subtype),
          mac(subtype + 1),
          mac(2),
          counted(24),
        ),
      ),
    )
    return [...data, ...rest]
  }
}

/** Any header of a length before packets: for link types of which a filter only knows where things are. */
const headed =
  (
    length: number,
    fields: (packet: NetworkPacket, at: number) => readonly (readonly [number, Uint8Array])[],
  ) =>
  (packets: readonly NetworkPacket[]): Uint8Array[] =>
    some(packets, 5).map((packet, at) => {
      const frame = bytes(new Uint8Array(length), packet.data)
      for (const [offset, value] of fields(packet, at)) frame.set(value, offset)
      return frame
    })

const radiotap = (at: number): Uint8Array =>
  bytes(0, 0, 8 + (at % 3) * 4, 0, new Uint8Array(4 + (at % 3) * 4))
/** PPI's header has the DLT of what follows, little-endian. */
const ppi = (at: number): Uint8Array =>
  bytes(0, 0, 8 + (at % 2) * 8, 0, at % 5 === 4 ? 1 : 105, 0, 0, 0, new Uint8Array((at % 2) * 8))

function ss7(before: number) {
  return (): Uint8Array[] =>
    Array.from({ length: 60 }, (_, at) => {
      const length = at % 5 === 0 ? 0 : at % 5 === 1 ? 1 + (at % 2) : 3 + at
      return bytes(
        new Uint8Array(before),
        at & 0x7f,
        (at * 3) & 0x7f,
        length & 0x3f,
        (at % 16) | 0x80,
        counted(20).map((n) => n * (at + 1)),
      )
    })
}

function sunAtm(): Uint8Array[] {
  const heads = [0, 1, 2, 4, 5, 6].flatMap((type) =>
    [0, 1, 2, 3, 4, 5, 16, 100].flatMap((vci) =>
      [0, 1].map((vpi) => bytes(type | (vpi << 7), vpi, be16(vci))),
    ),
  )
  return heads.map((head, at) =>
    at % 3 === 0
      ? bytes(head, SNAP, be16(IPV4), counted(40))
      : bytes(head, 9, 0, 0, 0, 0, 5 + (at % 96), counted(30)),
  )
}

/** All link types with frames of their own; the step thins out what they carry. */
export const LINKS: readonly Link[] = [
  { linkType: 1, frames: ethernetFrames(new Uint8Array()) },
  { linkType: 0, frames: each(5, (packet, at) => bytes(little32(family(packet, at)), packet.data)) },
  { linkType: 108, frames: each(5, (packet, at) => bytes(be32(family(packet, at)), packet.data)) },
  {
    linkType: 109,
    frames: each(6, (packet, at) => bytes(little32(family(packet, at)), counted(8), packet.data)),
  },
  { linkType: 101, frames: each(3, ({ data }) => data) },
  { linkType: 228, frames: each(6, ({ data }) => data) },
  { linkType: 229, frames: each(6, ({ data }) => data) },
  {
    linkType: 113,
    frames: each(3, ({ etherType, data }, at) =>
      bytes(be16(at % 5), be16(1), be16(6), mac(at), be16(0), be16(at % 9 === 8 ? 4 : etherType), data),
    ),
  },
  {
    linkType: 276,
    frames: each(3, ({ etherType, data }, at) =>
      bytes(be16(etherType), be16(0), be32(1 + (at % 3)), be16(1), at % 5, 6, mac(at), be16(0), data),
    ),
  },
  { linkType: 105, frames: wlanFrames(() => new Uint8Array()) },
  { linkType: 127, frames: wlanFrames(radiotap) },
  {
    linkType: 119,
    frames: wlanFrames((at) => bytes(be32(at % 2 === 0 ? 0x44 : 0x80211001), be32(144), new Uint8Array(136))),
  },
  { linkType: 163, frames: wlanFrames(() => bytes(be32(0x80211001), be32(64), new Uint8Array(56))) },
  { linkType: 192, frames: wlanFrames(ppi) },
  { linkType: 9, frames: each(4, (packet) => bytes(0xff, 3, pppProtocol(packet), packet.data)) },
  { linkType: 50, frames: each(6, (packet) => bytes(0xff, 3, pppProtocol(packet), packet.data)) },
  { linkType: 166, frames: each(6, (packet, at) => bytes(at % 2, 3, pppProtocol(packet), packet.data)) },
  {
    linkType: 51,
    frames: each(6, (packet) => bytes(0x11, 0, be16(9), be16(20), pppProtocol(packet), packet.data)),
  },
  {
    linkType: 104,
    frames: each(5, ({ etherType, data }, at) => bytes(at % 2 === 0 ? 0x0f : 0x8f, 0, be16(etherType), data)),
  },
  { linkType: 10, frames: snapped((at) => bytes(at % 6 === 0 ? 0x40 : 0x50, mac(at), mac(at + 1)), 6) },
  { linkType: 6, frames: snapped((at) => bytes(0x10, 0x40, mac(at), mac(at + 1)), 6) },
  { linkType: 122, frames: snapped((at) => bytes(be16(0), mac(at), be16(0), mac(at + 1)), 6) },
  { linkType: 100, frames: snapped(() => new Uint8Array(), 8) },
  { linkType: 106, frames: snapped(() => new Uint8Array(), 12) },
  {
    linkType: 7,
    frames: each(8, ({ etherType, data }, at) =>
      bytes(
        at % 4,
        at % 3 === 0 ? 0 : 7,
        { [IPV4]: 212, [IPV6]: 196, 2054: 213 }[etherType] ?? 0xdd,
        0,
        be16(at),
        data,
      ),
    ),
  },
  {
    linkType: 129,
    frames: each(8, ({ etherType, data }, at) =>
      bytes(
        at % 4,
        at % 3 === 0 ? 0 : 7,
        be16(0),
        { [IPV4]: 212, [IPV6]: 196, 2054: 213 }[etherType] ?? 0xdd,
        0,
        be16(at),
        data,
      ),
    ),
  },
  { linkType: 8, frames: headed(16, (_, at) => [[0, Uint8Array.of(at % 2)]]) },
  {
    linkType: 107,
    frames: each(6, ({ etherType, data }) =>
      bytes(0x18, 0x41, 3, { [IPV4]: 0xcc, [IPV6]: 0x8e }[etherType] ?? 0x80, data),
    ),
  },
  { linkType: 114, frames: each(30, ({ data }, at) => bytes(1, 2, 1 + (at % 2), data)) },
  {
    linkType: 117,
    frames: headed(64, ({ etherType }, at) => [
      [0, Uint8Array.of(61, etherType === IPV4 ? 2 : [10, 24, 28, 30][at % 4]!, at % 2, at % 4)],
      [4, Uint8Array.from('eth0\0', (c) => c.charCodeAt(0))],
      [36, be32(at % 5)],
      [40, be32(at % 3)],
      [60, Uint8Array.of(at % 3)],
    ]),
  },
  { linkType: 123, frames: sunAtm },
  { linkType: 140, frames: ss7(0) },
  { linkType: 139, frames: ss7(4) },
  { linkType: 197, frames: ss7(20) },
  { linkType: 99, frames: headed(44, ({ etherType }) => [[6, be16(etherType)]]) },
  { linkType: 138, frames: headed(18, ({ etherType }) => [[16, be16(etherType)]]) },
  {
    linkType: 226,
    frames: headed(24, ({ etherType }, at) => [
      [0, bytes(1, etherType === IPV4 ? 2 : 26, be16(1 + (at % 2)))],
    ]),
  },
  { linkType: 240, frames: ethernetFrames(new Uint8Array(4)) },
  // Juniper's headers begin with a magic number and flags; the rest differs from service to service.
  ...[130, 133, 135, 137, 164, 167, 168, 178, 179, 180, 181].map((linkType) => ({
    linkType,
    frames: headed(20, ({ etherType }, at) => [
      [0, Uint8Array.of(0x4d, 0x47, 0x43, at % 4)],
      [4, be16(etherType)],
      [14, be16(etherType)],
    ]),
  })),
]
