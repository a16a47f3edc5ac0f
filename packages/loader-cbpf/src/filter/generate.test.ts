import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { traffic } from '../../test/capture.ts'
import { randomExpression } from '../../test/random-expression.ts'
import { Random } from '../../test/random-program.ts'
import { parseClassic } from '../parse-classic.ts'
import { runClassic } from '../run-classic.ts'
import { evaluateFilter } from './evaluate.ts'
import { FilterError } from './filter-error.ts'
import { type GenerateFilterOptions, generateFilter } from './generate.ts'
import { LINK_TYPES } from './link-types.ts'

const bytes = (hex: string): Uint8Array =>
  Uint8Array.from(hex.replace(/\s/g, '').match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))

const accepts = (expression: string, packet: Uint8Array, options: GenerateFilterOptions = {}): boolean =>
  evaluateFilter(generateFilter(expression, options), packet) !== 0

const ETHERNET = '020000000001 020000000002'
const IPV4 = (protocol: string, more: string): string =>
  `45000040 00000000 40${protocol}0000 c0000201 c0000242${more}`
const UDP = (port: string): string => `c350${port}00200000`

const TCP80 = bytes(`${ETHERNET} 0800 ${IPV4('06', 'c3500050')} ${'00'.repeat(16)}`)
const VLAN_TCP80 = bytes(`${ETHERNET} 8100 0005 0800 ${IPV4('06', 'c3500050')} ${'00'.repeat(16)}`)
const ARP = bytes(`${ETHERNET} 0806 0001080006040001 020000000001 c0000201 000000000000 c0000242`)
const INNER = `${ETHERNET} 0800 ${IPV4('11', UDP('0035'))}`
const VXLAN = bytes(`${ETHERNET} 0800 ${IPV4('11', UDP('12b5'))} 08000000 00002a00 ${INNER}`)

