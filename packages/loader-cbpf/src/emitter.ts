import { insn as build, type Insn } from '@skep/isa'

/** A place in the program, known once it is reached. */
export interface Label {
  slot: number | undefined
}

export const label = (): Label => ({ slot: undefined })

/** Collects instructions; jumps name labels and get their distance at the end. */
export class Emitter {
  readonly #insns: Insn[] = []
  readonly #jumps: { readonly slot: number; readonly to: Label }[] = []

  /** The slot that the next instruction gets. */
  get slot(): number {
    return this.#insns.length
  }

  emit(...insns: readonly Insn[]): void {
    this.#insns.push(...insns)
  }

  /** Emits a jump whose `off` is still open. */
  jump(insn: Insn, to: Label): void {
    this.#jumps.push({ slot: this.#insns.length, to })
    this.#insns.push(insn)
  }

  goto(to: Label): void {
    this.jump(build.ja(0), to)
  }

  place(at: Label): void {
    at.slot = this.#insns.length
  }

  finish(): readonly Insn[] {
    const insns = [...this.#insns]
    for (const { slot, to } of this.#jumps) {
      const distance = to.slot! - slot - 1
      const insn = insns[slot]!
      // Only unconditional jumps can be that long: those of classic BPF have 32 bits.
      insns[slot] =
        distance > 0x7fff && insn.def.kind === 'ja' ? build.gotol(distance) : { ...insn, off: distance }
    }
    return insns
  }
}
