import type { ClassicInsn, ClassicOpDef, Insn } from '@skep/isa'
import type { Step } from './flow.ts'

/** A load from the packet, of either form. */
export type PacketLoad = Extract<ClassicOpDef, { readonly mode: 'abs' | 'ind' | 'msh' }>

/** Where a translation of packet loads puts what it emits. */
export interface LoadOutput {
  emit(...insns: readonly Insn[]): void
  /** Emits a conditional jump to where the program ends for loads outside the packet. */
  endIf(jump: Insn): void
}

/** What a step loads from the packet, if it does. */
export function packetLoad({ def, extension }: Step): PacketLoad | undefined {
  if (extension !== undefined || !('mode' in def)) return undefined
  return def.mode === 'abs' || def.mode === 'ind' || def.mode === 'msh' ? def : undefined
}

/** A way to read the packet. */
export interface PacketLoads {
  /** A load that is outside every packet, and so ends the program. */
  neverInside(insn: ClassicInsn, def: ClassicOpDef): boolean
  /** Loads need the context in r6. */
  usesContext(steps: readonly Step[]): boolean
  /** What has to come first, with the context still in r1. */
  prologue(out: LoadOutput, steps: readonly Step[]): void
  /** Emits a load whose result goes to A, or to X for msh. Leaves the other one alone. */
  load(out: LoadOutput, step: Step, def: PacketLoad): void
  /** Emits a load of the packet's length; false if it has no better way than a field of the context. */
  length(out: LoadOutput, register: number): boolean
  /** Follows what a step that is no packet load does to registers. */
  passed(step: Step, callsHelper: boolean): void
  /** A constant that A is compared with at a step. */
  constant(step: Step): number
}
