import type { Arena } from '@skep/memory'
import { control, xdpLayout } from '@skep/registry'

const { RUN_HEADER_SIZE } = control
const { XDP_CONTEXT_SIZE, XDP_PACKET_HEADROOM } = xdpLayout

// Words of a queue's head. What the producer writes and what the consumer writes lie on lines of their own.
const PRODUCER = 0
const ENDED = 1
const SLOTS = 2
const FRAME = 3
const CONSUMER = 16
/** 1 while the consumer waits for a message. */
const WAITING = 17
/** 1 when the consumer has seen the end. */
const DONE = 18
const HEAD = 128

const slotSize = (frame: number): number => RUN_HEADER_SIZE + XDP_CONTEXT_SIZE + XDP_PACKET_HEADROOM + frame

/**
 * Packets for one worker with their XDP contexts, in the arena: a ring with one producer and one consumer. Behind the head
 * lie the contexts' addresses, then room for the verdicts (u32 each), then the slots.
 */
export class Queue {
  readonly address: number
  readonly slots: number
  readonly frame: number
  readonly #arena: Arena
  readonly #first: number

  constructor(arena: Arena, address: number) {
    this.#arena = arena
    this.address = address
    this.slots = this.#get(SLOTS)
    this.frame = this.#get(FRAME)
    this.#first = address + HEAD + 8 * this.slots
  }

  /** `slots` is a power of two, `frame` the most bytes of a packet, a multiple of 64. */
  static create(arena: Arena, slots: number, frame: number, rxQueue: number): Queue {
    const address = arena.alloc(HEAD + slots * (8 + slotSize(frame)), 64)
    const { u32 } = arena
    u32[(address >> 2) + SLOTS] = slots
    u32[(address >> 2) + FRAME] = frame
    const queue = new Queue(arena, address)
    for (let n = 0; n < slots; n++) {
      const context = queue.#context(n)
      u32[(queue.contexts >> 2) + n] = context
      u32[(context + xdpLayout.XDP_RX_QUEUE_INDEX) >> 2] = rxQueue
    }
    return queue
  }

  #get(word: number): number {
    return Atomics.load(this.#arena.i32, (this.address >> 2) + word) >>> 0
  }

  #set(word: number, value: number): void {
    Atomics.store(this.#arena.i32, (this.address >> 2) + word, value)
  }

  #context(slot: number): number {
    return this.#first + slot * slotSize(this.frame) + RUN_HEADER_SIZE
  }

  get contexts(): number {
    return this.address + HEAD
  }

  get results(): number {
    return this.address + HEAD + 4 * this.slots
  }

  /** Puts a packet with its context in; false when there is no room. */
  push(packet: Uint8Array): boolean {
    const producer = this.#get(PRODUCER)
    if ((producer - this.#get(CONSUMER)) >>> 0 === this.slots) return false
    const { u8, u32 } = this.#arena
    const context = this.#context(producer & (this.slots - 1))
    const start = context + XDP_CONTEXT_SIZE
    const data = start + XDP_PACKET_HEADROOM
    u8.set(packet, data)
    const at = context >> 2
    u32.fill(0, at - RUN_HEADER_SIZE / 4, at)
    u32[at + xdpLayout.XDP_DATA / 4] = data
    u32[at + xdpLayout.XDP_DATA_END / 4] = data + packet.length
    u32[at + xdpLayout.XDP_DATA_META / 4] = data
    u32[at + xdpLayout.XDP_FRAME_START / 4] = start
    u32[at + xdpLayout.XDP_FRAME_END / 4] = data + this.frame
    this.#set(PRODUCER, producer + 1)
    return true
  }

  /** Whether the consumer waits for a message; it does not any more when this was asked. */
  takeWaiting(): boolean {
    return (
      this.#get(WAITING) !== 0 && Atomics.exchange(this.#arena.i32, (this.address >> 2) + WAITING, 0) !== 0
    )
  }

  wait(): void {
    this.#set(WAITING, 1)
  }

  /** Packets that lie one behind the other at the consumer's end: the first slot, and how many. */
  peek(most: number): { readonly first: number; readonly count: number } {
    const consumer = this.#get(CONSUMER)
    const first = consumer & (this.slots - 1)
    const there = (this.#get(PRODUCER) - consumer) >>> 0
    return { first, count: Math.min(there, this.slots - first, most) }
  }

  consume(count: number): void {
    this.#set(CONSUMER, this.#get(CONSUMER) + count)
  }

  get empty(): boolean {
    return this.#get(PRODUCER) === this.#get(CONSUMER)
  }

  get ended(): boolean {
    return this.#get(ENDED) !== 0
  }

  end(): void {
    this.#set(ENDED, 1)
  }

  get done(): boolean {
    return this.#get(DONE) !== 0
  }

  finish(): void {
    this.#set(DONE, 1)
  }
}
