import { control, type LinkedMap, type LinkedProgram } from '@skep/registry'
import type { Code, Label, ValueType } from '@skep/wasm'
import { opcodes } from '@skep/wasm'
import type { BodyCounters } from './emit-counters.ts'
import type { CompiledFunction } from './functions.ts'
import { REGISTERS } from './stack-slots.ts'
import type { Values } from './values.ts'

/** What code of every function in the module refers to. */
export interface ModuleEnv {
  /** Plain memory instructions do for atomics when no other thread can see the memory. */
  readonly shared: boolean
  /** Address of the control block: a constant, or the index of the global that holds it. */
  readonly control: { readonly address: number } | { readonly global: number }
  /** Index of an imported helper or map operation. */
  importOf(fn: unknown): number
  /** Index of the type `(i64 × 5) → i64`. */
  readonly uniformType: number
  /** Index of the global that holds a callback's slot in the function table. */
  callbackGlobal(program: LinkedProgram, target: number): number
  /** The program that a program array held when it was loaded, if the module has it. */
  tailTarget(map: LinkedMap, index: number): TailTarget | undefined
  /** How a local call is made. */
  callee(program: LinkedProgram, target: number): Callee
}

/** A program that takes another one's place. */
export interface TailTarget {
  readonly main: CompiledFunction
  /** Index of the global that holds the address of its record. */
  readonly record: number
}

/** Writes programs where they are called as tails. */
export interface Tails {
  /** Whether there is room for it. */
  fits(target: TailTarget): boolean
  /** Writes the program over the same frame; it leaves as the caller does. `context` is the local with its context. */
  write(target: TailTarget, context: number): void
}

/** A subprogram as callers see it. */
export interface Callee {
  readonly index: number
  /** Types of the parameters r1, r2, …; undefined for those that it does not take. The frame follows as an i32. */
  readonly params: readonly (ValueType | undefined)[]
}

/**
 * How the code around a body takes over when the program exits: r0 is on the stack. A return may have to put a stack pointer
 * back first, which is in the local `sp`.
 */
export type Exit =
  | { readonly kind: 'return'; readonly sp?: number }
  | { readonly kind: 'branch'; readonly label: Label; readonly counters?: BodyCounters | undefined }

/** A register that was written by the last instruction of the body. */
interface Pending {
  readonly local: number
  readonly start: number
  readonly end: number
}

const NONE: Pending = { local: -1, start: -1, end: -1 }

/**
 * Writes the body of one function: knows in which locals its registers are, and where control goes at an exit. The functions
 * of the emit-*.ts files write instructions through it.
 */
export class Emitter {
  readonly code: Code
  readonly program: LinkedProgram
  readonly values: Values
  readonly env: ModuleEnv
  /** The local with the lowest address of the function's 512 bytes of stack: r10 - 512; -1 where it has no use for one. */
  readonly frame: number
  readonly exit: Exit
  /** Whether this is a subprogram: its callers' frames lie above its own. */
  readonly isSubprogram: boolean
  /** Absent where a tail call is a call. */
  readonly tails: Tails | undefined
  /** Absent where every addition goes to its value. */
  readonly counters: BodyCounters | undefined
  readonly #narrow = new Int32Array(REGISTERS).fill(-1)
  readonly #wide = new Int32Array(REGISTERS).fill(-1)
  readonly #scratch = new Map<string, number>()
  #pending: Pending = NONE

  constructor(options: {
    readonly code: Code
    readonly program: LinkedProgram
    readonly values: Values
    readonly env: ModuleEnv
    readonly frame: number
    readonly exit: Exit
    readonly isSubprogram: boolean
    readonly tails?: Tails
    readonly counters?: BodyCounters
  }) {
    this.code = options.code
    this.program = options.program
    this.values = options.values
    this.env = options.env
    this.frame = options.frame
    this.exit = options.exit
    this.isSubprogram = options.isSubprogram
    this.tails = options.tails
    this.counters = options.counters
  }

