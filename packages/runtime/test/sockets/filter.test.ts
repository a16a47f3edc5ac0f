import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, Socket as Stream } from 'node:net'
import { attachSocketFilter, SocketAttachError, type SocketFilter } from '@skep/hook-socket/node'
import { assembleBpfAsm, encodeClassic } from '@skep/isa'
import { isKernelAvailable, loadCollection, openKernel } from '@skep/linux'
import { translateClassic } from '@skep/loader-cbpf'
import { describe, expect, it } from 'vitest'
import { type CollectionSpec, createRuntime } from '../../src/index.ts'
import { engines, program, spec, thrownBy } from '../hostile-tools.ts'
import { socketObject, until } from './connections.ts'
import { classicProgram, fdOf, SO_ATTACH_BPF, SO_ATTACH_FILTER, setSocketOption } from './kernel-socket.ts'

// Filters of datagram sockets, here and in the kernel, on the same datagrams.

const available = await isKernelAvailable()
const object = (): CollectionSpec => socketObject('filter')

interface Got {
  readonly text: string
  readonly size: number
}

/** Bound to the loopback device, and what its listener got. */
async function receiver(type: 'udp4' | 'udp6', address?: string) {
  const socket = createSocket(type)
  const got: Got[] = []
  socket.on('message', (message: Buffer, { size }: RemoteInfo) => {
    got.push({ text: message.toString('latin1'), size })
  })
  socket.bind(0, address ?? (type === 'udp4' ? '127.0.0.1' : '::1'))
  await once(socket, 'listening')
  return { socket, got }
}

/** Sends to all, and waits until all have got the last one, which every filter here lets pass. */
async function sendAll(
  from: Socket,
  to: readonly { socket: Socket; got: Got[] }[],
  payloads: readonly Uint8Array[],
  last: Uint8Array,
) {
  for (const payload of [...payloads, last])
    for (const { socket } of to) {
      const { address, port } = socket.address()
      await new Promise<void>((resolve, reject) =>
        from.send(payload, port, address, (error) => (error ? reject(error) : resolve())),
      )
    }
  const end = Buffer.from(last).toString('latin1')
  for (const { got } of to) while (got.at(-1)?.text !== end) await new Promise((r) => setImmediate(r))
}

/** A payload that asks for so many bytes, its UDP header among them. */
const asking = (keep: number, length: number): Uint8Array => {
  const bytes = new Uint8Array(length).map((_, n) => n)
  if (length >= 4) new DataView(bytes.buffer).setUint32(0, keep)
  return bytes
}

const payloads: readonly Uint8Array[] = [
  asking(0, 20),
  asking(1, 20),
  asking(7, 20),
  asking(8, 20),
  asking(9, 20),
  asking(12, 20),
  asking(27, 20),
  asking(28, 20),
  asking(29, 20),
  asking(0xffff_ffff, 20),
  asking(0x8000_0000, 20),
  asking(1000, 1400),
  asking(0xffff, 9000),
  asking(0, 3),
  asking(0, 0),
]
const LAST = asking(0xffff_fffe, 8)

const [SEEN, SEEN_SIZE] = ['seen', 84]

