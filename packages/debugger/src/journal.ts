import type { Arena } from '@skep/memory'

/** Words of the arena that something may have changed: address and length in bytes. */
export interface Range {
  readonly address: number
  readonly size: number
}

/** What a step left besides words: how the stepper was before and after it. */
interface Entry<Mark> {
  /** Where its words begin in the journal. */
  readonly from: number
  before: Mark
  after: Mark
}

/** Each change of a word: its index in the arena, and the value before and after. */
const WORDS = 3

/**
 * What steps have changed in the arena, word by word, so that they can be taken back and made again without running
 * anything. Of the arena there is a copy, which changes are found by; what others change between the steps belongs to the
 * step before.
 */
export class Journal<Mark> {
  readonly #arena: Arena
  readonly #limit: number
  #copy: Uint32Array
  #words = new Uint32Array(4096)
  #length = 0
  #entries: Entry<Mark>[] = []
  /** Steps that are in effect: those behind it were taken back. */
  #done = 0
  /** Steps that are forgotten, since there were too many. */
  #forgotten = 0

  /** `limit`: the most words that are kept. */
  constructor(arena: Arena, limit: number) {
    this.#arena = arena
    this.#limit = limit
    this.#copy = arena.u32.slice()
  }

  /** How many steps can be taken back. */
  get past(): number {
    return this.#done
  }

  /** How many steps that were taken back can be made again. */
  get future(): number {
    return this.#entries.length - this.#done
  }

  /** Steps before `past` that are forgotten. */
  get forgotten(): number {
    return this.#forgotten
  }

  /** Notes what has changed outside of steps. A change of the past ends the future that was known. */
  sync(): void {
    const from = this.#length
    this.#compareAll()
    if (this.#length === from) return
    const changes = this.#words.slice(from, this.#length)
    this.#length = from
    this.forgetFuture()
    // Before the first step there is nothing that it could belong to.
    if (this.#done > 0) for (const word of changes) this.#push(word)
  }

  /** Notes a step that has just been made: `ranges` are what it may have changed, or all. */
  add(before: Mark, after: Mark, ranges: readonly Range[] | 'all'): void {
    this.forgetFuture()
    this.#entries.push({ from: this.#length, before, after })
    this.#done++
    if (ranges === 'all') this.#compareAll()
    else for (const { address, size } of ranges) this.#compare(address >>> 2, (address + size + 3) >>> 2)
    if (this.#length > this.#limit) this.#forgetHalf()
  }

  /** Takes the last step back and says how the stepper was before it; undefined when nothing is known of one. */
  undo(): Mark | undefined {
    const entry = this.#entries[this.#done - 1]
    if (!entry) return undefined
    const { u32 } = this.#arena
    for (let at = this.#endOf(this.#done - 1) - WORDS; at >= entry.from; at -= WORDS)
      this.#set(u32, this.#words[at]!, this.#words[at + 1]!)
    this.#done--
    return entry.before
  }

  /** Makes the next step again that was taken back, and says how the stepper was after it. */
  redo(): Mark | undefined {
    const entry = this.#entries[this.#done]
    if (!entry) return undefined
    const { u32 } = this.#arena
    const end = this.#endOf(this.#done)
    for (let at = entry.from; at < end; at += WORDS) this.#set(u32, this.#words[at]!, this.#words[at + 2]!)
    this.#done++
    return entry.after
  }

  /** Whether the last step has changed a byte of a range. */
  hasChanged({ address, size }: Range): boolean {
    const entry = this.#entries[this.#done - 1]
    if (!entry) return false
    const end = this.#endOf(this.#done - 1)
    for (let at = entry.from; at < end; at += WORDS) {
      const word = this.#words[at]! * 4
      const changed = this.#words[at + 1]! ^ this.#words[at + 2]!
      for (let byte = 0; byte < 4; byte++) {
        const inside = word + byte >= address && word + byte < address + size
        if (inside && ((changed >>> (8 * byte)) & 0xff) !== 0) return true
      }
    }
    return false
  }

  /** What was taken back is not made again. */
  forgetFuture(): void {
    if (this.future === 0) return
    this.#length = this.#endOf(this.#done - 1)
    this.#entries.length = this.#done
  }

  #endOf(step: number): number {
    return this.#entries[step + 1]?.from ?? this.#length
  }

  #set(u32: Uint32Array, word: number, value: number): void {
    u32[word] = value
    this.#copy[word] = value
  }

  #compareAll(): void {
    const { u32 } = this.#arena
    if (u32.length > this.#copy.length) {
      const grown = new Uint32Array(u32.length)
      grown.set(this.#copy)
      this.#copy = grown
    }
    this.#compare(0, u32.length)
  }

  #compare(from: number, to: number): void {
    const { u32 } = this.#arena
    const copy = this.#copy
    for (let word = from; word < to; word++) {
      const is = u32[word]!
      const was = copy[word]!
      if (is === was) continue
      this.#push(word)
      this.#push(was)
      this.#push(is)
      copy[word] = is
    }
  }

  #push(value: number): void {
    if (this.#length === this.#words.length) {
      const larger = new Uint32Array(this.#words.length * 2)
      larger.set(this.#words)
      this.#words = larger
    }
    this.#words[this.#length++] = value
  }

  #forgetHalf(): void {
    const steps = Math.ceil(this.#entries.length / 2)
    const from = this.#endOf(steps - 1)
    this.#words.copyWithin(0, from, this.#length)
    this.#length -= from
    this.#entries = this.#entries.slice(steps).map((entry) => ({ ...entry, from: entry.from - from }))
    this.#done -= steps
    this.#forgotten += steps
  }
}
