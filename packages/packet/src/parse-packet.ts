import {
  etherTypes,
  type HeaderFields,
  type HeaderLayer,
  type HeaderName,
  headers,
  ipProtocols,
  type Layer,
  type LayerName,
} from './layers.ts'
import { LINKTYPE } from './link-type.ts'

/** What the fields of a header say about the bytes behind them. */
interface Rule<N extends HeaderName> {
  /** What follows. */
  next(fields: HeaderFields[N]): LayerName
  /** Bytes of the header with its options; those of the fixed part if absent. */
  headerBytes?(fields: HeaderFields[N]): number
  /** Bytes of the header and all that belongs to it; as many as there are if absent. */
  extent?(fields: HeaderFields[N]): number
}

const etherLayer = (type: number): LayerName => etherTypes.find(([t]) => t === type)?.[1] ?? 'payload'
const ipLayer = (protocol: number): LayerName => ipProtocols.find(([p]) => p === protocol)?.[1] ?? 'payload'

const extension = {
  next: (f: { nextHeader: number }) => ipLayer(f.nextHeader),
  headerBytes: (f: { headerLength: number }) => 8 + f.headerLength * 8,
}
const payload = { next: (): LayerName => 'payload' }

const rules: { readonly [N in HeaderName]: Rule<N> } = {
  ethernet: { next: (f) => etherLayer(f.type) },
  vlan: { next: (f) => etherLayer(f.type) },
  arp: { next: () => 'trailer' },
  ipv4: {
    // Only a datagram's first fragment has a header behind.
    next: (f) => (f.fragmentOffset > 0 ? 'payload' : ipLayer(f.protocol)),
    headerBytes: (f) => f.headerLength * 4,
    extent: (f) => f.totalLength,
  },
  ipv6: { next: (f) => ipLayer(f.nextHeader), extent: (f) => headers.ipv6.size + f.payloadLength },
  hopopts: extension,
  routing: extension,
  fragment: { next: (f) => (f.fragmentOffset > 0 ? 'payload' : ipLayer(f.nextHeader)) },
  dstopts: extension,
  tcp: { ...payload, headerBytes: (f) => f.dataOffset * 4 },
  udp: { ...payload, extent: (f) => f.length },
  icmp: payload,
  icmpv6: payload,
}

const isHeader = (name: LayerName): name is HeaderName => name in headers

function firstLayer(bytes: Uint8Array, linkType: number): LayerName {
  if (linkType === LINKTYPE.ETHERNET) return 'ethernet'
  if (linkType === LINKTYPE.RAW || linkType === LINKTYPE.IPV4 || linkType === LINKTYPE.IPV6) {
    const version = (bytes[0] ?? 0) >> 4
    return version === 4 ? 'ipv4' : version === 6 ? 'ipv6' : 'payload'
  }
  return 'payload'
}

/** A header met on the way through a packet. */
export interface Step<N extends HeaderName = HeaderName> {
  readonly name: N
  /** Where the header begins. */
  readonly at: number
  /** Bytes of the header with its options. */
  readonly headerBytes: number
  /** Whether it can have options, even if it has none. */
  readonly hasOptions: boolean
  /** The fixed fields, each read when it is asked for. */
  readonly fields: HeaderFields[N]
  /** Where that ends which the header says belongs to it. */
  readonly end: number
  readonly next: LayerName
}

/** The headers of a packet from the outermost on, until one is unknown, cut off, or contradicts itself. */
export function* walkHeaders(bytes: Uint8Array, linkType: number): Generator<Step, void, undefined> {
  let at = 0
  let end = bytes.length
  let name = firstLayer(bytes, linkType)
  while (isHeader(name)) {
    const step = stepInto(name, bytes, at, end)
    if (!step) return
    yield step
    at += step.headerBytes
    end = step.end
    name = step.next
  }
}

function stepInto<N extends HeaderName>(
  name: N,
  bytes: Uint8Array,
  at: number,
  end: number,
): Step | undefined {
  const { size } = headers[name]
  const rule: Rule<N> = rules[name]
  if (at + size > end) return undefined
  // Options, which are not fixed, are missing; no rule asks for them.
  const fields = headers[name].view(bytes, at) as HeaderFields[N]
  const headerBytes = rule.headerBytes?.(fields) ?? size
  if (headerBytes < size || at + headerBytes > end) return undefined
  const extent = rule.extent?.(fields) ?? end - at
  return {
    name,
    at,
    headerBytes,
    hasOptions: rule.headerBytes !== undefined,
    fields,
    // A length of 0 leaves it to the link, and a longer one than there is was cut off.
    end: extent < headerBytes ? end : Math.min(end, at + extent),
    next: rule.next(fields),
  }
}

/**
 * The headers of a packet, outermost first, and the bytes behind the last known one as `payload`. It takes everything: a
 * header that is cut off or contradicts itself begins the payload. `buildPacket` makes the same bytes of the result.
 */
export function parsePacket(bytes: Uint8Array, linkType: number = LINKTYPE.ETHERNET): Layer[] {
  const layers: Layer[] = []
  let at = 0
  let end = bytes.length
  for (const step of walkHeaders(bytes, linkType)) {
    const { name, headerBytes, hasOptions, next } = step
    const options = hasOptions && { options: bytes.subarray(at + headers[name].size, at + headerBytes) }
    layers.push({ layer: name, ...headers[name].read(bytes, at), ...options } as unknown as HeaderLayer)
    at += headerBytes
    end = next === 'trailer' ? at : step.end
  }
  if (at < end) layers.push({ layer: 'payload', data: bytes.subarray(at, end) })
  if (end < bytes.length) layers.push({ layer: 'trailer', data: bytes.subarray(end) })
  return layers
}
