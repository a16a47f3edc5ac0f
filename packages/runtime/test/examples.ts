import { buildPacket, ipv4, ipv6, type TcpFlag } from '@skep/packet'
import type { GlobalValue } from '../src/index.ts'
import { type ExampleSide, number } from './example-sides.ts'

// The table of examples: what each is for, and how a test drives it to its output.

export interface Example {
  /** The object's name. */
  readonly name: string
  readonly title: string
  /** Map types and functions that it is an example of. */
  readonly shows: string
  readonly use: string
  readonly globals?: Readonly<Record<string, GlobalValue>>
  /** Why the kernel's output is not compared; its verdicts are. */
  readonly kernelLacks?: string
  /** Lines of output. */
  readonly drive: (side: ExampleSide) => string[] | Promise<string[]>
}

const text = new TextDecoder()
const VERDICTS = ['ABORTED', 'DROP', 'PASS', 'TX', 'REDIRECT']

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
const u32 = (bytes: Uint8Array, at: number): number => view(bytes).getUint32(at, true)
const u16 = (value: number): Uint8Array => new Uint8Array(Uint16Array.of(value).buffer)
const u64 = (value: bigint): Uint8Array => new Uint8Array(BigUint64Array.of(value).buffer)
const wide = (bytes: Uint8Array | undefined): bigint => (bytes ? view(bytes).getBigUint64(0, true) : 0n)
const join = (...parts: readonly Uint8Array[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => [...part]))

interface Tcp {
  readonly from: string
  readonly port?: number
  readonly flags?: readonly TcpFlag[]
  readonly payload?: readonly number[]
}

const tcp = ({ from, port = 1000, flags = ['ack'], payload = [] }: Tcp): Uint8Array =>
  buildPacket([
    { layer: 'ethernet' },
    { layer: 'ipv4', src: from, dst: '198.51.100.1' },
    { layer: 'tcp', srcPort: port, dstPort: 443, flags },
    { layer: 'payload', data: Uint8Array.from(payload) },
  ])

const udp = (from: string): Uint8Array =>
  buildPacket([
    { layer: 'ethernet' },
    { layer: 'ipv4', src: from, dst: '198.51.100.1' },
    { layer: 'udp', srcPort: 5000, dstPort: 53 },
  ])

const udp6 = (from: string): Uint8Array =>
  buildPacket([
    { layer: 'ethernet' },
    { layer: 'ipv6', src: from, dst: '2001:db8:ffff::1' },
    { layer: 'udp', srcPort: 5000, dstPort: 53 },
  ])

const tagged = (vlan: number, port: number): Uint8Array =>
  buildPacket([
    { layer: 'ethernet' },
    { layer: 'vlan', id: vlan },
    { layer: 'ipv4', src: '192.0.2.1', dst: '198.51.100.1' },
    { layer: 'udp', srcPort: 5000, dstPort: port },
  ])

/** A line for a packet: what was asked, and the verdict. */
const sent = (side: ExampleSide, program: string, what: string, packet: Uint8Array): string =>
  `${what}: ${VERDICTS[side.run(program, packet).verdict]}`

const processEvents = (side: ExampleSide): string[] => {
  // Those of this process, whoever it is, are of 4242 and make.
  const who = (pid: number): number => (pid === side.task.tgid ? 4242 : pid)
  side.trace('on_exec', 0n, 17n, 0n)
  side.trace('on_exit', 0n)
  side.trace('on_exit', 0n)
  return side.records('events').map((event) => {
    const exits = u32(event, 12) === 1
    const comm = text.decode(event.subarray(20, 36)).replace(/\0.*$/s, '')
    const whose = `${who(u32(event, 8))} ${comm === side.task.comm ? 'make' : comm}`
    const lasted = wide(event) > 0n ? 'after some time' : 'at once'
    return exits ? `EXIT ${whose}, ${lasted}` : `EXEC ${whose}, was ${who(u32(event, 16))}`
  })
}

const packetSamples = (side: ExampleSide): string[] => {
  for (let n = 0; n < 6; n++) side.run('packet_samples', udp(`192.0.2.${n}`))
  return side.samples('samples').map((sample) => {
    const bytes = sample.subarray(8)
    const from = ipv4.decode(view(bytes), 26)
    return `packet ${u32(sample, 4)} of ${u32(sample, 0)} bytes, from ${from}, ${bytes.length >= 32 ? 'its first 32 bytes' : 'whole'}`
  })
}

const STATES = ['opening', 'open', 'closing']

