import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket, Socket as StreamSocket } from 'node:net'
import { attachSockmap, type SockmapLink, type SockmapPrograms, setSocket } from '@skep/hook-socket/node'
import { isKernelAvailable, kernel } from '@skep/linux'
import { afterEach, describe, expect, it } from 'vitest'
import { createRuntime } from '../../src/index.ts'
import { thrownBy } from '../hostile-tools.ts'
import { connections, numberOf, type Pair, portsOf, readAll, socketObject, until } from './connections.ts'

// Streams that programs steer from socket to socket.

const available = await isKernelAvailable()

const frame = (text: string): Buffer => {
  const bytes = Buffer.alloc(2 + text.length)
  bytes.writeUInt16BE(text.length)
  bytes.write(text, 2, 'latin1')
  return bytes
}
const frames = (...texts: string[]): Buffer => Buffer.concat(texts.map(frame))
const index = (n: number): Uint8Array => new Uint8Array(Uint32Array.of(n).buffer)
const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** Text that a socket gets, as it comes. */
const heard = (socket: Socket): { text: string } => {
  const to = { text: '' }
  socket.on('data', (data: Buffer) => {
    to.text += data.toString('latin1')
  })
  return to
}

/** What comes to either socket goes out of the other one. */
function cross(link: SockmapLink, one: Pair, other: Pair): SockmapLink {
  link.set(portsOf(one.near), other.near)
  link.set(portsOf(other.near), one.near)
  return link
}

