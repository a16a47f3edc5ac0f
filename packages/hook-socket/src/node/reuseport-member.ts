import { Buffer } from 'node:buffer'
import type { ChildProcess } from 'node:child_process'
import type { Worker as ClusterWorker } from 'node:cluster'
import { Socket as Datagram, type RemoteInfo } from 'node:dgram'
import { EventEmitter } from 'node:events'
import { Server, Socket as Stream } from 'node:net'
import process from 'node:process'
import { type MessagePort, parentPort, Worker } from 'node:worker_threads'
import { SocketAttachError } from '../errors.ts'
import { isPromise } from './attachment.ts'

/** Who may get what comes to a socket: the socket itself, another one of this thread, or a worker. */
export type ReuseportTarget = Datagram | Server | Worker | ChildProcess | ClusterWorker

/** What goes between a dispatcher and its workers. The payload is bytes where a channel takes them, and base64 where not. */
interface DatagramNote {
  readonly skep: 'datagram' | 'send'
  readonly payload: Uint8Array | string
  readonly address: string
  readonly port: number
  readonly family?: RemoteInfo['family']
  readonly group: number
}
interface ConnectionNote {
  readonly skep: 'connection'
  readonly group: number
}
type Note = DatagramNote | ConnectionNote

const bytesOf = (payload: Uint8Array | string): Buffer =>
  typeof payload === 'string'
    ? Buffer.from(payload, 'base64')
    : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)

const isNote = (value: unknown): value is Note =>
  typeof (value as { skep?: unknown } | null | undefined)?.skep === 'string'

/** Ways to a member. */
export interface MemberChannel {
  datagram(payload: Uint8Array, from: RemoteInfo): void
  connection(socket: Stream): void
  /** Takes away what it put on the target. */
  close(): void
}

/** What a dispatcher does for its members. */
export interface Dispatcher {
  readonly socket: Datagram | Server
  /** A number of its own in this process. */
  readonly group: number
  /** The member is gone. */
  left(): void
  /** A member sends a datagram from the socket. */
  send(payload: Uint8Array, port: number, address: string): void
}

const isForked = (target: ReuseportTarget): target is ChildProcess | ClusterWorker =>
  typeof (target as ChildProcess).send === 'function' && !(target instanceof Datagram)

/** Throws SocketAttachError BAD_SOCKET and UNSUPPORTED. */
export function openChannel(target: ReuseportTarget, dispatcher: Dispatcher): MemberChannel {
  const { socket } = dispatcher
  const stream = socket instanceof Server
  if (target instanceof Datagram || target instanceof Server) {
    if (target instanceof Server !== stream)
      throw new SocketAttachError(
        'BAD_SOCKET',
        'a server takes connections, and a datagram socket datagrams; give one of the same kind',
      )
    return local(target, dispatcher)
  }
  if (target instanceof Worker) {
    if (stream)
      throw new SocketAttachError(
        'UNSUPPORTED',
        'a connection cannot go to a worker thread: Node passes sockets to processes alone; give a child process (fork, cluster)',
      )
    return toThread(target, dispatcher)
  }
  if (target && isForked(target)) return toProcess(target, dispatcher)
  throw new SocketAttachError(
    'BAD_SOCKET',
    isPromise(target)
      ? 'a promise was given as member; await it first'
      : 'what was given takes no datagrams or connections; give a socket of the same kind, a Worker, or a process made by fork()',
  )
}

function local(target: Datagram | Server, { socket, left }: Dispatcher): MemberChannel {
  if (target !== socket) target.once('close', left)
  return {
    datagram: (payload, from) => void target.emit('message', Buffer.from(payload), from),
    connection: (connection) => void target.emit('connection', connection),
    close: () => target.off('close', left),
  }
}

/** What members ask of the dispatcher. */
const listener =
  ({ group, send }: Dispatcher) =>
  (note: unknown): void => {
    if (isNote(note) && note.skep === 'send' && note.group === group)
      send(bytesOf(note.payload), note.port, note.address)
  }