  /** Says that a register's i32 or i64 local is this one. */
  bind(reg: number, type: 'i32' | 'i64', local: number): void {
    ;(type === 'i32' ? this.#narrow : this.#wide)[reg] = local
  }

  /** The local of a register's 32- or 64-bit values. */
  local(reg: number, wide: boolean): number {
    const locals = wide ? this.#wide : this.#narrow
    let local = locals[reg]!
    if (local < 0) local = locals[reg] = this.code.local(wide ? 'i64' : 'i32')
    return local
  }

  /** A local for intermediate results, by purpose. */
  scratch(purpose: string, type: 'i32' | 'i64'): number {
    let local = this.#scratch.get(purpose)
    if (local === undefined) {
      local = this.code.local(type)
      this.#scratch.set(purpose, local)
    }
    return local
  }

  /** Pushes an operand's low 32 bits. `again` says that the instruction will push it once more. */
  push32(slot: number, operand: number, again = false): void {
    const reg = this.values.operand(slot, operand)
    if (reg < 0) {
      this.#pushFramePointer()
      return
    }
    const wide = this.values.isWide(slot, operand)
    this.#get(this.local(reg, wide), !again && this.values.isLastUse(slot, operand))
    if (wide) this.code.i32_wrap_i64()
  }

  /** Pushes an operand as 64 bits. The high half of one that is kept in 32 is zero, or nobody asks for it. */
  push64(slot: number, operand: number, again = false): void {
    const reg = this.values.operand(slot, operand)
    if (reg < 0) {
      this.#pushFramePointer()
      this.code.i64_extend_i32_u()
      return
    }
    const wide = this.values.isWide(slot, operand)
    this.#get(this.local(reg, wide), !again && this.values.isLastUse(slot, operand))
    if (!wide) this.code.i64_extend_i32_u()
  }

  #pushFramePointer(): void {
    this.code.local_get(this.frame).i32_const(control.MAX_BPF_STACK).i32_add()
  }

  /** Takes an i32 from the stack as the instruction's result, zero-extended where 64 bits are kept. */
  set32(slot: number): void {
    if (this.values.isUnused(slot)) {
      this.code.drop()
      return
    }
    const wide = this.values.defIsWide(slot)
    if (wide) this.code.i64_extend_i32_u()
    this.#set(this.local(this.values.def(slot), wide))
  }

  /** Takes an i64 from the stack as the instruction's result. */
  set64(slot: number): void {
    if (this.values.isUnused(slot)) {
      this.code.drop()
      return
    }
    const wide = this.values.defIsWide(slot)
    if (!wide) this.code.i32_wrap_i64()
    this.#set(this.local(this.values.def(slot), wide))
  }

  #set(local: number): void {
    const start = this.code.body.length
    this.code.local_set(local)
    this.#pending = { local, start, end: this.code.body.length }
  }

  #get(local: number, last: boolean): void {
    const { body } = this.code
    const pending = this.#pending
    if (pending.local !== local || pending.end !== body.length) {
      this.code.local_get(local)
      return
    }
    if (last) body.truncate(pending.start)
    else body.patch(pending.start, opcodes['local.tee'][0])
    this.#pending = NONE
  }

  /**
   * Pushes the address `operand + offset` but for a constant, which is returned for the memory instruction to add. The
   * instruction's sum does not wrap, so a negative offset is added here.
   */
  pushAddress(slot: number, operand: number, offset: number, again = false): number {
    if (this.values.operand(slot, operand) < 0) {
      this.code.local_get(this.frame)
      if (offset >= -control.MAX_BPF_STACK) return offset + control.MAX_BPF_STACK
      this.code.i32_const(offset + control.MAX_BPF_STACK).i32_add()
      return 0
    }
    this.push32(slot, operand, again)
    if (offset >= 0) return offset
    this.code.i32_const(offset).i32_add()
    return 0
  }

  /** Pushes the base of the control block, and returns what a memory instruction must add to reach a field. */
  pushControl(field: number): number {
    return pushControl(this.code, this.env, field)
  }

  /** Leaves the program with the i64 on the stack as r0. */
  leave(): void {
    if (this.exit.kind === 'branch') {
      this.code.br(this.exit.label)
      return
    }
    if (this.exit.sp !== undefined) {
      const at = this.pushControl(control.CTL_SP)
      this.code.local_get(this.exit.sp).i32_store(at)
    }
    this.code.return()
  }

  /** Records a fault and stops. */
  fault(fault: number, slot: number): void {
    const { code } = this
    const at = this.pushControl(control.CTL_FAULT)
    code.i32_const(fault).i32_store(at)
    const pc = this.pushControl(control.CTL_FAULT_PC)
    code.i32_const(slot).i32_store(pc)
    code.unreachable()
  }
}

/** Pushes the base of the control block, and returns what a memory instruction must add to reach a field. */
export function pushControl(code: Code, env: ModuleEnv, field: number): number {
  if ('address' in env.control) {
    code.i32_const(0)
    return env.control.address + field
  }
  code.global_get(env.control.global)
  return field
}