describe('sockets of a map', () => {
  const toClose: (() => unknown)[] = []
  afterEach(async () => {
    for (const close of toClose.splice(0).reverse()) await close()
  })

  const load = async (...names: string[]) => {
    const runtime = await createRuntime()
    toClose.push(() => runtime.close())
    return { runtime, loaded: await runtime.load(socketObject('steer', ...names)) }
  }
  const open = async (count: number): Promise<Pair[]> => {
    const { pairs, close } = await connections(count)
    toClose.push(close)
    return pairs
  }
  it.each(['a buffer of its own', 'chunks'])(
    'a proxy that reads by %s: all bytes in order, both ways, each way to its end',
    async (by) => {
      const { loaded } = await load('across')
      const map = loaded.map('other')
      const [client, upstream] = (await open(2)) as [Pair, Pair]
      // As in a Node that has no such thing.
      if (by === 'chunks')
        for (const { near } of [client, upstream])
          (near as unknown as { _handle: { useUserBuffer?: unknown } })._handle.useUserBuffer = undefined
      const link = attachSockmap(map, { verdict: loaded.program('across', 'sk_skb') })
      link.set(portsOf(client.near), upstream.near)
      link.set(portsOf(upstream.near), client.near)
      const bytes = Buffer.alloc(2 << 20).map((_, n) => (n * 31) ^ (n >> 8))
      const answer = Buffer.from('and back')
      const there = readAll(upstream.far)
      client.far.write(bytes.subarray(0, 1 << 20))
      client.far.end(bytes.subarray(1 << 20))
      expect(hashOf(await there)).toBe(hashOf(bytes))
      // The way back is open still.
      expect(client.near.writableEnded).toBe(false)
      upstream.far.end(answer)
      expect(await readAll(client.far)).toEqual(answer)
      const { stats } = link
      expect(stats.bytes).toBe(bytes.length + answer.length)
      expect(stats.redirected).toBe(stats.messages)
      expect([numberOf(loaded, 'messages'), numberOf(loaded, 'bytes')]).toEqual([stats.messages, stats.bytes])
    },
  )

  it.skipIf(!available.ok)('the same in the kernel: the same code steers there', async () => {
    const runtime = await createRuntime({ engine: kernel() })
    toClose.push(() => runtime.close())
    const loaded = await runtime.load(socketObject('steer', 'across'))
    const [client, upstream] = (await open(2)) as [Pair, Pair]
    const link = cross(
      attachSockmap(loaded.map('other'), { verdict: loaded.program('across', 'sk_skb') }),
      client,
      upstream,
    )
    const there = heard(upstream.far)
    client.far.write('through the kernel')
    await until(() => there.text === 'through the kernel')
    expect(numberOf(loaded, 'bytes')).toBe(18)
    expect(client.near.bytesRead).toBe(0)
    link.close()
    expect(link.closed).toBe(true)
  })

  it('a slow reader holds back whoever writes to it', async () => {
    const { loaded } = await load('across')
    const map = loaded.map('other')
    const [client, upstream] = (await open(2)) as [Pair, Pair]
    const link = cross(attachSockmap(map, { verdict: loaded.program('across', 'sk_skb') }), client, upstream)
    upstream.far.pause()
    const bytes = Buffer.alloc(10 << 20, 'slow')
    client.far.end(bytes)
    // The system's buffers are full, and the sender's own has most of it.
    await until(() => upstream.near.writableNeedDrain)
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(upstream.near.writableLength).toBeLessThan(1 << 20)
    expect(client.far.writableLength).toBeGreaterThan(1 << 20)
    expect(hashOf(await readAll(upstream.far))).toBe(hashOf(bytes))
    expect(link.stats.bytes).toBe(bytes.length)
  })

  it('messages of a parser: passed, dropped, to other sockets, and to their readers', async () => {
    const { loaded } = await load('frames', 'by_first_byte')
    const map = loaded.map('sockets')
    const pairs = (await open(3)) as [Pair, Pair, Pair]
    const link = attachSockmap(map, {
      parser: loaded.program('frames', 'sk_skb'),
      verdict: loaded.program('by_first_byte', 'sk_skb'),
    })
    for (const [n, { near }] of pairs.entries()) link.set(n, near)
    const [own, other] = [heard(pairs[0].near), heard(pairs[1].near)]
    const [one, two] = [heard(pairs[1].far), heard(pairs[2].far)]
    const { far } = pairs[0]
    far.setNoDelay(true)
    const all = frames(
      'p kept',
      '1 to one',
      'd nobody',
      '2 to two',
      'i inside',
      '1 again',
      '9 nowhere',
      'p end',
    )
    // In pieces of every size, the length itself in two.
    for (let at = 0, size = 1; at < all.length; size = (size % 7) + 1) {
      far.write(all.subarray(at, at + size))
      at += size
      await new Promise((resolve) => setImmediate(resolve))
    }
    await until(() => own.text.endsWith('end'))
    await until(() => one.text.endsWith('again') && two.text.endsWith('two') && other.text.endsWith('inside'))
    expect(own.text).toBe(frames('p kept', 'p end').toString('latin1'))
    expect(one.text).toBe(frames('1 to one', '1 again').toString('latin1'))
    expect(two.text).toBe(frames('2 to two').toString('latin1'))
    expect(other.text).toBe(frames('i inside').toString('latin1'))
    const { messages, passed, redirected, dropped } = link.stats
    expect({ messages, passed, redirected, dropped }).toEqual({
      messages: 8,
      passed: 2,
      redirected: 4,
      dropped: 2,
    })
    expect(numberOf(loaded, 'local_port')).toBe(pairs[0].near.localPort)
    // Very many in one piece, and one that is longer than a piece.
    const long = `1${'x'.repeat(60_000)}`
    const many = frames(...Array.from({ length: 500 }, (_, n) => `1 ${n}`), long, '1!')
    one.text = ''
    far.write(many)
    await until(() => one.text.endsWith('!'))
    expect(one.text).toBe(many.toString('latin1'))
  })

  it('a parser ends the stream that it cannot read, and an unfinished message is its reader’s', async () => {
    const { loaded } = await load('frames', 'by_first_byte')
    const programs = {
      parser: loaded.program('frames', 'sk_skb'),
      verdict: loaded.program('by_first_byte', 'sk_skb'),
    }
    const [first, second, third] = (await open(3)) as [Pair, Pair, Pair]
    const link = attachSockmap(loaded.map('sockets'), programs, { maxMessage: 1000 })
    for (const [n, { near }] of [first, second, third].entries()) link.set(n, near)
    const failed = once(first.near, 'error')
    first.far.write(Buffer.concat([frame('1 whole'), Buffer.from([0xff, 0xff, 1])]))
    expect((await failed)[0]).toMatchObject({ name: 'SocketVerdictError', code: 'EPROTO', syscall: 'read' })
    const tooLong = once(second.near, 'error')
    second.far.write(Buffer.from([4, 0, 1]))
    expect((await tooLong)[0]).toMatchObject({ code: 'EMSGSIZE' })
    third.far.end(Buffer.from([0, 9, 65]))
    expect(await readAll(third.near)).toEqual(Buffer.from([0, 9, 65]))
  })

  it('a listener that throws does not cost the messages behind', async () => {
    const { loaded } = await load('frames', 'by_first_byte')
    const [pair, other] = (await open(2)) as [Pair, Pair]
    const link = attachSockmap(loaded.map('sockets'), {
      parser: loaded.program('frames', 'sk_skb'),
      verdict: loaded.program('by_first_byte', 'sk_skb'),
    })
    link.set(0, pair.near)
    link.set(1, other.near)
    const there = heard(other.far)
    const thrown: unknown[] = []
    process.setUncaughtExceptionCaptureCallback((error) => thrown.push(error.message))
    toClose.push(() => process.setUncaughtExceptionCaptureCallback(null))
    pair.near.on('data', () => {
      throw new Error('mine')
    })
    pair.far.write(frames('p kept', '1 behind', 'p again', '1 end'))
    await until(() => there.text.endsWith('end') && thrown.length === 2)
    expect(there.text).toBe(frames('1 behind', '1 end').toString('latin1'))
    expect(thrown).toEqual(['mine', 'mine'])
  })

  it('what a verdict writes and adds goes along', async () => {
    const { loaded } = await load('aloud')
    const map = loaded.map('other')
    const [client, upstream] = (await open(2)) as [Pair, Pair]
    setSocket(map, portsOf(client.near), upstream.near)
    setSocket(map, portsOf(upstream.near), client.near)
    // Those that are there already are steered too.
    attachSockmap(map, { verdict: loaded.program('aloud', 'sk_skb') })
    const there = heard(upstream.far)
    for (const [n, word] of ['one', 'two', 'three'].entries()) {
      client.far.write(word)
      await until(() => there.text.split('\n').length === n + 2)
    }
    expect(there.text).toBe('One\nTwo\nThree\n')
  })

  it('what a socket sends: on, to another socket, to that one’s reader, or nowhere', async () => {
    const { loaded } = await load('on_send')
    const map = loaded.map('other')
    const [one, two] = (await open(2)) as [Pair, Pair]
    const link = cross(attachSockmap(map, { message: loaded.program('on_send', 'sk_msg') }), one, two)
    const [own, other, inside] = [heard(one.far), heard(two.far), heard(two.near)]
    const send = (text: string): Promise<string | undefined> =>
      new Promise((resolve) =>
        one.near.write(text, (error) => resolve((error as NodeJS.ErrnoException)?.code)),
      )
    expect(await send('passed')).toBeUndefined()
    expect(await send('elsewhere')).toBeUndefined()
    expect(await send('inside')).toBeUndefined()
    await until(() => own.text !== '' && other.text !== '' && inside.text !== '')
    expect([own.text, other.text, inside.text]).toEqual(['passed', 'elsewhere', 'inside'])
    const failed = once(one.near, 'error')
    expect(await send('dropped')).toBe('EACCES')
    await failed
    const { sent, sentRedirected, sentDropped } = link.stats
    expect({ sent, sentRedirected, sentDropped }).toEqual({ sent: 1, sentRedirected: 2, sentDropped: 1 })
  })

  it('a closed link leaves sockets as they were', async () => {
    const { loaded } = await load('across')
    const map = loaded.map('other')
    const [client, upstream] = (await open(2)) as [Pair, Pair]
    const link = cross(attachSockmap(map, { verdict: loaded.program('across', 'sk_skb') }), client, upstream)
    const there = heard(upstream.far)
    client.far.write('steered')
    await until(() => there.text === 'steered')
    link.close()
    const own = heard(client.near)
    client.far.write('not')
    await until(() => own.text === 'not')
    expect(there.text).toBe('steered')
    expect(thrownBy(() => link.set(portsOf(client.near), client.near))).toMatchObject({ code: 'CLOSED' })
    // And what is in a map leaves it when it closes.
    expect(map.lookup(portsOf(client.near))).toBeDefined()
    const key = portsOf(client.near)
    upstream.near.destroy()
    await once(upstream.near, 'close')
    expect(map.lookup(key)).toBeUndefined()
  })
})

