import type { HelperDef, Platform, ProgramTypeDef } from '@skep/registry'
import type { Random } from '../random.ts'
import { type JumpSign, type Label, Writer } from './writer.ts'

/** What the generator believes of a register or stack slot. It need not be right: wrong programs are wanted too. */
export type Value =
  | { readonly kind: 'number'; readonly max?: number }
  | { readonly kind: 'ctx' }
  | { readonly kind: 'frame'; readonly off: number; readonly size: number }
  | { readonly kind: 'map'; readonly map: string }
  | { readonly kind: 'value'; readonly map: string; readonly off: number; readonly size: number }
  | { readonly kind: 'packet'; readonly range: number }
  | { readonly kind: 'end' }
  | { readonly kind: 'sock'; readonly type: string }
  /** A pointer to a struct of the kernel. */
  | { readonly kind: 'object' }
  | { readonly kind: 'mem'; readonly size: number; readonly readonly?: boolean }

export interface Callee {
  readonly label: Label
  readonly name: string
  readonly params: readonly Value[]
  readonly linkage: 'static' | 'global'
  /** A callback's return value must be 0 or 1. */
  readonly callback: boolean
}

export const NUMBER: Value = { kind: 'number' }
export const FP = 10
const SLOTS = 64

/** Registers and stack of the function that is being written. */
export class Frame {
  readonly regs: (Value | undefined)[] = new Array(FP).fill(undefined)
  readonly slots: (Value | undefined)[] = new Array(SLOTS).fill(undefined)
  /** Registers and slots whose values are needed later. */
  readonly held: Set<number> = new Set()
  readonly heldSlots: Set<number> = new Set()
  /** Deepest slot that is used: smaller frames let calls nest. */
  readonly depth: number
  readonly callback: boolean

  constructor(depth: number, callback = false) {
    this.depth = depth
    this.callback = callback
  }

  snapshot(): { regs: (Value | undefined)[]; slots: (Value | undefined)[] } {
    return { regs: [...this.regs], slots: [...this.slots] }
  }

  restore(saved: { regs: (Value | undefined)[]; slots: (Value | undefined)[] }): void {
    this.regs.splice(0, FP, ...saved.regs)
    this.slots.splice(0, SLOTS, ...saved.slots)
  }

  /** What is true on both ways to here. */
  join(other: { regs: (Value | undefined)[]; slots: (Value | undefined)[] }): void {
    for (const [mine, theirs] of [
      [this.regs, other.regs],
      [this.slots, other.slots],
    ] as const)
      for (let i = 0; i < mine.length; i++) mine[i] = both(mine[i], theirs[i])
  }

  /** After a call. */
  clobber(): void {
    for (let reg = 0; reg <= 5; reg++) this.regs[reg] = undefined
  }
}

function both(a: Value | undefined, b: Value | undefined): Value | undefined {
  if (!a || !b || a.kind !== b.kind) return undefined
  if (a.kind === 'number' && b.kind === 'number')
    return a.max !== undefined && b.max !== undefined
      ? { kind: 'number', max: Math.max(a.max, b.max) }
      : NUMBER
  return JSON.stringify(a) === JSON.stringify(b) ? a : undefined
}

/** All that statements write with. */
export class Scene {
  readonly random: Random
  readonly platform: Platform
  readonly type: ProgramTypeDef
  readonly attachType: string | undefined
  readonly helpers: readonly HelperDef[]
  readonly w: Writer = new Writer()
  readonly callees: Callee[] = []
  /** Instructions that may still be written. */
  budget: number
  /** How often a choice is made wrongly. */
  readonly wrong: number
  /** Functions of the program have BTF: callbacks and global functions need it. */
  typed = false
  /** Inside a lock or something else during which nothing may be called. */
  quiet = 0
  /** What the context's arguments are, where the program attaches to a function of the kernel. */
  args: readonly ('number' | 'object')[] = []
  /** Nesting of blocks. */
  depth = 0
  #frame: Frame = new Frame(SLOTS)
  #out: Label | undefined

  constructor(options: {
    random: Random
    platform: Platform
    type: ProgramTypeDef
    attachType: string | undefined
    budget: number
    wrong: number
  }) {
    this.random = options.random
    this.platform = options.platform
    this.type = options.type
    this.attachType = options.attachType
    this.budget = options.budget
    this.wrong = options.wrong
    this.helpers = [...options.platform.helpers].filter(
      (helper) => helper.id < 0x1_0000 && options.platform.allows(options.type, helper),
    )
  }

  get frame(): Frame {
    return this.#frame
  }

