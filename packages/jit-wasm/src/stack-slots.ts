import { type Insn, insn as make } from '@skep/isa'
import { control, type LinkedProgram } from '@skep/registry'
import { findBlocks } from './blocks.ts'
import { type CallPlan, NEED, planCall } from './calls.ts'
import { callNeeds, createEffects, describe } from './effects.ts'

/** A program whose stack slots that are nothing but values have become registers: numbers from `FIRST_SLOT` on. */
export interface PreparedProgram extends LinkedProgram {
  /** At lookups in arrays: the register that holds the key. */
  readonly keys?: ReadonlyMap<number, number>
}

/** The frame pointer. */
const R10 = 10
const FIRST_SLOT = 11
/** Registers with those that stand for slots: as many as bits of a number. */
export const REGISTERS = 32

// What is known of a register besides offsets from r10, which are not positive: it holds no address in the frame, or one that
// paths differ about.
const NO_FRAME = 1
const ANY_FRAME = 2

/** An access of the frame by an instruction. */
interface Access {
  readonly slot: number
  /** First byte, from r10. */
  readonly at: number
  readonly size: number
  readonly kind: 'load' | 'store' | 'key' | 'memory'
}

/** What a function does with its frame; undefined when its address goes where nobody can follow it. */
interface FrameUse {
  readonly accesses: readonly Access[]
  /** Bytes from here up may be read and written by what is called. */
  readonly open: number
  /** Instructions that compute addresses in the frame. */
  readonly addresses: readonly number[]
}

/**
 * Turns stack slots into registers, which become wasm locals, where only loads and stores of the same bytes and lookups in
 * arrays use them. What a program passes to a helper stays in memory, and all that lies above it.
 */
export function promoteSlots(program: LinkedProgram, shared: boolean): PreparedProgram {
  const { facts } = program
  if (!facts) return program
  const insns = [...program.insns]
  const keys = new Map<number, number>()
  const starts = [...new Set([0, ...program.subprograms])].sort((a, b) => a - b)
  starts.forEach((from, n) => {
    if (facts.reachable[from] !== 1) return
    const use = frameUse(program, from, starts[n + 1] ?? insns.length, shared)
    if (use) rewrite(insns, keys, use)
  })
  return keys.size === 0 && insns.every((insn, slot) => insn === program.insns[slot])
    ? program
    : { ...program, insns, keys }
}

function frameUse(program: LinkedProgram, from: number, to: number, shared: boolean): FrameUse | undefined {
  const { blocks, graph } = findBlocks(program, from, to)
  const entry = new Array<Int32Array | undefined>(blocks.length)
  entry[graph.entry] = new Int32Array(R10).fill(NO_FRAME)
  const plans = new Map<number, CallPlan>()
  const plan = (slot: number): CallPlan => {
    let found = plans.get(slot)
    if (!found) {
      found = planCall(program, slot, program.insns[slot]!, shared)
      plans.set(slot, found)
    }
    return found
  }
  const work = [graph.entry]
  for (let block = work.pop(); block !== undefined; block = work.pop()) {
    const state = entry[block]!.slice()
    const { first, end } = blocks[block]!
    for (let slot = first; slot < end; slot++) {
      step(program.insns[slot]!, state)
      if (program.insns[slot]!.def.kind === 'ld_imm64') slot++
    }
    for (const succ of graph.succs[block]!) {
      const into = entry[succ]
      if (!into) {
        entry[succ] = state.slice()
        work.push(succ)
        continue
      }
      let changed = false
      state.forEach((known, reg) => {
        if (known === into[reg] || into[reg] === ANY_FRAME) return
        into[reg] = ANY_FRAME
        changed = true
      })
      if (changed) work.push(succ)
    }
  }
  const collector = new Collector(program, plan)
  blocks.forEach(({ first, end }, block) => {
    const state = entry[block]?.slice()
    if (!state) return
    for (let slot = first; slot < end && !collector.lost; slot++) {
      const insn = program.insns[slot]!
      collector.look(slot, insn, state)
      step(insn, state)
      if (insn.def.kind === 'ld_imm64') slot++
    }
  })
  return collector.lost ? undefined : collector
}

/** What an instruction makes of the registers. */
function step(insn: Insn, state: Int32Array): void {
  const { def, dst, src, imm } = insn
  switch (def.kind) {
    case 'mov':
      state[dst] = def.source === 'reg' && def.width === 64 ? known(state, src) : NO_FRAME
      return
    case 'alu':
      if (isSum(insn) && state[dst]! <= 0) {
        const at = state[dst]! + imm
        state[dst] = at <= 0 && at >= -control.MAX_BPF_STACK ? at : ANY_FRAME
      } else state[dst] = NO_FRAME // Where it was an address, the collector gives up.
      return
    case 'call':
    case 'callx':
      state.fill(NO_FRAME, 0, 6)
      return
    case 'ld_abs':
    case 'ld_ind':
      state.fill(NO_FRAME, 0, 6)
      return
    case 'atomic':
      if (def.atomicOp === 'cmpxchg') state[0] = NO_FRAME
      else if (def.fetch) state[src] = NO_FRAME
      return
    case 'st':
    case 'stx':
    case 'store_rel':
    case 'jump':
    case 'ja':
    case 'exit':
    case 'may_goto':
      return
    default:
      if (dst < R10) state[dst] = NO_FRAME
  }
}

const known = (state: Int32Array, reg: number): number => (reg === R10 ? 0 : state[reg]!)

const isSum = ({ def, imm }: Insn): boolean =>
  def.kind === 'alu' &&
  def.aluOp === 'add' &&
  def.width === 64 &&
  def.source === 'imm' &&
  imm >= -control.MAX_BPF_STACK &&
  imm <= control.MAX_BPF_STACK