function toThread(worker: Worker, dispatcher: Dispatcher): MemberChannel {
  const { group, left } = dispatcher
  const listen = listener(dispatcher)
  worker.on('message', listen)
  worker.once('exit', left)
  return {
    datagram(bytes, { address, port, family }) {
      const payload = Uint8Array.from(bytes)
      const note: DatagramNote = { skep: 'datagram', payload, address, port, family, group }
      worker.postMessage(note, [payload.buffer])
    },
    connection: () => {},
    close() {
      worker.off('message', listen)
      worker.off('exit', left)
    },
  }
}

function toProcess(child: ChildProcess | ClusterWorker, dispatcher: Dispatcher): MemberChannel {
  const { group, left } = dispatcher
  const emitter = child as ChildProcess
  const listen = listener(dispatcher)
  emitter.on('message', listen)
  emitter.once('exit', left)
  emitter.once('disconnect', left)
  // One that is on its way out: 'exit' tells.
  const ignore = (): void => {}
  return {
    datagram(bytes, { address, port, family }) {
      const payload = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')
      const note: DatagramNote = { skep: 'datagram', payload, address, port, family, group }
      if (emitter.connected !== false) emitter.send(note, ignore)
    },
    connection(socket) {
      const note: ConnectionNote = { skep: 'connection', group }
      emitter.send(note, socket, {}, (error) => {
        if (error) socket.destroy()
      })
    },
    close() {
      emitter.off('message', listen)
      emitter.off('exit', left)
      emitter.off('disconnect', left)
    },
  }
}

interface EndEvents {
  message: [payload: Buffer, from: RemoteInfo]
  connection: [socket: Stream]
}

/** A worker's end of a socket that another thread or process holds: what a program chose this worker for. */
export class ReuseportEnd extends EventEmitter<EndEvents> {
  readonly #post: (note: DatagramNote) => void
  readonly #stop: () => void
  #group = 0

  constructor(port: MessagePort | NodeJS.Process) {
    super()
    const listen = (value: unknown, handle?: unknown): void => {
      if (!isNote(value) || value.skep === 'send') return
      this.#group = value.group
      if (value.skep === 'connection') {
        // Closed by its peer on the way here.
        if (handle instanceof Stream) this.emit('connection', handle)
        return
      }
      const payload = bytesOf(value.payload)
      const { address, port: from, family = 'IPv4' } = value
      this.emit('message', payload, { address, port: from, family, size: payload.length })
    }
    const forked = port as NodeJS.Process
    const thread = port as MessagePort
    if ('postMessage' in port) {
      thread.on('message', listen)
      this.#post = (note) => thread.postMessage(note)
      this.#stop = () => void thread.off('message', listen)
    } else {
      forked.on('message', listen)
      this.#post = (note) =>
        forked.send?.({ ...note, payload: Buffer.from(note.payload as Uint8Array).toString('base64') })
      this.#stop = () => void forked.off('message', listen)
    }
  }

  /** Sends a datagram from the socket that the datagrams came to. */
  send(payload: Uint8Array | string, port: number, address: string): void {
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload
    this.#post({ skep: 'send', payload: Uint8Array.from(bytes), port, address, group: this.#group })
  }

  /** Listens no more: the worker may end. */
  close(): void {
    this.#stop()
  }
}

/**
 * In a worker: takes the datagrams (`message`) and connections (`connection`) that a program of `attachReuseport` chose it for.
 * Throws SocketAttachError BAD_SOCKET in a process that nobody made.
 */
export function openReuseport(): ReuseportEnd {
  const port = parentPort ?? (process.send ? process : undefined)
  if (!port)
    throw new SocketAttachError(
      'BAD_SOCKET',
      'there is nobody to get datagrams or connections from; call it in a Worker, or in a process made by fork()',
    )
  return new ReuseportEnd(port)
}
