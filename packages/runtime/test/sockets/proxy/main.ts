import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { attachSockmap } from '@skep/hook-socket/node'
import { createDefaultPlatform, createRuntime, parseObject } from '../../../src/index.ts'
import { BLOCK, fill, startEnd } from './ends.ts'

// How fast bytes go through a process between two sockets: by a sockmap's program, and by pipe(). Each side in turn.

const { values } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '1024' },
    rounds: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
  },
})
const bytes = Number(values.megabytes) * (1 << 20)
const ends = fileURLToPath(new URL('ends.js', import.meta.url))
const runtime = await createRuntime()
const object = parseObject(readFileSync(new URL('steer.o', import.meta.url)), createDefaultPlatform())
const loaded = await runtime.load({
  ...object,
  programs: object.programs.filter(({ name }) => name === 'across'),
})
const verdict = loaded.program('across', 'sk_skb')

/** Joins the two sockets; what it returns takes them apart. */
type Join = (a: Socket, b: Socket) => () => void

const ways: Readonly<Record<string, Join>> = {
  pipe(a, b) {
    a.pipe(b)
    b.pipe(a)
    return () => {}
  },
  sockmap(a, b) {
    const key = ({ localPort, remotePort }: Socket): Uint8Array =>
      new Uint8Array(Uint16Array.of(remotePort!, localPort!).buffer)
    const link = attachSockmap(loaded.map('other'), { verdict })
    link.set(key(a), b)
    link.set(key(b), a)
    return () => link.close()
  },
}

interface Run {
  readonly seconds: number
  /** Of this process: the proxy's. */
  readonly cpuSeconds: number
  readonly hash: string | undefined
}

async function run(join: Join, hashed: boolean): Promise<Run> {
  const flag = hashed ? ['hash'] : []
  const sink = startEnd(ends, 'sink', ...flag)
  const [{ port }] = (await once(sink, 'message')) as [{ port: number }]
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const b = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  await once(b, 'connect')
  const accepted = once(server, 'connection')
  const source = startEnd(
    ends,
    'source',
    String((server.address() as AddressInfo).port),
    String(bytes),
    ...flag,
  )
  const [a] = (await accepted) as [Socket]
  const begin = process.hrtime.bigint()
  const cpu = process.cpuUsage()
  const apart = join(a, b)
  const [told] = (await once(sink, 'message')) as [{ bytes: number; hash?: string }]
  const seconds = Number(process.hrtime.bigint() - begin) / 1e9
  const { user, system } = process.cpuUsage(cpu)
  if (told.bytes !== bytes) throw new Error(`${told.bytes} of ${bytes} bytes came`)
  apart()
  a.destroy()
  b.destroy()
  server.close()
  source.kill()
  sink.kill()
  return { seconds, cpuSeconds: (user + system) / 1e6, hash: told.hash }
}

const whole = createHash('sha256')
for (let block = 0; block * BLOCK < bytes; block++) {
  const next = fill(Buffer.allocUnsafe(BLOCK))
  next.writeUInt32LE(block)
  whole.update(next)
}
const wanted = whole.digest('hex')
const { hash } = await run(ways['sockmap']!, true)
if (hash !== wanted) throw new Error(`the bytes differ: ${hash} instead of ${wanted}`)
const runs: Record<string, Run[]> = {}
for (let round = 0; round < Number(values.rounds); round++)
  for (const [name, join] of Object.entries(ways)) (runs[name] ??= []).push(await run(join, false))
const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[numbers.length >> 1]!
const summary = Object.fromEntries(
  Object.entries(runs).map(([name, all]) => [
    name,
    {
      seconds: median(all.map(({ seconds }) => seconds)),
      cpuSeconds: median(all.map(({ cpuSeconds }) => cpuSeconds)),
    },
  ]),
)
const ratios = runs['sockmap']!.map(({ seconds }, n) => runs['pipe']![n]!.seconds / seconds)
if (values.json) console.log(JSON.stringify({ bytes, hash, summary, ratios }))
else {
  console.log(`${values.megabytes} MiB through the sockmap: sha256 as sent, ${hash.slice(0, 16)}…`)
  for (const [name, { seconds, cpuSeconds }] of Object.entries(summary))
    console.log(
      `${name.padEnd(8)} ${seconds.toFixed(2)} s, ${(bytes / seconds / 1e9).toFixed(2)} GB/s, CPU of the proxy ${cpuSeconds.toFixed(2)} s`,
    )
  console.log(`times pipe's speed, round by round: ${ratios.map((ratio) => ratio.toFixed(2)).join(' ')}`)
}
runtime.close()
process.exit(0)
