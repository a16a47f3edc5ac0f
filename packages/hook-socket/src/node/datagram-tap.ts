import type { Buffer } from 'node:buffer'
import type { RemoteInfo, Socket } from 'node:dgram'
import { SocketAttachError } from '../errors.ts'
import { isPromise } from './attachment.ts'

/** What becomes of a datagram: the payload that goes on, or undefined for none. */
export type DatagramStep = (payload: Buffer, from: RemoteInfo) => Buffer | undefined

/** Steps in their order: the kernel chooses a socket of a group before the socket's filter runs. */
export type DatagramStage = 'select' | 'filter'
const ORDER: readonly DatagramStage[] = ['select', 'filter']

type Emit = Socket['emit']

const taps = new WeakMap<Socket, DatagramTap>()

/** Throws SocketAttachError BAD_SOCKET for what is no datagram socket. */
export function checkDatagram(socket: Socket): void {
  if (
    typeof socket?.on === 'function' &&
    typeof socket.bind === 'function' &&
    typeof socket.send === 'function'
  )
    return
  throw new SocketAttachError(
    'BAD_SOCKET',
    isPromise(socket)
      ? 'a promise was given as socket; await it first'
      : 'what was given is no datagram socket; give dgram.createSocket(type)',
  )
}

/** Looks at what a datagram socket receives before the listeners of `message` do. */
export class DatagramTap {
  readonly #socket: Socket
  readonly #steps = new Map<DatagramStage, DatagramStep>()
  readonly #own: Emit | undefined
  readonly #emit: Emit

  static of(socket: Socket): DatagramTap {
    let tap = taps.get(socket)
    if (!tap) taps.set(socket, (tap = new DatagramTap(socket)))
    return tap
  }

  private constructor(socket: Socket) {
    this.#socket = socket
    this.#own = Object.hasOwn(socket, 'emit') ? socket.emit : undefined
    // The prototype's may be another one by then: hooks of addresses are there.
    const pass = (...args: unknown[]): boolean =>
      ((this.#own ?? Object.getPrototypeOf(socket).emit) as (...args: unknown[]) => boolean).apply(
        socket,
        args,
      )
    this.#emit = ((event: string, ...args: unknown[]): boolean =>
      event === 'message' ? this.#message(args, pass) : pass(event, ...args)) as Emit
    socket.emit = this.#emit
  }

  #message(args: unknown[], pass: (...args: unknown[]) => boolean): boolean {
    const from = args[1] as RemoteInfo
    let payload = args[0] as Buffer
    for (const stage of ORDER) {
      const step = this.#steps.get(stage)
      if (!step) continue
      const next = step(payload, from)
      if (!next) return true
      payload = next
    }
    const same = payload.length === from.size
    return pass('message', payload, same ? from : { ...from, size: payload.length })
  }

  set(stage: DatagramStage, step: DatagramStep): void {
    this.#steps.set(stage, step)
  }

  /** The last step takes the tap with it. */
  delete(stage: DatagramStage): void {
    this.#steps.delete(stage)
    if (this.#steps.size > 0 || this.#socket.emit !== this.#emit) return
    // Somebody else's wrapping of `emit` stays, and so does this one under it.
    if (this.#own) this.#socket.emit = this.#own
    else delete (this.#socket as { emit?: Emit }).emit
    taps.delete(this.#socket)
  }
}
