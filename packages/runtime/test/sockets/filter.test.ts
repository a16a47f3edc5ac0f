import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { attachSocketFilter, SocketAttachError, type SocketFilter } from '@skep/hook-socket/node'
import { assembleBpfAsm } from '@skep/isa'
import { isKernelAvailable, loadCollection, openKernel } from '@skep/linux'
import { translateClassic } from '@skep/loader-cbpf'
import { describe, expect, it } from 'vitest'
import { type CollectionSpec, createDefaultPlatform, createRuntime, parseObject } from '../../src/index.ts'
import { engines, program, spec, thrownBy } from '../hostile-tools.ts'
import { classicProgram, fdOf, SO_ATTACH_BPF, SO_ATTACH_FILTER, setSocketOption } from './kernel-socket.ts'

// Filters of datagram sockets, here and in the kernel, on the same datagrams.

const platform = createDefaultPlatform()
const available = await isKernelAvailable()
const object = (): CollectionSpec =>
  parseObject(readFileSync(new URL('../../../hook-socket/testdata/filter.o', import.meta.url)), platform)

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
