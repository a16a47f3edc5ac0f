import { createSocket, type RemoteInfo } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, Socket } from 'node:net'
import { createHelpersPlugin, helpersPlugin } from '@skep/helpers'
import { attachCgroup, socketHelpers } from '@skep/hook-socket/node'
import { createVerifier } from '@skep/verifier'
import { afterEach, describe, expect, it } from 'vitest'
import { createRuntime as composeRuntime } from '../../src/core.ts'
import { type Collection, createRuntime, defaultPreset } from '../../src/index.ts'
import { thrownBy } from '../hostile-tools.ts'
import { numberOf, socketObject } from './connections.ts'

// Addresses that a process's sockets give to the system.

const toClose: (() => unknown)[] = []
afterEach(async () => {
  for (const close of toClose.splice(0).reverse()) await close()
})

async function listen(address = '127.0.0.1'): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => {
    // A client that goes away early is none of the server's business.
    socket.on('error', () => {})
    socket.end(`from ${socket.remoteAddress}`)
  })
  server.listen(0, address)
  await once(server, 'listening')
  toClose.push(() => server.close())
  return { server, port: (server.address() as AddressInfo).port }
}

/** What the one who answers says, or the error's code. */
async function ask(port: number, host = '127.0.0.1', socket = new Socket()): Promise<string> {
  socket.connect({ port, host })
  let text = ''
  socket.on('data', (data) => {
    text += String(data)
  })
  try {
    await once(socket, 'close')
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException
    return `${syscall} ${code}`
  }
  return text
}

const u32 = (n: number): Uint8Array => new Uint8Array(Uint32Array.of(n).buffer)
const service = (loaded: Collection, asked: number, meant: number): void =>
  loaded.map('services').update(u32(asked), u32(meant))

describe('calls of this process', () => {
  const load = async (...names: string[]): Promise<Collection> => {
    const runtime = await createRuntime()
    toClose.push(() => runtime.close())
    return runtime.load(socketObject('addresses', ...names))
  }

  it('connect4: elsewhere, refused, and as it was', async () => {
    const loaded = await load('connect4')
    const { port } = await listen()
    service(loaded, 7, port)
    service(loaded, 8, 0)
    const link = attachCgroup(loaded.program('connect4', 'cgroup_sock_addr'))
    expect(await ask(7, '192.0.2.1')).toBe('from 127.0.0.1')
    expect(numberOf(loaded, 'last_ip4')).toBe(0xc000_0201)
    expect(
      ['last_port', 'last_type', 'last_protocol', 'last_sk_family'].map((n) => numberOf(loaded, n)),
    ).toEqual([7, 1, 6, 2])
    expect(await ask(8)).toBe('connect EPERM')
    expect(await ask(port)).toBe('from 127.0.0.1')
    loaded.writeGlobal('refusal', -13)
    expect(await ask(8)).toBe('connect EACCES')
    expect(link.stats).toEqual({ calls: 4, refused: 2, rewritten: 1 })
    const calls = numberOf(loaded, 'calls')
    link.close()
    expect(await ask(port)).toBe('from 127.0.0.1')
    expect(numberOf(loaded, 'calls')).toBe(calls)
  })

  it('connect6: another address and port', async () => {
    const loaded = await load('connect6')
    const { port } = await listen('::1')
    service(loaded, 9, port)
    loaded.writeGlobal('loopback6', 1)
    attachCgroup(loaded.program('connect6', 'cgroup_sock_addr'))
    expect(await ask(9, '2001:db8::1')).toBe('from ::1')
  })

  it('bind4 of a server and of a datagram socket', async () => {
    const loaded = await load('bind4')
    const probe = createSocket('udp4').bind(0, '127.0.0.1')
    await once(probe, 'listening')
    const free = probe.address().port
    probe.close()
    await once(probe, 'close')
    service(loaded, 4000, free)
    service(loaded, 4001, 0)
    attachCgroup(loaded.program('bind4', 'cgroup_sock_addr'))
    const socket = createSocket('udp4').bind(4000, '127.0.0.1')
    await once(socket, 'listening')
    expect(socket.address().port).toBe(free)
    expect(numberOf(loaded, 'last_type')).toBe(2)
    socket.close()
    const server = createServer().listen(4001, '127.0.0.1')
    await expect(once(server, 'listening')).rejects.toMatchObject({ code: 'EPERM', syscall: 'listen' })
  })

  it('sendmsg4 and recvmsg4: datagrams to and from a service by another name', async () => {
    const loaded = await load('sendmsg4', 'recvmsg4')
    const [one, two] = [createSocket('udp4'), createSocket('udp4')]
    toClose.push(
      () => one.close(),
      () => two.close(),
    )
    for (const socket of [one, two]) {
      socket.bind(0, '127.0.0.1')
      await once(socket, 'listening')
    }
    two.on('message', (text, from) => two.send(`${text}!`, from.port, from.address))
    service(loaded, 53, two.address().port)
    service(loaded, two.address().port, 53)
    service(loaded, 54, 0)
    // Of this socket alone: what the other one sends goes where it says.
    attachCgroup(loaded.program('sendmsg4', 'cgroup_sock_addr'), one)
    attachCgroup(loaded.program('recvmsg4', 'cgroup_sock_addr'), [one])
    const answered = once(one, 'message') as Promise<[Buffer, RemoteInfo]>
    one.send('ping', 53, '127.0.0.1')
    const [text, from] = await answered
    expect([String(text), from.port]).toEqual(['ping!', 53])
    const send = (port: number): Promise<string | undefined> =>
      new Promise((resolve) =>
        one.send('x', port, '127.0.0.1', (error) => resolve((error as NodeJS.ErrnoException | null)?.code)),
      )
    expect(await send(54)).toBe('EPERM')
    loaded.writeGlobal('source_ip4', 0x7f00_0002)
    expect(await send(53)).toBe('ENOTSUP')
  })

  it('getpeername4 of one socket', async () => {
    const loaded = await load('getpeername4')
    const { port } = await listen()
    service(loaded, port, 443)
    const [socket, other] = [new Socket(), new Socket()]
    const link = attachCgroup(loaded.program('getpeername4', 'cgroup_sock_addr'), socket)
    for (const one of [socket, other]) {
      one.connect(port, '127.0.0.1')
      await once(one, 'connect')
    }
    expect([socket.remotePort, other.remotePort]).toEqual([443, port])
    expect(link.stats.rewritten).toBe(1)
    for (const one of [socket, other]) one.destroy()
  })

  it('bpf_bind: where a connection comes from', async () => {
    using runtime = await composeRuntime({
      plugins: defaultPreset.map((one) => (one === helpersPlugin ? createHelpersPlugin(socketHelpers) : one)),
      verifier: createVerifier,
    })
    const loaded = await runtime.load(socketObject('addresses', 'from'))
    const { port } = await listen()
    using _link = attachCgroup(loaded.program('from', 'cgroup_sock_addr'))
    loaded.writeGlobal('source_ip4', 0x7f00_0005)
    expect(await ask(port)).toBe('from 127.0.0.5')
    // No address of this host.
    loaded.writeGlobal('source_ip4', 0xc000_0201)
    expect(await ask(port)).toBe('connect EPERM')
  })
})

