import type { Arena } from '@skep/memory'
import * as layout from './layout/sock.ts'
import { SOCKET_LAYOUTS } from './linux/sockets.ts'
import { releaseAddress } from './objects.ts'

const AF_INET = 2
const AF_INET6 = 10
const SOCK_STREAM = 1
const IPPROTO_TCP = 6

/** An end of a connection; the address in network order, 4 or 16 bytes. */
export interface SocketAddress {
  readonly address: Uint8Array
  readonly port: number
}

/** What bpf_sk_lookup_tcp, bpf_sk_lookup_udp and bpf_skc_lookup_tcp ask for. */
export interface SocketQuery {
  readonly protocol: 'tcp' | 'udp'
  /** The peer's end of the socket that is looked for: the tuple's `saddr` and `sport`. */
  readonly source: SocketAddress
  /** The socket's own end: the tuple's `daddr` and `dport`. */
  readonly destination: SocketAddress
  /** A name space's id as this one knows it; undefined for the program's own. */
  readonly netns?: number
  /** Arena address of the program's context. */
  readonly context: number
}

/** What a runtime without sockets lacks. Sockets live in the arena, made by `createSocket`. */
export interface SocketProvider {
  /** The address that `createSocket` gave, or 0 for none. A program holds the socket until `release`. */
  lookup(query: SocketQuery): number
  /** bpf_sk_release. */
  release?(socket: number): void
  /** bpf_get_netns_cookie; 1, the first name space's, when absent. */
  netnsCookie?(context: number): bigint
}

export interface SocketFields {
  readonly source: SocketAddress
  readonly destination?: SocketAddress
  /** IPPROTO_*; TCP when absent. */
  readonly protocol?: number
  /** SOCK_*; SOCK_STREAM when absent. */
  readonly type?: number
  /** TCP_*; TCP_CLOSE (7) when absent. */
  readonly state?: number
  readonly mark?: number
  readonly priority?: number
  readonly boundDevice?: number
  /** Values of struct bpf_tcp_sock by name, for a TCP socket. */
  readonly tcp?: Readonly<Record<string, number | bigint>>
  /** For a request (state TCP_NEW_SYN_RECV): the listening socket. */
  readonly listener?: number
}

const round16 = (n: number): number => (n + 15) & ~15

/** Where the struct bpf_tcp_sock of a block with both lies. */
const TCP_VIEW = round16(layout.SOCK_PREAMBLE + layout.SOCK_RECORD_SIZE) + layout.SOCK_PREAMBLE

/**
 * Makes a socket: the address of its struct bpf_sock, which programs read. Throws RangeError for an address that is no
 * IPv4 or IPv6 one, or a field that struct bpf_tcp_sock has not, ArenaError ENOMEM when there is no room.
 */
export function createSocket(arena: Arena, fields: SocketFields): number {
  const { source, destination, protocol = IPPROTO_TCP, state = layout.TCP_CLOSE } = fields
  const tcpFields = new Map(SOCKET_LAYOUTS.tcp_sock.fields.map((f) => [f.name, f]))
  for (const name of Object.keys(fields.tcp ?? {}))
    if (!tcpFields.has(name)) throw new RangeError(`struct bpf_tcp_sock has no field ${name}`)
  const ends = [
    { end: source, ip4: layout.SOCK_SRC_IP4, ip6: layout.SOCK_SRC_IP6 },
    { end: destination, ip4: layout.SOCK_DST_IP4, ip6: layout.SOCK_DST_IP6 },
  ]
  for (const { end } of ends) {
    if (end && end.address.length !== 4 && end.address.length !== 16)
      throw new RangeError(`an address has ${end.address.length} bytes; give 4 or 16`)
  }
  const block = arena.alloc(TCP_VIEW + SOCKET_LAYOUTS.tcp_sock.size, 16)
  const socket = block + layout.SOCK_PREAMBLE
  const tcp = block + TCP_VIEW
  const { view } = arena
  const put = (offset: number, value: number): void => view.setUint32(socket + offset, value, true)
  put(layout.SOCK_SELF, socket)
  view.setUint32(tcp + layout.SOCK_SELF, socket, true)
  put(layout.SOCK_BOUND_DEV_IF, fields.boundDevice ?? 0)
  put(layout.SOCK_FAMILY, source.address.length === 4 ? AF_INET : AF_INET6)
  put(layout.SOCK_TYPE, fields.type ?? SOCK_STREAM)
  put(layout.SOCK_PROTOCOL, protocol)
  put(layout.SOCK_MARK, fields.mark ?? 0)
  put(layout.SOCK_PRIORITY, fields.priority ?? 0)
  put(layout.SOCK_STATE, state)
  put(layout.SOCK_RX_QUEUE_MAPPING, -1)
  put(layout.SOCK_SRC_PORT, source.port)
  view.setUint16(socket + layout.SOCK_DST_PORT, destination?.port ?? 0)
  for (const { end, ip4, ip6 } of ends)
    if (end) arena.u8.set(end.address, socket + (end.address.length === 4 ? ip4 : ip6))
  put(layout.SOCK_LISTENER, fields.listener ?? 0)
  if (protocol !== IPPROTO_TCP) return socket
  put(layout.SOCK_TCP, tcp)
  for (const [name, value] of Object.entries(fields.tcp ?? {})) {
    const { offset, size } = tcpFields.get(name)!
    if (size === 8) view.setBigUint64(tcp + offset, BigInt(value), true)
    else view.setUint32(tcp + offset, Number(value), true)
  }
  return socket
}

/** Takes a socket's memory back, and what maps keep for it. No program may hold it. */
export function freeSocket(arena: Arena, socket: number): void {
  releaseAddress(arena, socket)
  arena.free(socket - layout.SOCK_PREAMBLE)
}