const connections = (side: ExampleSide): string[] => {
  const step = (last: number, ...flags: TcpFlag[]): void => {
    side.run('track', tcp({ from: `192.0.2.${last}`, port: 1000 + last, flags }))
  }
  for (const last of [1, 2, 3, 4]) step(last, 'syn')
  step(1, 'ack')
  step(1, 'psh', 'ack')
  step(3, 'ack')
  step(3, 'fin', 'ack')
  step(4, 'rst')
  step(4, 'ack')
  for (const last of [5, 6]) step(last, 'syn')
  step(1, 'ack')
  const map = side.map('connections')
  const known = map.keys().map((key) => {
    const value = map.lookup(key)!
    const port = view(key).getUint16(8)
    return `${ipv4.decode(view(key), 0)}:${port} ${STATES[u32(value, 0)]}, packets: ${u32(value, 4)}`
  })
  return [...known.sort(), `packets of no connection: ${side.global('strays')}`]
}

const prefixes = (side: ExampleSide): string[] => {
  const [DROP, PASS] = [1, 2]
  const rules: readonly (readonly [string, number, number])[] = [
    ['10.0.0.0', 8, DROP],
    ['10.1.0.0', 16, PASS],
    ['10.1.2.3', 32, DROP],
    ['2001:db8::', 32, DROP],
    ['2001:db8:1::', 48, PASS],
  ]
  const places = rules.map(([address, bits, verdict]) => {
    const six = address.includes(':')
    const key = join(number(bits), six ? ipv6.parse(address) : ipv4.parse(address))
    const map = side.map(six ? 'ipv6_rules' : 'ipv4_rules')
    map.update(key, join(number(verdict), number(0)))
    return { name: `${address}/${bits}`, map, key }
  })
  const lines = [
    ...['10.9.9.9', '10.1.9.9', '10.1.2.3', '192.0.2.1'].map((from) =>
      sent(side, 'prefixes', from, udp(from)),
    ),
    ...['2001:db8:2::1', '2001:db8:1::1', '2001:dead::1'].map((from) =>
      sent(side, 'prefixes', from, udp6(from)),
    ),
  ]
  return [...lines, ...places.map(({ name, map, key }) => `${name} hits: ${u32(map.lookup(key)!, 4)}`)]
}

const tenants = (side: ExampleSide): string[] => {
  side.map('vlans').update(u16(100), number(1))
  side.map('vlans').update(u16(200), number(2))
  side.map('first_ports').update(u16(53), u64(0n))
  const ask = (vlan: number, port: number): string =>
    sent(side, 'admit', `vlan ${vlan} port ${port}`, tagged(vlan, port))
  const lines = [ask(100, 53), ask(100, 80), ask(200, 53), ask(300, 53)]
  side.map('next_ports').update(u16(80), u64(0n))
  side.place('tenants', 1, 'next_ports')
  lines.push('tenant 1 has another table', ask(100, 53), ask(100, 80), ask(100, 80))
  const hits = ['first_ports', 'next_ports'].map((name) => {
    const map = side.map(name)
    return map.keys().map((key) => `${name} ${view(key).getUint16(0, true)}: ${wide(map.lookup(key))}`)
  })
  return [...lines, ...hits.flat()]
}

const suspects = (side: ExampleSide): string[] => {
  for (const last of [66, 77]) {
    side.map('filter').update(new Uint8Array(0), ipv4.parse(`203.0.113.${last}`))
    side.map('suspects').update(ipv4.parse(`203.0.113.${last}`), u64(0n))
  }
  // In the filter alone, as after the host let one go: a filter forgets nothing.
  side.map('filter').update(new Uint8Array(0), ipv4.parse('203.0.113.88'))
  const lines = [1, 66, 66, 77, 88, 2].map((last) =>
    sent(side, 'join', `203.0.113.${last}`, udp(`203.0.113.${last}`)),
  )
  return [...lines, `filter had: ${side.global('maybe')}, hash had not: ${side.global('mistaken')}`]
}

const portPool = (side: ExampleSide): string[] => {
  for (const port of [40_001, 40_002, 40_003]) side.map('free_ports').update(new Uint8Array(0), u16(port))
  const step = (last: number, flag: TcpFlag): string => {
    const { verdict, packet } = side.run('translate', tcp({ from: `192.0.2.${last}`, flags: [flag] }))
    const port = verdict === 3 ? ` from port ${view(packet).getUint16(34)}` : ''
    return `192.0.2.${last} ${flag}: ${VERDICTS[verdict]}${port}`
  }
  const lines = [step(1, 'syn'), step(2, 'syn'), step(1, 'ack'), step(1, 'fin'), step(3, 'syn')]
  lines.push(step(4, 'syn'), step(5, 'syn'), step(2, 'fin'))
  const queue = side.map('closed')
  for (let record = queue.pop(); record; record = queue.pop())
    lines.push(
      `closed: ${ipv4.decode(view(record), 0)} on port ${view(record).getUint16(4, true)}, packets: ${view(record).getUint16(6, true)}`,
    )
  return lines
}

