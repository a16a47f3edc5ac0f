import { Buffer } from 'node:buffer'
import type { Arena } from '@skep/memory'
import { control, type ProgramHandle, skbLayout as skb } from '@skep/registry'
import { skSkbContext } from '../sk-skb.ts'

const { RUN_HEADER_SIZE } = control
const STRIDE = RUN_HEADER_SIZE + skb.SKB_CONTEXT_SIZE
/** Messages in one run of the verdict's loop. */
const BATCH = 64
/** Room for what helpers put before and behind a message. */
const HEAD_ROOM = 256
const TAIL_ROOM = 16_384
const LEAST_ROOM = 1 << 19
/** Helpers that move a message's begin or end: their messages lie apart. */
const MOVERS = [
  'bpf_skb_change_tail',
  'bpf_skb_change_head',
  'bpf_skb_adjust_room',
  'bpf_skb_change_proto',
  'bpf_skb_vlan_push',
]
const TO_SOCKET = 3
const SK_PASS = 1
const SKB_SK = skSkbContext.fields.find(({ name }) => name === 'sk')!.offset
const field = (name: string): number => skSkbContext.fields.find((one) => one.name === name)!.offset
const [REMOTE_IP4, LOCAL_IP4] = [field('remote_ip4'), field('local_ip4')]
const [REMOTE_IP6, LOCAL_IP6] = [field('remote_ip6'), field('local_ip6')]
const [REMOTE_PORT, LOCAL_PORT] = [field('remote_port'), field('local_port')]

/** What of a socket its messages' contexts have. */
export interface SkbSocket {
  /** Arena address of its struct bpf_sock. */
  readonly address: number
  readonly local: { readonly address: Uint8Array; readonly port: number }
  readonly remote: { readonly address: Uint8Array; readonly port: number }
}

/** Where a message goes: an arena address of a socket, 0 for its own socket's reader, -1 for nowhere. */
export interface MessageFate {
  readonly target: number
  readonly ingress: boolean
}

/** Runs of one program or two over what streams bring; nothing in it outlives a call. */
export class SkbMessages {
  readonly #arena: Arena
  readonly #contexts: number
  readonly #block: number
  #room = 0
  #size = 0
  /** Messages lie apart, for the verdict may move their ends. */
  readonly #apart: boolean
  readonly #verdict: ProgramHandle | undefined

