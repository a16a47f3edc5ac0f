import { type Insn, REGISTER_COUNT, targetDelta } from '@skep/isa'
import { control, type LinkedProgram } from '@skep/registry'

/** What a register surely holds, wherever a run comes from. */
type Known =
  /** So many bytes from the context, or from the frame pointer. */
  | { readonly base: 'ctx' | 'fp'; readonly offset: number }
  /** The address of one of the program's maps. */
  | { readonly base: 'map'; readonly offset: number }

type Registers = readonly (Known | undefined)[]

/** What is known of unverified code without running it. */
export interface KnownCode {
  /** By slot: what the base register of a memory access holds, if it is the context or the frame pointer. */
  baseAt(slot: number): Known | undefined
  /** By slot of a helper call: what r1 to r5 hold. */
  argumentsAt(slot: number): Registers
  /** How many bytes of a frame, counted from its top, the program can look at. */
  readonly frameBytes: number
}

const FRAME = 10
/** Farther away nothing is worth being followed, and sums stay exact. */
const FAR = 1 << 20

/** The register whose value the instruction replaces, or undefined; calls replace r0 to r5. */
export function writtenRegister({ def, dst, src }: Insn): number | undefined {
  switch (def.kind) {
    case 'alu':
    case 'mov':
    case 'movsx':
    case 'neg':
    case 'endian':
    case 'addr_space_cast':
    case 'ldx':
    case 'ldxsx':
    case 'load_acq':
    case 'ld_imm64':
      return dst
    case 'atomic':
      if (!def.fetch) return undefined
      return def.atomicOp === 'cmpxchg' ? 0 : src
    default:
      return undefined
  }
}

const same = (a: Known | undefined, b: Known | undefined): boolean =>
  a === b || (a !== undefined && a.base === b?.base && a.offset === b.offset)

/**
 * Follows the context, the frame pointer and maps through moves and constant additions, over all ways that the program
 * can take. What it finds holds on every run, so that accesses through these need no check while they run.
 */
export function findKnown(program: LinkedProgram): KnownCode {
  return new Search(program)
}

class Search implements KnownCode {
  readonly #insns: readonly Insn[]
  readonly #maps: ReadonlySet<bigint>
  readonly #helpers: LinkedProgram['helpers']
  readonly #before: (Registers | undefined)[]
  readonly #waiting: number[] = []
  #lowest = 0

  constructor({ insns, maps, helpers }: LinkedProgram) {
    this.#insns = insns
    this.#helpers = helpers
    this.#maps = new Set(maps.map(({ address }) => BigInt(address)))
    this.#before = new Array(insns.length)
    const start = this.#function()
    start[1] = { base: 'ctx', offset: 0 }
    this.#reach(0, start)
    for (let slot = this.#waiting.pop(); slot !== undefined; slot = this.#waiting.pop()) this.#step(slot)
  }

  get frameBytes(): number {
    return 0 - this.#lowest
  }

  baseAt(slot: number): Known | undefined {
    const { def, dst, src } = this.#insns[slot]!
    const reads = def.kind === 'ldx' || def.kind === 'ldxsx'
    if (!reads && def.kind !== 'st' && def.kind !== 'stx') return undefined
    return this.#before[slot]?.[reads ? src : dst]
  }

  argumentsAt(slot: number): Registers {
    return this.#before[slot]?.slice(1, 6) ?? []
  }

  #function(): (Known | undefined)[] {
    const registers = new Array<Known | undefined>(REGISTER_COUNT)
    registers[FRAME] = { base: 'fp', offset: 0 }
    return registers
  }

  /** The slot is reached with these registers: only what holds for all ways to it stays known. */
  #reach(slot: number, registers: Registers): void {
    // What goes nowhere is refused elsewhere.
    if (this.#insns[slot] === undefined) return
    const before = this.#before[slot]
    if (before?.every((known, n) => same(known, registers[n]))) return
    if (before) {
      const merged = before.map((known, n) => (same(known, registers[n]) ? known : undefined))
      for (const [n, known] of merged.entries()) {
        if (known) continue
        // Where it points is lost: it may be moved anywhere in the frame.
        if (before[n]?.base === 'fp' || registers[n]?.base === 'fp') this.#lose()
      }
      if (merged.every((known, n) => known === before[n])) return
      this.#before[slot] = merged
    } else this.#before[slot] = registers
    this.#waiting.push(slot)
  }

