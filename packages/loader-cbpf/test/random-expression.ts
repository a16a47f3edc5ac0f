import { CONSTANTS } from '../src/filter/keywords.ts'
import { type LinkTypeEntry, linkTypeOf } from '../src/filter/link-types.ts'
import { PROTOCOLS, type Protocol } from '../src/filter/protocols.ts'
import type { Random } from './random-program.ts'

/** What a generator of numbers must have. */
export type Dice = Pick<Random, 'below' | 'chance' | 'pick'>

export interface RandomExpressionOptions {
  /** How deep parentheses and joined terms go; 3 unless said. */
  readonly depth?: number
  /** For packets that are being captured: direction and interface, where the link type does not have them. */
  readonly live?: boolean
  /** Words of libpcap after 1.10.3: `vxlan`. */
  readonly later?: boolean
}

const HOSTS = [
  '192.0.2.1',
  '192.0.2.66',
  '10.0.0.1',
  '192.168.1.2',
  '10.1.2.3',
  '198.51.100.7',
  '224.0.0.5',
  '255.255.255.255',
  '192.0.2',
  '10.1',
]
const NETS = [
  '192.0.2.0/24',
  '10.0.0.0/8',
  '10.1',
  '10.0.0',
  '192.168.1',
  '192.0.2',
  '0.0.0.0/0',
  '172.16.0.0 mask 255.240.0.0',
  '192.0.2.66/32',
  '10',
  '192.0.0.2 mask 255.255.0.255',
]
const HOSTS6 = [
  '2001:db8::1',
  '2001:db8::2',
  'fe80::1',
  'ff02::1',
  '::ffff:192.0.2.1',
  '::',
  '2001:DB8:0:0:0:0:0:66',
]
const NETS6 = [
  '2001:db8::/32',
  'fe80::/10',
  '::/0',
  '2001:db8::/127',
  'ff00::/8',
  '2001:db8::1',
  '2001:db8::/65',
]
const MACS = [
  '02:00:00:00:00:01',
  '02:00:00:00:00:02',
  '2:0:0:0:0:1',
  '02-00-00-00-00-02',
  '0200.0000.0001',
  '020000000002',
  '02.00.00.00.00.01',
  'ff:ff:ff:ff:ff:ff',
  '01:80:c2:00:00:00',
]
const PORTS = ['53', '80', '443', '6081', '4789', 'domain', 'https', '0x50', '0120', '40000', '65535', '0']
const RANGES = ['50-90', '90-50', '1024-65535', '80-80', 'domain-443', '53', '440-https', '0-65535']
const IP_PROTOCOLS = [
  '1',
  '6',
  '17',
  '58',
  '132',
  '50',
  '51',
  '0',
  '44',
  '60',
  '43',
  '255',
  '\\tcp',
  '\\udp',
  '\\icmp',
  'igmp',
  '\\sctp',
  'ipv6-icmp',
]
const LINK_PROTOCOLS = [
  '0x800',
  '0x806',
  '0x86dd',
  '0x8100',
  '0x8847',
  '0x8863',
  '0x8864',
  '2048',
  '\\ip',
  '\\arp',
  '\\ip6',
  '\\rarp',
  '\\stp',
  '\\iso',
  '\\ipx',
  '\\netbeui',
  '\\atalk',
  '\\aarp',
  '\\decnet',
  'loopback',
  '6',
  '0x42',
  '0xaa',
  '1500',
  '1501',
  '0xe0',
  '0xfe',
  '0xf0',
  '33',
  '65536',
]
const DIRECTIONS = ['src ', 'dst ', 'src or dst ', 'src and dst ', 'dst or src ', 'dst and src ', '', '', '']
const NAMED = [...CONSTANTS.keys()]
const NUMBERS = [
  '0',
  '1',
  '2',
  '4',
  '6',
  '8',
  '12',
  '14',
  '20',
  '40',
  '64',
  '0x0f',
  '0xf0',
  '255',
  '0x1fff',
  '1500',
  '0xffff',
  '017',
  '0xffffffff',
  '2147483648',
]
const OPERATORS = ['+', '-', '*', '/', '%', '&', '|', '^', '<<', '>>']
const RELATIONS = ['=', '==', '!=', '<', '<=', '>', '>=']
/** libpcap 1.10 takes != for = before fields of ATM and SS7. */
const FIELD_RELATIONS = RELATIONS.filter((relation) => relation !== '!=')
const WITH_BYTES = (Object.keys(PROTOCOLS) as Protocol[]).filter(
  (name) => PROTOCOLS[name].index !== undefined && name !== 'radio',
)
const ALONE = (Object.keys(PROTOCOLS) as Protocol[]).filter(
  (name) => PROTOCOLS[name].recognition !== undefined,
)
const COMMON = ['ip', 'ip6', 'arp', 'tcp', 'udp', 'icmp', 'icmp6', 'sctp', 'igmp'] as const