class Collector implements FrameUse {
  readonly accesses: Access[] = []
  readonly addresses: number[] = []
  open = 0
  lost = false
  readonly #program: LinkedProgram
  readonly #plan: (slot: number) => CallPlan
  readonly #effects = createEffects()

  constructor(program: LinkedProgram, plan: (slot: number) => CallPlan) {
    this.#program = program
    this.#plan = plan
  }

  look(slot: number, insn: Insn, state: Int32Array): void {
    const { def, dst, src, off } = insn
    const isFrame = (reg: number): boolean => known(state, reg) !== NO_FRAME
    const access = (reg: number, size: number, kind: Access['kind']): void => {
      const at = known(state, reg)
      if (at === ANY_FRAME) this.lost = true
      else if (at !== NO_FRAME) this.accesses.push({ slot, at: at + off, size, kind })
    }
    switch (def.kind) {
      case 'mov':
        if (def.source === 'reg' && isFrame(src)) this.#address(slot, known(state, src), def.width === 64)
        return
      case 'alu':
        if (isFrame(dst)) this.#address(slot, known(state, dst), isSum(insn))
        if (def.source === 'reg' && isFrame(src)) this.lost = true
        return
      case 'ldx':
        access(src, def.size, 'load')
        return
      case 'ldxsx':
      case 'load_acq':
        access(src, def.size, 'memory')
        return
      case 'st':
        access(dst, def.size, 'store')
        return
      case 'stx':
        if (isFrame(src)) this.lost = true
        access(dst, def.size, 'store')
        return
      case 'store_rel':
      case 'atomic':
        if (isFrame(src) || (def.kind === 'atomic' && isFrame(0))) this.lost = true
        access(dst, def.size, 'memory')
        return
      case 'call':
      case 'callx':
        this.#call(slot, state)
        return
    }
    describe(insn, this.#effects, NEED.low, () => ({ needs: [], second: 2 }))
    const { count, needs, regs } = this.#effects
    for (let n = 0; n < count; n++) if (needs[n] !== NEED.none && isFrame(regs[n]!)) this.lost = true
  }

  #address(slot: number, from: number, followed: boolean): void {
    if (!followed || from === ANY_FRAME) this.lost = true
    else this.addresses.push(slot)
  }

  #call(slot: number, state: Int32Array): void {
    const plan = this.#plan(slot)
    if (plan.kind === 'array_lookup') {
      const at = state[2]!
      if (at === ANY_FRAME) this.lost = true
      else if (at !== NO_FRAME) this.accesses.push({ slot, at, size: 4, kind: 'key' })
      return
    }
    const takesFunction =
      (this.#program.facts?.callback[slot] ?? -1) >= 0 ||
      plan.kind === 'local' ||
      plan.kind === 'by_register' ||
      (plan.kind === 'map_op' && plan.op === 'for_each') ||
      ('helper' in plan && plan.helper.def.args.some(({ kind }) => kind === 'func'))
    const needs = callNeeds(plan, () => [NEED.full, NEED.full, NEED.full, NEED.full, NEED.full])
    needs.forEach((need, n) => {
      const at = state[n + 1]!
      if (need === NEED.none || at === NO_FRAME) return
      if (takesFunction || at === ANY_FRAME) this.lost = true
      else this.open = Math.min(this.open, at, -1)
    })
  }
}

/** Gives the slots that can be registers their numbers, and writes moves for their loads and stores. */
function rewrite(insns: Insn[], keys: Map<number, number>, { accesses, addresses, open }: FrameUse): void {
  const uses = new Map<number, { size: number; count: number; whole: boolean }>()
  for (const { at, size, kind } of accesses) {
    const slot = uses.get(at)
    const whole =
      kind !== 'memory' && (size === 4 || size === 8) && at + size <= open && at >= -control.MAX_BPF_STACK
    if (!slot) uses.set(at, { size, count: 1, whole })
    else {
      slot.count++
      slot.whole &&= whole && slot.size === size
      slot.size = Math.max(slot.size, size)
    }
  }
  const sorted = [...uses].sort(([a], [b]) => a - b)
  // Slots that overlap stay in memory, both.
  for (let n = 0, end = -Infinity, last = -1; n < sorted.length; n++) {
    const [at, slot] = sorted[n]!
    if (at < end) {
      slot.whole = false
      sorted[last]![1].whole = false
    }
    if (at + slot.size > end) {
      end = at + slot.size
      last = n
    }
  }
  const chosen = sorted
    .filter(([, { whole }]) => whole)
    .sort(([, a], [, b]) => b.count - a.count)
    .slice(0, REGISTERS - FIRST_SLOT)
  const registers = new Map(chosen.map(([at], n) => [at, FIRST_SLOT + n]))
  if (registers.size === 0) return
  for (const { slot, at, size, kind } of accesses) {
    const register = registers.get(at)
    if (register === undefined) continue
    if (kind === 'key') keys.set(slot, register)
    else insns[slot] = move(insns[slot]!, register, size === 8)
  }
  // With every use in registers nobody needs the addresses.
  if (open === 0 && accesses.every(({ at }) => registers.has(at))) {
    for (const slot of addresses) insns[slot] = { ...make.mov64_imm(0, 0), dst: insns[slot]!.dst }
  }
}

function move(insn: Insn, register: number, wide: boolean): Insn {
  const { def, dst, src, imm } = insn
  const from = wide ? make.mov64_reg(0, 0) : make.mov32_reg(0, 0)
  if (def.kind === 'ldx') return { ...from, dst, src: register }
  if (def.kind === 'stx') return { ...from, dst: register, src }
  return { ...(wide ? make.mov64_imm(0, imm) : make.mov32_imm(0, imm)), dst: register }
}
