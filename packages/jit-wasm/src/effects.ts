import type { Insn } from '@skep/isa'
import { type CallPlan, helperNeeds, mapOpShapes, NEED, type Need } from './calls.ts'

/** The registers that an instruction reads, how much of each, and the one that it writes. */
export interface Effects {
  /** How many of `regs` and `needs` count. Operands stand in the order that the code generator asks for them. */
  count: number
  readonly regs: Int8Array
  readonly needs: Uint8Array
  /** The register written, -1 for none. */
  def: number
  /** r1 to r5 hold nothing afterwards. */
  clobbers: boolean
  /** May be left out when its result is not used. */
  pure: boolean
}

/** Place of an operand among an instruction's operands. */
export const OPERAND = { dst: 0, src: 1, r0: 2 } as const

/** The most operands that an instruction has: callx with five arguments. */
export const MAX_OPERANDS = 6

export function createEffects(): Effects {
  return {
    count: 0,
    regs: new Int8Array(MAX_OPERANDS),
    needs: new Uint8Array(MAX_OPERANDS),
    def: -1,
    clobbers: false,
    pure: false,
  }
}

/** What local calls need of r1 to r5: `none` for those that the callee does not read. */
export type ParameterNeeds = readonly Need[]

/** What the call needs of r1, r2, …, in order. */
export function callNeeds(plan: CallPlan, parameters: (target: number) => ParameterNeeds): readonly Need[] {
  switch (plan.kind) {
    case 'array_lookup': {
      const map = plan.array.data === undefined ? NEED.address : NEED.none
      return [map, plan.key === undefined ? NEED.address : NEED.low]
    }
    case 'map_op': {
      const map = plan.map.address === undefined ? NEED.address : NEED.none
      return [map, ...mapOpShapes[plan.op].needs]
    }
    case 'tail_call':
      return [NEED.address, plan.map ? NEED.none : NEED.address, NEED.low]
    case 'helper':
      return helperNeeds(plan.helper.def)
    case 'lowered':
      return plan.needs
    case 'local':
      return parameters(plan.target)
    case 'by_register':
      return [NEED.full, NEED.full, NEED.full, NEED.full, NEED.full]
  }
}

/** The register that a call's r2 is taken from: a lookup's key may be in one of its own. */
export const secondRegister = (plan: CallPlan): number => (plan.kind === 'array_lookup' ? (plan.key ?? 2) : 2)

/**
 * Finds out what an instruction reads and writes. `pointer` is what an access needs of its pointer, `call` gives the needs of
 * a call and the register that is its r2.
 */
export function describe(
  insn: Insn,
  effects: Effects,
  pointer: Need,
  call: () => { readonly needs: readonly Need[]; readonly second: number },
): void {
  const { def, dst, src, imm } = insn
  effects.count = 0
  effects.def = -1
  effects.clobbers = false
  effects.pure = false
  const use = (operand: number, reg: number, need: Need): void => {
    while (effects.count <= operand) effects.needs[effects.count++] = NEED.none
    effects.regs[operand] = reg
    effects.needs[operand] = need
  }
  const compute = (): void => {
    effects.def = dst
    effects.pure = true
  }
  switch (def.kind) {
    case 'alu': {
      compute()
      let need: Need = def.width === 32 ? NEED.low : NEED.full
      let amount: Need = need
      if (def.width === 64) {
        switch (def.aluOp) {
          case 'add':
          case 'sub':
          case 'mul':
          case 'or':
          case 'xor':
            need = amount = NEED.via
            break
          case 'and':
            // A mask without high bits needs none of the operand's.
            need = amount = def.source === 'imm' && imm >= 0 ? NEED.low : NEED.via
            break
          case 'lsh':
            need = def.source === 'imm' ? NEED.via : NEED.full
            amount = NEED.low
            break
          case 'rsh':
          case 'arsh':
            amount = NEED.low
            break
        }
      }
      use(OPERAND.dst, dst, need)
      if (def.source === 'reg') use(OPERAND.src, src, amount)
      return
    }
    case 'mov':
      compute()
      if (def.source === 'reg') use(OPERAND.src, src, def.width === 32 ? NEED.low : NEED.via)
      return
    case 'movsx':
    case 'addr_space_cast':
      compute()
      use(OPERAND.src, src, NEED.low)
      return
    case 'neg':
      compute()
      use(OPERAND.dst, dst, def.width === 32 ? NEED.low : NEED.via)
      return
    case 'endian':
      compute()
      use(OPERAND.dst, dst, def.size === 8 ? NEED.full : NEED.low)
      return
    case 'ld_imm64':
      compute()
      return
    case 'ldx':
    case 'ldxsx':
      compute()
      use(OPERAND.src, src, pointer)
      return
    case 'load_acq':
      effects.def = dst
      use(OPERAND.src, src, pointer)
      return
    case 'st':
      use(OPERAND.dst, dst, pointer)
      return
    case 'stx':
    case 'store_rel':
      use(OPERAND.dst, dst, pointer)
      use(OPERAND.src, src, def.size === 8 ? NEED.full : NEED.low)
      return
    case 'atomic': {
      const need = def.size === 8 ? NEED.full : NEED.low
      use(OPERAND.dst, dst, pointer)
      use(OPERAND.src, src, need)
      if (def.atomicOp === 'cmpxchg') {
        use(OPERAND.r0, 0, need)
        effects.def = 0
      } else if (def.fetch) {
        effects.def = src
      }
      return
    }
    case 'ld_abs':
    case 'ld_ind':
      use(OPERAND.dst, 6, NEED.low)
      if (def.kind === 'ld_ind') use(OPERAND.src, src, NEED.low)
      effects.def = 0
      effects.clobbers = true
      return
    case 'jump': {
      const low = def.width === 32 || (def.jumpOp === 'set' && def.source === 'imm' && imm >= 0)
      use(OPERAND.dst, dst, low ? NEED.low : NEED.full)
      if (def.source === 'reg') use(OPERAND.src, src, low ? NEED.low : NEED.full)
      return
    }
    case 'call':
    case 'callx': {
      const { needs, second } = call()
      needs.forEach((need, n) => {
        use(n, n === 1 ? second : n + 1, need)
      })
      if (def.kind === 'callx') use(MAX_OPERANDS - 1, dst, NEED.low)
      effects.def = 0
      effects.clobbers = true
      return
    }
    case 'exit':
      use(OPERAND.dst, 0, NEED.full)
      return
    case 'ja':
    case 'may_goto':
    case 'ld_imm64_hi':
    case 'gotox':
      return
  }
}