/**
 * A filter expression that libpcap 1.10 takes for this link type, but for a few that no packet can pass. The values are
 * those of small documentation networks, so that packets made of the same ones match now and then.
 */
export function randomExpression(
  random: Dice,
  linkType: number,
  options: RandomExpressionOptions = {},
): string {
  const link = linkTypeOf(linkType)
  if (link === undefined) throw new RangeError(`link type ${linkType} is unknown`)
  return new Writer(random, link, options).expression(options.depth ?? 3)
}

class Writer {
  readonly #random: Dice
  readonly #link: LinkTypeEntry
  readonly #options: RandomExpressionOptions
  /** Only headers that every encapsulation lets through. */
  #inside = false

  constructor(random: Dice, link: LinkTypeEntry, options: RandomExpressionOptions) {
    this.#random = random
    this.#link = link
    this.#options = options
  }

  expression(depth: number): string {
    const random = this.#random
    let text = this.#term(depth)
    for (let more = random.below(depth > 0 ? 3 : 1); more > 0; more -= 1) {
      text += ` ${random.pick(['and', 'or', 'and', 'or', '&&', '||'])} ${this.#term(depth - 1)}`
    }
    return text
  }

  #term(depth: number): string {
    const random = this.#random
    if (random.chance(0.12)) return `${random.pick(['not ', '!', '! '])}${this.#term(depth - 1)}`
    if (depth > 0 && random.chance(0.2)) return `(${this.expression(depth - 1)})`
    return random.pick(this.#kinds())()
  }

