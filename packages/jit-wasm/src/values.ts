import type { Insn } from '@skep/isa'
import { ACCESS, type LinkedProgram } from '@skep/registry'
import type { FunctionBlocks } from './blocks.ts'
import { type CallPlan, MAX_ADDRESS, MAX_U32, MAX_U64, NEED, planCall } from './calls.ts'
import { callNeeds, createEffects, describe, MAX_OPERANDS, OPERAND, type ParameterNeeds } from './effects.ts'
import { resultMax } from './ranges.ts'

/** The frame pointer: never written, so it takes part in no value. */
const R10 = 10

/** Bits of r1 to r5. */
const ARGUMENTS = 0b111110

/** How often all definitions are evaluated before ranges that still grow are given up. */
const PATIENCE = 4

/**
 * The values of one function: for each register, the sets of instructions that write and read the same live range (webs).
 * Each web is known to need 32 or 64 bits, and how large its values may be. A web whose high half is never needed, or always
 * zero, is kept in an i32 local; any other in an i64 local.
 */
export class Values {
  readonly #from: number
  readonly #def: Int8Array
  readonly #pure: Uint8Array
  readonly #regs: Int8Array
  readonly #needs: Uint8Array
  /** Node of each operand and of each definition, by slot; -1 for none. */
  readonly #useNodes: Int32Array
  readonly #defNodes: Int32Array
  readonly #plans = new Map<number, CallPlan>()
  /** Union-find over nodes. */
  #parents: number[] = []
  #entry: Int32Array = new Int32Array(0)
  #max: Float64Array = new Float64Array(0)
  #wide: Uint8Array = new Uint8Array(0)
  #useCount: Int32Array = new Int32Array(0)
  #defCount: Int32Array = new Int32Array(0)
  /** Bits of the registers that the function reads before it writes them. */
  readonly parameters: number

  constructor(
    program: LinkedProgram,
    flow: FunctionBlocks,
    from: number,
    to: number,
    /** The largest value that r1 has when the function is entered. */
    contextMax: number,
    calleeNeeds: (target: number) => ParameterNeeds,
  ) {
    const count = to - from
    this.#from = from
    this.#def = new Int8Array(count).fill(-1)
    this.#pure = new Uint8Array(count)
    this.#regs = new Int8Array(count * MAX_OPERANDS)
    this.#needs = new Uint8Array(count * MAX_OPERANDS)
    this.#useNodes = new Int32Array(count * MAX_OPERANDS).fill(-1)
    this.#defNodes = new Int32Array(count).fill(-1)
    const slots = slotsOf(program, flow)
    const clobbers = this.#describe(program, slots, calleeNeeds)
    const liveIn = this.#liveness(flow, slots, clobbers)
    this.parameters = liveIn[flow.graph.entry]!
    this.#connect(flow, slots, liveIn)
    this.#findRanges(program, slots, contextMax)
    this.#findWidths(slots)
  }

