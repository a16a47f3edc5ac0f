import { PROTOCOLS, type Protocol } from './protocols.ts'

/** Words with a meaning of their own, and the one that each is another spelling of (pcap-filter(7)). */
const PLAIN: readonly string[] = [
  'dst',
  'src',
  'host',
  'net',
  'mask',
  'port',
  'portrange',
  'proto',
  'protochain',
  'gateway',
  'type',
  'subtype',
  'dir',
  'addr1',
  'addr2',
  'addr3',
  'addr4',
  'ra',
  'ta',
  'less',
  'greater',
  'byte',
  'broadcast',
  'multicast',
  'and',
  'or',
  'not',
  'len',
  'inbound',
  'outbound',
  'ifindex',
  'vlan',
  'mpls',
  'pppoed',
  'pppoes',
  'geneve',
  'vxlan',
  'lane',
  'llc',
  'metac',
  'bcc',
  'oam',
  'oamf4',
  'oamf4ec',
  'oamf4sc',
  'sc',
  'ilmic',
  'vpi',
  'vci',
  'connectmsg',
  'metaconnect',
  'ifname',
  'rset',
  'rnr',
  'srnr',
  'reason',
  'action',
  'fisu',
  'lssu',
  'msu',
  'hfisu',
  'hlssu',
  'hmsu',
  'sio',
  'opc',
  'dpc',
  'sls',
  'hsio',
  'hopc',
  'hdpc',
  'hsls',
]

const SYNONYMS: Readonly<Record<string, string>> = {
  ether: 'link',
  ppp: 'link',
  slip: 'link',
  fddi: 'link',
  tr: 'link',
  wlan: 'link',
  'es-is': 'esis',
  'is-is': 'isis',
  direction: 'dir',
  address1: 'addr1',
  address2: 'addr2',
  address3: 'addr3',
  address4: 'addr4',
  length: 'len',
  on: 'ifname',
  ruleset: 'rset',
  rulenum: 'rnr',
  subrulenum: 'srnr',
  lsu: 'lssu',
}

/** Each keyword's canonical spelling. */
export const KEYWORDS: ReadonlyMap<string, string> = new Map([
  ...Object.keys(PROTOCOLS).map((word) => [word, word] as const),
  ...PLAIN.map((word) => [word, word] as const),
  ...Object.entries(SYNONYMS),
])

export const isProtocol = (word: string): word is Protocol => Object.hasOwn(PROTOCOLS, word)

/** Names of numbers: offsets of fields, and values of ICMP types and TCP flags (RFC 792, 4443, 9293; IANA). */
export const CONSTANTS: ReadonlyMap<string, number> = new Map(
  Object.entries({
    icmptype: 0,
    icmpcode: 1,
    'icmp-echoreply': 0,
    'icmp-unreach': 3,
    'icmp-sourcequench': 4,
    'icmp-redirect': 5,
    'icmp-echo': 8,
    'icmp-routeradvert': 9,
    'icmp-routersolicit': 10,
    'icmp-timxceed': 11,
    'icmp-paramprob': 12,
    'icmp-tstamp': 13,
    'icmp-tstampreply': 14,
    'icmp-ireq': 15,
    'icmp-ireqreply': 16,
    'icmp-maskreq': 17,
    'icmp-maskreply': 18,
    icmp6type: 0,
    icmp6code: 1,
    'icmp6-destinationunreach': 1,
    'icmp6-packettoobig': 2,
    'icmp6-timeexceeded': 3,
    'icmp6-parameterproblem': 4,
    'icmp6-echo': 128,
    'icmp6-echoreply': 129,
    'icmp6-multicastlistenerquery': 130,
    'icmp6-multicastlistenerreportv1': 131,
    'icmp6-multicastlistenerdone': 132,
    'icmp6-routersolicit': 133,
    'icmp6-routeradvert': 134,
    'icmp6-neighborsolicit': 135,
    'icmp6-neighboradvert': 136,
    'icmp6-redirect': 137,
    'icmp6-routerrenum': 138,
    'icmp6-nodeinformationquery': 139,
    'icmp6-nodeinformationresponse': 140,
    'icmp6-ineighbordiscoverysolicit': 141,
    'icmp6-ineighbordiscoveryadvert': 142,
    'icmp6-multicastlistenerreportv2': 143,
    'icmp6-homeagentdiscoveryrequest': 144,
    'icmp6-homeagentdiscoveryreply': 145,
    'icmp6-mobileprefixsolicit': 146,
    'icmp6-mobileprefixadvert': 147,
    'icmp6-certpathsolicit': 148,
    'icmp6-certpathadvert': 149,
    'icmp6-multicastrouteradvert': 151,
    'icmp6-multicastroutersolicit': 152,
    'icmp6-multicastrouterterm': 153,
    tcpflags: 13,
    'tcp-fin': 0x01,
    'tcp-syn': 0x02,
    'tcp-rst': 0x04,
    'tcp-push': 0x08,
    'tcp-ack': 0x10,
    'tcp-urg': 0x20,
    'tcp-ece': 0x40,
    'tcp-cwr': 0x80,
  }),
)

/** Words that hardly anybody means: of ATM and SS7, and protocols of the past. */
const RARE: ReadonlySet<string> = new Set(
  'lane metac bcc oam sc ilmic vpi vci fisu lssu lsu msu sio opc dpc sls hsio hopc hdpc hsls lat sca ra ta tr'.split(
    ' ',
  ),
)

/** The keyword or constant that a misspelt word is closest to, within two edits; undefined where none is. */
export function suggestWord(word: string): string | undefined {
  if (word.length > 40) return undefined
  let best: string | undefined
  let distance = Math.min(3, Math.ceil(word.length / 2))
  for (const candidate of [...KEYWORDS.keys(), ...CONSTANTS.keys()]) {
    if (RARE.has(candidate) || Math.abs(candidate.length - word.length) >= distance) continue
    const found = editDistance(word.toLowerCase(), candidate)
    if (found < distance) {
      best = candidate
      distance = found
    }
  }
  return best
}

/** Insertions, deletions, replacements and swaps of neighbours that turn one word into the other. */
function editDistance(from: string, to: string): number {
  let before: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 1; i <= from.length; i += 1) {
    const row = [i]
    for (let j = 1; j <= to.length; j += 1) {
      const change = last[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1)
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]
      row.push(Math.min(change, last[j]! + 1, row[j - 1]! + 1, swapped ? before[j - 2]! + 1 : Infinity))
    }
    before = last
    last = row
  }
  return last[to.length]!
}
