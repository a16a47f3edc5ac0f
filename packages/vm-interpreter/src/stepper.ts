import { type CompiledProgram, type Cpu, control } from '@skep/registry'
import { InterpreterError } from './errors.ts'
import * as layout from './layout/structures.ts'
import type { Code } from './translate.ts'

/** What a stepper needs of the wasm module. */
export interface StepperExports {
  begin(activation: number, code: number, context: number, stack: number, sp: number): void
  step(activation: number, count: number): number
  abandon_step(activation: number): void
}

/** A program's code and the interpreter that it belongs to. */
export interface Steppable {
  readonly cpu: Cpu
  readonly exports: StepperExports
  readonly code: Code
  /** Codes of the interpreter that are not released, by address. */
  readonly codes: ReadonlyMap<number, Code>
}

const steppables = /* @__PURE__ */ new WeakMap<CompiledProgram, Steppable>()

/** Makes steppers of a compiled program possible. */
export function setSteppable(program: CompiledProgram, steppable: Steppable): void {
  steppables.set(program, steppable)
}

/** `stopped`: it can go on. */
export type StepperState = 'stopped' | 'exited' | 'faulted'

/** Where code is: tail calls change the program. */
export interface CodePlace {
  readonly program: string
  /** Slot of the instruction. */
  readonly pc: number
}

export interface StepperFrame extends CodePlace {
  /** r10: the frame's 512 bytes end here. */
  readonly framePointer: number
}

export interface StepperFault extends CodePlace {
  /** One of the FAULT_ codes of registry's `control`. */
  readonly code: number
  /** What CTL_FAULT_ADDR says: the address, low 32 bits. */
  readonly address: number
}

/** How far a stepper is, besides what lies in the arena. */
export interface StepperMark {
  readonly state: StepperState
  readonly executed: number
  readonly fault: StepperFault | undefined
}

/** A part of the arena: address and size in bytes. */
interface Range {
  readonly address: number
  readonly size: number
}

/** Why `continue` stopped. */
export type StepperStop = 'condition' | 'limit' | 'exited' | 'faulted'

const REGISTERS = 11
/** A stepper's stack: all frames of a call chain, and as much again for callbacks of helpers. */
const STACK_BYTES = control.STACK_SIZE / 4
/** What one call of the interpreter takes; more are split. */
const MOST_STEPS = 0x7fff_ffff

/**
 * A program that runs as far as it is told. It has a stack of its own, so other programs of the CPU may run between the
 * steps; it sees the same context, packet and maps. A helper call is one step, whatever callbacks the helper runs.
 */
export class Stepper {
  readonly #steppable: Steppable
  readonly #act: number
  readonly #stack: number
  #state: StepperState = 'stopped'
  #executed = 0
  #fault: StepperFault | undefined
  #closed = false

