import { buildPacket, internetChecksum, type LayerInput, parsePacket, transportChecksum } from '@skep/packet'
import { describe, expect, it } from 'vitest'
import { completeChecksum, segments } from './large-packet.ts'

const ethernet: LayerInput = { layer: 'ethernet', src: '02:00:00:00:00:02', dst: '02:00:00:00:00:01' }
const network = {
  4: { layer: 'ipv4', src: '192.0.2.1', dst: '192.0.2.2', id: 0xfffe } as LayerInput,
  6: { layer: 'ipv6', src: '2001:db8::1', dst: '2001:db8::2' } as LayerInput,
}
const data = Uint8Array.from({ length: 3001 }, (_, n) => n * 7)

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** A struct virtio_net_hdr. */
const header = (kind: number, size: number, start: number, offset: number): Uint8Array => {
  const bytes = new Uint8Array(10)
  const view = new DataView(bytes.buffer)
  bytes.set([1, kind])
  for (const [at, value] of [
    [4, size],
    [6, start],
    [8, offset],
  ] as const)
    view.setUint16(at, value, true)
  return bytes
}

/** Puts the sum of the pseudo header where a sender leaves it, not complemented. */
function leavePartial(
  packet: Uint8Array,
  transport: number,
  field: number,
  [from, to]: readonly [number, number],
) {
  const view = new DataView(packet.buffer)
  view.setUint16(field, 0)
  const half = (to - from) / 2
  const addresses = [packet.slice(from, from + half), packet.slice(from + half, to)] as const
  const protocol = half === 4 ? packet[from - 3]! : packet[from - 2]!
  const whole = transportChecksum(...addresses, protocol, new Uint8Array(packet.length - transport))
  view.setUint16(field, ~whole & 0xffff)
}

const transportOf = { tcp: { number: 6, field: 16 }, udp: { number: 17, field: 6 } }

describe('a packet whose work was left to a card', () => {
  for (const version of [4, 6] as const)
    for (const kind of ['tcp', 'udp'] as const)
      for (const tag of [false, true]) {
        const about = `${kind} of IPv${version}${tag ? ' with a tag' : ''}`
        const start = 14 + (version === 4 ? 20 : 40)
        const shift = tag ? 4 : 0
        const addresses = [start - (version === 4 ? 8 : 32) + shift, start + shift] as const
        const layers = (payload: Uint8Array): LayerInput[] => [
          ethernet,
          ...(tag ? [{ layer: 'vlan', id: 5 } as LayerInput] : []),
          network[version],
          kind === 'tcp'
            ? {
                layer: 'tcp',
                srcPort: 80,
                dstPort: 4000,
                seq: 0xffff_ff00,
                flags: ['ack', 'psh', 'fin', 'cwr'],
              }
            : { layer: 'udp', srcPort: 53, dstPort: 4000 },
          { layer: 'payload', data: payload },
        ]
        const field = start + shift + transportOf[kind].field

        it(`gets its checksum: ${about}`, () => {
          const whole = buildPacket(layers(data.subarray(0, 501)))
          const packet = whole.slice()
          leavePartial(packet, start + shift, field, addresses)
          expect(hex(packet)).not.toBe(hex(whole))
          completeChecksum(packet, header(0, 0, start, transportOf[kind].field), shift)
          expect(hex(packet)).toBe(hex(whole))
        })

        it(`is cut: ${about}`, () => {
          const large = buildPacket(layers(data))
          leavePartial(large, start + shift, field, addresses)
          const gso = kind === 'udp' ? 5 : version === 4 ? 0x81 : 4
          const parts = segments(large, header(gso, 1400, start, transportOf[kind].field), shift)!
          expect(parts.length).toBe(3)
          const payloads = parts.map((part, n) => {
            const parsed = parsePacket(part)
            const of = (name: string) =>
              parsed.find((layer) => layer.layer === name) as never as Record<string, unknown>
            if (version === 4) expect(of('ipv4').id).toBe((0xfffe + n) & 0xffff)
            const rest = of('payload').data as Uint8Array
            // What the same headers around the same payload are when they are built anew.
            const rebuilt = layers(rest).map((layer) => {
              if (layer.layer === 'ipv4') return { ...layer, id: (0xfffe + n) & 0xffff }
              if (layer.layer !== 'tcp') return layer
              const flags = ['ack', ...(n === 2 ? ['psh', 'fin'] : []), ...(n === 0 ? ['cwr'] : [])]
              return { ...layer, seq: (0xffff_ff00 + 1400 * n) >>> 0, flags }
            }) as LayerInput[]
            expect(hex(part)).toBe(hex(buildPacket(rebuilt)))
            return hex(rest)
          })
          expect(payloads.join('')).toBe(hex(data))
        })
      }

  it('of a kind that is not known, or with headers that contradict, is refused', () => {
    const large = buildPacket([
      ethernet,
      network[4],
      { layer: 'udp', srcPort: 1, dstPort: 2 },
      { layer: 'payload', data },
    ])
    const good = header(5, 1400, 34, 6)
    expect(segments(large, good, 0)?.length).toBe(3)
    for (const bad of [
      header(3, 1400, 34, 6),
      header(5, 0, 34, 6),
      header(5, 1400, 4000, 6),
      header(1, 9, 60_000, 6),
    ])
      expect(segments(large, bad, 0)).toBeUndefined()
    expect(segments(large.subarray(0, 20), good, 0)).toBeUndefined()
    const before = large.slice()
    completeChecksum(large, header(0, 0, 9000, 6), 0)
    expect(hex(large)).toBe(hex(before))
    expect(internetChecksum(large.subarray(14, 34))).toBe(0)
  })
})
