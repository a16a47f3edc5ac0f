import { type AncillaryName, ancillaryAt, type ClassicInsn, type ClassicOpDef, classicDef } from '@skep/isa'

const REACHABLE = 1
const HEAD = 2
const ENDS = 4

/** A classic instruction with what a translation asks about it. There is one for each, so they hold little and work out the rest. */
export class Step {
  readonly index: number
  readonly insn: ClassicInsn
  /** Registers whose values at the start of the instruction some path reads. */
  live: Registers = 0
  #flags: number

  constructor(index: number, insn: ClassicInsn, ends: boolean) {
    this.index = index
    this.insn = insn
    this.#flags = (index === 0 ? REACHABLE : 0) | (ends ? ENDS : 0)
  }

  get def(): ClassicOpDef {
    return classicDef(this.insn.code)!
  }

  /** The extension that an absolute load reads. */
  get extension(): AncillaryName | undefined {
    const { def } = this
    return def.kind === 'ld' && def.mode === 'abs' ? ancillaryAt(this.insn.k) : undefined
  }

  /** Where control goes next; none after a return, and after what always ends the program. */
  get next(): readonly number[] {
    return this.#flags & ENDS ? [] : nextOf(this.insn, this.def, this.index)
  }

  get reads(): Registers {
    return registersOf(this.def, this.extension)[0]
  }

  get writes(): Registers {
    return registersOf(this.def, this.extension)[1]
  }

  /** Some path comes here. */
  get reachable(): boolean {
    return (this.#flags & REACHABLE) !== 0
  }

  reach(): void {
    this.#flags |= REACHABLE
  }

  /** Control comes back here from further on. */
  get head(): boolean {
    return (this.#flags & HEAD) !== 0
  }

  comeBack(): void {
    this.#flags |= HEAD
  }
}

/** Bits: A is 1, X is 2. */
export type Registers = number
export const A: Registers = 1
export const X: Registers = 2

/**
 * Takes a checked program apart. `ends` tells of instructions that always end the program although they are no returns.
 * One pass in either direction sees everything: jumps go forward, but for those of loops, where neither A nor X is used
 * again.
 */
export function analyze(
  insns: readonly ClassicInsn[],
  ends: (insn: ClassicInsn, def: ClassicOpDef) => boolean,
): readonly Step[] {
  const steps = insns.map((insn, index) => new Step(index, insn, ends(insn, classicDef(insn.code)!)))
  for (const step of steps) if (step.reachable) for (const to of step.next) steps[to]!.reach()
  for (const step of steps) for (const to of step.next) if (to <= step.index) steps[to]!.comeBack()
  for (const step of steps.toReversed()) {
    const after = step.next.reduce((live, to) => live | steps[to]!.live, 0)
    step.live = step.reads | (after & ~step.writes)
  }
  return steps
}

function nextOf({ jt, jf, k }: ClassicInsn, def: ClassicOpDef, index: number): readonly number[] {
  switch (def.kind) {
    case 'ret':
      return []
    case 'ja':
      return [index + 1 + k]
    case 'jump':
      return [index + 1 + jt, index + 1 + jf]
    default:
      return [index + 1]
  }
}

function registersOf(
  def: ClassicOpDef,
  extension: AncillaryName | undefined,
): [reads: Registers, writes: Registers] {
  switch (def.kind) {
    case 'ld':
      // Without a device, a load of ifindex ends the program with A.
      if (extension !== undefined)
        return [extension === 'alu_xor_x' ? A | X : extension === 'ifindex' ? A : 0, A]
      return [def.mode === 'ind' ? X : 0, A]
    case 'ldx':
      return [0, X]
    case 'st':
      return [A, 0]
    case 'stx':
      return [X, 0]
    case 'alu':
      return [def.source === 'x' ? A | X : A, A]
    case 'neg':
      return [A, A]
    case 'ja':
      return [0, 0]
    case 'jump':
      return [def.source === 'x' ? A | X : A, 0]
    case 'ret':
      return [def.source === 'a' ? A : 0, 0]
    case 'tax':
      return [A, X]
    case 'txa':
      return [X, A]
  }
}
