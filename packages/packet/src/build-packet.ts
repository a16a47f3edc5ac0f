import { ipv4, ipv6 } from './address.ts'
import { checksumFold, checksumPartial, pseudoHeaderSum } from './checksum.ts'
import { PacketError } from './errors.ts'
import type { HeaderCodec } from './header.ts'
import {
  type DataLayer,
  etherTypes,
  type HeaderFields,
  type HeaderName,
  headers,
  ipProtocols,
  type LayerName,
} from './layers.ts'
import { ETHERTYPE, IPPROTO } from './protocol.ts'

/** A header to build: what is left out is filled in; lengths, types and checksums from what follows. */
export type HeaderInput<N extends HeaderName = HeaderName> = {
  [K in N]: { readonly layer: K } & Partial<HeaderFields[K]>
}[N]

export type LayerInput = HeaderInput | DataLayer

/** Where a layer stands. */
interface Place {
  /** The layer behind, undefined at the end. */
  readonly next: LayerName | undefined
  /** Bytes behind the header, without a trailer. */
  readonly behind: Uint8Array
  /** Bytes of the header with its options. */
  readonly headerBytes: number
}

interface IpEnds {
  readonly src: Uint8Array
  readonly dst: Uint8Array
}

/** The fields of a layer that can be filled in. */
type Filler<N extends HeaderName> = (place: Place) => Partial<HeaderFields[N]>

const nothing = '00:00:00:00:00:00'
const number = (
  table: readonly (readonly [number, LayerName])[],
  next: LayerName | undefined,
): number | undefined => table.find(([, layer]) => layer === next)?.[0]
/** An absent value stays absent. */
const present = <K extends string>(key: K, value: number | undefined): Partial<Record<K, number>> =>
  value === undefined ? {} : ({ [key]: value } as Record<K, number>)

const etherType = ({ next }: Place) => present('type', number(etherTypes, next))
const nextHeader = ({ next }: Place) =>
  present('nextHeader', next === undefined ? IPPROTO.NONE : number(ipProtocols, next))
const extension = (place: Place) => ({ ...nextHeader(place), headerLength: place.headerBytes / 8 - 1 })
const ports = { srcPort: 0, dstPort: 0 }
const icmp = { type: 0, code: 0, id: 0, sequence: 0 }

const fillers: { readonly [N in HeaderName]: Filler<N> } = {
  ethernet: (place) => ({ dst: nothing, src: nothing, ...etherType(place) }),
  vlan: (place) => ({ priority: 0, dropEligible: 0, id: 0, ...etherType(place) }),
  arp: () => ({
    hardwareType: 1,
    protocolType: ETHERTYPE.IPV4,
    hardwareLength: 6,
    protocolLength: 4,
    operation: 1,
    senderMac: nothing,
    senderIp: '0.0.0.0',
    targetMac: nothing,
    targetIp: '0.0.0.0',
  }),
  ipv4: ({ next, behind, headerBytes }) => ({
    version: 4,
    headerLength: headerBytes / 4,
    tos: 0,
    totalLength: headerBytes + behind.length,
    id: 0,
    flags: [],
    fragmentOffset: 0,
    ttl: 64,
    ...present('protocol', number(ipProtocols, next)),
    src: '0.0.0.0',
    dst: '0.0.0.0',
  }),
  ipv6: (place) => ({
    version: 6,
    trafficClass: 0,
    flowLabel: 0,
    payloadLength: place.behind.length,
    ...nextHeader(place),
    hopLimit: 64,
    src: '::',
    dst: '::',
  }),
  hopopts: extension,
  routing: (place) => ({ ...extension(place), type: 4, segmentsLeft: 0 }),
  fragment: (place) => ({ ...nextHeader(place), reserved: 0, fragmentOffset: 0, flags: [], id: 0 }),
  dstopts: extension,
  tcp: ({ headerBytes }) => ({
    ...ports,
    seq: 0,
    ack: 0,
    dataOffset: headerBytes / 4,
    reserved: 0,
    flags: [],
    window: 65535,
    urgent: 0,
  }),
  udp: ({ headerBytes, behind }) => ({ ...ports, length: headerBytes + behind.length }),
  icmp: () => icmp,
  icmpv6: () => icmp,
}

/** What each checksum covers in front of its own header; `undefined` is no pseudo header. */
const checksummed: {
  readonly [N in HeaderName]?: { readonly pseudo?: number; readonly headerOnly?: boolean }
} = {
  ipv4: { headerOnly: true },
  tcp: { pseudo: IPPROTO.TCP },
  udp: { pseudo: IPPROTO.UDP },
  icmp: {},
  icmpv6: { pseudo: IPPROTO.ICMPV6 },
}

/** Options fill whole units of so many bytes, counted with the fixed part. */
const unitOf: { readonly [N in HeaderName]?: number } = {
  ipv4: 4,
  tcp: 4,
  hopopts: 8,
  routing: 8,
  dstopts: 8,
}

