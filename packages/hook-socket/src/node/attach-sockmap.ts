import type { Socket } from 'node:net'
import type { Link, MapHandle } from '@skep/registry'
import { SocketAttachError } from '../errors.ts'
import { skMsgProgramType } from '../sk-msg.ts'
import { skSkbProgramType } from '../sk-skb.ts'
import { Attachment, checkProgram, type ProgramOf } from './attachment.ts'
import { KernelSockmapLink } from './kernel-sockmap.ts'
import { SkMessages } from './msg-messages.ts'
import { SkbMessages } from './skb-messages.ts'
import { type SocketKey, SockmapElements } from './sockmap-elements.ts'
import { SockmapSource } from './sockmap-source.ts'

/** A parser or verdict: `collection.program(name, 'sk_skb')`. */
export type SkSkbProgram = ProgramOf<'sk_skb'>
/** A verdict on what is sent: `collection.program(name, 'sk_msg')`. */
export type SkMsgProgram = ProgramOf<'sk_msg'>

/** What to attach: as `BPF_PROG_ATTACH` takes them for a map of sockets, all at once. */
export interface SockmapPrograms {
  /** sk_skb/stream_parser: where a message ends. Without one, each piece that arrives is a message. */
  readonly parser?: SkSkbProgram
  /** sk_skb/stream_verdict or sk_skb/verdict: what becomes of a message that arrives. */
  readonly verdict?: SkSkbProgram
  /** sk_msg: what becomes of what a socket of the map sends. */
  readonly message?: SkMsgProgram
}

export interface SockmapOptions {
  /**
   * A socket ends its writing when the last one whose bytes were redirected to it has ended: true unless said. The kernel
   * leaves that to the process.
   */
  readonly halfClose?: boolean
  /** The longest message of a parser, in bytes; 4 MiB unless said. A longer one ends its stream with EMSGSIZE. */
  readonly maxMessage?: number
}

/** Counters of one attachment. */
export interface SockmapStats {
  messages: number
  /** Of messages, as they arrived. */
  bytes: number
  /** Messages to their own socket's reader. */
  passed: number
  redirected: number
  dropped: number
  /** Redirected to a socket that takes no more; dropped. */
  redirectFailed: number
  /** Of what sockets of the map sent: writes that went on, elsewhere, or nowhere. */
  sent: number
  sentRedirected: number
  sentDropped: number
}

export interface SockmapLink extends Link {
  readonly stats: Readonly<SockmapStats>
  /**
   * Puts a connected socket into the map, where programs of the map see what it gets. It leaves when it closes. Throws
   * SocketAttachError BAD_SOCKET, BUSY, BAD_OPTION, and MapError.
   */
  set(key: SocketKey, socket: Socket, flags?: number): void
  /** False when there was no such element. */
  delete(key: SocketKey): boolean
}

const DEFAULT_MAX_MESSAGE = 1 << 22

/**
 * Attaches programs to a sockmap or sockhash: what its sockets get (parser and verdict) and send (message) goes where the
 * programs say, by bpf_sk_redirect_map and its like to other sockets of maps, with back pressure. Throws SocketAttachError:
 * WRONG_PROGRAM_TYPE, BAD_PROGRAM, BAD_MAP, BAD_OPTION, FOREIGN, and BUSY for a map that has programs.
 */
