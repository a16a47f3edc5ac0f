import { isKernelAvailable, kernel } from '@skep/linux'
import {
  internetChecksum,
  PacketBatch,
  type PacketDevice,
  parsePacket,
  receiveAll,
  transportChecksum,
} from '@skep/packet'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { noNamespaces } from '../../../../vitest.namespaces.ts'
import { createRuntime } from '../../src/index.ts'
import { attachGateway, countsOf, plan } from './gateway.ts'
import { type Kind, Networks } from './networks.ts'

const available = await isKernelAvailable()
const missing = available.ok ? noNamespaces : available.reason
const long = process.env.SKEP_DEVICES_LONG !== undefined

const flood = { count: long ? 8000 : 300, size: 200 }
const file = long ? 100_000_000 : 1_000_000
// 99 datagrams of the flood, which a socket keeps until it is read.
const bursts = { 1: { rate: 0, burst: 24_000 } }
const ids = [77, 78, 79]
const { ports } = plan

const work = {
  server: plan.service,
  echo: { port: ports.echo.port, count: 10, from: 5001 },
  floods: [
    { port: ports.flood.port, ...flood, from: 5002 },
    { port: ports.stream.port, count: 100, size: 300, from: 5003 },
    { port: plan.refusedPort, count: 80, size: 40, from: 5004 },
    { port: plan.unknownPort, count: 50, size: 50, from: 5005 },
    { port: ports.stream.port, count: 30, size: 60, from: 5006, address: plan.outlaw },
  ],
  closed: plan.closedPort,
  file,
  localPort: 6001,
}

/** Packets that a host's interface received, without what is left to chance: each with its checksums verified. */
async function listen(device: PacketDevice): Promise<() => Promise<{ datagrams: string[]; tcp: string[] }>> {
  const datagrams: string[] = []
  const tcp = new Set<string>()
  const reading = (async () => {
    for await (const batch of receiveAll(
      device,
      new PacketBatch({ buffer: new Uint8Array(1 << 22), capacity: 4096 }),
    ))
      for (const packet of batch) {
        const [ethernet, ip] = parsePacket(packet)
        if (ethernet?.layer !== 'ethernet' || ip?.layer !== 'ipv4') {
          datagrams.push(Buffer.from(packet).toString('hex'))
          continue
        }
        const whole = packet.subarray(14, 14 + ip.totalLength)
        const segment = whole.subarray(20)
        const sums = [internetChecksum(whole.subarray(0, 20))]
        if (ip.protocol === 1) sums.push(internetChecksum(segment))
        else
          sums.push(transportChecksum(whole.subarray(12, 16), whole.subarray(16, 20), ip.protocol, segment))
        const broken = sums.some((sum) => sum !== 0) ? ` with checksums ${sums}` : ''
        const way = `${ethernet.src} ${ethernet.dst} ${ip.src} ${ip.dst} ttl ${ip.ttl} ${ip.protocol}`
        if (ip.protocol === 6) {
          const [from, to] = [0, 2].map((at) => (segment[at]! << 8) | segment[at + 1]!)
          tcp.add(`${way} ${from} ${to}${broken}`)
          // Its identification is the sender's choice.
        } else datagrams.push(`${way} ${Buffer.from(segment).toString('hex')}${broken}`)
      }
  })()
  // Where the scenario fails, nobody asks.
  reading.catch(() => {})
  return async () => {
    await device.close()
    await reading
    return { datagrams, tcp: [...tcp].sort() }
  }
}

async function scenario(networks: Networks, client: Kind, server: Kind) {
  const runtime = await createRuntime(client === 'kernel' ? { engine: kernel() } : {})
  const failures: unknown[] = []
  runtime.on('exception', (error) => failures.push(error))
  const gateway = await networks.open(client, server)
  try {
    const collection = await attachGateway(runtime, gateway, bursts)
    await networks.serve()
    const heard = {
      client: await listen(await networks.listen('client')),
      server: await listen(await networks.listen('server')),
    }
    // One by one: a ping of several waits for the last of them no longer than for two round trips.
    const pings = ids.map((id) => `ping -c 1 -s 8 -p a5 -e ${id} -W 10 ${plan.service}`)
    const ping = await networks.client('sh', '-c', pings.join('; '))
    const { seconds, ...results } = await networks.act(work)
    const [client, server] = [await heard.client(), await heard.server()]
    return {
      received: ping.match(/\d+ received/g),
      results,
      counts: countsOf(collection),
      client,
      server,
      failures,
      seconds: seconds as number,
    }
  } finally {
    await networks.stopServing()
    runtime.close()
    await gateway.toClient.close()
    await gateway.toServer.close()
  }
}

describe.skipIf(missing)(`a gateway between two hosts${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let networks: Networks
  let expected: Awaited<ReturnType<typeof scenario>>
  beforeAll(async () => {
    networks = new Networks()
    expected = await scenario(networks, 'kernel', 'kernel')
  }, 120_000)
  afterAll(() => networks[Symbol.asyncDispose]())

  it('is one where the kernel runs it: what is to be seen is there', () => {
    const { received, results, counts, client, server, failures } = expected
    expect(failures).toEqual([])
    expect(received).toEqual(ids.map(() => '1 received'))
    expect(results).toMatchObject({
      answers: Array.from({ length: 10 }, (_, n) => [...`datagram ${n}`].reverse().join('')),
      knocked: 'no answer',
      bytes: file,
      received: {
        [ports.flood.target]: { packets: 99, bytes: 19_800 },
        [ports.stream.target]: { packets: 100 },
      },
    })
    expect(counts).toMatchObject({
      refused: {
        'any 17/9999': '80 packets, 6560 bytes',
        '10.1.0.66 0/0': '30 packets, 3060 bytes',
        'any 6/2323': true,
      },
      strangers: ['50 packets, 4600 bytes', '0 packets, 0 bytes'],
      flows: { '1 77 to 0 as 0': '1 packets, 50 bytes out, 1 packets, 50 bytes in' },
    })
    // What arrives was rewritten, and nothing has a wrong checksum.
    expect(client.datagrams.length).toBe(3 + 10)
    expect(server.datagrams.length).toBe(3 + 10 + 99 + 100)
    for (const text of [...server.datagrams, ...server.tcp])
      expect(text).toMatch(
        /^02:00:00:00:0b:fe 02:00:00:00:0b:01 10\.2\.0\.254 10\.2\.0\.1 ttl 63 (1|6|17) [0-9a-f ]+$/,
      )
  })

  const kinds: readonly (readonly [Kind, Kind])[] = long
    ? [
        ['packet socket', 'packet socket'],
        ['TAP', 'TAP'],
        ['TAP', 'packet socket'],
        ['packet socket', 'TAP'],
      ]
    : [['TAP', 'packet socket']]
  it.each(kinds)(
    'blocks, counts and rewrites the same in Node: %s, %s',
    async (client, server) => {
      const { seconds, ...found } = await scenario(networks, client, server)
      const { seconds: _, ...wanted } = expected
      if (long) console.log(`${client}, ${server}: ${((file * 8) / seconds / 1e6).toFixed(0)} Mbit/s`)
      expect(found.counts).toEqual(wanted.counts)
      expect(found).toEqual(wanted)
    },
    120_000,
  )
})
