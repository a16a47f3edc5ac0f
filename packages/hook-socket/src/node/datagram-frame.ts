import type { RemoteInfo } from 'node:dgram'
import type { SocketAddress } from '@skep/registry'
import { addressBytes } from './arena-socket.ts'

/** Bytes kept before the UDP header: the largest IP header and an Ethernet header of zeros, as on the loopback device. */
export const UDP_OFFSET = 56
export const UDP_HEADER = 8
/** The longest datagram, its headers, and what lies before them. */
export const DATAGRAM_ROOM: number = UDP_OFFSET + UDP_HEADER + 65_536

const ETH_HLEN = 14
const ETH_P_IP = 0x0800
const ETH_P_IPV6 = 0x86dd
const IPPROTO_UDP = 17
const IP_DF = 0x40
const TTL = 64

/** Where the parts of a datagram lie, from the begin of its room. */
export interface DatagramPlace {
  readonly mac: number
  readonly network: number
  /** In network byte order, as a little-endian machine reads it. */
  readonly protocol: number
  /** Bytes behind the IP header: the UDP header and the payload. */
  readonly length: number
}

interface Peer {
  readonly address: string
  readonly port: number
  readonly place: Omit<DatagramPlace, 'length'>
}

/**
 * Lays datagrams out as the kernel has them, from the payload and what Node tells of the sender: Ethernet, IP and UDP headers.
 * The UDP checksum is 0: Node has seen the real one no more than the program's host.
 */
export class DatagramFrame {
  readonly #local: SocketAddress | undefined
  /** Headers of the sender that came last. */
  readonly #headers = new Uint8Array(UDP_OFFSET + UDP_HEADER)
  readonly #view = new DataView(this.#headers.buffer)
  #peer: Peer | undefined

  constructor(local: SocketAddress | undefined) {
    this.#local = local
  }

  /** Writes headers and payload to `at` of a memory. */
  write(memory: Uint8Array, at: number, payload: Uint8Array, from: RemoteInfo): DatagramPlace {
    let peer = this.#peer
    if (peer?.port !== from.port || peer.address !== from.address) peer = this.#meet(from)
    const length = UDP_HEADER + payload.length
    this.#view.setUint16(UDP_OFFSET + 4, length)
    const { network } = peer.place
    if (peer.place.protocol === swap(ETH_P_IP)) this.#setLengths4(network, length)
    else this.#view.setUint16(network + 4, length)
    memory.set(this.#headers, at)
    memory.set(payload, at + UDP_OFFSET + UDP_HEADER)
    return { ...peer.place, length }
  }

  #meet({ address, port }: RemoteInfo): Peer {
    const source = addressBytes(address)
    const own = this.#local
    // A socket of all addresses: that a sender of this host reaches it by the sender's own address is the usual case.
    const given = own && own.address.length === source.length && own.address.some((byte) => byte !== 0)
    const loops =
      source.length === 4
        ? source[0] === 127
        : source[15] === 1 && source.subarray(0, 15).every((b) => b === 0)
    const destination = given ? own.address : loops ? source : new Uint8Array(source.length)
    const four = source.length === 4
    const network = UDP_OFFSET - (four ? 20 : 40)
    const type = four ? ETH_P_IP : ETH_P_IPV6
    const view = this.#view
    const headers = this.#headers.fill(0)
    view.setUint16(network - 2, type)
    headers[network] = four ? 0x45 : 0x60
    if (four) {
      headers[network + 6] = IP_DF
      headers[network + 8] = TTL
      headers[network + 9] = IPPROTO_UDP
    } else {
      headers[network + 6] = IPPROTO_UDP
      headers[network + 7] = TTL
    }
    headers.set(source, UDP_OFFSET - 2 * source.length)
    headers.set(destination, UDP_OFFSET - source.length)
    view.setUint16(UDP_OFFSET, port)
    view.setUint16(UDP_OFFSET + 2, own?.port ?? 0)
    const place = { mac: network - ETH_HLEN, network, protocol: swap(type) }
    return (this.#peer = { address, port, place })
  }

  #setLengths4(network: number, length: number): void {
    const view = this.#view
    view.setUint16(network + 2, 20 + length)
    view.setUint16(network + 10, 0)
    let sum = 0
    for (let at = network; at < UDP_OFFSET; at += 2) sum += view.getUint16(at)
    sum = (sum & 0xffff) + (sum >>> 16)
    view.setUint16(network + 10, ~(sum + (sum >>> 16)) & 0xffff)
  }
}

const swap = (type: number): number => ((type & 0xff) << 8) | (type >> 8)
