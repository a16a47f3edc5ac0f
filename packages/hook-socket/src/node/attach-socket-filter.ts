import type { Buffer } from 'node:buffer'
import type { RemoteInfo, Socket } from 'node:dgram'
import { type Link, skbLayout as skb } from '@skep/registry'
import { SocketAttachError } from '../errors.ts'
import { createFilterStats, type SocketFilterStats } from '../filter-stats.ts'
import { socketFilterContext, socketFilterProgramType } from '../socket-filter.ts'
import { writeSkb } from '../write-skb.ts'
import { holdSocket, localEnd, releaseSocket } from './arena-socket.ts'
import { Attachment, checkProgram, type ProgramOf } from './attachment.ts'
import { DATAGRAM_ROOM, DatagramFrame, UDP_HEADER, UDP_OFFSET } from './datagram-frame.ts'
import { checkDatagram, DatagramTap } from './datagram-tap.ts'
import { type RunSlot, SharedSlot } from './run-slot.ts'

/** A program that filters: `collection.program(name, 'socket_filter')`. */
export type SocketFilter = ProgramOf<'socket_filter'>

export interface SocketFilterOptions {
  /** SO_LOCK_FILTER: the filter stays until the socket closes; nobody takes it away or puts another one in its place. */
  readonly lock?: boolean
  /** ifindex that the program sees; 1, the loopback device, unless said: Node does not tell. */
  readonly ifindex?: number
}

export interface SocketFilterLink extends Link {
  /** Detaches. Throws SocketAttachError LOCKED for a locked filter; the end of its socket or its program always detaches. */
  close(): void
  readonly stats: Readonly<SocketFilterStats>
  readonly socket: Socket
  /** Another program in its place, with the same counters. Throws SocketAttachError. */
  update(program: SocketFilter): void
}

const SKB_SK = socketFilterContext.fields.find(({ name }) => name === 'sk')!.offset

/** A socket has one filter. */
const links = new WeakMap<Socket, FilterLink>()

/**
 * SO_ATTACH_BPF on a datagram socket of Node: the program sees each datagram from its UDP header on, before the listeners of
 * `message`, and returns how many bytes to keep: 0 drops it, and of the UDP header's 8 bytes none is ever cut. A filter that is
 * attached already is replaced, and its link closed, as the kernel does. Throws SocketAttachError: WRONG_PROGRAM_TYPE,
 * BAD_PROGRAM, BAD_SOCKET, LOCKED, and UNSUPPORTED for a stream, whose segments Node does not see.
 */
export function attachSocketFilter(
  program: SocketFilter,
  socket: Socket,
  options: SocketFilterOptions = {},
): SocketFilterLink {
  checkProgram(program, [socketFilterProgramType.name])
  if (program.attach) return program.attach('socket_filter', { socket, ...options }) as SocketFilterLink
  if (typeof (socket as { setNoDelay?: unknown } | undefined)?.setNoDelay === 'function')
    throw new SocketAttachError(
      'UNSUPPORTED',
      'a filter of a stream sees TCP segments, which TCP sends again when they are dropped, and Node has only their bytes; attach a sk_skb program with attachSockmap, or give the kernel the filter with @skep/linux',
    )
  checkDatagram(socket)
  const known = links.get(socket)
  if (known) {
    known.mayGo()
    known.leave()
  }
  const link = new FilterLink(program, socket, options)
  links.set(socket, link)
  return link
}

class FilterLink extends Attachment<SocketFilter> implements SocketFilterLink {
  readonly socket: Socket
  readonly stats: SocketFilterStats = createFilterStats()
  readonly #options: SocketFilterOptions
  readonly #onClose = (): void => this.leave()
  #slot!: SharedSlot
  #address = 0
  #frame: DatagramFrame | undefined

  constructor(program: SocketFilter, socket: Socket, options: SocketFilterOptions) {
    super('socket_filter', program)
    this.socket = socket
    this.#options = options
    this.opened(() => {
      const { arena } = program.host
      this.#slot = new SharedSlot(arena, 'datagram', skb.SKB_CONTEXT_SIZE, DATAGRAM_ROOM)
      try {
        this.#address = holdSocket(arena, socket)
      } catch (error) {
        this.#slot.release()
        throw error
      }
      DatagramTap.of(socket).set('filter', (payload, from) => this.#filter(payload, from))
      socket.once('close', this.#onClose)
    })
  }

  /** Throws SocketAttachError LOCKED. */
  mayGo(): void {
    if (this.#options.lock)
      throw new SocketAttachError(
        'LOCKED',
        'the filter of this socket is locked (SO_LOCK_FILTER) until the socket closes; attach it without lock',
      )
  }

  update(program: SocketFilter): void {
    checkProgram(program, [socketFilterProgramType.name])
    this.mayGo()
    if (program.host.arena !== this.program.host.arena)
      throw new SocketAttachError(
        'FOREIGN',
        `program ${program.name} is of another runtime; close the link and attach it anew`,
      )
    this.exchange(program)
  }

  override close(): void {
    if (this.closed) return
    this.mayGo()
    this.leave()
  }

  protected detach(): void {
    const { arena } = this.program.host
    this.socket.off('close', this.#onClose)
    if (links.get(this.socket) === this) links.delete(this.socket)
    DatagramTap.of(this.socket).delete('filter')
    releaseSocket(arena, this.socket)
    this.#slot.release()
  }

  #filter(payload: Buffer, from: RemoteInfo): Buffer | undefined {
    const { stats } = this
    stats.packets++
    stats.bytes += payload.length
    const kept = this.#slot.use((slot) => this.#run(slot, payload, from))
    this.program.host.quiesce()
    if (kept === 0) {
      stats.dropped++
      return undefined
    }
    stats.passed++
    const length = Math.max(kept, UDP_HEADER) - UDP_HEADER
    if (length >= payload.length) return payload
    stats.truncated++
    return payload.subarray(0, length)
  }

  /** sk_filter_trim_cap (net/core/filter.c). */
  #run(slot: RunSlot, payload: Buffer, from: RemoteInfo): number {
    const { program } = this
    const { arena } = program.host
    this.#frame ??= new DatagramFrame(localEnd(this.socket))
    slot.clear(skb.SKB_CONTEXT_SIZE)
    const place = this.#frame.write(arena.u8, slot.data, payload, from)
    const data = slot.data + UDP_OFFSET
    const { u32 } = arena
    writeSkb(u32, slot.context, {
      data,
      end: data + place.length,
      mac: slot.data + place.mac,
      network: slot.data + place.network,
      length: place.length,
      protocol: place.protocol,
      ifindex: this.#options.ifindex ?? 1,
    })
    u32[(slot.context + SKB_SK) >> 2] = this.#address
    return slot.run(program)
  }
}