describe('what cannot be attached to a cgroup', () => {
  it('is refused with the reason', async () => {
    using runtime = await createRuntime()
    const loaded = await runtime.load(socketObject('addresses', 'connect4'))
    const filter = (await runtime.load(socketObject('filter', 'none'))).program('none', 'socket_filter')
    const program = loaded.program('connect4', 'cgroup_sock_addr')
    const code = (act: () => unknown): unknown => (thrownBy(act) as { code?: string } | undefined)?.code
    // @ts-expect-error a filter of packets has no addresses
    expect(code(() => attachCgroup(filter))).toBe('WRONG_PROGRAM_TYPE')
    // @ts-expect-error not awaited
    expect(code(() => attachCgroup(Promise.resolve(program)))).toBe('BAD_PROGRAM')
    // @ts-expect-error no socket
    expect(code(() => attachCgroup(program, {}))).toBe('BAD_SOCKET')
  })

  it('attaching and detaching, over and over, leaves nothing behind', async () => {
    using runtime = await createRuntime()
    const loaded = await runtime.load(socketObject('addresses', 'connect4'))
    const program = loaded.program('connect4', 'cgroup_sock_addr')
    const before = Object.getOwnPropertyNames(Socket.prototype).length
    const round = (): void => attachCgroup(program).close()
    round()
    const { used } = runtime.arena
    for (let n = 0; n < Number(process.env['SKEP_RUNS'] ?? 150); n++) round()
    expect(runtime.arena.used).toBe(used)
    expect(Object.getOwnPropertyNames(Socket.prototype)).toHaveLength(before)
    // Closing the runtime detaches.
    const link = attachCgroup(program)
    runtime.close()
    expect(link.closed).toBe(true)
    const { port } = await listen()
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    socket.destroy()
  })
})
