import { Buffer } from 'node:buffer'
import type { Socket } from 'node:net'
import type { Arena } from '@skep/memory'
import { ERRNO, objectAt, type ProgramHandle, type RuntimeHost } from '@skep/registry'
import { SocketAttachError, SocketVerdictError } from '../errors.ts'
import { addressBytes, holdSocket, releaseSocket } from './arena-socket.ts'
import type { SockmapStats } from './attach-sockmap.ts'
import { Backlog, endWhenLast, follow, unfollow } from './backlog.ts'
import type { SkMessages } from './msg-messages.ts'
import type { MessageFate, SkbMessages, SkbSocket } from './skb-messages.ts'
import { type Held, StreamTap, type WriteDone } from './stream-tap.ts'

/** What all sockets of a map share. */
export interface SockmapShared {
  readonly host: RuntimeHost
  readonly arena: Arena
  readonly stats: SockmapStats
  readonly skb: SkbMessages | undefined
  readonly parser: ProgramHandle | undefined
  readonly msg: SkMessages | undefined
  readonly halfClose: boolean
  readonly maxMessage: number
  readonly closed: () => boolean
}

/** What strparser ends a stream with (include/uapi/asm-generic/errno.h). */
const EPROTO = 71
const EMSGSIZE = 90
const errnoName = (number: number): string =>
  number === EMSGSIZE
    ? 'EMSGSIZE'
    : (Object.entries(ERRNO).find(([, value]) => value === number)?.[0] ?? 'EPROTO')

const ends = (address: string | undefined, port: number | undefined): SkbSocket['local'] => ({
  address: addressBytes(address ?? '0.0.0.0'),
  port: port ?? 0,
})

/** A socket of a map with programs: what it gets and sends goes where they say. */
export class SockmapSource {
  readonly #socket: Socket
  readonly #shared: SockmapShared
  readonly #tap: StreamTap
  readonly #about: SkbSocket
  readonly #backlog: Backlog
  /** Bytes of a message whose end has not come, in front of a buffer with room. */
  #carry: Buffer | undefined
  #carried = 0
  /** How long the parser said that it is; 0 for not known. */
  #wanted = 0

  constructor(socket: Socket, shared: SockmapShared) {
    this.#socket = socket
    this.#shared = shared
    this.#tap = StreamTap.of(socket)
    if ((shared.skb && this.#tap.reader) || (shared.msg && this.#tap.writer))
      throw new SocketAttachError(
        'BUSY',
        'the socket is in another map with programs (EBUSY); delete it there first',
      )
    if (shared.skb && this.#tap.isReadElsewhere)
      throw new SocketAttachError(
        'BAD_SOCKET',
        'the socket was made with onread, which takes all that it receives; make it without',
      )
    this.#backlog = new Backlog(() => this.#tap.resume())
    this.#about = {
      address: holdSocket(shared.arena, socket),
      local: ends(socket.localAddress, socket.localPort),
      remote: ends(socket.remoteAddress, socket.remotePort),
    }
  }

  start(): void {
    const { skb, msg } = this.#shared
    if (msg) this.#tap.writer = (bytes, pass, done) => this.#send(bytes, pass, done)
    if (skb)
      this.#tap.start({
        data: (bytes, held) => this.#arrived(skb, bytes, held),
        end: () => this.#ended(),
      })
  }