const sessions = async (side: ExampleSide): Promise<string[]> => {
  for (const last of [1, 2, 1, 1]) side.run('attend', udp(`192.0.2.${last}`))
  const map = side.map('sessions')
  const before = map.keys().length
  await side.until(() => map.keys().length === 0)
  const ended = side.records('ended').map((r) => `${ipv4.decode(view(r), 0)} ended, packets: ${u32(r, 4)}`)
  return [`sessions: ${before}`, ...ended.sort(), `sessions: ${map.keys().length}`]
}

const protocolTable = (side: ExampleSide): string[] => {
  for (const from of ['192.0.2.1', '192.0.2.2']) side.run('count', udp(from))
  side.run('count', tcp({ from: '192.0.2.1' }))
  return side.text('show', 'counts').trimEnd().split('\n')
}

const packetBits = (side: ExampleSide): string[] => {
  const send = (flags: TcpFlag[], ...payload: number[]): void => {
    side.run('packet_bits', tcp({ from: '192.0.2.1', flags, payload }))
  }
  send(['syn'])
  send(['ack'])
  send(['psh', 'ack'], 0x68, 0xc3, 0xa9)
  send(['fin', 'ack'], 0x21)
  const flags = new DataView(side.bytes('flags').slice().buffer)
  const names = ['fin', 'syn', 'rst', 'psh', 'ack', 'urg', 'ece', 'cwr']
  const counts = names.map((name, bit) => `${name} ${flags.getBigUint64(8 * bit, true)}`)
  return [counts.join(', '), `bytes: ${side.global('bytes')}, no ASCII: ${side.global('high')}`]
}

export const examples: readonly Example[] = [
  {
    name: 'process_events',
    title: 'Programs that start and end',
    shows: '`ringbuf`, `bpf_ringbuf_reserve`, `bpf_ringbuf_submit`, `bpf_get_current_comm`',
    use: 'What runs on a machine, with a record for each start and end and how long it took.',
    drive: processEvents,
  },
  {
    name: 'packet_samples',
    title: 'Samples of packets',
    shows: '`perf_event_array`, `bpf_perf_event_output` with bytes of the packet',
    use: 'One packet of so many goes to the host, to look into; here every third.',
    globals: { every: 3 },
    kernelLacks: 'a perf event for each CPU would have to be open to read them',
    drive: packetSamples,
  },
  {
    name: 'connections',
    title: 'Connections, the silent forgotten',
    shows: '`lru_hash`',
    use: 'Follows TCP connections in a table of four that is never full; a packet of none is dropped.',
    drive: connections,
  },
  {
    name: 'prefixes',
    title: 'A firewall by prefixes',
    shows: '`lpm_trie`, of IPv4 and IPv6',
    use: 'Rules for networks, where the longest prefix decides.',
    drive: prefixes,
  },
  {
    name: 'tenants',
    title: 'A table for each tenant',
    shows: '`array_of_maps` with a slot that the object fills, `hash`',
    use: 'Each VLAN has ports that it may be reached at; the host changes a whole table at once.',
    drive: tenants,
  },
  {
    name: 'suspects',
    title: 'A filter in front of a table',
    shows: '`bloom_filter`, `bpf_map_peek_elem`',
    use: 'A look into a few bits spares most packets the search in a large table.',
    drive: suspects,
  },
  {
    name: 'port_pool',
    title: 'Ports that are lent',
    shows: '`stack` and `queue`: `bpf_map_pop_elem`, `bpf_map_push_elem`',
    use: 'An address translator’s ports: the last that came back goes out first; what was closed, in order.',
    drive: portPool,
  },
  {
    name: 'sessions',
    title: 'Sessions that end by themselves',
    shows: '`bpf_timer` in a value, `bpf_ringbuf_output` from its callback',
    use: 'Whoever is silent for a while is forgotten, and the host is told.',
    globals: { idle_nanoseconds: 20_000_000 },
    drive: sessions,
  },
  {
    name: 'protocol_table',
    title: 'A map as a text',
    shows: '`iter/bpf_map_elem`, `bpf_seq_printf`',
    use: 'Packets by IP protocol, as a program of the object writes them.',
    drive: protocolTable,
  },
  {
    name: 'packet_bits',
    title: 'Loops over bits and numbers',
    shows: '`bpf_iter_bits_*`, `bpf_iter_num_*`',
    use: 'Which TCP flags packets have, and how much of their payload is no ASCII.',
    drive: packetBits,
  },
]
