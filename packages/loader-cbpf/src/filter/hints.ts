import { CONSTANTS, suggestWord } from './keywords.ts'
import { commonService } from './names-table.ts'

/** What words that are none of the language are mostly meant for. */
const MEANT: ReadonlyMap<string, string> = new Map(
  Object.entries({
    source: 'src',
    from: 'src',
    sender: 'src',
    destination: 'dst',
    to: 'dst',
    ipv4: 'ip',
    ipv6: 'ip6',
    icmpv6: 'icmp6',
    eth: 'ether',
    ethernet: 'ether',
    mac: 'ether host',
    size: 'len',
    range: 'portrange',
    netmask: 'mask',
    dns: 'port domain',
    tls: 'port https',
    ssl: 'port https',
    ping: 'icmp[icmptype] = icmp-echo',
  }),
)

/** Fields of Wireshark's display filters. */
const DISPLAY: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'ip.addr': 'host',
    'ip.src': 'src host',
    'ip.dst': 'dst host',
    'ip.proto': 'ip proto',
    'ipv6.addr': 'host',
    'ipv6.src': 'src host',
    'ipv6.dst': 'dst host',
    'tcp.port': 'tcp port',
    'tcp.srcport': 'tcp src port',
    'tcp.dstport': 'tcp dst port',
    'tcp.flags': 'tcp[tcpflags]',
    'udp.port': 'udp port',
    'udp.srcport': 'udp src port',
    'udp.dstport': 'udp dst port',
    'eth.addr': 'ether host',
    'eth.src': 'ether src',
    'eth.dst': 'ether dst',
    'eth.type': 'ether proto',
    'vlan.id': 'vlan',
    'frame.len': 'len',
    'icmp.type': 'icmp[icmptype]',
  }),
)

const FLAG = /^(?:syn|ack|fin|rst|push|psh|urg|ece|cwr)$/

/** What to write for a word that is none of the language, or not there. */
export function hintFor(word: string): string | undefined {
  const lower = word.toLowerCase()
  const display = DISPLAY.get(lower)
  if (display !== undefined) return `this is a display filter's word; write '${display}'`
  if (/^(?:ip|ipv6|tcp|udp|eth|frame|http|dns|icmp|arp)\.[a-z][a-z.]*$/.test(lower))
    return 'this is a word of display filters, which are another language'
  const meant = MEANT.get(lower)
  if (meant !== undefined) return `write '${meant}'`
  if (FLAG.test(lower)) return `write 'tcp[tcpflags] & tcp-${lower === 'psh' ? 'push' : lower} != 0'`
  const range = /^\d+-\d+$/.test(lower)
  if (range) return `write 'portrange ${word}' for ports`
  const service = commonService(lower, 'tcp') ?? commonService(lower, 'udp')
  if (service !== undefined) return `write 'port ${lower}'`
  const suggested = suggestWord(word)
  return suggested === undefined ? undefined : `did you mean '${suggested}'?`
}

/** The named number that a word in a calculation is meant for. */
export function constantFor(word: string): string | undefined {
  const lower = word.toLowerCase()
  const found = ['tcp-', 'icmp-', 'icmp6-']
    .map((prefix) => prefix + lower)
    .find((name) => CONSTANTS.has(name))
  return found === undefined ? undefined : `did you mean '${found}'?`
}

const CHARACTERS: ReadonlyMap<string, string> = new Map([
  [',', "write 'or' between values: port 80 or 443"],
  [';', 'leave it out'],
  ['"', 'leave the quotes out'],
  ["'", 'leave the quotes out'],
  ['`', 'leave the quotes out'],
  ['#', 'there are no comments in a filter'],
  ['{', "write '('"],
  ['}', "write ')'"],
  ['~', "there is no such operator; '!' is for conditions alone"],
])

/** What to do about a character that no word begins with. */
export const hintForCharacter = (character: string): string | undefined => CHARACTERS.get(character)
