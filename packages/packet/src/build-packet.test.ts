import { describe, expect, it } from 'vitest'
import {
  buildPacket,
  headers,
  internetChecksum,
  type LayerInput,
  type PacketError,
  parsePacket,
} from './index.ts'

const problem = (layers: LayerInput[]) => {
  try {
    buildPacket(layers)
  } catch (error) {
    const { code, field, message } = error as PacketError
    return { code, field, message }
  }
  return undefined
}

describe('buildPacket', () => {
  it('builds a packet from the least that must be said', () => {
    const packet = buildPacket([
      { layer: 'ethernet', dst: '02:00:00:00:00:01', src: '02:00:00:00:00:02' },
      { layer: 'vlan', id: 42 },
      { layer: 'ipv4', src: '192.0.2.1', dst: '192.0.2.2' },
      { layer: 'udp', srcPort: 5000, dstPort: 53 },
      { layer: 'payload', data: new TextEncoder().encode('odd') },
    ])
    expect(Buffer.from(packet).toString('hex')).toBe(
      '020000000001020000000002' +
        '8100002a0800' +
        '4500001f000000004011f6cac0000201c0000202' +
        '13880035000b94b2' +
        '6f6464',
    )
    expect(internetChecksum(packet.subarray(18, 38))).toBe(0)
  })

  it('keeps what is said, even if it is wrong', () => {
    const packet = buildPacket([
      { layer: 'ethernet', type: 0x0800 },
      { layer: 'ipv4', checksum: 1, totalLength: 9 },
      { layer: 'udp', checksum: 0 },
    ])
    expect(headers.ipv4.read(packet, 14)).toMatchObject({ checksum: 1, totalLength: 9 })
    expect(headers.udp.read(packet, 34)).toMatchObject({ checksum: 0, length: 8 })
  })

  it('pads options to whole words', () => {
    const layers = parsePacket(
      buildPacket([
        { layer: 'ethernet' },
        { layer: 'ipv6' },
        { layer: 'dstopts', options: Uint8Array.of(1, 0, 0) },
        { layer: 'tcp', options: Uint8Array.of(2, 4, 5, 0xb4, 4, 2) },
      ]),
    )
    expect(layers[2]).toMatchObject({ headerLength: 0, options: Uint8Array.of(1, 0, 0, 1, 1, 0) })
    expect(layers[3]).toMatchObject({ dataOffset: 7, options: Uint8Array.of(2, 4, 5, 0xb4, 4, 2, 0, 0) })
  })

  it('never writes the checksum 0 for UDP, which would mean none', () => {
    // The last two bytes make the sum come out as 0xffff.
    const build = (last: number) =>
      buildPacket([
        { layer: 'ethernet' },
        { layer: 'ipv4' },
        { layer: 'udp' },
        { layer: 'payload', data: Uint8Array.of(last >> 8, last & 255) },
      ])
    const { checksum } = headers.udp.read(build(0), 34)!
    expect(headers.udp.read(build(checksum), 34)!.checksum).toBe(0xffff)
  })

  it.each([
    ['BAD_FIELD', 'ipv4.ttl', [{ layer: 'ethernet' }, { layer: 'ipv4', ttl: 256, protocol: 6 }]],
    ['BAD_FIELD', 'tcp.flags', [{ layer: 'ipv4' }, { layer: 'tcp', flags: ['SYN' as 'syn'] }]],
    [
      'BAD_FIELD',
      'udp.length',
      [
        { layer: 'ipv4', totalLength: 20 },
        { layer: 'udp' },
        { layer: 'payload', data: new Uint8Array(65528) },
      ],
    ],
    ['BAD_LAYER', 'ethernet.type', [{ layer: 'ethernet' }, { layer: 'tcp', checksum: 0 }]],
    ['BAD_LAYER', 'ipv4.protocol', [{ layer: 'ipv4' }, { layer: 'payload', data: new Uint8Array(4) }]],
    ['BAD_LAYER', 'udp.checksum', [{ layer: 'udp' }]],
    ['BAD_LAYER', 'trailer', [{ layer: 'trailer', data: new Uint8Array(1) }, { layer: 'udp' }]],
    ['BAD_ADDRESS', undefined, [{ layer: 'ethernet', dst: '02:00' }, { layer: 'arp' }]],
  ] as [string, string | undefined, LayerInput[]][])('refuses %s %s', (code, field, layers) => {
    expect(problem(layers)).toMatchObject({ code, field })
  })

  it('names the field, the fact and the mend', () => {
    expect(problem([{ layer: 'ethernet' }, { layer: 'tcp', checksum: 0 }])!.message).toBe(
      'BAD_LAYER: ethernet.type: it has no number for tcp behind it: state it',
    )
  })
})