  stop(): void {
    const { skb, msg, arena } = this.#shared
    if (msg) this.#tap.writer = undefined
    unfollow(this.#socket)
    this.#backlog.clear()
    if (skb) this.#tap.stop()
    // What of a message has come is its reader's.
    if (this.#carry && !this.#socket.destroyed)
      this.#tap.deliver(Buffer.from(this.#carry.subarray(0, this.#carried)), () => {})
    this.#carry = undefined
    releaseSocket(arena, this.#socket)
  }

  #arrived(skb: SkbMessages, bytes: Uint8Array, held: Held): boolean {
    const { stats, parser, host } = this.#shared
    if (!parser) {
      stats.messages++
      stats.bytes += bytes.length
      skb.load(bytes)
      this.#judge(skb, bytes, [bytes.length], held)
    } else this.#parse(skb, parser, bytes, held)
    host.quiesce()
    return !this.#backlog.blocked
  }

  #judge(skb: SkbMessages, bytes: Uint8Array, ends: readonly number[], held: Held | undefined): void {
    skb.judge(bytes, ends, this.#about, (fate, part, messages, copied) =>
      this.#take(fate, part, messages, copied ? undefined : held, copied),
    )
  }

  /** Cuts what came into messages (net/strparser/strparser.c). */
  #parse(skb: SkbMessages, parser: ProgramHandle, arrived: Uint8Array, held: Held): void {
    const { stats, maxMessage } = this.#shared
    const carried = this.#carried
    const bytes = this.#carry ? this.#append(arrived) : arrived
    if (bytes.length < this.#wanted) return
    skb.load(bytes)
    const found: number[] = []
    let from = 0
    if (this.#wanted > 0) {
      found.push(this.#wanted)
      from = this.#wanted
    }
    this.#wanted = 0
    let failed = 0
    while (from < bytes.length) {
      const length = skb.parse(parser, this.#about, from, bytes.length)
      if (length === 0) break
      const before = found.length === 0 ? carried : 0
      if (length < 0) failed = -length
      else if (length > maxMessage) failed = EMSGSIZE
      // What has come before cannot be the whole of it: the parser would have said so.
      else if (length <= before) failed = EPROTO
      if (failed !== 0) break
      if (length > bytes.length - from) {
        this.#wanted = length
        break
      }
      from += length
      found.push(from)
    }
    if (failed === 0 && this.#wanted === 0 && bytes.length - from > maxMessage) failed = EMSGSIZE
    stats.messages += found.length
    stats.bytes += from
    if (found.length > 0) this.#judge(skb, bytes.subarray(0, from), found, this.#carry ? undefined : held)
    if (failed !== 0) this.#abort(failed)
    else this.#keep(bytes, from)
  }

  #append(arrived: Uint8Array): Uint8Array {
    const size = this.#carried + arrived.length
    if (size > this.#carry!.length) {
      const larger = Buffer.allocUnsafe(2 * size)
      larger.set(this.#carry!.subarray(0, this.#carried))
      this.#carry = larger
    }
    this.#carry!.set(arrived, this.#carried)
    this.#carried = size
    return this.#carry!.subarray(0, size)
  }

  #keep(bytes: Uint8Array, from: number): void {
    const rest = bytes.length - from
    if (rest === 0) this.#carry = undefined
    else if (from > 0 || !this.#carry) {
      // Parts of the old one may still be on their way out.
      this.#carry = Buffer.allocUnsafe(Math.max(2 * rest, Math.min(this.#wanted, 1 << 18)))
      this.#carry.set(bytes.subarray(from))
    }
    this.#carried = rest
  }

  #abort(errno: number): void {
    this.#carry = undefined
    this.#carried = 0
    const code = errnoName(errno)
    this.#socket.destroy(
      new SocketVerdictError(
        code,
        'read',
        `the stream's parser ended it; ${code === 'EMSGSIZE' ? 'raise maxMessage if its messages are so long' : 'see what it returns'}`,
      ),
    )
  }

  /** Sends messages of one fate on their way. `held` keeps their bytes; undefined where nobody else has them. */
  #take(
    fate: MessageFate,
    bytes: Uint8Array,
    messages: number,
    held: Held | undefined,
    copied: boolean,
  ): void {
    const { stats, arena } = this.#shared
    const own = (): Uint8Array => (copied ? bytes : Buffer.from(bytes))
    if (fate.target === -1) {
      stats.dropped += messages
      return
    }
    if (fate.target === 0) {
      stats.passed += messages
      this.#deliver(this.#tap, own())
      return
    }
    const target = objectAt(arena, fate.target) as Socket | undefined
    if (!target || target.destroyed || (fate.ingress ? target.readableEnded : target.writableEnded)) {
      stats.redirectFailed += messages
      return
    }
    stats.redirected += messages
    const tap = StreamTap.of(target)
    if (fate.ingress) {
      this.#deliver(tap, own())
      return
    }
    if (this.#shared.halfClose) follow(this.#socket, target)
    if (!tap.write(bytes, held?.keep())) this.#backlog.waitFor(target)
  }

  #deliver(tap: StreamTap, bytes: Uint8Array): void {
    if (bytes.length === 0) return
    const token = {}
    if (!tap.deliver(bytes, () => this.#backlog.done(token))) this.#backlog.add(token)
  }

  #ended(): void {
    // A message that never became whole is its reader's, as the kernel leaves it in the queue.
    if (this.#carry) this.#tap.deliver(Buffer.from(this.#carry.subarray(0, this.#carried)), () => {})
    this.#carry = undefined
    this.#carried = 0
    endWhenLast(this.#socket)
  }

  /** tcp_bpf_sendmsg. */
  #send(bytes: Uint8Array, pass: (bytes: Uint8Array, done: WriteDone) => void, done: WriteDone): void {
    const { msg, stats, arena, host } = this.#shared
    const fate = msg!.judge(bytes, this.#about)
    host.quiesce()
    if (fate.target === 0) {
      stats.sent++
      pass(fate.bytes, done)
      return
    }
    const target = fate.target > 0 ? (objectAt(arena, fate.target) as Socket | undefined) : undefined
    if (!target || target.destroyed || (!fate.ingress && target.writableEnded)) {
      stats.sentDropped++
      done(new SocketVerdictError('EACCES', 'write', 'a program dropped what was sent'))
      return
    }
    stats.sentRedirected++
    const tap = StreamTap.of(target)
    const copy = Buffer.from(fate.bytes)
    if (!fate.ingress) tap.write(copy, () => done())
    else if (tap.deliver(copy, () => done())) done()
  }
}
