import { ACCESS } from '@skep/registry'
import type { FunctionBlocks } from './blocks.ts'
import { type CallPlan, MAX_ADDRESS, MAX_U32, MAX_U64, NEED, planCall } from './calls.ts'
import {
  callNeeds,
  createEffects,
  describe,
  MAX_OPERANDS,
  OPERAND,
  type ParameterNeeds,
  secondRegister,
} from './effects.ts'
import { resultMax } from './ranges.ts'
import { type PreparedProgram, REGISTERS } from './stack-slots.ts'

/** The frame pointer: never written, so it takes part in no value. */
const R10 = 10

/** Bits of r1 to r5. */
const ARGUMENTS = 0b111110

/** How often all definitions are evaluated before ranges that still grow are given up. */
const PATIENCE = 4

/** What a function's values depend on besides its code. */
export interface Surroundings {
  /** The largest value that r1 has when the function is entered. */
  readonly contextMax: number
  readonly calleeNeeds: (target: number) => ParameterNeeds
  /** The memory is shared between threads. */
  readonly shared: boolean
}

/**
 * The values of one function: for each register, the sets of instructions that write and read the same live range (webs).
 * Each web is known to need 32 or 64 bits, and how large its values may be. A web whose high half is never needed, or always
 * zero, is kept in an i32 local; any other in an i64 local.
 */
export class Values {
  readonly #program: PreparedProgram
  readonly #from: number
  readonly #def: Int8Array
  readonly #pure: Uint8Array
  readonly #regs: Int8Array
  readonly #needs: Uint8Array
  /** The operands that there are, as places in the arrays above, in the order of the slots. */
  readonly #uses: number[] = []
  /** Slots at which instructions begin, block by block, and where each block's begin among them and among the uses. */
  readonly #slots: number[] = []
  readonly #firstSlot: Int32Array
  readonly #firstUse: Int32Array
  /** Node of each operand and of each definition, by slot; -1 for none. */
  readonly #useNodes: Int32Array
  readonly #defNodes: Int32Array
  readonly #plans = new Map<number, CallPlan>()
  /** Union-find over nodes; nodes in the arrays above are roots once all are joined. */
  #parents: number[] = []
  #entry: Int32Array = new Int32Array(0)
  #max: Float64Array = new Float64Array(0)
  #wide: Uint8Array = new Uint8Array(0)
  #useCount: Int32Array = new Int32Array(0)
  #defCount: Int32Array = new Int32Array(0)
  /** Bits of the registers that the function reads before it writes them. */
  readonly parameters: number

  constructor(program: PreparedProgram, flow: FunctionBlocks, from: number, to: number, known: Surroundings) {
    const count = to - from
    this.#program = program
    this.#from = from
    this.#def = new Int8Array(count).fill(-1)
    this.#pure = new Uint8Array(count)
    this.#regs = new Int8Array(count * MAX_OPERANDS)
    this.#needs = new Uint8Array(count * MAX_OPERANDS)
    this.#useNodes = new Int32Array(count * MAX_OPERANDS).fill(-1)
    this.#defNodes = new Int32Array(count).fill(-1)
    const blocks = flow.blocks.length
    this.#firstSlot = new Int32Array(blocks + 1)
    this.#firstUse = new Int32Array(blocks + 1)
    const clobbers = this.#describe(program, flow, known)
    const liveIn = this.#liveness(flow, clobbers)
    this.parameters = liveIn[flow.graph.entry]!
    this.#connect(flow, liveIn)
    this.#findRanges(program, known.contextMax)
    this.#findWidths()
  }

