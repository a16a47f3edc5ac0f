import { Server, Socket } from 'node:net'
import { type MapHandle, mapLayout } from '@skep/registry'
import { SocketAttachError } from '../errors.ts'
import { holdSocket, releaseSocket } from './arena-socket.ts'
import { isPromise } from './attachment.ts'

/** A key of a map of sockets: an index, or bytes. */
export type SocketKey = number | Uint8Array

/** Who wants to know which sockets are in a map. */
export interface ElementListener {
  /** May refuse the socket by an exception. */
  added(socket: Socket): void
  /** The socket is in the map no more, under any key. */
  removed(socket: Socket): void
}

interface Element {
  readonly socket: Socket
  readonly key: Uint8Array
}

const TYPES = ['sockmap', 'sockhash']

/** Maps with a copy of a map's handle are one map. */
const tables = new WeakMap<WebAssembly.Memory, Map<number, SockmapElements>>()

/** The sockets of Node in a sockmap or sockhash, by key. */
export class SockmapElements {
  readonly #map: MapHandle
  readonly #elements = new Map<string, Element>()
  readonly #counts = new Map<Socket, number>()
  readonly #onClose = new Map<Socket, () => void>()
  listener: ElementListener | undefined

  /** Throws SocketAttachError BAD_MAP. */
  static of(map: MapHandle): SockmapElements {
    if (typeof map?.update !== 'function' || !TYPES.includes(map.type))
      throw new SocketAttachError(
        'BAD_MAP',
        isPromise(map)
          ? 'a promise was given as map; await it first'
          : `what was given is ${map?.type ? `a map of type ${map.type}` : 'no map'}; give a sockmap or sockhash: collection.map(name)`,
      )
    const { memory } = map.arena
    let known = tables.get(memory)
    if (!known) tables.set(memory, (known = new Map()))
    let elements = known.get(map.address)
    if (!elements || elements.#map.id !== map.id)
      known.set(map.address, (elements = new SockmapElements(map)))
    return elements
  }

  private constructor(map: MapHandle) {
    this.#map = map
  }

  get sockets(): ReadonlySet<Socket> {
    return new Set(this.#counts.keys())
  }

  /** BPF_MAP_UPDATE_ELEM. Throws SocketAttachError BAD_SOCKET, and the map's error. */
  set(key: SocketKey, socket: Socket, flags: number = mapLayout.BPF_ANY): void {
    checkStream(socket)
    const bytes = keyBytes(this.#map, key)
    const name = nameOf(bytes)
    const { arena } = this.#map
    const address = holdSocket(arena, socket)
    const value = new Uint8Array(this.#map.valueSize)
    new DataView(value.buffer).setUint32(0, address, true)
    const isNew = !this.#counts.has(socket)
    try {
      if (isNew) this.listener?.added(socket)
      this.#map.update(bytes, value, flags)
    } catch (error) {
      if (isNew) this.listener?.removed(socket)
      releaseSocket(arena, socket)
      throw error
    }
    const before = this.#elements.get(name)
    this.#elements.set(name, { socket, key: bytes })
    this.#counts.set(socket, (this.#counts.get(socket) ?? 0) + 1)
    if (isNew) {
      // A socket that closes leaves its maps (sock_map_close).
      const gone = (): void => this.#leave(socket)
      this.#onClose.set(socket, gone)
      socket.once('close', gone)
    }
    if (before) this.#dropped(before.socket)
  }

  /** BPF_MAP_DELETE_ELEM: false when there was none. */
  delete(key: SocketKey): boolean {
    const bytes = keyBytes(this.#map, key)
    const element = this.#elements.get(nameOf(bytes))
    if (!element) return false
    this.#elements.delete(nameOf(bytes))
    this.#erase(bytes)
    this.#dropped(element.socket)
    return true
  }

  /** Nobody wants to know any more. Sockets stay until they close or are deleted. */
  silence(): void {
    this.listener = undefined
    this.#tidy()
  }

  #tidy(): void {
    if (this.#counts.size === 0 && !this.listener)
      tables.get(this.#map.arena.memory)?.delete(this.#map.address)
  }

  #leave(socket: Socket): void {
    for (const [name, element] of [...this.#elements]) {
      if (element.socket !== socket) continue
      this.#elements.delete(name)
      this.#erase(element.key)
      this.#dropped(socket)
    }
  }

  #dropped(socket: Socket): void {
    const left = this.#counts.get(socket)! - 1
    if (left > 0) this.#counts.set(socket, left)
    else {
      this.#counts.delete(socket)
      socket.off('close', this.#onClose.get(socket)!)
      this.#onClose.delete(socket)
      this.listener?.removed(socket)
    }
    releaseSocket(this.#map.arena, socket)
    this.#tidy()
  }

  #erase(key: Uint8Array): void {
    try {
      this.#map.delete(key)
    } catch (error) {
      // A program, or the host by the map itself, took it away before; or the map is closed.
      if (!isAbsent(error)) throw error
    }
  }
}

/** The bytes of a key. Throws SocketAttachError BAD_OPTION. */
export function keyBytes({ keySize, name }: MapHandle, key: SocketKey): Uint8Array {
  if (typeof key === 'number') {
    if (keySize !== 4)
      throw new SocketAttachError(
        'BAD_OPTION',
        `keys of map ${name} have ${keySize} bytes; give a Uint8Array`,
      )
    return new Uint8Array(Uint32Array.of(key).buffer)
  }
  if (!(key instanceof Uint8Array) || key.length !== keySize)
    throw new SocketAttachError(
      'BAD_OPTION',
      `keys of map ${name} have ${keySize} bytes, and ${key?.length ?? 'none'} were given`,
    )
  return key.slice()
}

const nameOf = (key: Uint8Array): string => String.fromCharCode(...key)

/** Gone already: its element, or the map itself. */
const isAbsent = (error: unknown): boolean =>
  ['ENOENT', 'EINVAL', 'EBADF'].includes((error as { code?: unknown }).code as string)

/** sock_map_sk_state_allowed. Throws SocketAttachError BAD_SOCKET. */
export function checkStream(socket: Socket): void {
  const given: unknown = socket
  const bad = (message: string): SocketAttachError => new SocketAttachError('BAD_SOCKET', message)
  if (isPromise(socket)) throw bad('a promise was given as socket; await it first')
  if (!(socket instanceof Socket))
    throw bad(
      given instanceof Server
        ? 'a server was given; give the sockets of its connections'
        : 'what was given is no net.Socket',
    )
  if (socket.connecting || socket.pending)
    throw bad("the socket is not connected yet; wait for its 'connect' event")
  if (socket.destroyed) throw bad('the socket is closed')
}