describe('generateFilter', () => {
  it('accepts the packets of a port and no others', () => {
    const packets = traffic()
    const chosen = (expression: string): Uint8Array[] => {
      const program = generateFilter(expression)
      return packets.filter((packet) => evaluateFilter(program, packet) !== 0)
    }
    const accepted = chosen('tcp port 80')
    expect(accepted.length).toBeGreaterThan(0)
    expect(accepted.length).toBeLessThan(packets.length)
    expect(chosen('not tcp port 80').length).toBe(packets.length - accepted.length)
  })

  it('returns the snapshot length', () => {
    expect(evaluateFilter(generateFilter('tcp', { snaplen: 96 }), TCP80)).toBe(96)
    expect(evaluateFilter(generateFilter('udp', { snaplen: 96 }), TCP80)).toBe(0)
  })

  it('looks behind encapsulations from there on', () => {
    expect(accepts('vlan 5 and tcp port 80', VLAN_TCP80)).toBe(true)
    expect(accepts('tcp port 80 and vlan 5', VLAN_TCP80)).toBe(false)
    expect(accepts('tcp port 80 or vlan 5 and tcp port 80', VLAN_TCP80)).toBe(true)
    expect(accepts('vlan 6 or vlan 5', VLAN_TCP80)).toBe(false)
    expect(accepts('vxlan', VXLAN)).toBe(true)
    expect(accepts('vxlan 42 and udp port 53 and ether host 02:00:00:00:00:01', VXLAN)).toBe(true)
    expect(accepts('vxlan 43', VXLAN)).toBe(false)
    expect(accepts('udp port 53', VXLAN)).toBe(false)
    expect(accepts('udp port 53', bytes(INNER))).toBe(true)
  })

  it('ends that with an alternative, where scopes are asked for', () => {
    const scoped = { scoped: true }
    expect(accepts('vlan 6 or tcp port 80', TCP80)).toBe(false)
    expect(accepts('vlan 6 or tcp port 80', TCP80, scoped)).toBe(true)
    expect(accepts('vlan 6 or vlan 5', VLAN_TCP80, scoped)).toBe(true)
    expect(accepts('(vlan 6 or vlan 5) and tcp port 80', VLAN_TCP80, scoped)).toBe(true)
    expect(accepts('(vlan 5 and tcp port 80) or arp', ARP, scoped)).toBe(true)
    expect(accepts('not vlan and tcp port 80', TCP80, scoped)).toBe(true)
    expect(accepts('not vlan and tcp port 80', TCP80)).toBe(false)
    expect(accepts('vlan and tcp port 80', VLAN_TCP80, scoped)).toBe(true)
  })

  it('follows a chain of headers', () => {
    const six = (next: string, rest: string): Uint8Array =>
      bytes(`${ETHERNET} 86dd 60000000 0040${next}40 ${'00'.repeat(32)} ${rest}`)
    const hopByHop = `2c 00 ${'00'.repeat(6)}`
    const fragment = `33 00 ${'00'.repeat(6)}`
    const authentication = `3c 02 ${'00'.repeat(14)}`
    const options = `06 01 ${'00'.repeat(14)}`
    const packet = six('00', hopByHop + fragment + authentication + options + '00'.repeat(20))
    for (const number of [0, 44, 51, 60, 6]) expect(accepts(`ip6 protochain ${number}`, packet)).toBe(true)
    for (const number of [17, 43, 59]) expect(accepts(`protochain ${number}`, packet)).toBe(false)
    expect(accepts('ip protochain 6', TCP80)).toBe(true)
    expect(accepts('ip6 proto 6', packet)).toBe(false)
  })

  it('asks the resolver for names', () => {
    const asked: string[] = []
    const note = <T>(kind: string, name: string, answer: T): T => {
      asked.push(`${kind} ${name}`)
      return answer
    }
    const resolver = {
      host: (name: string) =>
        note('host', name, name === 'server' ? ['2001:db8::1', '192.0.2.66'] : undefined),
      network: (name: string) => note('network', name, 192),
      service: (name: string, protocol: string) => note(protocol, name, protocol === 'tcp' ? 80 : undefined),
      protocol: (name: string) => note('protocol', name, 6),
      ether: (name: string) => note('ether', name, '2:0:0:0:0:2'),
    }
    const expression = 'host server and net ours and tcp port shop and proto ours and ether src server'
    expect(accepts(expression, TCP80, { resolver })).toBe(true)
    expect(asked).toEqual([
      'host server',
      'network ours',
      'tcp shop',
      'udp shop',
      'protocol ours',
      'ether server',
    ])
    expect(accepts('ip host server', TCP80, { resolver })).toBe(true)
    expect(accepts('dst host server', ARP, { resolver })).toBe(true)
    expect(accepts('gateway server', TCP80, { resolver })).toBe(false)
    expect(() => generateFilter('host other', { resolver })).toThrow(FilterError)
    expect(() => generateFilter('udp port shop', { resolver })).toThrow("'shop' is a service of tcp")
  })

  it('takes services and protocols that everyone knows', () => {
    expect(accepts('tcp port http', TCP80)).toBe(true)
    expect(accepts('ip proto TCP and tcp portrange domain-https', TCP80)).toBe(true)
    expect(accepts('udp port domain or proto \\tcp', TCP80)).toBe(true)
  })

  it('knows the byte order of an address family', () => {
    const packet = (family: string): Uint8Array => bytes(`${family} ${IPV4('06', 'c3500050')}`)
    expect(accepts('ip', packet('02000000'), { linkType: 0 })).toBe(true)
    expect(accepts('ip', packet('00000002'), { linkType: 0 })).toBe(false)
    expect(accepts('ip', packet('00000002'), { linkType: 0, bigEndian: true })).toBe(true)
    expect(accepts('ip', packet('00000002'), { linkType: 108 })).toBe(true)
  })

  it('compares with the mask of the network', () => {
    const to = (address: string): Uint8Array => {
      const packet = TCP80.slice()
      packet.set(bytes(address), 30)
      return packet
    }
    const options = { netmask: 0xffffff00 }
    expect(accepts('ip broadcast', to('c00002ff'), options)).toBe(true)
    expect(accepts('ip broadcast', to('c0000200'), options)).toBe(true)
    expect(accepts('ip broadcast', to('c0000201'), options)).toBe(false)
  })

  it('has the meaning that later libpcap has, where 1.10.3 has none', () => {
    expect(accepts('byte 0 & 2', TCP80)).toBe(true)
    expect(accepts('byte 0 & 4', TCP80)).toBe(false)
    const arcnet = bytes(`1f0000f0 0000 ${IPV4('06', 'c3500050')}`)
    expect(accepts('ether src $1f', arcnet, { linkType: 7 })).toBe(true)
    expect(accepts('vpi != 3', bytes('02 05 0005'), { linkType: 123 })).toBe(true)
  })
})

