import {
  createSocket,
  freeSocket,
  type HostEnv,
  type SocketProvider,
  type SocketQuery,
  sockLayout,
} from '@skep/registry'
import { describe, expect, it } from 'vitest'
import { createWorld } from '../../test/impl/world.ts'
import { createHelpersPlugin } from '../index.ts'

const ipv4 = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes)
const CONTEXT = 0x2_0000

describe('sockets', () => {
  const queries: SocketQuery[] = []
  const released: number[] = []
  let answer = 0
  const provider: SocketProvider = {
    lookup: (query) => {
      queries.push(query)
      return answer
    },
    release: (socket) => void released.push(socket),
    netnsCookie: () => 0x1_0000_0003n,
  }
  const world = createWorld({ sockets: provider })
  const { arena } = world
  const tuple = arena.alloc(64)
  const source = { address: ipv4(192, 0, 2, 1), port: 50_000 }
  const destination = { address: ipv4(192, 0, 2, 2), port: 443 }
  const lookup = (helper: string, size = 12, netns: number | bigint = -1, flags = 0): bigint =>
    world.call(helper, CONTEXT, tuple, size, netns, flags)
  const word = (at: bigint | number, offset: number): number =>
    arena.view.getUint32(Number(at) + offset, true)

  it('asks the provider for what the tuple says', () => {
    arena.u8.set([...source.address, ...destination.address, 0xc3, 0x50, 0x01, 0xbb], tuple)
    queries.length = 0
    answer = 0
    expect(lookup('bpf_sk_lookup_tcp')).toBe(0n)
    expect(lookup('bpf_skc_lookup_tcp', 12, 5)).toBe(0n)
    arena.u8.set(
      Uint8Array.from({ length: 32 }, (_, n) => n),
      tuple,
    )
    arena.u8.set([0, 53, 0x30, 0x39], tuple + 32)
    expect(lookup('bpf_sk_lookup_udp', 36)).toBe(0n)
    expect(queries).toEqual([
      { protocol: 'tcp', source, destination, context: CONTEXT },
      { protocol: 'tcp', source, destination, context: CONTEXT, netns: 5 },
      {
        protocol: 'udp',
        source: { address: Uint8Array.from({ length: 16 }, (_, n) => n), port: 53 },
        destination: { address: Uint8Array.from({ length: 16 }, (_, n) => n + 16), port: 12345 },
        context: CONTEXT,
      },
    ])
  })

  it('asks for nothing that the kernel does not look for', () => {
    queries.length = 0
    for (const size of [0, 11, 13, 35, 37]) expect(lookup('bpf_sk_lookup_tcp', size)).toBe(0n)
    expect(lookup('bpf_sk_lookup_tcp', 12, -1, 1)).toBe(0n)
    expect(lookup('bpf_sk_lookup_tcp', 12, 1n << 32n)).toBe(0n)
    expect(queries).toEqual([])
    expect(createWorld().call('bpf_sk_lookup_tcp', CONTEXT, 0x2_0000, 12, -1, 0)).toBe(0n)
  })

  it('gives socket, TCP and listener from any view', () => {
    const listener = createSocket(arena, { source: destination, state: sockLayout.TCP_LISTEN })
    const socket = createSocket(arena, {
      source: destination,
      destination: source,
      state: 1,
      tcp: { snd_cwnd: 10, bytes_acked: 7n },
    })
    answer = socket
    const found = lookup('bpf_sk_lookup_tcp')
    expect(Number(found)).toBe(socket)
    expect([word(found, 4), word(found, 8), word(found, 12), word(found, 44)]).toEqual([2, 1, 6, 443])
    expect(arena.u8.slice(socket + 52, socket + 56)).toEqual(source.address)
    expect(arena.view.getUint16(socket + 48)).toBe(50_000)
    const tcp = world.call('bpf_tcp_sock', found)
    expect(word(tcp, 0)).toBe(10)
    expect(world.call('bpf_sk_fullsock', tcp)).toBe(found)
    expect(world.call('bpf_tcp_sock', tcp)).toBe(tcp)
    expect(world.call('bpf_get_listener_sock', found)).toBe(0n)
    expect(world.call('bpf_get_listener_sock', listener)).toBe(BigInt(listener))
    released.length = 0
    expect(world.call('bpf_sk_release', tcp)).toBe(0n)
    expect(released).toEqual([socket])
    const udp = createSocket(arena, { source: destination, protocol: 17, type: 2 })
    expect(world.call('bpf_tcp_sock', udp)).toBe(0n)

    const request = createSocket(arena, { source: destination, state: sockLayout.TCP_NEW_SYN_RECV, listener })
    answer = request
    expect(lookup('bpf_skc_lookup_tcp')).toBe(BigInt(request))
    expect(world.call('bpf_sk_fullsock', request)).toBe(0n)
    expect(world.call('bpf_tcp_sock', request)).toBe(0n)
    expect(world.call('bpf_get_listener_sock', request)).toBe(BigInt(listener))
    expect(lookup('bpf_sk_lookup_tcp')).toBe(BigInt(listener))
    arena.view.setUint32(request + sockLayout.SOCK_STATE, sockLayout.TCP_TIME_WAIT, true)
    expect(lookup('bpf_sk_lookup_tcp')).toBe(0n)
    expect(released.slice(1)).toEqual([request, request])
    const before = arena.count
    for (const s of [listener, socket, udp, request]) freeSocket(arena, s)
    expect(arena.count).toBe(before - 4)
  })

  it('tells the name space and the cgroup class', () => {
    expect(world.call('bpf_get_netns_cookie', CONTEXT)).toBe(0x1_0000_0003n)
    expect(createWorld().call('bpf_get_netns_cookie', 0)).toBe(1n)
    world.task = { pid: 1, tgid: 1, uid: 0, gid: 0, comm: '', classid: 0x8001_0002 }
    expect(world.call('bpf_get_cgroup_classid', CONTEXT)).toBe(0x8001_0002n)
  })

  it('come from a host’s provider through the plugin', () => {
    const plugin = createHelpersPlugin({}, { sockets: { lookup: () => 0x1234 } })
    const { wasm } = plugin.helpers!.find((h) => h.name === 'bpf_sk_lookup_tcp')!
    const env = { memory: arena.memory, control: world.control } as HostEnv
    const host = wasm!.module.host!(env)
    expect(host['socketLookup']!(0, CONTEXT, tuple, 12, -1)).toBe(0x1234)
  })

  it('refuses what is no socket', () => {
    expect(() => createSocket(arena, { source: { address: ipv4(1, 2), port: 1 } })).toThrow('2 bytes')
    expect(() => createSocket(arena, { source, tcp: { cwnd: 1 } })).toThrow('no field cwnd')
  })
})