/**
 * The bytes of a packet, from its layers, outermost first. Options are padded to whole words. Throws PacketError:
 * BAD_FIELD, BAD_ADDRESS, and BAD_LAYER where nothing says what a field must be.
 */
export function buildPacket(layers: readonly LayerInput[]): Uint8Array {
  const misplaced = layers.slice(0, -1).some(({ layer }) => layer === 'trailer')
  if (misplaced) throw new PacketError('BAD_LAYER', 'only the last layer can be one', 'trailer')
  let built: Uint8Array = new Uint8Array(0)
  let trailer: Uint8Array = new Uint8Array(0)
  for (let i = layers.length - 1; i >= 0; i--) {
    const layer = layers[i]!
    if (layer.layer === 'trailer') {
      trailer = layer.data
    } else if (layer.layer === 'payload') {
      built = concat(layer.data, built)
    } else {
      const next = layers[i + 1]?.layer
      built = concat(header(layer, next === 'trailer' ? undefined : next, built, ipEnds(layers, i)), built)
    }
  }
  return concat(built, trailer)
}

function header(
  layer: HeaderInput,
  next: LayerName | undefined,
  behind: Uint8Array,
  ip: IpEnds | undefined,
): Uint8Array {
  const name = layer.layer
  const codec = headers[name] as unknown as HeaderCodec<Record<string, unknown>>
  const options = ('options' in layer && layer.options) || new Uint8Array(0)
  const unit = unitOf[name] ?? 1
  const bytes = new Uint8Array(Math.ceil((codec.size + options.length) / unit) * unit)
  const fields: Record<string, unknown> = { ...fillers[name]({ next, behind, headerBytes: bytes.length }) }
  for (const [key, value] of Object.entries(layer)) if (value !== undefined) fields[key] = value

  const sum = checksummed[name]
  const calculate = sum !== undefined && fields['checksum'] === undefined
  if (calculate) fields['checksum'] = 0
  for (const key of codec.keys) {
    if (fields[key] === undefined) {
      throw new PacketError(
        'BAD_LAYER',
        `it has no number for ${next ?? 'the end'} behind it: state it`,
        `${name}.${key}`,
      )
    }
  }
  codec.write(bytes, 0, fields)
  writeOptions(name, bytes, codec.size, options)
  if (!calculate) return bytes

  let total = checksumPartial(bytes)
  if (!sum.headerOnly) total = checksumPartial(behind, total)
  if (sum.pseudo !== undefined) {
    if (!ip)
      throw new PacketError(
        'BAD_LAYER',
        'no IP layer is in front, which the checksum covers',
        `${name}.checksum`,
      )
    total += pseudoHeaderSum(ip.src, ip.dst, sum.pseudo, bytes.length + behind.length)
  }
  const checksum = checksumFold(total)
  // In UDP 0 would say that there is no checksum.
  codec.write(bytes, 0, { ...fields, checksum: name === 'udp' && checksum === 0 ? 0xffff : checksum })
  return bytes
}

function writeOptions(name: HeaderName, bytes: Uint8Array, at: number, options: Uint8Array): void {
  bytes.set(options, at)
  const padding = bytes.length - at - options.length
  // Zeros end the options of IPv4 and TCP; those of IPv6 are padded by an option, PadN (RFC 8200, 4.2), or a zero, Pad1.
  if ((name === 'hopopts' || name === 'dstopts') && padding > 1)
    bytes.set([1, padding - 2], bytes.length - padding)
}

/** The addresses that a checksum in layer `i` covers. */
function ipEnds(layers: readonly LayerInput[], i: number): IpEnds | undefined {
  let final: Uint8Array | undefined
  for (let j = i - 1; j >= 0; j--) {
    const layer = layers[j]!
    if (layer.layer === 'routing') final = lastSegment(layer) ?? final
    if (layer.layer === 'ipv4') {
      return { src: ipv4.parse(layer.src ?? '0.0.0.0'), dst: ipv4.parse(layer.dst ?? '0.0.0.0') }
    }
    if (layer.layer === 'ipv6') {
      return { src: ipv6.parse(layer.src ?? '::'), dst: final ?? ipv6.parse(layer.dst ?? '::') }
    }
  }
  return undefined
}

/** Where a routing header sends the packet in the end, if it is not there yet (RFC 8200, 8.1). */
function lastSegment({
  type = 4,
  segmentsLeft = 0,
  options,
}: HeaderInput<'routing'>): Uint8Array | undefined {
  if (segmentsLeft === 0 || !options || options.length < 20) return undefined
  // Segment routing (RFC 8754) lists the segments backwards; types 0 and 2 in their order.
  return type === 4 ? options.subarray(4, 20) : options.subarray(options.length - 16)
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(a.length + b.length)
  bytes.set(a)
  bytes.set(b, a.length)
  return bytes
}
