import type { Arena } from '@skep/memory'
import {
  createDevicePair,
  type DeviceStats,
  LINKTYPE,
  type PacketBatch,
  type PacketDevice,
  PacketError,
} from '@skep/packet'
import type { MapHandle } from '@skep/registry'
import { XdpAttachError } from './errors.ts'

export interface XskSocketOptions {
  /** The queue of the device that the socket is bound to: packets of other ones are not for it. Default 0. */
  readonly queue?: number
  /** Frames that wait for the host at most; further ones are dropped, and counted. Default 2048. */
  readonly ringSize?: number
  /** Bytes of a frame at most; longer packets are dropped, and counted. Default 3840, as a chunk of a page has room for. */
  readonly frameSize?: number
}

/** Counters of a socket, in frames (struct xdp_statistics). */
export interface XskStats extends DeviceStats {
  /** Not received, since nobody had taken what waits, or for their length. */
  readonly rxDropped: number
}

/**
 * What AF_XDP sockets are in Linux: the raw frames that programs redirect to it through an xskmap. `receive` takes them,
 * `transmit` sends past all programs out of the device that it is bound to.
 */
export interface XskSocket extends PacketDevice {
  readonly stats: Readonly<XskStats>
  readonly queue: number
  /** Where frames for it arrive: what a redirect transmits to. */
  readonly inlet: PacketDevice
  /** The device that it is bound to. */
  readonly device: PacketDevice
}

/** Numbers of sockets in maps: above what ifindexes are. */
const FIRST = 0x8000_0000
let last = FIRST

interface Known {
  readonly number: number
  /** Elements of maps that name it, by key. */
  readonly elements: Map<MapHandle, Set<number>>
}

const known = new WeakMap<XskSocket, Known>()
/** Sockets in maps, by the memory of the runtime and by number. */
const byNumber = new WeakMap<Arena, Map<number, XskSocket>>()

/** A socket for the frames of one queue of a device. */
export function createXskSocket(device: PacketDevice, options: XskSocketOptions = {}): XskSocket {
  const { queue = 0, ringSize = 2048, frameSize = 3840 } = options
  for (const [name, value] of Object.entries({ queue, ringSize, frameSize }))
    if (!Number.isInteger(value) || value < (name === 'queue' ? 0 : 1))
      throw new XdpAttachError('BAD_OPTION', `${name} is ${value}; give an integer`)
  // Of its link header a pair's mtu does not count so many bytes.
  const header = device.linkType === LINKTYPE.ETHERNET ? 18 : 0
  const end = { name: `${device.name}:xsk${queue}`, ifindex: device.ifindex, mtu: frameSize - header }
  const [inlet, outlet] = createDevicePair({
    ends: [end, end],
    linkType: device.linkType,
    queueLength: ringSize,
    overflow: 'drop',
  })
  const stats: XskStats = {
    get rxPackets() {
      return outlet.stats.rxPackets
    },
    get rxBytes() {
      return outlet.stats.rxBytes
    },
    rxErrors: 0,
    txPackets: 0,
    txBytes: 0,
    txDropped: 0,
    get rxDropped() {
      return inlet.stats.txDropped
    },
  }
  let closed = false
  const close = async (): Promise<void> => {
    closed = true
    forget(socket)
    await outlet.close()
  }
  const socket: XskSocket = {
    name: outlet.name,
    ifindex: device.ifindex,
    mtu: device.mtu,
    linkType: device.linkType,
    queue,
    inlet,
    device,
    stats,
    receive: (batch) => outlet.receive(batch),
    async transmit(batch: PacketBatch) {
      if (closed) throw new PacketError('CLOSED', `${outlet.name} is closed`)
      await device.transmit(batch)
      stats.txPackets += batch.count
      for (let i = 0; i < batch.count; i++) stats.txBytes += batch.tables.lengths[i]!
    },
    close,
    [Symbol.asyncDispose]: close,
  }
  known.set(socket, { number: ++last, elements: new Map() })
  return socket
}

/**
 * Makes a socket the element `key` of an xskmap; `map.delete(key)` takes it out, and so does the socket's `close`. Redirects of
 * packets of other devices and queues than the socket's fail, as in Linux (xsk_rcv_check). Throws MapError.
 */
export function setXsk(map: MapHandle, key: number, socket: XskSocket): void {
  const about = known.get(socket)
  if (!about)
    throw new XdpAttachError('BAD_OPTION', 'what was given is no socket; give one of createXskSocket')
  map.update(bytesOf(key), bytesOf(about.number))
  let sockets = byNumber.get(map.arena)
  if (!sockets) byNumber.set(map.arena, (sockets = new Map()))
  sockets.set(about.number, socket)
  const keys = about.elements.get(map)
  if (keys) keys.add(key)
  else about.elements.set(map, new Set([key]))
}

/** The socket of that number in a map of the runtime. */
export const xskOf = (arena: Arena, number: number): XskSocket | undefined =>
  number > FIRST ? byNumber.get(arena)?.get(number) : undefined

const bytesOf = (word: number): Uint8Array => new Uint8Array(Uint32Array.of(word).buffer)

/** A closed socket is in no map (xsk_delete_from_maps). */
function forget(socket: XskSocket): void {
  const { number, elements } = known.get(socket)!
  for (const [map, keys] of elements) {
    byNumber.get(map.arena)?.delete(number)
    for (const key of keys) remove(map, bytesOf(key), number)
  }
  elements.clear()
}

function remove(map: MapHandle, key: Uint8Array, number: number): void {
  try {
    const value = map.lookup(key)
    if (value && new DataView(value.buffer, value.byteOffset).getUint32(0, true) === number) map.delete(key)
  } catch {
    // The map is gone with its collection.
  }
}
