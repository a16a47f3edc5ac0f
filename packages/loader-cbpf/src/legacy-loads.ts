import { insn as build, type ClassicInsn } from '@skep/isa'
import { A, type Step } from './flow.ts'
import { type LoadOutput, type PacketLoad, type PacketLoads, packetLoad } from './packet-loads.ts'
import { REG_A, REG_SAVED, REG_X } from './registers.ts'

const ABS = { 1: build.ld_abs_b, 2: build.ld_abs_h, 4: build.ld_abs_w } as const
const IND = { 1: build.ld_ind_b, 2: build.ld_ind_h, 4: build.ld_ind_w } as const

/** ld_abs and ld_ind: they check bounds themselves, exit with 0 outside, and give the host's byte order in r0. */
export class LegacyLoads implements PacketLoads {
  readonly #steps: () => readonly Step[]

  constructor(steps: () => readonly Step[]) {
    this.#steps = steps
  }

  neverInside(): boolean {
    return false
  }

  usesContext(steps: readonly Step[]): boolean {
    return steps.some((step) => step.reachable && packetLoad(step) !== undefined)
  }

  prologue(): void {}

  load(out: LoadOutput, step: Step, def: PacketLoad): void {
    const k = step.insn.k | 0
    if (def.mode === 'ind') out.emit(IND[def.size](REG_X, k))
    else if (def.mode === 'abs') out.emit(ABS[def.size](k))
    else this.#loadX(out, step.insn, this.#keepsA(step))
  }

  #keepsA(step: Step): boolean {
    return step.next.some((to) => (this.#steps()[to]!.live & A) !== 0)
  }

  #loadX(out: LoadOutput, { k }: ClassicInsn, keepA: boolean): void {
    if (keepA) out.emit(build.mov32_reg(REG_SAVED, REG_A))
    out.emit(
      build.ld_abs_b(k | 0),
      build.and32_imm(REG_A, 0xf),
      build.lsh32_imm(REG_A, 2),
      build.mov32_reg(REG_X, REG_A),
    )
    if (keepA) out.emit(build.mov32_reg(REG_A, REG_SAVED))
  }

  length(): boolean {
    return false
  }

  passed(): void {}

  constant(step: Step): number {
    return step.insn.k
  }
}
