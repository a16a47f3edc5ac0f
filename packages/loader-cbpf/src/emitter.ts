import { insn as build, encode, type Insn } from '@skep/isa'

/** A place in the program, known once it is reached. */
export interface Label {
  slot: number | undefined
}

export const label = (): Label => ({ slot: undefined })

/** Bytes of an instruction; none here takes two slots. */
const SLOT = 8
/** Where its 16-bit offset is. */
const OFF = 2

/** Collects instructions, encoded; jumps name labels and get their distance at the end. */
export class Emitter {
  #bytes = new Uint8Array(64 * SLOT)
  #slot = 0
  readonly #jumps: { readonly slot: number; readonly to: Label }[] = []

  /** The slot that the next instruction gets. */
  get slot(): number {
    return this.#slot
  }

  emit(...insns: readonly Insn[]): void {
    for (const insn of insns) this.#set(this.#slot++, insn)
  }

  #set(slot: number, insn: Insn): void {
    if ((slot + 1) * SLOT > this.#bytes.length) {
      const larger = new Uint8Array(this.#bytes.length * 2)
      larger.set(this.#bytes)
      this.#bytes = larger
    }
    this.#bytes.set(encode([insn]), slot * SLOT)
  }

  /** Emits a jump whose `off` is still open. */
  jump(insn: Insn, to: Label): void {
    this.#jumps.push({ slot: this.#slot, to })
    this.emit(insn)
  }

  /** Lets a jump that was emitted without a distance come here: one that is known soon needs no label. */
  land(slot: number): void {
    this.#setDistance(slot, this.#slot - slot - 1)
  }

  #setDistance(slot: number, distance: number): void {
    this.#bytes.set(encode([build.ja(distance)]).subarray(OFF, OFF + 2), slot * SLOT + OFF)
  }

  goto(to: Label): void {
    this.jump(build.ja(0), to)
  }

  place(at: Label): void {
    at.slot = this.#slot
  }

  /** The code, in bytes. */
  finish(): Uint8Array {
    const ja = build.ja(0).def.code
    for (const { slot, to } of this.#jumps) {
      const distance = to.slot! - slot - 1
      // Only unconditional jumps can be that long: those of classic BPF have 32 bits.
      if (distance > 0x7fff && this.#bytes[slot * SLOT] === ja) this.#set(slot, build.gotol(distance))
      else this.#setDistance(slot, distance)
    }
    return this.#bytes.slice(0, this.#slot * SLOT)
  }
}