  #kinds(): (() => string)[] {
    const { test, stations, llc, frames, ss7, vlan, mpls, direction } = this.#link
    const typed = test !== 'none'
    const network = [
      this.#address,
      this.#address,
      this.#port,
      this.#port,
      this.#protocol,
      this.#protocol,
      this.#number,
    ]
    const always = [this.#relation, this.#length, this.#byte]
    const special: (() => string)[] = []
    if (!this.#inside) {
      if (typed) special.push(this.#uncommon)
      if (stations !== undefined) special.push(this.#station)
      if (llc) special.push(this.#llc)
      if (frames) special.push(this.#frame, this.#frame)
      if (ss7 !== undefined) special.push(this.#signal, this.#signal, this.#signal)
      if (test === 'sunatm') special.push(this.#cell, this.#cell)
      if (test === 'pflog') special.push(this.#log, this.#log)
      if (typed) special.push(this.#encapsulation)
    } else if (vlan || mpls) special.push(this.#encapsulation)
    if (direction !== undefined || this.#options.live) special.push(this.#direction)
    return [...(typed ? network : []), ...always, ...special].map((kind) => kind.bind(this))
  }

  /** One, or a list of the same kind without its qualifiers. */
  #list(one: () => string): string {
    const random = this.#random
    if (random.chance(0.75)) return one()
    const items = Array.from({ length: 2 + random.below(2) }, one)
    const joined = items.reduce((left, right) => `${left} ${random.pick(['or', 'or', 'and'])} ${right}`)
    return random.chance(0.5) ? `(${joined})` : joined
  }

  #address(): string {
    const random = this.#random
    const direction = random.pick(DIRECTIONS)
    if (random.chance(0.65)) {
      const protocol = this.#inside
        ? random.pick(['', 'ip '])
        : random.pick(['', '', '', 'ip ', 'arp ', 'rarp '])
      if (random.chance(0.6) || direction === '') {
        const type = random.pick(['host ', 'net '])
        return `${protocol}${direction}${type}${this.#list(() => random.pick(type === 'net ' ? NETS : HOSTS))}`
      }
      return `${protocol}${direction}${this.#list(() => random.pick(HOSTS))}`
    }
    const protocol = random.pick(['', 'ip6 '])
    const type = random.pick(['host ', 'net '])
    return `${protocol}${direction}${type}${this.#list(() => random.pick(type === 'net ' ? NETS6 : HOSTS6))}`
  }

  #port(): string {
    const random = this.#random
    const type = random.pick(['port ', 'port ', 'portrange '])
    const values = type === 'port ' ? PORTS : RANGES
    const protocol = random.pick(['', 'tcp ', 'udp ', 'sctp '])
    // Services belong to one protocol or the other.
    const known = protocol === '' ? values : values.filter((value) => /^[-0-9a-fx]+$/.test(value))
    return `${protocol}${random.pick(DIRECTIONS)}${type}${this.#list(() => random.pick(known))}`
  }

  #protocol(): string {
    return this.#random.pick(COMMON.filter((name) => name !== 'arp' || !this.#inside))
  }

  #uncommon(): string {
    return this.#random.pick(ALONE)
  }

  #number(): string {
    const random = this.#random
    const kind = random.below(this.#inside ? 2 : 5)
    if (kind === 0)
      return `${random.pick(['ip ', 'ip6 ', ''])}proto ${this.#list(() => random.pick(IP_PROTOCOLS))}`
    if (kind === 1) {
      const { test, radio } = this.#link
      if (radio !== undefined || test === 'pflog' || this.#inside) return this.#protocol()
      return `${random.pick(['ip ', 'ip6 ', ''])}protochain ${random.pick(IP_PROTOCOLS)}`
    }
    if (kind === 2) return `iso proto ${random.pick(['\\clnp', '\\esis', '\\isis', '0x81', '131'])}`
    if (kind === 3) return `isis proto ${15 + random.below(13)}`
    return `${random.pick(['ether', 'link', 'ppp', 'fddi'])} proto ${this.#list(() => random.pick(LINK_PROTOCOLS))}`
  }

  #relation(): string {
    const random = this.#random
    if (random.chance(0.3)) {
      return random.pick(
        [
          'tcp[tcpflags] & (tcp-syn|tcp-fin) != 0',
          'icmp[icmptype] = icmp-echo',
          'icmp6[icmp6type] = icmp6-neighborsolicit',
          'ip[0] & 0xf != 5',
          'ip[6:2] & 0x1fff = 0',
          'udp[4:2] > 20',
          'tcp[((tcp[12] & 0xf0) >> 2):4] = 0x47455420',
          'ip6[6] = 17',
          'ip[2:2] - ((ip[0] & 0xf) << 2) > 8',
        ]
          .filter((text) => this.#link.test !== 'none' || !/tcp|icmp|ip|udp/.test(text))
          .concat('link[0] & 1 = 0'),
      )
    }
    return `${this.#value(2)} ${random.pick(RELATIONS)} ${this.#value(1)}`
  }

  #value(depth: number): string {
    const random = this.#random
    if (depth > 0 && random.chance(0.45)) {
      const operator = random.pick(OPERATORS)
      const left = this.#value(depth - 1)
      // The language has no division by a constant 0 and no shift by more than 31.
      const right = /[/%<>]/.test(operator) ? String(1 + random.below(15)) : this.#value(depth - 1)
      return random.chance(0.4) ? `(${left} ${operator} ${right})` : `${left} ${operator} ${right}`
    }
    if (random.chance(0.08)) return `-${this.#value(0)}`
    if (random.chance(0.25)) return random.chance(0.15) ? random.pick(NAMED) : random.pick(NUMBERS)
    if (random.chance(0.15)) return random.pick(['len', 'length'])
    const names =
      this.#link.test === 'none'
        ? ['link']
        : this.#inside
          ? ['ip', 'tcp', 'udp', 'ip6', 'icmp']
          : this.#bytes()
    const size = random.pick(['', '', ':1', ':2', ':4'])
    const index =
      random.chance(0.15) && depth > 0 ? this.#value(0) : String(random.below(random.chance(0.9) ? 24 : 90))
    return `${random.pick(names)}[${index}${size}]`
  }

  #bytes(): readonly string[] {
    const radio = ['prism', 'avs', 'radiotap'].includes(this.#link.radio ?? '') ? ['radio', 'radio'] : []
    return ['link', 'ether', 'ip', 'ip', 'tcp', 'udp', 'ip6', 'icmp', 'icmp6', ...WITH_BYTES, ...radio]
  }

  #length(): string {
    return `${this.#random.pick(['less', 'greater'])} ${this.#random.pick(['60', '64', '100', '1500', '0x40'])}`
  }

  #byte(): string {
    const random = this.#random
    return `byte ${random.below(30)} ${random.pick(['=', '<', '>'])} ${random.below(256)}`
  }

  #direction(): string {
    const random = this.#random
    return random.pick([
      'inbound',
      'outbound',
      ...(this.#options.live || this.#link.name === 'LINUX_SLL2' ? [`ifindex ${random.below(4)}`] : []),
    ])
  }

  #station(): string {
    const random = this.#random
    if (this.#link.stations === 'arcnet') return random.pick(['broadcast', 'multicast', 'ether broadcast'])
    const words =
      this.#link.stations === 'wlan'
        ? [...DIRECTIONS, 'addr1 ', 'addr2 ', 'addr3 ', 'address4 ', 'ra ', 'ta ']
        : DIRECTIONS
    const direction = random.pick(words)
    const type = direction === '' || random.chance(0.5) ? 'host ' : ''
    return random.pick([
      `${random.pick(['ether', 'link', 'wlan'])} ${direction}${type}${this.#list(() => random.pick(MACS))}`,
      `ether ${direction}${type}${random.pick(MACS)}`,
      random.pick([
        'broadcast',
        'multicast',
        'ether multicast',
        'ether broadcast',
        'ip multicast',
        'ip6 multicast',
      ]),
    ])
  }

  #llc(): string {
    return `llc${this.#random.pick(['', ' i', ' s', ' u', ' rr', ' rnr', ' rej', ' ui', ' ua', ' disc', ' dm', ' sabme', ' test', ' xid', ' frmr'])}`
  }

  #frame(): string {
    return this.#random.pick([
      'type mgt',
      'type ctl',
      'wlan type data',
      'type 0x08',
      'type mgt subtype beacon',
      'type mgt subtype probe-req',
      'type ctl subtype rts',
      'type ctl subtype cts',
      'type data subtype qos-data',
      'type data subtype 0x80',
      'subtype ack',
      'subtype null',
      'wlan subtype deauth',
      'dir tods',
      'wlan dir fromds',
      'dir nods',
      'direction dstods',
      'dir 3',
    ])
  }

  #signal(): string {
    const random = this.#random
    const field = random.pick(['sio', 'opc', 'dpc', 'sls', 'hsio', 'hopc', 'hdpc', 'hsls'])
    const value = (): number => random.below(field.endsWith('sls') ? 16 : field.endsWith('sio') ? 256 : 16384)
    return random.pick([
      random.pick(['fisu', 'lssu', 'lsu', 'msu', 'hfisu', 'hlssu', 'hmsu']),
      `${field} ${value()}`,
      `${field} ${random.pick(FIELD_RELATIONS)} ${value()}`,
      `${field} (${value()} or ${value()})`,
    ])
  }

  #cell(): string {
    const random = this.#random
    const field = random.pick(['vpi', 'vci'])
    return random.pick([
      random.pick([
        'metac',
        'bcc',
        'oam',
        'oamf4',
        'oamf4ec',
        'oamf4sc',
        'sc',
        'ilmic',
        'connectmsg',
        'metaconnect',
      ]),
      `${field} ${random.below(20)}`,
      `${field} ${random.pick(FIELD_RELATIONS)} ${random.below(20)}`,
      `${field} (${random.below(20)} or ${random.below(20)})`,
    ])
  }

  #log(): string {
    const random = this.#random
    return random.pick([
      `${random.pick(['on', 'ifname'])} ${random.pick(['em0', 'lo0', 'pflog0'])}`,
      `${random.pick(['rset', 'ruleset'])} ${random.pick(['main', 'a'])}`,
      `${random.pick(['rnr', 'rulenum', 'srnr', 'subrulenum'])} ${random.below(4)}`,
      `reason ${random.pick(['match', 'fragment', 'short', '3'])}`,
      `action ${random.pick(['pass', 'block', 'nat', 'rdr', 'scrub'])}`,
    ])
  }

  /** An encapsulation, and often something behind it. */
  #encapsulation(): string {
    const random = this.#random
    const { vlan, mpls, test } = this.#link
    const names: string[] = []
    const ethertypes = ![
      'juniper',
      'bacnet',
      'ipnet',
      'raw',
      'ipv4',
      'ipv6',
      'loopback',
      'arcnet',
      'ltalk',
      'frelay',
      'pflog',
    ].includes(test)
    if (this.#inside) {
      if (vlan) names.push('vlan')
      if (mpls) names.push('mpls')
    } else {
      if (vlan) names.push('vlan', 'vlan', 'vlan 5', 'vlan 4095', 'vlan (7)')
      if (mpls) names.push('mpls', 'mpls 1024', 'mpls 16')
      if (ethertypes) names.push('pppoed', 'pppoes', 'pppoes 1', 'pppoes 0x1234')
      names.push('geneve', 'geneve 1', 'geneve 0xabcdef')
      if (this.#options.later) names.push('vxlan', 'vxlan 42')
    }
    if (names.length === 0) return this.#protocol()
    const name = random.pick(names)
    if (name === 'pppoed' || random.chance(0.2)) return name
    this.#inside = true
    const behind = this.#term(1)
    this.#inside = false
    return `${name} and ${behind}`
  }
}
