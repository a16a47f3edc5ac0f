import { type ChildProcess, fork } from 'node:child_process'
import { createSocket, type Socket as Datagram } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { attachReuseport } from '@skep/hook-socket/node'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createRuntime } from '../../src/index.ts'
import { thrownBy } from '../hostile-tools.ts'
import { bundle, temporary } from '../workers/crew.ts'
import { numberOf, socketObject, until } from './connections.ts'

// Programs that choose among workers.

const directory = temporary()
const script = join(directory, 'reuseport-worker.js')
beforeAll(() => bundle([fileURLToPath(new URL('reuseport-worker.ts', import.meta.url))], directory))

const toClose: (() => unknown)[] = []
afterEach(async () => {
  for (const close of toClose.splice(0).reverse()) await close()
})

const thread = (name: string): Worker => {
  const worker = new Worker(script, { env: { ...process.env, WORKER_NAME: name } })
  toClose.push(() => worker.terminate())
  return worker
}

const child = (name: string): ChildProcess => {
  const forked = fork(script, [], { env: { ...process.env, WORKER_NAME: name }, execArgv: [] })
  toClose.push(() => forked.kill())
  return forked
}

async function bound(): Promise<Datagram> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  toClose.push(() => socket.close())
  return socket
}

describe('a group of workers', () => {
  const load = async (name: string) => {
    const runtime = await createRuntime()
    toClose.push(() => runtime.close())
    return { runtime, loaded: await runtime.load(socketObject('choose', name)) }
  }

  it('datagrams to threads and processes, who answer from the same port', async () => {
    const { loaded } = await load('by_payload')
    const [socket, client] = [await bound(), await bound()]
    const link = attachReuseport(loaded.program('by_payload', 'sk_reuseport'), socket, {
      map: loaded.map('workers'),
    })
    const workers = [link.add(thread('zero')), link.add(child('one')), link.add(socket)]
    const own: string[] = []
    socket.on('message', (text) => own.push(String(text)))
    const answers: string[] = []
    client.on('message', (text, { port }) => answers.push(`${text} from ${port === socket.address().port}`))
    const ask = async (text: string): Promise<void> => {
      const before = answers.length
      client.send(text, socket.address().port, '127.0.0.1')
      await until(() => answers.length > before)
    }
    await ask('0 first')
    await ask('1 second')
    await ask('0')
    expect(answers).toEqual([
      'zero got 0 first of 7 from true',
      'one got 1 second of 8 from true',
      'zero got 0 of 1 from true',
    ])
    const seen = ['last_len', 'last_eth_protocol', 'last_ip_protocol', 'last_port']
    expect(seen.map((name) => numberOf(loaded, name))).toEqual([9, 8, 17, socket.address().port])
    for (const text of ['d', '2 here']) client.send(text, socket.address().port, '127.0.0.1')
    await until(() => own.length === 1)
    expect(own).toEqual(['2 here'])
    // Nobody's: the hash of the addresses says who.
    client.send('7', socket.address().port, '127.0.0.1')
    await until(() => link.stats.hashed === 1)
    expect(link.stats).toEqual({ received: 6, selected: 4, hashed: 1, dropped: 1 })
    expect(workers.map(({ index }) => index)).toEqual([0, 1, 2])
    // One that ends leaves the group and the map.
    const [{ target }] = workers as [(typeof workers)[0]]
    await (target as Worker).terminate()
    await until(() => link.members.length === 2)
    expect(loaded.map('workers').lookup(new Uint8Array(4))).toBeUndefined()
    expect(link.members.map(({ index }) => index)).toEqual([1, 2])
  })

  it('a socket filter chooses by index', async () => {
    const { loaded } = await load('index_of')
    const [socket, client, other] = [await bound(), await bound(), await bound()]
    const link = attachReuseport(loaded.program('index_of', 'socket_filter'), socket)
    for (const target of [socket, other]) link.add(target)
    const got: string[] = []
    socket.on('message', (text) => got.push(`socket ${text}`))
    other.on('message', (text) => got.push(`other ${text}`))
    for (const text of ['0a', '1b', '0c']) client.send(text, socket.address().port, '127.0.0.1')
    await until(() => got.length === 3)
    expect(got).toEqual(['socket 0a', 'other 1b', 'socket 0c'])
  })
})

