import { readFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { TenantServer } from './server.ts'

// usage: node dist/load.js [SECONDS]     requests per second with and without programs, in rounds of so many seconds each
// The clients are a thread of their own: 32 connections with one request each under way, whose answers are counted.

interface Task {
  readonly port: number
  readonly host: string
  readonly connections: number
  readonly milliseconds: number
}

interface Result {
  readonly requests: number
  /** Answers whose status is not 200. */
  readonly wrong: number
  /** Microseconds: the middle one, and the one that 1 of 100 exceeds. */
  readonly p50: number
  readonly p99: number
}

function runClients({ port, host, connections, milliseconds }: Task): Promise<Result> {
  const request = `GET /products?page=2 HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: load\r\nAccept: */*\r\nX-Api-Key: none\r\n\r\n`
  const times: number[] = []
  let wrong = 0
  const end = performance.now() + milliseconds
  const client = (): Promise<void> =>
    new Promise((resolve, reject) => {
      let sent = 0
      let text = ''
      const socket = connect({ port, host: '127.0.0.1', noDelay: true })
      const send = (): void => {
        sent = performance.now()
        if (sent < end) socket.write(request)
        else socket.end()
      }
      socket
        .setEncoding('latin1')
        .on('connect', send)
        .on('close', () => resolve())
        .on('error', reject)
      socket.on('data', (chunk: string) => {
        text += chunk
        // The origin's answer ends so, and nothing follows before the next request.
        if (!text.endsWith('\n')) return
        times.push(performance.now() - sent)
        if (!text.startsWith('HTTP/1.1 200')) wrong++
        text = ''
        send()
      })
    })
  return Promise.all(Array.from({ length: connections }, client)).then(() => {
    times.sort((a, b) => a - b)
    const at = (share: number): number => Math.round(1000 * (times[Math.floor(share * times.length)] ?? 0))
    return { requests: times.length, wrong, p50: at(0.5), p99: at(0.99) }
  })
}

const object = (name: string): Buffer => readFileSync(new URL(`../programs/${name}.o`, import.meta.url))

const origin: RequestListener = (_, response) => {
  response.writeHead(200, { 'content-length': 3 }).end('ok\n')
}

const listen = (server: Server): Promise<number> =>
  new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })

async function main(seconds: number): Promise<void> {
  const plain = createServer(origin)
  const names = ['empty', 'acme', 'beta', 'mallory']
  const origins = [origin, origin, origin]
  const server = await TenantServer.create({
    script: new URL('checker-thread.js', import.meta.url),
    tenants: names.map((name) => ({ name, token: name, origins })),
  })
  const ports = { plain: await listen(plain), tenants: await listen(server.requests) }
  const control = await listen(server.control)
  const put = async (tenant: string, program: string): Promise<number> => {
    const headers = { authorization: `Bearer ${tenant}` }
    const url = `http://127.0.0.1:${control}/${tenant}/program`
    return (await fetch(url, { method: 'PUT', headers, body: new Uint8Array(object(program)) })).status
  }
  const ask = async (task: Task): Promise<Result> => {
    const worker = new Worker(new URL(import.meta.url), { workerData: task })
    return new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
  }
  await put('acme', 'front_door')
  await put('beta', 'blue')

  let busy = false
  /** Uploads one after the other while it is busy; how many there were. */
  const uploads = async (tenant: string, programs: readonly string[]): Promise<number> => {
    let count = 0
    for (busy = true; busy; count++) await put(tenant, programs[count % programs.length]!)
    return count
  }
  const none = async (): Promise<number> => 0
  const rounds: readonly [string, keyof typeof ports, string, () => Promise<number>][] = [
    ['a server of Node alone', 'plain', 'x', none],
    ['a tenant without program', 'tenants', 'empty', none],
    ['front_door', 'tenants', 'acme', none],
    ['blue', 'tenants', 'beta', none],
    ['blue and green, replaced all the time', 'tenants', 'beta', () => uploads('beta', ['green', 'blue'])],
    ['front_door, beside hostile uploads', 'tenants', 'acme', () => uploads('mallory', ['hostile/complex'])],
  ]
  const results = rounds.map((): Result[] => [])
  for (let round = 0; round < 3; round++) {
    for (const [n, [, port, tenant, beside]] of rounds.entries()) {
      const task = {
        port: ports[port],
        host: `${tenant}.example`,
        connections: 32,
        milliseconds: 1000 * seconds,
      }
      const uploading = beside()
      results[n]!.push(await ask(task))
      busy = false
      const count = await uploading
      if (round === 2 && count > 0) console.log(`${rounds[n]![0]}: ${count} uploads in the last round`)
    }
  }
  for (const [n, [name]] of rounds.entries()) {
    const best = [...results[n]!].sort((a, b) => b.requests - a.requests)[1]!
    const wrong = results[n]!.reduce((sum, one) => sum + one.wrong, 0)
    const perSecond = Math.round(best.requests / seconds)
    console.log(
      `${name}: ${perSecond} requests/s, p50 ${best.p50} us, p99 ${best.p99} us, ${wrong} wrong answers`,
    )
  }
  plain.close()
  plain.closeAllConnections()
  await server.close()
}

if (isMainThread) await main(Number(process.argv[2] ?? 3))
else parentPort!.postMessage(await runClients(workerData as Task))