describe.skipIf(!available.ok).each(engines)('socket filters beside the kernel, on %s', (engine) => {
  it.each(['udp4', 'udp6', 'mapped'] as const)('%s: same payloads, same maps', async (kind) => {
    const type = kind === 'udp4' ? 'udp4' : 'udp6'
    const [own, theirs] = [
      await receiver(type, kind === 'mapped' ? '::' : undefined),
      await receiver(type, kind === 'mapped' ? '::' : undefined),
    ]
    const sender = createSocket(kind === 'mapped' ? 'udp4' : type)
    const kernel = await openKernel()
    using runtime = await createRuntime({ engine })
    using reference = loadCollection(kernel, object())
    try {
      const here = await runtime.load(object())
      const filter = reference.programs.get('keep')!
      if (!filter.ok) throw new Error(filter.log)
      setSocketOption(fdOf(theirs.socket), SO_ATTACH_BPF, new Uint8Array(Int32Array.of(filter.fd).buffer))
      const link = attachSocketFilter(here.program('keep', 'socket_filter'), own.socket)
      const both =
        kind === 'mapped'
          ? [own, theirs].map(({ socket, got }) => ({
              got,
              socket: {
                address: () => ({ address: '127.0.0.1', port: socket.address().port }),
              } as unknown as Socket,
            }))
          : [own, theirs]
      await sendAll(sender, both, payloads, LAST)
      expect(own.got).toEqual(theirs.got)
      expect(own.got.map(({ size }) => size)).toEqual([0, 0, 0, 1, 4, 19, 20, 20, 20, 20, 992, 9000, 3, 0, 8])
      const { packets, passed, dropped, truncated } = link.stats
      expect({ packets, passed, dropped, truncated }).toEqual({
        packets: 16,
        passed: 15,
        dropped: 1,
        truncated: 7,
      })
      const bss = object().maps.find(({ name }) => name.endsWith('.bss'))!.name
      expect(here.map(bss).lookup(new Uint8Array(4))).toEqual(
        reference.maps.get(bss)!.lookup(new Uint8Array(4)),
      )
      for (let n = 0; n < packets; n++) {
        const at = new Uint8Array(Uint32Array.of(n).buffer)
        const [ours, wanted] = [here.map(SEEN).lookup(at)!, reference.maps.get(SEEN)!.lookup(at)!]
        expect(wanted).toHaveLength(SEEN_SIZE)
        for (const one of [ours, wanted]) hideUnknown(one, kind !== 'udp6')
        expect(ours, `datagram ${n}`).toEqual(wanted)
      }
    } finally {
      for (const socket of [own.socket, theirs.socket, sender]) socket.close()
      kernel.close()
    }
  })
})

/** What Node does not tell of a datagram: the IP header's id, and with it its checksum; the flow label; each socket's own port. */
function hideUnknown(seen: Uint8Array, four: boolean): void {
  seen.fill(0, 40, 44)
  const network = seen.subarray(44, 64)
  if (four) for (const at of [4, 5, 10, 11]) network[at] = 0
  else for (const at of [1, 2, 3]) network[at] = 0
  seen.fill(0, 66, 68)
}

/** A receiver with a filter each in the kernel and here, on the same classic instructions. */
describe.skipIf(!available.ok)('classic filters beside the kernel', () => {
  it('keep and drop the same', async () => {
    using runtime = await createRuntime()
    const sender = createSocket('udp4')
    const filters = [
      // By length, by a port, by a byte of the payload, and past its end.
      'ld #len\njgt #20, keep\nret #0\nkeep: ret #12',
      'ldh [4]\nsub #3\nret a',
      'ldb [8]\njeq #0, no, yes\nno: ret #0\nyes: ret #-1',
      'ldx #len\nldb [x+-1]\nadd #8\nret a',
      'ld [60]\nret #-1',
      'ld #proto\njeq #0x800, yes\nret #0\nyes: ld #type\nadd #10\nret a',
    ]
    for (const asm of filters) {
      const insns = assembleBpfAsm(asm)
      const [own, theirs] = [await receiver('udp4'), await receiver('udp4')]
      setSocketOption(fdOf(theirs.socket), SO_ATTACH_FILTER, classicProgram(encodeClassic(insns)))
      const loaded = await runtime.load(spec([{ ...translateClassic(insns), name: 'classic' }]))
      const { stats } = attachSocketFilter(loaded.program('classic', 'socket_filter'), own.socket)
      const lengths = [0, 1, 5, 12, 13, 52, 53, 200]
      for (const length of lengths)
        for (const { socket } of [own, theirs])
          sender.send(
            new Uint8Array(length).map((_, n) => n + length),
            socket.address().port,
            '127.0.0.1',
          )
      await until(() => stats.packets === lengths.length && theirs.got.length >= stats.passed)
      // What the kernel may have kept besides.
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
      expect(own.got, asm).toEqual(theirs.got)
      own.socket.close()
      theirs.socket.close()
    }
    sender.close()
  })
})

