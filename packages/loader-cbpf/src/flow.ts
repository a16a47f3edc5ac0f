import { type AncillaryName, ancillaryAt, type ClassicInsn, type ClassicOpDef, classicDef } from '@skep/isa'

/** A classic instruction with what a translation asks about it. */
export interface Step {
  readonly index: number
  readonly insn: ClassicInsn
  readonly def: ClassicOpDef
  /** The extension that an absolute load reads. */
  readonly extension: AncillaryName | undefined
  /** Where control goes next; none after a return. */
  readonly next: readonly number[]
  readonly reads: Registers
  readonly writes: Registers
  /** Some path comes here. */
  reachable: boolean
  /** Control comes back here from further on. */
  head: boolean
  /** Registers whose values at the start of the instruction some path reads. */
  live: Registers
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
  const steps = insns.map((insn, index): Step => {
    const def = classicDef(insn.code)!
    const extension = def.kind === 'ld' && def.mode === 'abs' ? ancillaryAt(insn.k) : undefined
    const [reads, writes] = registersOf(def, extension)
    const next = ends(insn, def) ? [] : nextOf(insn, def, index)
    return { index, insn, def, extension, next, reads, writes, reachable: index === 0, head: false, live: 0 }
  })
  for (const step of steps) if (step.reachable) for (const to of step.next) steps[to]!.reachable = true
  for (const step of steps) for (const to of step.next) if (to <= step.index) steps[to]!.head = true
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