interface LiveFilter {
  readonly expression: string
  /** What tcpdump -ddd prints of it on an Ethernet interface of Linux. */
  readonly ddd: string
}

describe('filters of live captures', () => {
  const filters = JSON.parse(
    readFileSync(new URL('../../testdata/filters/live.json', import.meta.url), 'utf8'),
  ) as readonly LiveFilter[]
  const packets = [TCP80, VLAN_TCP80, ARP, bytes(`${ETHERNET} 88a8 0005 8100 0007 86dd 60${'00'.repeat(40)}`)]

  it.each(filters)('$expression', ({ expression, ddd }) => {
    const code = parseClassic(ddd)
    const program = generateFilter(expression, { live: true })
    const verdicts = new Set<boolean>()
    for (const packet of packets) {
      for (const vlan_tag of [undefined, 5, 7, 0x2005]) {
        for (const [ifindex, pkttype] of [
          [2, 0],
          [3, 4],
        ] as const) {
          const info = {
            ifindex,
            pkttype,
            vlan_tag: vlan_tag ?? 0,
            vlan_tag_present: vlan_tag === undefined ? 0 : 1,
          }
          const ours = evaluateFilter(program, packet, info) !== 0
          expect(ours, `${vlan_tag} ${ifindex}`).toBe(runClassic(code, packet, info) !== 0)
          verdicts.add(ours)
        }
      }
    }
    expect(verdicts.size).toBe(2)
  })
})

describe('any text', () => {
  it('becomes a program or a FilterError', () => {
    const random = new Random(2024)
    const words = [
      '(',
      ')',
      'host ',
      'port ',
      'not ',
      ' and ',
      ' or ',
      '5',
      '1.2.3.4',
      '::1',
      'src ',
      '[',
      ']',
      ':2',
      '\\',
      '\u0000',
      '"',
      'vlan ',
      '/8',
      ' mask ',
      'é',
      '-',
      '$1',
      '0x',
    ]
    let accepted = 0
    let refused = 0
    for (let round = 0; round < 600; round += 1) {
      const { number } = random.pick(LINK_TYPES)
      const parts = randomExpression(random, number, { later: true }).match(/\w+|\W/g) ?? []
      for (let changes = random.below(4); changes > 0; changes -= 1) {
        const at = random.below(parts.length)
        parts.splice(at, random.below(2), random.chance(0.5) ? random.pick(words) : random.pick(parts))
      }
      try {
        const program = generateFilter(parts.join(''), { linkType: number, scoped: random.chance(0.3) })
        for (const packet of [TCP80, VXLAN, bytes('')]) evaluateFilter(program, packet)
        accepted += 1
      } catch (error) {
        if (!(error instanceof FilterError)) throw error
        refused += 1
      }
    }
    expect(accepted).toBeGreaterThan(100)
    expect(refused).toBeGreaterThan(100)
  })

  it('is an expression without error where the generator made it', () => {
    const random = new Random(7)
    for (const { number, name } of LINK_TYPES) {
      let refused = 0
      for (let round = 0; round < 10; round += 1) {
        const expression = randomExpression(random, number, { depth: 2 })
        try {
          generateFilter(expression, { linkType: number })
        } catch (error) {
          if (!(error instanceof FilterError)) throw error
          refused += 1
        }
      }
      expect(refused, name).toBeLessThan(5)
    }
  })
})