  /** Use `createStepper`. */
  constructor(steppable: Steppable, context: number) {
    const { cpu, exports, code } = steppable
    this.#steppable = steppable
    this.#act = cpu.arena.alloc(layout.ACT_SIZE, 16)
    cpu.arena.exports.setShape(this.#act, 1)
    this.#stack = cpu.arena.alloc(STACK_BYTES, 64)
    exports.begin(this.#act, code.address, context, this.#stack, this.#stack + STACK_BYTES)
  }

  get state(): StepperState {
    return this.#state
  }

  /** Instructions done so far. An ld_imm64 is one; one that faulted is none. */
  get executed(): number {
    return this.#executed
  }

  /** The program that runs, and the slot of its next instruction, or of the one that faulted or exited. */
  get place(): CodePlace {
    return this.#placeOf(this.#word(layout.ACT_CODE), this.#word(layout.ACT_PC))
  }

  /** Slot of the next instruction. */
  get pc(): number {
    return this.place.pc
  }

  /** Goes on somewhere else in the running program. @throws InterpreterError `BAD_VALUE` */
  set pc(slot: number) {
    const code = this.#codeAt(this.#word(layout.ACT_CODE))
    const record = code?.recordOf(slot) ?? 0
    if (record === 0)
      throw this.#error('BAD_VALUE', `slot ${slot} is no instruction of ${code?.name ?? 'the program'}`)
    this.#mustStand('set pc')
    this.#view.setUint32(this.#act + layout.ACT_PC, record, true)
  }

  get fault(): StepperFault | undefined {
    return this.#fault
  }

  /** With what lies in the arena, all that `restore` needs to go back or forward to here. */
  get mark(): StepperMark {
    return { state: this.#state, executed: this.#executed, fault: this.#fault }
  }

  /** Goes on from a mark; what the arena held then must be there again, `ranges` included. */
  restore({ state, executed, fault }: StepperMark): void {
    this.#state = state
    this.#executed = executed
    this.#fault = fault
  }

  /** Where it keeps itself in the arena: `registers` is what most instructions change, `all` what calls change, too. */
  get ranges(): { readonly registers: Range; readonly all: readonly Range[] } {
    return {
      registers: { address: this.#act, size: layout.ACT_FRAMES },
      all: [
        { address: this.#act, size: layout.ACT_SIZE },
        { address: this.#stack, size: STACK_BYTES },
      ],
    }
  }

  /** How many functions the running one was called by. */
  get depth(): number {
    return this.#word(layout.ACT_DEPTH)
  }

  /** r0 to r10, unsigned. */
  get registers(): bigint[] {
    return Array.from({ length: REGISTERS }, (_, n) => this.register(n))
  }

  /** @throws InterpreterError `BAD_VALUE` */
  register(number: number): bigint {
    return this.#view.getBigUint64(this.#registerAt(number), true)
  }

  /** r10 is read-only. @throws InterpreterError `BAD_VALUE` */
  setRegister(number: number, value: bigint): void {
    const at = this.#registerAt(number)
    if (number === REGISTERS - 1) throw this.#error('BAD_VALUE', 'r10 is read-only')
    this.#view.setBigUint64(at, BigInt.asUintN(64, value), true)
  }

  /** The running function first, then its callers; their place is the instruction that they go on at. */
  get frames(): StepperFrame[] {
    const { place } = this
    const frames: StepperFrame[] = [{ ...place, framePointer: Number(this.register(REGISTERS - 1)) }]
    for (let n = this.depth - 1; n >= 0; n--) {
      const frame = this.#act + layout.ACT_FRAMES + n * layout.FRAME_SIZE
      const view = this.#view
      frames.push({
        ...this.#placeOf(
          view.getUint32(frame + layout.FRAME_CODE, true),
          view.getUint32(frame + layout.FRAME_RETURN, true),
        ),
        framePointer: view.getUint32(frame + layout.FRAME_R6 + 32, true),
      })
    }
    return frames
  }

  /** Does so many instructions, fewer when the program ends before. Errors that a helper throws go through. */
  step(count = 1): StepperState {
    if (!Number.isInteger(count) || count < 1)
      throw this.#error('BAD_VALUE', `${count} steps; give an integer of 1 or more`)
    for (let left = count; left > 0 && this.#state === 'stopped'; left -= MOST_STEPS)
      this.#step(Math.min(left, MOST_STEPS))
    return this.#state
  }

  /** Steps, but takes a bpf-to-bpf call with all that it does as one step. At most `limit` instructions. */
  stepOver(limit: number = Number.MAX_SAFE_INTEGER): StepperStop {
    const { depth } = this
    return this.continue({ until: () => this.depth <= depth, limit })
  }

  /** Goes on until the running function has returned. At most `limit` instructions. */
  stepOut(limit: number = Number.MAX_SAFE_INTEGER): StepperStop {
    const { depth } = this
    return this.continue({ until: () => this.depth < depth, limit })
  }

  /** Goes on until a condition holds before an instruction (but at least one), or `limit` instructions are done. */
  continue(
    options: { readonly until?: (stepper: Stepper) => boolean; readonly limit?: number } = {},
  ): StepperStop {
    const { until, limit = Number.MAX_SAFE_INTEGER } = options
    if (!until) this.step(limit)
    else {
      for (let n = 0; n < limit && this.#state === 'stopped'; n++) {
        this.step()
        if (this.#state === 'stopped' && until(this)) return 'condition'
      }
    }
    return this.#state === 'stopped' ? 'limit' : this.#state
  }

  /** Gives its memory back. Closing twice is fine. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#steppable.cpu.arena.free(this.#act)
    this.#steppable.cpu.arena.free(this.#stack)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #step(count: number): void {
    this.#mustStand('step')
    const { exports } = this.#steppable
    let outcome: number = control.FAULT_ACCESS
    try {
      outcome = exports.step(this.#act, count)
    } catch (error) {
      exports.abandon_step(this.#act)
      // A trap is the program's fault; what a helper threw is the caller's business.
      if (!(error instanceof WebAssembly.RuntimeError)) {
        this.#state = 'faulted'
        throw error
      }
    }
    this.#executed += count - Number(this.#view.getBigInt64(this.#act + layout.ACT_LEFT, true))
    if (outcome === layout.STEP_PAUSED) return
    this.#state = outcome === control.FAULT_NONE ? 'exited' : 'faulted'
    if (this.#state === 'faulted') this.#takeFault(outcome)
  }

  #takeFault(code: number): void {
    const view = this.#view
    const block = this.#steppable.cpu.control
    this.#executed--
    this.#fault = {
      program: this.place.program,
      pc: view.getUint32(block + control.CTL_FAULT_PC, true),
      code,
      address: view.getUint32(block + control.CTL_FAULT_ADDR, true),
    }
    // It is no fault of the run that a stepper may be used in.
    view.setInt32(block + control.CTL_FAULT, control.FAULT_NONE, true)
  }

  get #view(): DataView {
    if (this.#closed) throw this.#error('BAD_STEPPER', 'the stepper is closed')
    return this.#steppable.cpu.arena.view
  }

  #word(field: number): number {
    return this.#view.getUint32(this.#act + field, true)
  }

  #codeAt(address: number): Code | undefined {
    return this.#steppable.codes.get(address)
  }

  #placeOf(address: number, record: number): CodePlace {
    const code = this.#codeAt(address)
    return { program: code?.name ?? '?', pc: code?.slotOf(record) ?? -1 }
  }

  #registerAt(number: number): number {
    if (!Number.isInteger(number) || number < 0 || number >= REGISTERS)
      throw this.#error('BAD_VALUE', `there is no r${number}; registers are r0 to r${REGISTERS - 1}`)
    return this.#act + layout.ACT_REGISTERS + number * 8
  }

  /** Code that was released is gone: nothing may run it. */
  #mustStand(what: string): void {
    if (!this.#codeAt(this.#word(layout.ACT_CODE)))
      throw this.#error('BAD_STEPPER', `cannot ${what}: the program was released`)
  }

  #error(code: 'BAD_STEPPER' | 'BAD_VALUE', fact: string): InterpreterError {
    return new InterpreterError(code, this.#steppable.code.name, fact)
  }
}

/**
 * Stops a program before its first instruction. `context` is the address that run() takes.
 *
 * @throws InterpreterError `BAD_STEPPER` when no interpreter has code of the program
 */
export function createStepper(program: CompiledProgram, context: number): Stepper {
  const steppable = steppables.get(program)
  if (!steppable || steppable.codes.get(steppable.code.address) !== steppable.code) {
    throw new InterpreterError(
      'BAD_STEPPER',
      program.name,
      'no interpreter has its code; take a program that an interpreter compiled and that is not released',
    )
  }
  return new Stepper(steppable, context)
}