export function attachSockmap(
  map: MapHandle,
  programs: SockmapPrograms,
  options: SockmapOptions = {},
): SockmapLink {
  const { parser, verdict, message } = programs ?? {}
  if (parser !== undefined) checkProgram(parser, [skSkbProgramType.name], ['sk_skb_stream_parser', undefined])
  if (verdict !== undefined)
    checkProgram(verdict, [skSkbProgramType.name], ['sk_skb_stream_verdict', 'sk_skb_verdict', undefined])
  if (message !== undefined) checkProgram(message, [skMsgProgramType.name])
  const given = [verdict, parser, message].filter((one) => one !== undefined)
  if (!verdict && !message)
    throw new SocketAttachError('BAD_OPTION', 'no verdict and no message program was given; give one of them')
  const first = given[0]!
  if (first.attach) return new KernelSockmapLink(map, given)
  const elements = SockmapElements.of(map)
  const foreign = given.find((one) => one.host.arena !== map.arena)
  if (foreign)
    throw new SocketAttachError(
      'FOREIGN',
      `program ${foreign.name} is of another runtime than map ${map.name}; load both into one`,
    )
  if (elements.listener)
    throw new SocketAttachError(
      'BUSY',
      `map ${map.name} has programs already; close their link first, or give all programs at once`,
    )
  const { maxMessage = DEFAULT_MAX_MESSAGE } = options
  if (!Number.isInteger(maxMessage) || maxMessage < 1)
    throw new SocketAttachError('BAD_OPTION', `maxMessage is ${maxMessage}; give a number of bytes from 1`)
  return new MapAttachment(elements, map, first, { ...programs }, options.halfClose ?? true, maxMessage)
}

/** Puts a socket into a map without programs: a place that programs of other maps redirect to. As `SockmapLink.set`. */
export const setSocket = (map: MapHandle, key: SocketKey, socket: Socket, flags?: number): void =>
  SockmapElements.of(map).set(key, socket, flags)

/** Takes a socket out of a map again; false when there was none. */
export const deleteSocket = (map: MapHandle, key: SocketKey): boolean => SockmapElements.of(map).delete(key)

class MapAttachment extends Attachment<SkSkbProgram | SkMsgProgram> implements SockmapLink {
  readonly stats: SockmapStats = {
    messages: 0,
    bytes: 0,
    passed: 0,
    redirected: 0,
    dropped: 0,
    redirectFailed: 0,
    sent: 0,
    sentRedirected: 0,
    sentDropped: 0,
  }
  readonly #elements: SockmapElements
  readonly #map: MapHandle
  readonly #programs: SockmapPrograms
  readonly #halfClose: boolean
  readonly #maxMessage: number
  readonly #sources = new Map<Socket, SockmapSource>()
  #skb: SkbMessages | undefined
  #msg: SkMessages | undefined

  constructor(
    elements: SockmapElements,
    map: MapHandle,
    first: SkSkbProgram | SkMsgProgram,
    programs: SockmapPrograms,
    halfClose: boolean,
    maxMessage: number,
  ) {
    super(
      'sockmap',
      first,
      Object.values(programs).filter((one) => one !== undefined && one !== first),
    )
    this.#elements = elements
    this.#map = map
    this.#programs = programs
    this.#halfClose = halfClose
    this.#maxMessage = maxMessage
    this.opened(() => {
      const { verdict, message } = programs
      if (verdict) this.#skb = new SkbMessages(map.arena, verdict)
      if (message) this.#msg = new SkMessages(map.arena, message)
      elements.listener = { added: (socket) => this.#add(socket), removed: (socket) => this.#remove(socket) }
      // Those that are in it already are steered from now on.
      try {
        for (const socket of elements.sockets) this.#add(socket)
      } catch (error) {
        this.detach()
        throw error
      }
    })
  }

  set(key: SocketKey, socket: Socket, flags?: number): void {
    if (this.closed)
      throw new SocketAttachError('CLOSED', 'the link is closed; use setSocket, or attach anew')
    this.#elements.set(key, socket, flags)
  }

  delete(key: SocketKey): boolean {
    return this.#elements.delete(key)
  }

  protected detach(): void {
    this.#elements.silence()
    for (const socket of [...this.#sources.keys()]) this.#remove(socket)
    this.#skb?.free()
    this.#msg?.free()
  }

  #add(socket: Socket): void {
    const { parser } = this.#programs
    const source = new SockmapSource(socket, {
      host: this.program.host,
      arena: this.#map.arena,
      stats: this.stats,
      skb: this.#skb,
      parser,
      msg: this.#msg,
      halfClose: this.#halfClose,
      maxMessage: this.#maxMessage,
      closed: () => this.closed,
    })
    this.#sources.set(socket, source)
    source.start()
  }

  #remove(socket: Socket): void {
    this.#sources.get(socket)?.stop()
    this.#sources.delete(socket)
  }
}
