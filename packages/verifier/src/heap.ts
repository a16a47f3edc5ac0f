import { fail } from './errors.ts'
import { FRAME_STACK, SLOT_SIZE } from './layout.ts'
import { MAX_STACK_SLOTS } from './limits.ts'

export { FRAME_STACK, SLOT_SIZE, SLOT_TYPES } from './layout.ts'

const PAGE = 65536
/** Stack slots that a block of each class has room for. */
const CLASS_SLOTS: readonly number[] = [2, 4, 8, 16, 32, MAX_STACK_SLOTS]
const CLASS_BYTES: readonly number[] = CLASS_SLOTS.map((n) => (FRAME_STACK + n * SLOT_SIZE + 15) & ~15)

/** The class of blocks with room for a whole stack. */
export const FULL_CLASS: number = CLASS_SLOTS.length - 1

/** The smallest class with room for `slots` stack slots. */
export function classFor(slots: number): number {
  let c = 0
  while (CLASS_SLOTS[c]! < slots) c++
  return c
}

/**
 * The verifier's own memory: register records and stack slots of all states, addressed by byte. The views are replaced
 * when the memory grows, so they are read from here each time and never kept across an allocation.
 */
export class Heap {
  readonly memory: WebAssembly.Memory
  i32: Int32Array
  u8: Uint8Array
  /** Copies a register record: the domain's own, once there is one over this memory. */
  copyReg!: (to: number, from: number) => void
  readonly #limitPages: number
  readonly #start: number
  #top: number
  #peak = 0
  readonly #free: number[][] = CLASS_SLOTS.map(() => [])

  /** `reserved` bytes from address 16 on are the caller's; at most `limit` bytes are used in all. */
  constructor(reserved: number, limit: number) {
    this.#limitPages = Math.max(16, Math.floor(limit / PAGE))
    this.memory = new WebAssembly.Memory({ initial: 16, maximum: this.#limitPages })
    this.i32 = new Int32Array(this.memory.buffer)
    this.u8 = new Uint8Array(this.memory.buffer)
    this.#start = (16 + reserved + 15) & ~15
    this.#top = this.#start
  }

  /** Most bytes that blocks took at one time, since `begin`. */
  get peak(): number {
    return Math.max(this.#peak, this.#top - this.#start)
  }

  /** For another program: forgets all blocks, and what the last one needed. */
  begin(): void {
    this.reset()
    this.#peak = 0
  }

  /** Forgets all blocks. */
  reset(): void {
    this.#peak = this.peak
    this.#top = this.#start
    for (const list of this.#free) list.length = 0
  }

  /** A block for a frame; its contents are undefined. */
  allocate(sizeClass: number): number {
    const reused = this.#free[sizeClass]!.pop()
    if (reused !== undefined) return reused
    const address = this.#top
    const end = address + CLASS_BYTES[sizeClass]!
    if (end > this.u8.length) this.#grow(end)
    this.#top = end
    return address
  }

  release(address: number, sizeClass: number): void {
    this.#free[sizeClass]!.push(address)
  }

  fill(address: number, bytes: number): void {
    this.u8.fill(0, address, address + bytes)
  }

  #grow(end: number): void {
    const have = this.u8.length / PAGE
    const need = Math.ceil(end / PAGE)
    if (need > this.#limitPages) {
      fail(
        'ENOMEM',
        `out of memory: the states of this program need more than ${this.#limitPages * PAGE} bytes`,
      )
    }
    this.memory.grow(Math.min(this.#limitPages, Math.max(need, have * 2)) - have)
    this.i32 = new Int32Array(this.memory.buffer)
    this.u8 = new Uint8Array(this.memory.buffer)
  }
}
