import { BenchError } from './errors.ts'
import { counters, type MapFill, number, percpuSources, ports, prefixes, sources } from './map-fill.ts'
import { deepPacket, longPacket, tcpPacket, textPacket, udpPacket } from './packets.ts'

/** One thing that is timed: plain data, so that it can be sent to a thread. */
export interface BenchProgram {
  readonly id: string
  readonly title: string
  /** Name of the program in its object. */
  readonly name: string
  readonly source:
    | { readonly kind: 'object'; readonly file: string }
    | {
        readonly kind: 'classic'
        readonly file: string
        readonly type: string
        readonly style: 'direct' | 'legacy'
      }
  readonly packet: Uint8Array
  /** What the program must return; absent for objects that the bench does not know. */
  readonly retval?: number
  readonly fill?: MapFill
  /** The object's other programs are loaded too, since this one calls them. */
  readonly whole?: true
  /** Name of a ring buffer that is emptied after each turn, and the most runs that fit it. */
  readonly ring?: { readonly map: string; readonly runs: number }
}

const XDP_DROP = 1
const XDP_PASS = 2
const XDP_TX = 3

const object = (name: string): Pick<BenchProgram, 'name' | 'source'> => ({
  name,
  source: { kind: 'object', file: `${name}.o` },
})

/** What `tcpdump -ddd` has its filters return for a packet to keep: the most bytes of it. */
const SNAPLEN = 262_144

export const programs: readonly BenchProgram[] = [
  { id: 'a', title: 'return', ...object('trivial'), packet: udpPacket, retval: XDP_DROP },
  {
    id: 'b',
    title: 'parse, drop a UDP port',
    ...object('drop_port'),
    packet: udpPacket,
    retval: XDP_DROP,
  },
  {
    id: 'c',
    title: 'count protocols (array)',
    ...object('count_protocols'),
    packet: udpPacket,
    retval: XDP_DROP,
    fill: counters,
  },
  { id: 'd', title: 'rewrite, send back', ...object('forward'), packet: udpPacket, retval: XDP_TX },
  {
    id: 'e',
    title: '1,000 sources (hash)',
    ...object('blacklist'),
    packet: udpPacket,
    retval: XDP_DROP,
    fill: sources,
  },
  {
    id: 'f',
    title: '65,536 rounds of xorshift',
    ...object('xorshift'),
    packet: udpPacket,
    retval: 1_829_036_153,
  },
  {
    id: 'g',
    title: '1,000 prefixes (LPM trie)',
    ...object('longest_prefix'),
    packet: udpPacket,
    retval: XDP_DROP,
    fill: prefixes,
  },
  { id: 'h', title: 'checksum of 1,514 bytes', ...object('checksum'), packet: longPacket, retval: 24_928 },
  {
    id: 'i',
    title: 'tcpdump filter, direct',
    name: 'filter',
    source: { kind: 'classic', file: 'filter.ddd', type: 'xdp', style: 'direct' },
    packet: tcpPacket,
    retval: XDP_PASS,
  },
  {
    id: 'i-abs',
    title: 'tcpdump filter, ld_abs',
    name: 'filter',
    source: { kind: 'classic', file: 'filter.ddd', type: 'sched_cls', style: 'legacy' },
    packet: tcpPacket,
    retval: SNAPLEN,
  },
  {
    id: 'j',
    title: 'chain of 8 tail calls',
    ...object('tail_calls'),
    packet: udpPacket,
    retval: XDP_DROP,
    fill: number,
    whole: true,
  },
  {
    id: 'k',
    title: 'parser of 6 headers',
    ...object('six_levels'),
    packet: deepPacket,
    retval: XDP_DROP,
    fill: ports,
  },
  {
    id: 'l',
    title: 'LRU hash, each run evicts',
    ...object('lru_eviction'),
    packet: udpPacket,
    retval: XDP_DROP,
  },
  {
    id: 'm',
    title: 'ring buffer, 64 bytes a run',
    ...object('ring_output'),
    packet: udpPacket,
    retval: XDP_DROP,
    fill: number,
    // 72 bytes each of 8 MiB.
    ring: { map: 'events', runs: 116_000 },
  },
  {
    id: 'n',
    title: 'per-CPU counters, array and hash',
    ...object('percpu_counters'),
    packet: udpPacket,
    retval: XDP_DROP,
    fill: percpuSources,
  },
  { id: 'o', title: 'text, letter by letter', ...object('strings'), packet: textPacket, retval: 658_621_833 },
  {
    id: 'p',
    title: '64 rounds of 64-bit mul, div, mod',
    ...object('muldiv'),
    packet: udpPacket,
    retval: 1_431_281_374,
  },
  {
    id: 'q',
    title: '3,000 instructions, no loop',
    ...object('long_program'),
    packet: udpPacket,
    retval: 397_244_610,
  },
]

/**
 * The programs whose ratios enter the geometric mean: work on a packet as it is usual. Not a and f, which show one cost
 * alone, nor g, whose trie outweighs everything else.
 */
export const MEAN_OF: readonly string[] = ['b', 'c', 'd', 'e', 'h', 'i']

export function programOf(id: string): BenchProgram {
  const found = programs.find((p) => p.id === id)
  if (found) return found
  throw new BenchError('NOT_FOUND', `no program ${id}; there are: ${programs.map((p) => p.id).join(', ')}`)
}