describe('a socket and its filter', () => {
  it('has one: another one takes its place, and without one all pass', async () => {
    using runtime = await createRuntime()
    const loaded = await runtime.load(object())
    const [one, sender] = [await receiver('udp4'), createSocket('udp4')]
    const send = async (text: string): Promise<void> => {
      const before = one.got.length
      sender.send(text, one.socket.address().port, '127.0.0.1')
      await until(() => one.got.length > before)
    }
    const none = loaded.program('none', 'socket_filter')
    const keep = loaded.program('keep', 'socket_filter')
    const first = attachSocketFilter(none, one.socket)
    sender.send('nobody hears', one.socket.address().port, '127.0.0.1')
    await until(() => first.stats.dropped === 1)
    const second = attachSocketFilter(keep, one.socket)
    expect([first.closed, second.closed]).toEqual([true, false])
    await send('\0\0\0\x0a text')
    expect(one.got.at(-1)).toEqual({ text: '\0\0', size: 2 })
    second.update(none)
    sender.send('nobody', one.socket.address().port, '127.0.0.1')
    await until(() => second.stats.dropped === 1)
    second.close()
    await send('all')
    expect(one.got.at(-1)).toEqual({ text: 'all', size: 3 })
    // A listener that throws is its own affair, as without a filter.
    const third = attachSocketFilter(keep, one.socket)
    sender.close()
    one.socket.close()
    await once(one.socket, 'close')
    expect(third.closed).toBe(true)
  })

  it('may be locked', async () => {
    using runtime = await createRuntime()
    const loaded = await runtime.load(object())
    const [keep, none] = ['keep', 'none'].map((name) => loaded.program(name, 'socket_filter'))
    const { socket } = await receiver('udp4')
    const link = attachSocketFilter(keep!, socket, { lock: true })
    const locked = expect.objectContaining({ name: 'SocketAttachError', code: 'LOCKED' })
    expect(thrownBy(() => link.close())).toEqual(locked)
    expect(thrownBy(() => link.update(none!))).toEqual(locked)
    expect(thrownBy(() => attachSocketFilter(none!, socket))).toEqual(locked)
    socket.close()
    await once(socket, 'close')
    expect(link.closed).toBe(true)
    // The end of the runtime ends a lock, too.
    const other = await receiver('udp4')
    const second = attachSocketFilter(keep!, other.socket, { lock: true })
    runtime.close()
    expect(second.closed).toBe(true)
    other.socket.close()
  })

  it('is refused with the reason', async () => {
    using runtime = await createRuntime()
    const loaded = await runtime.load(object())
    const xdp = (await runtime.load(spec([program('mov r0, 2\nexit', { name: 'xdp' })]))).program(
      'xdp',
      'xdp',
    )
    const keep: SocketFilter = loaded.program('keep', 'socket_filter')
    const { socket } = await receiver('udp4')
    const server = createServer()
    const code = (act: () => unknown): unknown => {
      const error = thrownBy(act)
      expect(error).toBeInstanceOf(SocketAttachError)
      return (error as SocketAttachError).code
    }
    // @ts-expect-error a program for devices is no filter of a socket
    expect(code(() => attachSocketFilter(xdp, socket))).toBe('WRONG_PROGRAM_TYPE')
    // @ts-expect-error not awaited
    expect(code(() => attachSocketFilter(Promise.resolve(keep), socket))).toBe('BAD_PROGRAM')
    // @ts-expect-error no datagram socket
    expect(code(() => attachSocketFilter(keep, server))).toBe('BAD_SOCKET')
    // @ts-expect-error a stream
    expect(code(() => attachSocketFilter(keep, new Stream()))).toBe('UNSUPPORTED')
    loaded.close()
    expect((thrownBy(() => attachSocketFilter(keep, socket)) as { code?: string }).code).toBe('CLOSED')
    socket.close()
  })

  it('attaching and detaching, over and over, leaves nothing behind', async () => {
    using runtime = await createRuntime()
    const loaded = await runtime.load(object())
    const keep = loaded.program('keep', 'socket_filter')
    const { socket } = await receiver('udp4')
    const round = (): void => attachSocketFilter(keep, socket).close()
    round()
    const before = [runtime.arena.used, socket.listenerCount('close'), Object.hasOwn(socket, 'emit')]
    for (let n = 0; n < Number(process.env['SKEP_RUNS'] ?? 150); n++) round()
    expect([runtime.arena.used, socket.listenerCount('close'), Object.hasOwn(socket, 'emit')]).toEqual(before)
    expect(before[2]).toBe(false)
    socket.close()
  })
})