  /** Notes what each instruction reads and writes. Returns which ones leave nothing in r1 to r5. */
  #describe(
    program: PreparedProgram,
    flow: FunctionBlocks,
    { calleeNeeds, shared }: Surroundings,
  ): Uint8Array {
    const effects = createEffects()
    const clobbers = new Uint8Array(this.#def.length)
    flow.blocks.forEach((block, index) => {
      this.#firstSlot[index] = this.#slots.length
      this.#firstUse[index] = this.#uses.length
      for (let slot = block.first; slot < block.end; slot++) {
        const insn = program.insns[slot]!
        const at = slot - this.#from
        this.#slots.push(slot)
        const pointer = program.facts?.access[slot] === ACCESS.btf ? NEED.full : NEED.low
        describe(insn, effects, pointer, () => {
          const plan = planCall(program, slot, insn, shared)
          this.#plans.set(slot, plan)
          return { needs: callNeeds(plan, calleeNeeds), second: secondRegister(plan) }
        })
        this.#def[at] = effects.def
        this.#pure[at] = effects.pure ? 1 : 0
        clobbers[at] = effects.clobbers ? 1 : 0
        for (let n = 0; n < effects.count; n++) {
          if (effects.needs[n] === NEED.none || effects.regs[n] === R10) continue
          this.#regs[at * MAX_OPERANDS + n] = effects.regs[n]!
          this.#needs[at * MAX_OPERANDS + n] = effects.needs[n]!
          this.#uses.push(at * MAX_OPERANDS + n)
        }
        if (insn.def.kind === 'ld_imm64') slot++
      }
    })
    this.#firstSlot[flow.blocks.length] = this.#slots.length
    this.#firstUse[flow.blocks.length] = this.#uses.length
    return clobbers
  }

  /** Bits of the registers that are live where each block begins. */
  #liveness(flow: FunctionBlocks, clobbers: Uint8Array): Int32Array {
    const count = flow.blocks.length
    const reads = new Int32Array(count)
    const writes = new Int32Array(count)
    for (let block = 0; block < count; block++) {
      let read = 0
      let written = 0
      let use = this.#firstUse[block]!
      for (let n = this.#firstSlot[block]!; n < this.#firstSlot[block + 1]!; n++) {
        const at = this.#slots[n]! - this.#from
        const next = (at + 1) * MAX_OPERANDS
        for (; this.#uses[use]! < next && use < this.#firstUse[block + 1]!; use++) {
          read |= (1 << this.#regs[this.#uses[use]!]!) & ~written
        }
        if (clobbers[at]) written |= ARGUMENTS
        if (this.#def[at]! >= 0) written |= 1 << this.#def[at]!
      }
      reads[block] = read
      writes[block] = written
    }
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
  #connect(flow: FunctionBlocks, liveIn: Int32Array): void {
    const live = Array.from(liveIn, (bits) => {
      const nodes = new Int32Array(REGISTERS).fill(-1)
      for (let reg = 0; reg < REGISTERS; reg++) if (bits & (1 << reg)) nodes[reg] = this.#node()
      return nodes
    })
    this.#entry = live[flow.graph.entry]!
    const current = new Int32Array(REGISTERS)
    for (let block = 0; block < live.length; block++) {
      current.set(live[block]!)
      let use = this.#firstUse[block]!
      for (let n = this.#firstSlot[block]!; n < this.#firstSlot[block + 1]!; n++) {
        const at = this.#slots[n]! - this.#from
        const next = (at + 1) * MAX_OPERANDS
        for (; this.#uses[use]! < next && use < this.#firstUse[block + 1]!; use++) {
          const operand = this.#uses[use]!
          const reg = this.#regs[operand]!
          // A register that holds nothing (no verified program reads it) becomes a value of its own.
          if (current[reg] === -1) current[reg] = this.#node()
          this.#useNodes[operand] = current[reg]!
        }
        const def = this.#def[at]!
        if (def >= 0) this.#defNodes[at] = current[def] = this.#node()
      }
      for (const succ of flow.graph.succs[block]!) {
        const into = live[succ]!
        for (let reg = 0; reg < REGISTERS; reg++) {
          if (into[reg] === -1) continue
          if (current[reg] === -1) current[reg] = this.#node()
          this.#join(into[reg]!, current[reg]!)
        }
      }
    }
    for (let n = 0; n < this.#useNodes.length; n++) {
      if (this.#useNodes[n] !== -1) this.#useNodes[n] = this.#root(this.#useNodes[n]!)
    }
    for (let n = 0; n < this.#defNodes.length; n++) {
      if (this.#defNodes[n] !== -1) this.#defNodes[n] = this.#root(this.#defNodes[n]!)
    }
    for (let reg = 0; reg < REGISTERS; reg++) {
      if (this.#entry[reg] !== -1) this.#entry[reg] = this.#root(this.#entry[reg]!)
    }
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

  #findRanges(program: PreparedProgram, contextMax: number): void {
    const count = this.#parents.length
    const max = new Float64Array(count).fill(-1)
    this.#max = max
    this.#defCount = new Int32Array(count)
    for (let reg = 0; reg < REGISTERS; reg++) {
      const root = this.#entry[reg]!
      if (root === -1) continue
      max[root] = Math.max(max[root]!, reg === 1 ? contextMax : MAX_U64)
      this.#defCount[root]!++
    }
    let work: number[] = []
    for (const slot of this.#slots) {
      const root = this.#defNodes[slot - this.#from]!
      if (root === -1) continue
      this.#defCount[root]!++
      work.push(slot)
    }
    for (let round = 0; work.length > 0; round++) {
      let changed = false
      const again: number[] = []
      for (const slot of work) {
        const root = this.#defNodes[slot - this.#from]!
        if (max[root] === MAX_U64) continue
        again.push(slot)
        const dst = this.max(slot, OPERAND.dst)
        const src = this.max(slot, OPERAND.src)
        const found = resultMax(program, slot, program.insns[slot]!, dst, src, this.#plans.get(slot))
        if (found <= max[root]!) continue
        changed = true
        max[root] = round < PATIENCE ? found : found <= MAX_U32 && round < 2 * PATIENCE ? MAX_U32 : MAX_U64
      }
      work = changed ? again : []
    }
    for (let node = 0; node < count; node++) if (max[node] === -1) max[node] = MAX_U64
  }

  #findWidths(): void {
    const wide = new Uint8Array(this.#parents.length)
    this.#wide = wide
    this.#useCount = new Int32Array(this.#parents.length)
    let work: number[] = []
    for (const use of this.#uses) {
      const root = this.#useNodes[use]!
      this.#useCount[root]!++
      if (this.#max[root]! <= MAX_U32) continue
      const need = this.#needs[use]!
      if (need === NEED.full) wide[root] = 1
      else if (need === NEED.via) work.push(use)
    }
    // Needs go from results to operands, which mostly come before them.
    work.reverse()
    for (let changed = true; changed; ) {
      changed = false
      const again: number[] = []
      for (const use of work) {
        const root = this.#useNodes[use]!
        if (wide[root]) continue
        if (wide[this.#defNodes[Math.floor(use / MAX_OPERANDS)]!]) {
          wide[root] = 1
          changed = true
        } else again.push(use)
      }
      work = again
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
    return node === -1 ? MAX_ADDRESS : this.#max[node]!
  }

  /** An operand's value where its one definition is a constant. */
  constant(slot: number, operand: number): number | undefined {
    const node = this.#useNodes[(slot - this.#from) * MAX_OPERANDS + operand]!
    if (node === -1 || this.#defCount[node] !== 1) return undefined
    const from = this.#slots.find((at) => this.#defNodes[at - this.#from] === node)
    const insn = from === undefined ? undefined : this.#program.insns[from]!
    return insn?.def.kind === 'mov' && insn.def.source === 'imm' ? insn.imm : undefined
  }

  /** The live range that an operand reads; -1 where there is none. */
  useRange(slot: number, operand: number): number {
    return this.#useNodes[(slot - this.#from) * MAX_OPERANDS + operand]!
  }

  /** The live range that the instruction writes; -1 where it writes none. */
  defRange(slot: number): number {
    return this.#defNodes[slot - this.#from]!
  }

  /** How many instructions write a live range (and the function's entry, for a parameter), and how often it is read. */
  countOf(range: number): { readonly defs: number; readonly uses: number } {
    return { defs: this.#defCount[range]!, uses: this.#useCount[range]! }
  }

  /** Whether an operand is kept in an i64 local. */
  isWide(slot: number, operand: number): boolean {
    const node = this.#useNodes[(slot - this.#from) * MAX_OPERANDS + operand]!
    return node !== -1 && this.#wide[node] === 1
  }

  /** Whether what the instruction writes is kept in an i64 local. */
  defIsWide(slot: number): boolean {
    return this.#wide[this.#defNodes[slot - this.#from]!] === 1
  }

  /** The register that the instruction writes, or -1. */
  def(slot: number): number {
    return this.#def[slot - this.#from]!
  }

  /** Whether nothing reads what the instruction writes. */
  isUnused(slot: number): boolean {
    return this.#useCount[this.#defNodes[slot - this.#from]!] === 0
  }

  /** Whether the instruction does nothing but write a register that nothing reads. */
  isIdle(slot: number): boolean {
    return this.#pure[slot - this.#from] === 1 && this.isUnused(slot)
  }

  /** Whether an operand has one definition, and is its only use. */
  isLastUse(slot: number, operand: number): boolean {
    const node = this.#useNodes[(slot - this.#from) * MAX_OPERANDS + operand]!
    return node !== -1 && this.#useCount[node] === 1 && this.#defCount[node] === 1
  }

  /** Whether a register is kept in an i64 local where the function begins; undefined when it is not read. */
  parameterIsWide(reg: number): boolean | undefined {
    const node = this.#entry[reg]!
    return node === -1 ? undefined : this.#wide[node] === 1
  }
}
