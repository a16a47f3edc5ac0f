import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { traffic } from '../test/traffic.ts'
import {
  buildPacket,
  type Layer,
  type LayerInput,
  LINKTYPE,
  parseCapture,
  parsePacket,
  summarize,
} from './index.ts'

const packets = [...parseCapture(traffic)].map(({ data }) => data)
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const names = (layers: readonly Layer[]) => layers.map(({ layer }) => layer).join(' ')

const isFragment = (layers: readonly Layer[]) =>
  layers.some(
    (l) => l.layer === 'fragment' || (l.layer === 'ipv4' && (l.fragmentOffset > 0 || l.flags.includes('mf'))),
  )

/** The layers without what `buildPacket` can fill in. */
function withoutDerived(layers: readonly Layer[]): LayerInput[] {
  const derived = [
    'checksum',
    'totalLength',
    'payloadLength',
    'length',
    'headerLength',
    'dataOffset',
    'protocol',
    'nextHeader',
  ]
  return layers.map((layer, i) => {
    const known = layers[i + 1] && !['payload', 'trailer'].includes(layers[i + 1]!.layer)
    const drop = known ? derived : derived.filter((key) => key !== 'protocol' && key !== 'nextHeader')
    return Object.fromEntries(Object.entries(layer).filter(([key]) => !drop.includes(key))) as LayerInput
  })
}

describe('parsePacket and buildPacket', () => {
  it('make the same bytes again of every packet recorded', () => {
    for (const packet of packets) expect(hex(buildPacket(parsePacket(packet)))).toBe(hex(packet))
  })

  it('fill in the lengths, types and checksums that the kernel filled in', () => {
    const whole = packets
      .map((packet) => [packet, parsePacket(packet)] as const)
      .filter(([, layers]) => !isFragment(layers))
    expect(whole.length).toBeGreaterThan(2500)
    for (const [packet, layers] of whole) expect(hex(buildPacket(withoutDerived(layers)))).toBe(hex(packet))
  })

  it('make the same bytes again of anything', () => {
    const mutated = fc
      .tuple(fc.constantFrom(...packets), fc.array(fc.tuple(fc.nat(100), fc.nat(255))), fc.nat(200))
      .map(([packet, changes, length]) => {
        const bytes = packet.slice(0, length)
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
        return bytes
      })
    const linkTypes = fc.constantFrom(LINKTYPE.ETHERNET, LINKTYPE.RAW, LINKTYPE.LINUX_SLL)
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 100 })), linkTypes, (bytes, linkType) => {
        expect(hex(buildPacket(parsePacket(bytes, linkType)))).toBe(hex(bytes))
        expect(summarize(bytes, linkType)).toMatch(/^\w+$/)
      }),
      { numRuns: 5000 },
    )
  })

  it('read the headers of every kind recorded', () => {
    const kinds = new Set(packets.map((packet) => names(parsePacket(packet))))
    for (const kind of [
      'ethernet arp',
      'ethernet ipv4 icmp payload',
      'ethernet ipv4 tcp',
      'ethernet ipv4 udp payload',
      'ethernet ipv4 payload',
      'ethernet vlan ipv4 tcp payload',
      'ethernet vlan vlan ipv4 icmp payload',
      'ethernet ipv6 tcp payload',
      'ethernet ipv6 hopopts icmpv6 payload',
      'ethernet ipv6 routing tcp',
      'ethernet ipv6 dstopts udp payload',
      'ethernet ipv6 hopopts dstopts fragment udp payload',
      'ethernet ipv6 fragment icmpv6 payload',
    ]) {
      expect(kinds).toContain(kind)
    }
  })

  it('give readable fields', () => {
    const syn = packets
      .map((packet) => parsePacket(packet))
      .find((layers) => names(layers) === 'ethernet ipv4 tcp')!
    expect(syn[1]).toMatchObject({
      layer: 'ipv4',
      version: 4,
      headerLength: 5,
      flags: ['df'],
      ttl: 64,
      protocol: 6,
    })
    expect(syn[2]).toMatchObject({ layer: 'tcp', flags: ['syn'], ack: 0, dataOffset: 10, reserved: 0 })
  })

  it('take what lies behind the length that IP states for a trailer', () => {
    const packet = buildPacket([
      { layer: 'ethernet' },
      { layer: 'ipv4' },
      { layer: 'udp' },
      { layer: 'payload', data: Uint8Array.of(1) },
      { layer: 'trailer', data: new Uint8Array(17) },
    ])
    expect(packet.length).toBe(60)
    expect(names(parsePacket(packet))).toBe('ethernet ipv4 udp payload trailer')
    expect(parsePacket(packet)[1]).toMatchObject({ totalLength: 29 })
  })

  it('begin the payload at a header that is cut off or contradicts itself', () => {
    const packet = buildPacket([{ layer: 'ethernet' }, { layer: 'ipv4' }, { layer: 'tcp' }])
    expect(names(parsePacket(packet.subarray(0, 53)))).toBe('ethernet ipv4 payload')
    const short = buildPacket([{ layer: 'ethernet' }, { layer: 'ipv4', headerLength: 4 }, { layer: 'tcp' }])
    expect(names(parsePacket(short))).toBe('ethernet payload')
  })
})

describe('summarize', () => {
  it('says what each packet recorded is', () => {
    const counts = new Map<string, number>()
    for (const packet of packets) counts.set(summarize(packet), (counts.get(summarize(packet)) ?? 0) + 1)
    expect([...counts.keys()].sort()).toEqual(['ARP', 'ICMP', 'ICMPv6', 'IGMP', 'TCP', 'UDP'])
  })

  it.each([
    [
      'UDP',
      [
        { layer: 'ethernet' },
        { layer: 'ipv4', protocol: 17, fragmentOffset: 3 },
        { layer: 'payload', data: new Uint8Array(8) },
      ],
    ],
    ['TCP', [{ layer: 'ethernet' }, { layer: 'ipv4' }, { layer: 'ipv6' }, { layer: 'tcp' }]],
    ['SCTP', [{ layer: 'ethernet' }, { layer: 'ipv6', nextHeader: 132 }]],
    ['IPv6', [{ layer: 'ethernet' }, { layer: 'ipv6' }]],
    ['IPv4', [{ layer: 'ethernet' }, { layer: 'ipv4', protocol: 253 }]],
    [
      'other',
      [
        { layer: 'ethernet', type: 0x88cc },
        { layer: 'payload', data: new Uint8Array(4) },
      ],
    ],
  ] as [string, LayerInput[]][])('%s', (label, layers) => {
    expect(summarize(buildPacket(layers))).toBe(label)
  })
})