  #describe(
    program: LinkedProgram,
    slots: readonly (readonly number[])[],
    calleeNeeds: (target: number) => ParameterNeeds,
  ): Uint8Array {
    const effects = createEffects()
    const clobbers = new Uint8Array(this.#def.length)
    for (const slot of slots.flat()) {
      const insn = program.insns[slot]!
      const at = slot - this.#from
      const pointer = program.facts?.access[slot] === ACCESS.btf ? NEED.full : NEED.low
      describe(insn, effects, pointer, () => {
        const plan = planCall(program, slot, insn)
        this.#plans.set(slot, plan)
        return callNeeds(plan, calleeNeeds)
      })
      this.#def[at] = effects.def
      this.#pure[at] = effects.pure ? 1 : 0
      clobbers[at] = effects.clobbers ? 1 : 0
      for (let n = 0; n < effects.count; n++) {
        if (effects.regs[n] === R10) continue
        this.#regs[at * MAX_OPERANDS + n] = effects.regs[n]!
        this.#needs[at * MAX_OPERANDS + n] = effects.needs[n]!
      }
    }
    return clobbers
  }

  /** Bits of the registers that are live where each block begins. */
  #liveness(flow: FunctionBlocks, slots: readonly (readonly number[])[], clobbers: Uint8Array): Int32Array {
    const count = flow.blocks.length
    const reads = new Int32Array(count)
    const writes = new Int32Array(count)
    slots.forEach((list, block) => {
      let read = 0
      let written = 0
      for (const slot of list) {
        const at = slot - this.#from
        for (let n = 0; n < MAX_OPERANDS; n++) {
          if (this.#needs[at * MAX_OPERANDS + n] === NEED.none) continue
          read |= (1 << this.#regs[at * MAX_OPERANDS + n]!) & ~written
        }
        if (clobbers[at]) written |= ARGUMENTS
        if (this.#def[at]! >= 0) written |= 1 << this.#def[at]!
      }
      reads[block] = read
      writes[block] = written
    })
    const liveIn = new Int32Array(count)
    const preds: number[][] = flow.blocks.map(() => [])
    flow.graph.succs.forEach((succs, block) => {
      for (const succ of succs) preds[succ]!.push(block)
    })
    const work = Array.from({ length: count }, (_, block) => block)
    const queued = new Uint8Array(count).fill(1)
    for (let block = work.pop(); block !== undefined; block = work.pop()) {
      queued[block] = 0
      let out = 0
      for (const succ of flow.graph.succs[block]!) out |= liveIn[succ]!
      const live = reads[block]! | (out & ~writes[block]!)
      if (live === liveIn[block]) continue
      liveIn[block] = live
      for (const pred of preds[block]!) {
        if (queued[pred]) continue
        queued[pred] = 1
        work.push(pred)
      }
    }
    return liveIn
  }

  /** Gives every definition and every live register of a block a node, and joins the nodes that are one live range. */
  #connect(flow: FunctionBlocks, slots: readonly (readonly number[])[], liveIn: Int32Array): void {
    const live = Array.from(liveIn, (bits) => {
      const nodes = new Int32Array(R10).fill(-1)
      for (let reg = 0; reg < R10; reg++) if (bits & (1 << reg)) nodes[reg] = this.#node()
      return nodes
    })
    this.#entry = live[flow.graph.entry]!
    const current = new Int32Array(R10)
    slots.forEach((list, block) => {
      current.set(live[block]!)
      for (const slot of list) {
        const at = slot - this.#from
        for (let n = 0; n < MAX_OPERANDS; n++) {
          if (this.#needs[at * MAX_OPERANDS + n] === NEED.none) continue
          const reg = this.#regs[at * MAX_OPERANDS + n]!
          // A register that holds nothing (no verified program reads it) becomes a value of its own.
          if (current[reg] === -1) current[reg] = this.#node()
          this.#useNodes[at * MAX_OPERANDS + n] = current[reg]!
        }
        const def = this.#def[at]!
        if (def >= 0) this.#defNodes[at] = current[def] = this.#node()
      }
      for (const succ of flow.graph.succs[block]!) {
        const into = live[succ]!
        for (let reg = 0; reg < R10; reg++) {
          if (into[reg] === -1) continue
          if (current[reg] === -1) current[reg] = this.#node()
          this.#join(into[reg]!, current[reg]!)
        }
      }
    })
  }

  #node(): number {
    return this.#parents.push(this.#parents.length) - 1
  }

  #root(node: number): number {
    const parents = this.#parents
    let at = node
    while (parents[at] !== at) at = parents[at] = parents[parents[at]!]!
    return at
  }

  #join(a: number, b: number): void {
    const [x, y] = [this.#root(a), this.#root(b)]
    if (x !== y) this.#parents[Math.max(x, y)] = Math.min(x, y)
  }

  #findRanges(program: LinkedProgram, slots: readonly (readonly number[])[], contextMax: number): void {
    const count = this.#parents.length
    const max = new Float64Array(count).fill(-1)
    this.#max = max
    this.#defCount = new Int32Array(count)
    const entryMax = (reg: number): number => (reg === 1 ? contextMax : MAX_U64)
    for (let reg = 0; reg < R10; reg++) {
      const node = this.#entry[reg]!
      if (node === -1) continue
      const root = this.#root(node)
      max[root] = Math.max(max[root]!, entryMax(reg))
      this.#defCount[root]!++
    }
    const defs = slots.flat().filter((slot) => this.#defNodes[slot - this.#from] !== -1)
    for (const slot of defs) this.#defCount[this.#root(this.#defNodes[slot - this.#from]!)]!++
    let changed = true
    for (let round = 0; changed; round++) {
      changed = false
      for (const slot of defs) {
        const root = this.#root(this.#defNodes[slot - this.#from]!)
        if (max[root] === MAX_U64) continue
        const insn = program.insns[slot]!
        const dst = this.max(slot, OPERAND.dst)
        const src = this.max(slot, OPERAND.src)
        const found = resultMax(program, slot, insn, dst, src, this.#plans.get(slot))
        if (found <= max[root]!) continue
        changed = true
        max[root] = round < PATIENCE ? found : found <= MAX_U32 && round < 2 * PATIENCE ? MAX_U32 : MAX_U64
      }
    }
    for (let node = 0; node < count; node++) if (max[node] === -1) max[node] = MAX_U64
  }

  #findWidths(slots: readonly (readonly number[])[]): void {
    const wide = new Uint8Array(this.#parents.length)
    this.#wide = wide
    this.#useCount = new Int32Array(this.#parents.length)
    const uses = slots.flat()
    for (const slot of uses) {
      for (let n = 0; n < MAX_OPERANDS; n++) {
        const node = this.#useNodes[(slot - this.#from) * MAX_OPERANDS + n]!
        if (node !== -1) this.#useCount[this.#root(node)]!++
      }
    }
    let changed = true
    while (changed) {
      changed = false
      for (let u = uses.length - 1; u >= 0; u--) {
        const at = uses[u]! - this.#from
        for (let n = 0; n < MAX_OPERANDS; n++) {
          const need = this.#needs[at * MAX_OPERANDS + n]!
          if (need !== NEED.full && need !== NEED.via) continue
          const root = this.#root(this.#useNodes[at * MAX_OPERANDS + n]!)
          if (wide[root] || this.#max[root]! <= MAX_U32) continue
          if (need === NEED.via && !wide[this.#root(this.#defNodes[at]!)]) continue
          wide[root] = 1
          changed = true
        }
      }
    }
  }

  /** How the call at a slot is carried out. */
  plan(slot: number): CallPlan {
    return this.#plans.get(slot)!
  }

  /** How all calls of the function are carried out. */
  plans(): Iterable<CallPlan> {
    return this.#plans.values()
  }

  /** The register of an operand, -1 where the instruction does not read it (or reads r10). */
  operand(slot: number, operand: number): number {
    const at = (slot - this.#from) * MAX_OPERANDS + operand
    return this.#needs[at] === NEED.none ? -1 : this.#regs[at]!
  }

  /** The largest value of an operand, unsigned; for one that does not exist, that of an address (r10). */
  max(slot: number, operand: number): number {
    const node = this.#useNodes[(slot - this.#from) * MAX_OPERANDS + operand]!
    return node === -1 ? MAX_ADDRESS : this.#max[this.#root(node)]!
  }

  /** Whether an operand is kept in an i64 local. */
  isWide(slot: number, operand: number): boolean {
    const node = this.#useNodes[(slot - this.#from) * MAX_OPERANDS + operand]!
    return node !== -1 && this.#wide[this.#root(node)] === 1
  }

  /** Whether what the instruction writes is kept in an i64 local. */
  defIsWide(slot: number): boolean {
    return this.#wide[this.#root(this.#defNodes[slot - this.#from]!)] === 1
  }

  /** The register that the instruction writes, or -1. */
  def(slot: number): number {
    return this.#def[slot - this.#from]!
  }

  /** Whether nothing reads what the instruction writes. */
  isUnused(slot: number): boolean {
    return this.#useCount[this.#root(this.#defNodes[slot - this.#from]!)] === 0
  }

  /** Whether the instruction does nothing but write a register that nothing reads. */
  isIdle(slot: number): boolean {
    return this.#pure[slot - this.#from] === 1 && this.isUnused(slot)
  }

  /** Whether an operand has one definition, and is its only use. */
  isLastUse(slot: number, operand: number): boolean {
    const node = this.#useNodes[(slot - this.#from) * MAX_OPERANDS + operand]!
    if (node === -1) return false
    const root = this.#root(node)
    return this.#useCount[root] === 1 && this.#defCount[root] === 1
  }

  /** Whether a register is kept in an i64 local where the function begins; undefined when it is not read. */
  parameterIsWide(reg: number): boolean | undefined {
    const node = this.#entry[reg]!
    return node === -1 ? undefined : this.#wide[this.#root(node)] === 1
  }
}

/** The slots of each block at which an instruction begins. */
function slotsOf(program: LinkedProgram, { blocks }: FunctionBlocks): number[][] {
  return blocks.map(({ first, end }) => {
    const list: number[] = []
    for (let slot = first; slot < end; slot++) {
      list.push(slot)
      if ((program.insns[slot] as Insn).def.kind === 'ld_imm64') slot++
    }
    return list
  })
}