  constructor(arena: Arena, verdict: ProgramHandle | undefined) {
    this.#arena = arena
    this.#verdict = verdict
    this.#apart = verdict?.helpers.some((name) => MOVERS.includes(name)) ?? false
    this.#block = arena.alloc(8 * BATCH + STRIDE * BATCH, 64)
    this.#contexts = this.#block + 8 * BATCH + RUN_HEADER_SIZE
    for (let n = 0; n < BATCH; n++) arena.u32[(this.#block >> 2) + n] = this.#contexts + n * STRIDE
  }

  free(): void {
    this.#arena.free(this.#block)
    if (this.#room) this.#arena.free(this.#room)
  }

  #makeRoom(bytes: number): void {
    if (bytes <= this.#size) return
    const size = Math.max(LEAST_ROOM, 2 * bytes)
    const room = this.#arena.alloc(size, 64)
    if (this.#room) this.#arena.free(this.#room)
    this.#room = room
    this.#size = size
  }

  /** Puts bytes where programs see them; good until the next call. */
  load(bytes: Uint8Array): void {
    this.#makeRoom(bytes.length)
    this.#arena.u8.set(bytes, this.#room)
  }

  /** The parser's answer for loaded bytes from `from` to `to`: a message's length, 0 for more bytes, or minus an errno. */
  parse(parser: ProgramHandle, socket: SkbSocket, from: number, to: number): number {
    this.#context(0, this.#room + from, this.#room + to, socket, false)
    parser.runBatch(this.#block, 1, this.#block + 4 * BATCH)
    return this.#arena.i32[(this.#block >> 2) + BATCH]!
  }

  /**
   * The verdict on messages, of which `ends` has where each ends in `bytes`, which are loaded; `take` gets each run of messages
   * of one fate that stand behind one another, as the program left them: `bytes` of it where it left them as they were, copies
   * where not.
   */
  judge(
    bytes: Uint8Array,
    ends: readonly number[],
    socket: SkbSocket,
    take: (fate: MessageFate, bytes: Uint8Array, messages: number, copied: boolean) => void,
  ): void {
    for (let first = 0; first < ends.length; ) {
      const count = this.#apart
        ? this.#layApart(bytes, ends, first, socket)
        : this.#layDense(ends, first, socket)
      this.#verdict?.runBatch(this.#block, count, this.#block + 4 * BATCH)
      this.#settle(bytes, ends, first, count, take)
      first += count
    }
  }

  #layDense(ends: readonly number[], first: number, socket: SkbSocket): number {
    const count = Math.min(BATCH, ends.length - first)
    for (let n = 0, from = first === 0 ? 0 : ends[first - 1]!; n < count; n++) {
      const end = ends[first + n]!
      this.#context(n, this.#room + from, this.#room + end, socket, false)
      from = end
    }
    return count
  }

  /** Copies messages to frames with room around them: as many as fit. */
  #layApart(bytes: Uint8Array, ends: readonly number[], first: number, socket: SkbSocket): number {
    let from = first === 0 ? 0 : ends[first - 1]!
    this.#makeRoom(ends[first]! - from + HEAD_ROOM + TAIL_ROOM)
    let count = 0
    let top = this.#room
    while (count < BATCH && first + count < ends.length) {
      const end = ends[first + count]!
      const data = top + HEAD_ROOM
      const next = (data + end - from + TAIL_ROOM + 63) & ~63
      if (next > this.#room + this.#size) break
      this.#arena.u8.set(bytes.subarray(from, end), data)
      this.#context(count++, data, data + end - from, socket, true)
      top = next
      from = end
    }
    // The frames may have moved with the room when it was the first message that needed more.
    return count
  }

  #context(n: number, data: number, end: number, socket: SkbSocket, roomy: boolean): void {
    const { u8, u32 } = this.#arena
    const context = this.#contexts + n * STRIDE
    u8.fill(0, context - RUN_HEADER_SIZE, context + skb.SKB_CONTEXT_SIZE)
    const base = context >> 2
    const put = (offset: number, value: number): void => {
      u32[base + (offset >> 2)] = value
    }
    put(skb.SKB_LEN, end - data)
    put(skb.SKB_DATA, data)
    put(skb.SKB_DATA_END, end)
    put(skb.SKB_FRAME_START, roomy ? data - HEAD_ROOM : data)
    put(skb.SKB_FRAME_END, roomy ? end + TAIL_ROOM : end)
    put(SKB_SK, socket.address)
    const { local, remote } = socket
    const four = local.address.length === 4
    put(skb.SKB_PROTOCOL, four ? 0x0008 : 0xdd86)
    put(skb.SKB_FAMILY, four ? 2 : 10)
    u8.set(remote.address, context + (four ? REMOTE_IP4 : REMOTE_IP6))
    u8.set(local.address, context + (four ? LOCAL_IP4 : LOCAL_IP6))
    // The peer's port in network order in the upper half, as struct __sk_buff has it; the own one in the host's order.
    put(REMOTE_PORT, ((remote.port >> 8) | ((remote.port & 0xff) << 8)) << 16)
    put(LOCAL_PORT, local.port)
  }

  #fate(n: number): MessageFate {
    const { u32 } = this.#arena
    if (this.#verdict && u32[(this.#block >> 2) + BATCH + n] !== SK_PASS) return DROP
    const header = (this.#contexts + n * STRIDE) >> 2
    if (u32[header + (control.RUN_REDIRECT >> 2)] !== TO_SOCKET) return OWN
    const target = u32[header + (control.RUN_REDIRECT_KEY >> 2)]!
    return { target, ingress: (u32[header + (control.RUN_REDIRECT_FLAGS >> 2)]! & 1) !== 0 }
  }

  #settle(
    bytes: Uint8Array,
    ends: readonly number[],
    first: number,
    count: number,
    take: (fate: MessageFate, bytes: Uint8Array, messages: number, copied: boolean) => void,
  ): void {
    const { u8 } = this.#arena
    const from = first === 0 ? 0 : ends[first - 1]!
    const to = ends[first + count - 1]!
    const same =
      !this.#apart &&
      Buffer.compare(u8.subarray(this.#room + from, this.#room + to), bytes.subarray(from, to)) === 0
    const fates = Array.from({ length: count }, (_, n) => this.#fate(n))
    const outcome: { fate: MessageFate; bytes: Uint8Array; messages: number }[] = []
    for (let n = 0; n < count; ) {
      const fate = fates[n]!
      let last = n + 1
      while (last < count && fates[last]!.target === fate.target && fates[last]!.ingress === fate.ingress)
        last++
      const start = first + n === 0 ? 0 : ends[first + n - 1]!
      const part = same ? bytes.subarray(start, ends[first + last - 1]!) : this.#copy(n, last)
      outcome.push({ fate, bytes: part, messages: last - n })
      n = last
    }
    // What is called now may run programs here.
    for (const one of outcome) take(one.fate, one.bytes, one.messages, !same)
  }

  /** Messages `from` to `to` as the program left them, in one piece. */
  #copy(from: number, to: number): Uint8Array {
    const { u8, u32 } = this.#arena
    const at = (n: number, offset: number): number => u32[(this.#contexts + n * STRIDE + offset) >> 2]!
    let size = 0
    for (let n = from; n < to; n++) size += at(n, skb.SKB_DATA_END) - at(n, skb.SKB_DATA)
    const copy = Buffer.allocUnsafe(size)
    for (let n = from, top = 0; n < to; n++) {
      const [data, end] = [at(n, skb.SKB_DATA), at(n, skb.SKB_DATA_END)]
      copy.set(u8.subarray(data, end), top)
      top += end - data
    }
    return copy
  }
}

const DROP: MessageFate = { target: -1, ingress: false }
const OWN: MessageFate = { target: 0, ingress: false }
