import type { Socket as Datagram } from 'node:dgram'
import { isIPv4, type Server, type Socket as Stream } from 'node:net'
import type { Arena } from '@skep/memory'
import { ipv4, ipv6 } from '@skep/packet'
import { adoptObject, createSocket, freeSocket, type SocketAddress, type SocketFields } from '@skep/registry'

/** What programs know as a socket. */
export type NodeSocket = Datagram | Stream | Server

const TCP_ESTABLISHED = 1
const TCP_LISTEN = 10
const IPPROTO_UDP = 17
const SOCK_DGRAM = 2

/** The address without a scope; that of IPv4 when it is one in IPv6's clothes. */
const plain = (text: string): string => {
  const end = text.indexOf('%')
  const address = end < 0 ? text : text.slice(0, end)
  const mapped = address.startsWith('::ffff:') ? address.slice(7) : ''
  return isIPv4(mapped) ? mapped : address
}

/** Bytes of an address in network order: 4 or 16. */
export function addressBytes(text: string): Uint8Array {
  const address = plain(text)
  return isIPv4(address) ? ipv4.parse(address) : ipv6.parse(address)
}

const end = (address: string | undefined, port: number | undefined): SocketAddress => ({
  address: addressBytes(address ?? '0.0.0.0'),
  port: port ?? 0,
})

/** The address of a datagram socket or a server; undefined for one that has none. */
export function localEnd(socket: Datagram | Server): SocketAddress | undefined {
  try {
    const at = socket.address()
    return at && typeof at === 'object' ? end(at.address, at.port) : undefined
  } catch {
    // Not bound yet, or closed.
    return undefined
  }
}

const isServer = (socket: NodeSocket): socket is Server => 'listening' in socket
const isStream = (socket: NodeSocket): socket is Stream => 'readable' in socket

function fieldsOf(socket: NodeSocket): SocketFields {
  if (isStream(socket)) {
    const source = end(socket.localAddress, socket.localPort)
    const destination = end(socket.remoteAddress, socket.remotePort)
    return { source, destination, state: TCP_ESTABLISHED }
  }
  const source = localEnd(socket) ?? end(undefined, undefined)
  if (isServer(socket)) return { source, state: TCP_LISTEN }
  return { source, protocol: IPPROTO_UDP, type: SOCK_DGRAM }
}

interface Held {
  readonly address: number
  users: number
}

const tables = new WeakMap<WebAssembly.Memory, WeakMap<object, Held>>()

/**
 * The struct bpf_sock in the arena of a socket, or of somebody who takes what comes to `like`: made for its first user; each
 * user releases it.
 */
export function holdSocket(arena: Arena, socket: object, like: NodeSocket = socket as NodeSocket): number {
  let table = tables.get(arena.memory)
  if (!table) tables.set(arena.memory, (table = new WeakMap()))
  let held = table.get(socket)
  if (!held) {
    const address = createSocket(arena, fieldsOf(like))
    adoptObject(arena, socket, address)
    table.set(socket, (held = { address, users: 0 }))
  }
  held.users++
  return held.address
}

/** The last release takes the socket's elements out of maps of sockets, and its memory back. */
export function releaseSocket(arena: Arena, socket: object): void {
  const table = tables.get(arena.memory)
  const held = table?.get(socket)
  if (!held || --held.users > 0) return
  table!.delete(socket)
  freeSocket(arena, held.address)
}
