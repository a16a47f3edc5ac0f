import type { Arena } from '@skep/memory'

/** Bytes of an entry (the locks' code in @skep/memory knows them too). */
const ENTRY = 32
const WORDS = ENTRY / 4

/** By what locks name the CPU's worker; 0 when it has none. */
const TAG = 0
const STATE = 1
/** Address of the worker's control block, and of its stack. */
const CONTROL = 2
/** Number of the last retirement that the worker knows of. */
const ACKED = 3
/** 1 while a message that wakes the readers of rings is under way. */
const WAKING = 4
/** Address of the queue of packets for the worker, or 0. */
const QUEUE = 5

// One more entry, behind those of the CPUs.
const CLOSED = 0

const FREE = 0
const RESERVED = 1
const JOINED = 2

/** Tags have bit 31, so that none is 0; 19 bits tell the workers of one CPU apart. */
export const tagOf = (cpu: number, generation: number): number =>
  (0x8000_0000 | ((generation & 0x7_ffff) << 12) | cpu) >>> 0

/** Who has which CPU of an arena: words in the arena, which all its threads read and write. */
export class CpuTable {
  readonly address: number
  readonly #arena: Arena

  constructor(arena: Arena, address: number) {
    this.#arena = arena
    this.address = address
  }

  /** Makes the table of an arena, with the thread that made the arena as CPU 0. */
  static create(arena: Arena): CpuTable {
    const address = arena.alloc(ENTRY * (arena.cpus + 1), 64)
    arena.exports.setShape(address, 1)
    const table = new CpuTable(arena, address)
    table.#set(0, TAG, tagOf(0, 0))
    table.#set(0, STATE, JOINED)
    arena.exports.setCpus(address)
    return table
  }

  #at(cpu: number, word: number): number {
    return (this.address >> 2) + cpu * WORDS + word
  }

  #get(cpu: number, word: number): number {
    return Atomics.load(this.#arena.i32, this.#at(cpu, word)) >>> 0
  }

  #set(cpu: number, word: number, value: number): void {
    Atomics.store(this.#arena.i32, this.#at(cpu, word), value)
  }

  #swap(cpu: number, word: number, from: number, to: number): boolean {
    return Atomics.compareExchange(this.#arena.i32, this.#at(cpu, word), from, to) === from
  }

  /** A free CPU, or 0. Only the thread that made the arena gives CPUs out. */
  reserve(generation: number, retirement: number): number {
    for (let cpu = 1; cpu < this.#arena.cpus; cpu++) {
      if (this.#get(cpu, STATE) !== FREE) continue
      this.#set(cpu, TAG, tagOf(cpu, generation))
      this.#set(cpu, ACKED, retirement)
      this.#set(cpu, STATE, RESERVED)
      return cpu
    }
    return 0
  }

  /** The worker that a CPU is reserved for takes it; false when it is not, or not any more. */
  join(cpu: number, tag: number): boolean {
    return this.#get(cpu, TAG) === tag && this.#swap(cpu, STATE, RESERVED, JOINED)
  }

  /** Gives a CPU back; false when another worker has it. */
  leave(cpu: number, tag: number): boolean {
    if (this.#get(cpu, TAG) !== tag) return false
    this.#set(cpu, TAG, 0)
    this.#set(cpu, CONTROL, 0)
    this.#set(cpu, WAKING, 0)
    this.#set(cpu, QUEUE, 0)
    this.#set(cpu, STATE, FREE)
    return true
  }

  isJoined(cpu: number, tag?: number): boolean {
    return this.#get(cpu, STATE) === JOINED && (tag === undefined || this.#get(cpu, TAG) === tag)
  }

  /** Where a worker's control block lies: whoever buries the worker frees it. */
  control(cpu: number): number {
    return this.#get(cpu, CONTROL)
  }

  setControl(cpu: number, address: number): void {
    this.#set(cpu, CONTROL, address)
  }

  queue(cpu: number): number {
    return this.#get(cpu, QUEUE)
  }

  setQueue(cpu: number, address: number): void {
    this.#set(cpu, QUEUE, address)
  }

  /** Whether a worker has the CPU under that tag, or may still come. */
  isThere(cpu: number, tag: number): boolean {
    return this.#get(cpu, TAG) === tag
  }

  get closed(): boolean {
    return this.#get(this.#arena.cpus, CLOSED) !== 0
  }

  close(): void {
    this.#set(this.#arena.cpus, CLOSED, 1)
  }

  acknowledge(cpu: number, retirement: number): void {
    this.#set(cpu, ACKED, retirement)
  }

  /** Whether every worker that has come, or may come, knows that a collection was closed. */
  isKnown(retirement: number): boolean {
    for (let cpu = 1; cpu < this.#arena.cpus; cpu++) {
      if (this.#get(cpu, STATE) !== FREE && this.#get(cpu, ACKED) < retirement) return false
    }
    return true
  }

  /** Takes back every CPU that no worker has taken yet. */
  dismiss(): void {
    for (let cpu = 1; cpu < this.#arena.cpus; cpu++) {
      if (!this.#swap(cpu, STATE, RESERVED, FREE)) continue
      this.#set(cpu, TAG, 0)
    }
  }

  /** True when no message that wakes readers is under way for this CPU: whoever asks sends one. */
  beginWake(cpu: number): boolean {
    return this.#swap(cpu, WAKING, 0, 1)
  }

  endWake(cpu: number): void {
    this.#set(cpu, WAKING, 0)
  }
}