  /** Begins a function: `out` is where its early exits go. */
  enter(frame: Frame): void {
    this.#frame = frame
    this.#out = undefined
    this.quiet = 0
    this.depth = 0
  }

  get out(): Label {
    return (this.#out ??= this.w.label())
  }

  get hasOut(): boolean {
    return this.#out !== undefined
  }

  /** Time for a mistake? */
  oops(scale = 1): boolean {
    return this.wrong > 0 && this.random.chance(this.wrong * scale)
  }

  /** A register to write to; `saved` ones outlive calls. */
  scratch(saved = false): number {
    const { held } = this.frame
    const free = [...(saved ? [6, 7, 8, 9] : [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])].filter((reg) => !held.has(reg))
    return free.length > 0 ? this.random.pick(free) : this.random.below(6)
  }

  set(reg: number, value: Value | undefined): void {
    if (reg < FP) this.frame.regs[reg] = value
  }

  /** Registers that hold such a value. */
  having<K extends Value['kind']>(kind: K): { reg: number; value: Extract<Value, { kind: K }> }[] {
    return this.frame.regs.flatMap((value, reg) =>
      value?.kind === kind ? [{ reg, value: value as Extract<Value, { kind: K }> }] : [],
    )
  }

  /** Keeps a register's value while `body` is written. */
  hold<T>(regs: readonly number[], body: () => T): T {
    const { held } = this.frame
    const added = regs.filter((reg) => !held.has(reg))
    for (const reg of added) held.add(reg)
    try {
      return body()
    } finally {
      for (const reg of added) held.delete(reg)
    }
  }

  /** A stack area of so many bytes, aligned to 8 unless a mistake is made: its offset from r10. */
  area(size: number): number {
    const slots = Math.max(1, Math.ceil(size / 8))
    const { heldSlots, depth } = this.frame
    for (let tries = 0; tries < 8; tries++) {
      const first = this.random.below(Math.max(1, Math.min(depth, 24) - slots + 1))
      let free = true
      for (let slot = first; slot < first + slots; slot++) free &&= !heldSlots.has(slot)
      if (!free) continue
      const off = -(first + slots) * 8
      return this.oops(0.2) ? off + this.random.pick([1, 2, 4, -4, 504]) : off
    }
    return -8 * Math.min(SLOTS, depth)
  }

  slotOf(off: number): number {
    return -Math.floor(off / 8) - 1
  }

  mark(off: number, size: number, value: Value | undefined): void {
    for (let at = off; at < off + size; at += 8) this.frame.slots[this.slotOf(at)] = value
  }

  /** An interesting number. */
  constant(): number {
    const { random } = this
    switch (random.below(6)) {
      case 0:
        return random.pick([0, 1, -1, 2, -2, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 255, 256])
      case 1:
        return random.pick([
          0x7fff_ffff,
          -0x8000_0000,
          0x7fff,
          0xffff,
          -0x8000,
          0x1_0000,
          1 << 29,
          -(1 << 29),
        ])
      case 2:
        return 1 << random.below(32)
      case 3:
        return (random.u32() >> random.below(32)) | 0
      default:
        return random.between(-20, 100)
    }
  }

  /** A register with a number; a mistake gives any register. With `max` it is known to be from 0 to that. */
  number(max?: number, saved = false): number {
    const { random } = this
    if (this.oops(0.3)) return random.below(11)
    const known = this.having('number').filter(
      ({ reg, value }) =>
        (max === undefined || (value.max !== undefined && value.max <= max)) && (!saved || reg >= 6),
    )
    if (known.length > 0 && random.chance(0.75)) return random.pick(known).reg
    const reg = this.scratch(saved)
    this.makeNumber(reg)
    if (max !== undefined) this.bound(reg, max)
    return reg
  }

  /** Puts a number from somewhere into a register. */
  makeNumber(reg: number): void {
    const { random, w } = this
    const context = this.having('ctx')
    const choice = random.weighted([
      [4, 'constant'],
      [2, 'wide'],
      [this.quiet > 0 || this.clobbers(reg) ? 0 : 4, 'random'],
      [3, 'stack'],
      [context.length > 0 ? 3 : 0, 'context'],
      [2, 'copy'],
    ] as const)
    const numbers = this.having('number')
    if (choice === 'random') {
      this.helperByName(random.pick(['bpf_get_prandom_u32', 'bpf_ktime_get_ns', 'bpf_get_smp_processor_id']))
      if (reg !== 0) w.movReg(reg, 0)
      this.set(0, NUMBER)
    } else if (choice === 'wide') {
      w.constant(reg, this.constant(), random.chance(0.5) ? this.constant() : 0)
    } else if (choice === 'stack') {
      const slot = this.frame.slots.findIndex((value) => value?.kind === 'number')
      if (slot >= 0) w.load(random.pick([8, 8, 4, 2, 1]), reg, FP, -8 * (slot + 1))
      else w.mov(reg, this.constant())
    } else if (choice === 'context') {
      const at = this.scalarField()
      if (at) w.load(at.width, reg, random.pick(context).reg, at.off)
      else w.mov(reg, this.constant())
    } else if (choice === 'copy' && numbers.length > 0) {
      w.aluReg('=', reg, random.pick(numbers).reg, random.chance(0.7))
    } else w.alu('=', reg, this.constant(), random.chance(0.7))
    this.set(reg, NUMBER)
  }

  /** Would a call lose what is in a register that is needed? */
  clobbers(except = -1): boolean {
    for (const reg of this.frame.held) if (reg <= 5 && reg !== except) return true
    return false
  }

  helperByName(name: string): void {
    const helper = this.platform.helpers.byName(name)
    this.w.helper(helper?.id ?? 1)
    this.frame.clobber()
  }

  /** A field of the context that loads give as a number. */
  scalarField(write = false): { off: number; width: 1 | 2 | 4 | 8; size: number } | undefined {
    const { random } = this
    const { context } = this.type
    if (context.kind === 'args') {
      const numbers = this.args.flatMap((kind, i) => (kind === 'number' ? [8 * i] : []))
      const off = numbers.length > 0 && !this.oops() ? random.pick(numbers) : 8 * random.below(3)
      return { off, width: 8, size: 8 }
    }
    if (context.kind === 'raw') {
      const width = random.pick([1, 2, 4, 8, 8] as const)
      const room = Math.min(context.size, 256)
      const start = context.start ?? 0
      return {
        off: start + Math.floor(random.below(Math.max(8, room - start)) / width) * width,
        width,
        size: width,
      }
    }
    const fields = context.fields.filter((field) => {
      const rule = write ? (field.write ?? false) : (field.read ?? true)
      return (
        !field.pointer &&
        (rule === true ||
          (Array.isArray(rule) && this.attachType !== undefined && rule.includes(this.attachType)))
      )
    })
    if (fields.length === 0) return undefined
    const field = random.pick(fields)
    const unit = Math.min(field.unit ?? field.size, 8)
    const width = (random.chance(0.8) ? unit : random.pick([1, 2, 4, 8])) as 1 | 2 | 4 | 8
    const off = field.offset + Math.floor(random.below(Math.max(1, field.size)) / unit) * unit
    return { off: this.oops() ? off + random.pick([1, 2, 4, 400, -4]) : off, width, size: unit }
  }

  /** Makes a number lie between 0 and max, in one of the ways that compilers do. */
  bound(reg: number, max: number): void {
    const { random, w } = this
    const wide = random.chance(0.6)
    const way = this.oops(2)
      ? 'none'
      : random.weighted([
          [4, 'and'],
          [3, 'jump'],
          [2, 'mod'],
          [1, 'shift'],
          [2, 'signed'],
        ] as const)
    const powerOf2 = (max & (max + 1)) === 0
    if (way === 'and' || (way === 'shift' && powerOf2)) {
      if (powerOf2 && way === 'shift' && max > 0) w.alu('>>=', reg, 64 - Math.log2(max + 1))
      else w.alu('&=', reg, powerOf2 ? max : (1 << Math.floor(Math.log2(max + 1))) - 1, wide)
    } else if (way === 'mod') w.alu('%=', reg, max + 1, wide)
    else if (way === 'signed') {
      this.exitIf('s<', reg, 0, wide)
      this.exitIf('s>', reg, max, wide)
      if (!wide && random.chance(0.8)) w.aluReg('=', reg, reg, false)
    } else if (way === 'jump' || way === 'shift') {
      this.exitIf('>', reg, max, wide)
      if (!wide && random.chance(0.8)) w.aluReg('=', reg, reg, false)
    }
    this.set(reg, { kind: 'number', max })
  }

  /** Leaves the function early, or only the block that is left by `skipTo`. */
  exitIf(sign: JumpSign, reg: number, imm: number, wide = true): void {
    this.w.jump(sign, reg, imm, this.skipTo ?? this.out, wide)
  }

  /** Where early exits go while references are held. */
  skipTo: Label | undefined

  /** Nested code that may or may not run: what it changes is unknown afterwards. */
  branch(body: () => void): void {
    const before = this.frame.snapshot()
    this.depth++
    body()
    this.depth--
    this.frame.join(before)
  }
}