describe('connections', () => {
  it('go to processes and to servers of this one, with all that they bring', async () => {
    using runtime = await createRuntime()
    const loaded = await runtime.load(socketObject('choose', 'in_turn'))
    loaded.writeGlobal('members', 2)
    const server = createServer((socket) => {
      socket.on('data', (data) => socket.end(`server got ${data}`))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const link = attachReuseport(loaded.program('in_turn', 'sk_reuseport'), server, {
      map: loaded.map('workers'),
    })
    for (const target of [child('one'), server]) link.add(target)
    const ask = async (text: string): Promise<string> => {
      const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
      socket.write(text)
      let answer = ''
      socket.on('data', (data) => {
        answer += String(data)
      })
      await once(socket, 'close')
      return answer
    }
    const answers = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map(ask))
    expect(answers.map((text) => text.slice(0, -2)).sort()).toEqual(
      ['one', 'one', 'one', 'server', 'server', 'server'].map((name) => `${name} got`),
    )
    expect(numberOf(loaded, 'last_ip_protocol')).toBe(6)
    expect(numberOf(loaded, 'last_len')).toBe(20)
    expect(link.stats.selected).toBe(6)
    link.close()
    expect(await ask('after')).toBe('server got after')
    server.close()
  })
})

describe('what cannot choose or be chosen', () => {
  it('is refused with the reason', async () => {
    using runtime = await createRuntime()
    const loaded = await runtime.load(socketObject('choose', 'in_turn'))
    const program = loaded.program('in_turn', 'sk_reuseport')
    const connect4 = (await runtime.load(socketObject('addresses', 'connect4'))).program(
      'connect4',
      'cgroup_sock_addr',
    )
    const socket = await bound()
    const code = (act: () => unknown): unknown => (thrownBy(act) as { code?: string } | undefined)?.code
    // @ts-expect-error a program for addresses chooses nobody
    expect(code(() => attachReuseport(connect4, socket))).toBe('WRONG_PROGRAM_TYPE')
    // @ts-expect-error no socket
    expect(code(() => attachReuseport(program, {}))).toBe('BAD_SOCKET')
    const bss = loaded.spec.maps.find(({ name }) => name.endsWith('.bss'))!.name
    expect(code(() => attachReuseport(program, socket, { map: loaded.map(bss) }))).toBe('BAD_MAP')
    const link = attachReuseport(program, socket, { map: loaded.map('workers') })
    expect(code(() => attachReuseport(program, socket))).toBe('BUSY')
    expect(code(() => link.add(createServer()))).toBe('BAD_SOCKET')
    // @ts-expect-error takes nothing
    expect(code(() => link.add({}))).toBe('BAD_SOCKET')
    link.add(socket)
    expect(code(() => link.add(socket))).toBe('BAD_SOCKET')
    const server = createServer()
    const connections = attachReuseport(program, server, { map: loaded.map('workers') })
    const worker = new Worker('', { eval: true })
    expect(code(() => connections.add(worker))).toBe('UNSUPPORTED')
    await worker.terminate()
  })

  it('attaching and detaching, over and over, leaves nothing behind', async () => {
    using runtime = await createRuntime()
    const loaded = await runtime.load(socketObject('choose', 'in_turn'))
    const program = loaded.program('in_turn', 'sk_reuseport')
    const socket = await bound()
    const round = (): void => {
      const link = attachReuseport(program, socket, { map: loaded.map('workers') })
      link.add(socket)
      link.close()
    }
    round()
    const { used } = runtime.arena
    const listeners = socket.listenerCount('close')
    for (let n = 0; n < Number(process.env['SKEP_RUNS'] ?? 150); n++) round()
    expect(runtime.arena.used).toBe(used)
    expect(socket.listenerCount('close')).toBe(listeners)
    expect(loaded.map('workers').size).toBe(0)
  })
})
