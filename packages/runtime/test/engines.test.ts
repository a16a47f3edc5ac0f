import { setTimeout as sleep } from 'node:timers/promises'
import { kernel } from '@skep/linux'
import { openRingBuffer } from '@skep/maps'
import { buildPacket, ipv4 } from '@skep/packet'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type Collection,
  codec,
  createRuntime,
  type GlobalValue,
  type Runtime,
  type RuntimeOptions,
} from '../src/index.ts'
import { missing, named, hooks as spec } from './hooks-object.ts'

// The same code with Skep's engines and with the kernel: verdicts, packets and maps are the same. What is attached to
// interfaces is compared in interfaces.test.ts.

const engines: Readonly<Record<string, RuntimeOptions>> = {
  kernel: { engine: kernel() },
  jit: { cpus: 2 },
  interpreter: { engine: 'interpreter', cpus: 2 },
}

const runtimes = new Map<string, Runtime>()

/** What a scenario gives compares; its programs are loaded, and the firewall, which a slot names. */
interface Scenario {
  readonly programs: readonly string[]
  readonly globals?: Readonly<Record<string, GlobalValue>>
  readonly run: (collection: Collection) => object | Promise<object>
}

async function everywhere({ programs, globals = {}, run }: Scenario): Promise<void> {
  const left: Record<string, unknown> = {}
  for (const [name, runtime] of runtimes) {
    using collection = await runtime.load(spec, {
      programs: [...new Set([...programs, 'firewall'])],
      globals,
    })
    left[name] = { ...(await run(collection)), ...contents(collection) }
  }
  expect(left['jit']).toEqual(left['kernel'])
  expect(left['interpreter']).toEqual(left['kernel'])
}

const word = codec.u32
const address = { ...ipv4, name: 'ipv4' }

/** What the maps and global variables of the object hold; the order of hashes is each engine's own. */
function contents(collection: Collection): object {
  const sorted = (name: string): unknown[] => {
    const rows = [...collection.map(name).entries()].map(([key, value]) => [key.join('.'), value.join('.')])
    return rows.sort(([one = ''], [other = '']) => (one < other ? -1 : 1))
  }
  const protocols = collection.perCpuMap('protocols', { key: word, value: codec.u64 })
  const counted = [...protocols].flatMap(([protocol, values]) => {
    const sum = values.reduce((total, value) => total + value, 0n)
    return sum > 0n ? [[protocol, sum]] : []
  })
  const refused = collection.map('refused')
  const queue: string[] = []
  for (let value = refused.pop(); value; value = refused.pop()) queue.push(value.join('.'))
  const records: string[] = []
  using ring = openRingBuffer(collection.map('events'))
  ring.consume((record) => void records.push(record.join('.')))
  return {
    blocked: sorted('blocked'),
    sources: sorted('sources'),
    prefixes: sorted('prefixes'),
    counted,
    queue,
    records,
    packets: [...collection.readGlobal('packets')],
    bytes: [...collection.readGlobal('bytes')],
  }
}

const udp = (
  from: string,
  options: { readonly ttl?: number; readonly to?: string; readonly port?: number } = {},
) =>
  buildPacket([
    { layer: 'ethernet' },
    { layer: 'ipv4', src: from, dst: options.to ?? '198.51.100.1', ttl: options.ttl ?? 64 },
    { layer: 'udp', srcPort: 5000, dstPort: options.port ?? 53 },
    { layer: 'payload', data: new Uint8Array(20).fill(7) },
  ])
const tcp = (from: string): Uint8Array =>
  buildPacket([
    { layer: 'ethernet' },
    { layer: 'ipv4', src: from, dst: '198.51.100.1' },
    { layer: 'tcp', srcPort: 5000, dstPort: 80 },
  ])
const arp = Uint8Array.from({ length: 42 }, (_, n) => (n === 12 ? 8 : n === 13 ? 6 : n))
const packets = [
  udp('192.0.2.1'),
  udp('192.0.2.2'),
  tcp('192.0.2.1'),
  udp('192.0.2.66'),
  udp('10.1.2.3'),
  udp('192.0.2.3', { ttl: 1 }),
  arp,
  tcp('192.0.2.66'),
]

/** Rules that the scenarios with packets begin with. */
function rules(collection: Collection): void {
  collection.map('blocked', { key: address, value: codec.u64 }).set('192.0.2.66', 0n)
  const prefix = Uint8Array.of(8, 0, 0, 0, 10, 0, 0, 0)
  collection.map('prefixes').update(prefix, Uint8Array.of(3, 0, 0, 0))
}

const runs = (collection: Collection, program: string, inputs: readonly Uint8Array[]): object => ({
  runs: inputs.map((data) => {
    const { retval, data: out } = collection.program(program).testRun({ data })
    return [retval, out?.join('.')]
  }),
})