describe('what cannot be attached to a map of sockets', () => {
  it('is refused with the reason', async () => {
    using runtime = await createRuntime()
    const loaded = await runtime.load(socketObject('steer'))
    const { pairs, close } = await connections(1)
    const [{ near }] = pairs as [Pair]
    const [verdict, parser] = [loaded.program('across', 'sk_skb'), loaded.program('frames', 'sk_skb')]
    const sockets = loaded.map('sockets')
    const refused = (programs: SockmapPrograms, map = sockets): unknown =>
      (thrownBy(() => attachSockmap(map, programs)) as { code?: string } | undefined)?.code
    // @ts-expect-error a program for messages is no verdict on packets
    expect(refused({ verdict: loaded.program('on_send', 'sk_msg') })).toBe('WRONG_PROGRAM_TYPE')
    expect(refused({ verdict: parser })).toBe('WRONG_PROGRAM_TYPE')
    expect(refused({ parser: verdict, verdict })).toBe('WRONG_PROGRAM_TYPE')
    expect(refused({ parser })).toBe('BAD_OPTION')
    // @ts-expect-error not awaited
    expect(refused({ verdict: Promise.resolve(verdict) })).toBe('BAD_PROGRAM')
    expect(
      refused({ verdict }, loaded.map(loaded.spec.maps.find(({ name }) => name.endsWith('.bss'))!.name)),
    ).toBe('BAD_MAP')
    using other = await createRuntime()
    const foreign = (await other.load(socketObject('steer', 'across'))).program('across', 'sk_skb')
    expect(refused({ verdict: foreign })).toBe('FOREIGN')
    const link = attachSockmap(sockets, { verdict })
    expect(refused({ verdict })).toBe('BUSY')
    const wrong = (act: () => unknown): unknown => (thrownBy(act) as { code?: string } | undefined)?.code
    expect(wrong(() => link.set(new Uint8Array(3), near))).toBe('BAD_OPTION')
    expect(wrong(() => link.set(0, new StreamSocket()))).toBe('BAD_SOCKET')
    expect(wrong(() => link.set(99, near))).toBe('E2BIG')
    const { port } = near.address() as { port: number }
    const busy = connect({
      port,
      host: '127.0.0.1',
      onread: { buffer: new Uint8Array(99), callback: () => true },
    })
    await once(busy, 'connect')
    expect(wrong(() => link.set(2, busy))).toBe('BAD_SOCKET')
    expect(sockets.lookup(index(2))).toBeUndefined()
    busy.destroy()
    link.set(0, near)
    const second = attachSockmap(loaded.map('other'), { verdict })
    expect(wrong(() => second.set(portsOf(near), near))).toBe('BUSY')
    await close()
    await until(() => sockets.lookup(index(0)) === undefined)
  })

  it('attaching and detaching, over and over, leaves nothing behind', async () => {
    using runtime = await createRuntime()
    const loaded = await runtime.load(socketObject('steer', 'across', 'on_send'))
    const programs = {
      verdict: loaded.program('across', 'sk_skb'),
      message: loaded.program('on_send', 'sk_msg'),
    }
    const { pairs, close } = await connections(1)
    const [{ near }] = pairs as [Pair]
    const round = (): void => {
      const link = attachSockmap(loaded.map('sockets'), programs)
      link.set(0, near)
      link.delete(0)
      link.close()
    }
    round()
    const before = {
      used: runtime.arena.used,
      listeners: near.eventNames().map((name) => near.listenerCount(name)),
    }
    for (let n = 0; n < Number(process.env['SKEP_RUNS'] ?? 150); n++) round()
    expect({
      used: runtime.arena.used,
      listeners: near.eventNames().map((name) => near.listenerCount(name)),
    }).toEqual(before)
    await close()
  })
})