  /** A pointer into the frame may go anywhere. */
  #lose(): void {
    this.#lowest = -control.MAX_BPF_STACK
  }

  #step(slot: number): void {
    const insn = this.#insns[slot]!
    const { def } = insn
    const registers = [...this.#before[slot]!]
    for (const operand of def.fields) {
      if (operand === 'dst' || operand === 'src') this.#look(insn, operand, registers[insn[operand]])
    }
    const written = writtenRegister(insn)
    if (written !== undefined) registers[written] = this.#result(insn, registers)
    const delta = targetDelta(insn)
    const target = delta === undefined ? undefined : slot + 1 + delta
    switch (def.kind) {
      case 'exit':
        // Its caller gets it.
        if (registers[0]?.base === 'fp') this.#lose()
        return
      case 'gotox':
        return
      case 'ja':
        this.#reach(target!, registers)
        return
      case 'jump':
      case 'may_goto':
        this.#reach(target!, registers)
        break
      case 'ld_imm64':
        // What assembled text says of functions has become a slot.
        if (insn.src === 4) this.#reach(Number(insn.imm64), this.#function())
        this.#reach(slot + 2, registers)
        return
      case 'call':
      case 'callx':
        this.#call(insn, registers)
        if (def.name === 'call_local') this.#reach(target!, this.#function())
        registers.fill(undefined, 0, 6)
        break
      case 'ld_abs':
      case 'ld_ind':
        registers.fill(undefined, 0, 6)
        break
    }
    this.#reach(slot + 1, registers)
  }

  /** Functions of the program see all registers and move pointers as they like; helpers go up from where r1 to r5 point. */
  #call({ def, imm }: Insn, registers: Registers): void {
    const args = def.name === 'call_helper' ? this.#helpers.get(imm)?.def.args : undefined
    for (const [n, known] of registers.slice(0, FRAME).entries()) {
      if (known?.base !== 'fp' || (def.name !== 'call_local' && (n === 0 || n > 5))) continue
      // A callback gets what its helper was given for it.
      if (!args || args[n - 1]?.kind === 'stack') this.#lose()
      else this.#lowest = Math.min(this.#lowest, Math.max(known.offset, -control.MAX_BPF_STACK))
    }
  }

  #touch(offset: number): void {
    if (offset < -control.MAX_BPF_STACK || offset >= 0) this.#lose()
    else this.#lowest = Math.min(this.#lowest, offset)
  }

  /** What an operand that points into the frame is used for. */
  #look(insn: Insn, operand: 'dst' | 'src', known: Known | undefined): void {
    if (known?.base !== 'fp') return
    const { def } = insn
    switch (def.kind) {
      case 'ldx':
      case 'ldxsx':
        if (operand === 'src') this.#touch(known.offset + insn.off)
        return
      case 'st':
        this.#touch(known.offset + insn.off)
        return
      case 'stx':
        if (operand === 'src') this.#lose()
        else this.#touch(known.offset + insn.off)
        return
      case 'mov':
        if (operand === 'src' && def.width !== 64) this.#lose()
        return
      case 'alu':
        if (!isShift(insn)) this.#lose()
        return
      // Compared, called or replaced.
      case 'jump':
      case 'callx':
      case 'ld_imm64':
        return
      default:
        this.#lose()
    }
  }

  #result(insn: Insn, registers: Registers): Known | undefined {
    const { def } = insn
    if (def.name === 'mov64_reg') return registers[insn.src]
    if (def.kind === 'ld_imm64') {
      const value = insn.imm64 ?? 0n
      return insn.src !== 4 && this.#maps.has(value) ? { base: 'map', offset: Number(value) } : undefined
    }
    const known = registers[insn.dst]
    if (!known || known.base === 'map' || !isShift(insn)) return undefined
    const offset = known.offset + (def.name === 'sub64_imm' ? -insn.imm : insn.imm)
    if (Math.abs(offset) < FAR) return { base: known.base, offset }
    if (known.base === 'fp') this.#lose()
    return undefined
  }
}

/** Whether the instruction moves a pointer by a constant. */
const isShift = ({ def }: Insn): boolean => def.name === 'add64_imm' || def.name === 'sub64_imm'