const scenarios: Readonly<Record<string, Scenario>> = {
  'XDP: hash, LRU hash, LPM trie, queue, ring buffer, per-CPU array, globals, a packet that is rewritten': {
    programs: ['firewall'],
    run: (collection) => {
      rules(collection)
      return runs(collection, 'firewall', packets)
    },
  },
  'XDP: constants that are set before the load': {
    programs: ['firewall'],
    globals: { least_ttl: 63 },
    run: (collection) => runs(collection, 'firewall', [udp('192.0.2.1'), udp('192.0.2.1', { ttl: 63 })]),
  },
  'XDP: tail calls, from slots of the object and of the host': {
    programs: ['dispatch', 'firewall', 'loops'],
    run: (collection) => {
      const slot = Uint8Array.of(2, 0, 0, 0)
      const loops = new Uint8Array(Uint32Array.of(collection.program('loops').record).buffer)
      collection.map('stages').update(slot, loops)
      const to = (last: number): Uint8Array => udp('192.0.2.1').fill(last, 5, 6)
      const first = runs(collection, 'dispatch', [to(0), to(1), to(2), to(200)])
      collection.map('stages').delete(slot)
      return { first, empty: runs(collection, 'dispatch', [to(2)]) }
    },
  },
  'XDP: maps of maps, which the host changes': {
    programs: ['service'],
    run: (collection) => {
      const key = ipv4.parse('198.51.100.7')
      const port = Uint8Array.of(0, 53)
      collection.map('ports').update(port, new Uint8Array(8))
      const ask = (): object =>
        runs(collection, 'service', [udp('192.0.2.1', { to: '198.51.100.7' }), udp('192.0.2.1')])
      const before = ask()
      collection.map('services').setMap(key, collection.map('ports'))
      const within = ask()
      collection.map('services').delete(key)
      return { before, within, after: ask(), hits: collection.map('ports').lookup(port)!.join() }
    },
  },
  'XDP: timers and bpf_loop': {
    programs: ['alarm', 'loops'],
    run: async (collection) => {
      const done = runs(collection, 'alarm', [udp('192.0.2.1')])
      const fired = (): number => collection.map('alarms').lookup(new Uint8Array(4))![0]!
      while (fired() === 0) await sleep(1)
      return { done, fired: fired(), sums: runs(collection, 'loops', [udp('192.0.2.1')]) }
    },
  },
  'tc: verdicts, rewriting with checksums, marks': {
    programs: ['shaper'],
    run: (collection) => {
      rules(collection)
      const contexts = packets.map((data) => {
        const {
          retval,
          data: out,
          ctx,
        } = collection.program('shaper', 'sched_cls').testRun({
          data,
          ctx: new Uint8Array(192),
        })
        return [retval, out!.join('.'), ctx!.join('.')]
      })
      return { contexts }
    },
  },
  'socket filter: bytes that are kept': {
    programs: ['trim'],
    run: (collection) => runs(collection, 'trim', packets),
  },
  'control group: packets in and out of it': {
    programs: ['budget'],
    run: (collection) => runs(collection, 'budget', packets),
  },
  'actions of tc, and lightweight tunnels': {
    programs: ['mark', 'tunnel_in', 'tunnel_out', 'tunnel_xmit'],
    run: (collection) => ({
      action: runs(collection, 'mark', packets),
      in: runs(collection, 'tunnel_in', packets),
      out: runs(collection, 'tunnel_out', packets),
      xmit: runs(collection, 'tunnel_xmit', packets),
    }),
  },
  'flow dissector: the keys of a flow': {
    programs: ['dissect'],
    run: (collection) => runs(collection, 'dissect', packets),
  },
  'system call: a context that is read and written': {
    programs: ['called'],
    run: (collection) => ({
      results: [3n, 500n, 2n ** 60n].map((number) => {
        const ctx = new Uint8Array(BigUint64Array.of(number, 0n).buffer)
        const { retval, ctx: after } = collection.program('called').testRun({ data: new Uint8Array(0), ctx })
        return [retval, after?.join('.')]
      }),
    }),
  },
  'raw tracepoint: arguments, records': {
    programs: ['traced'],
    run: (collection) => ({
      results: [3n, 500n, 2n ** 40n].map((bytes) => {
        const ctx = new Uint8Array(BigUint64Array.of(0x0a000001n, bytes).buffer)
        return collection.program('traced').testRun({ data: new Uint8Array(0), ctx }).retval
      }),
    }),
  },
}

describe.skipIf(missing)(named('the same code on Skep’s engines and the kernel'), () => {
  beforeAll(async () => {
    for (const [name, options] of Object.entries(engines)) runtimes.set(name, await createRuntime(options))
  })
  afterAll(() => {
    for (const runtime of runtimes.values()) runtime.close()
  })

  for (const [name, scenario] of Object.entries(scenarios)) it(name, () => everywhere(scenario))
})
