import type { Arena } from '@skep/memory'
import {
  type CompiledProgram,
  type Cpu,
  control,
  type ProgramHandle,
  type ProgramTypeDef,
  programLayout,
  type RuntimeHost,
  type TestRunInput,
  type TestRunOutput,
} from '@skep/registry'
import { hide } from './cpu.ts'
import { type FaultCode, ProgramFault, RuntimeError } from './errors.ts'

const faultCodes: Readonly<Record<number, { code: FaultCode; text: string }>> = {
  [control.FAULT_ACCESS]: { code: 'ACCESS', text: 'access outside the memory that it may touch' },
  [control.FAULT_BUDGET]: { code: 'BUDGET', text: 'instruction budget used up' },
  [control.FAULT_STACK]: { code: 'STACK', text: 'stack area used up' },
  [control.FAULT_ILLEGAL]: { code: 'ILLEGAL', text: 'instruction or helper that it may not use' },
  [control.FAULT_EXCEPTION]: { code: 'EXCEPTION', text: 'threw an exception (bpf_throw)' },
  [control.FAULT_ALIGNMENT]: { code: 'ALIGNMENT', text: 'misaligned atomic' },
}

/** What a test run gives back; `retval` is the low half of r0, unsigned. */
export interface TestRunResult extends TestRunOutput {
  readonly retval: number
}

/** A loaded program. `T` is its program type's name, so that it only attaches where it belongs. */
export class Program<T extends string = string> implements ProgramHandle {
  readonly name: string
  readonly id: number
  readonly type: T
  readonly attachType?: string
  readonly record: number
  readonly host: RuntimeHost
  readonly helpers: readonly string[]
  readonly #compiled: CompiledProgram
  readonly #cpu: Cpu
  readonly #typeDef: ProgramTypeDef
  /** The arena as words, and where the control block's fields stand in them. */
  #words: Uint32Array
  readonly #progAt: number
  readonly #faultAt: number

  constructor(init: {
    name: string
    id: number
    typeDef: ProgramTypeDef
    attachType?: string
    record: number
    host: RuntimeHost
    helpers: readonly string[]
    compiled: CompiledProgram
    cpu: Cpu
  }) {
    this.name = init.name
    this.id = init.id
    this.type = init.typeDef.name as T
    if (init.attachType !== undefined) this.attachType = init.attachType
    this.record = init.record
    this.host = init.host
    this.helpers = init.helpers
    this.#typeDef = init.typeDef
    this.#compiled = init.compiled
    this.#cpu = init.cpu
    this.#words = init.cpu.arena.u32
    this.#progAt = (init.cpu.control + control.CTL_PROG) >> 2
    this.#faultAt = (init.cpu.control + control.CTL_FAULT) >> 2
  }

  /** Runs once over a context in the arena. Throws ProgramFault when the run ends early. */
  run(ctx: number): number {
    // A grown memory detaches its views. Asking the arena at every run costs more than the run itself.
    let words = this.#words
    if (words.length === 0) this.#words = words = this.#cpu.arena.u32
    words[this.#progAt] = this.record
    let r0: number
    try {
      r0 = this.#compiled.run(ctx)
    } catch (cause) {
      throw this.#trap(cause)
    }
    if (words.length === 0) this.#words = words = this.#cpu.arena.u32
    if (words[this.#faultAt] !== control.FAULT_NONE) throw this.takeFault()!
    return r0
  }

  /** A run that ends early counts as verdict 0, raises an `exception` event, and the batch goes on behind it. */
  runBatch(ctxs: number, count: number, results: number): number {
    const { arena, control: block } = this.#cpu
    for (let done = 0; done < count; ) {
      arena.u32[(block + control.CTL_PROG) >> 2] = this.record
      try {
        done += this.#compiled.runBatch(ctxs + 4 * done, count - done, results + 4 * done)
      } catch {
        // A trap tells no place: one run at a time finds it.
        done += this.#runSingly(ctxs + 4 * done, count - done, results + 4 * done)
        continue
      }
      if (done === count) break
      const fault = this.takeFault()
      arena.u32[(results >> 2) + done] = 0
      done++
      if (fault) this.host.emit('exception', fault)
    }
    return count
  }

  #runSingly(ctxs: number, count: number, results: number): number {
    for (let i = 0; i < count; i++) {
      let verdict = 0
      try {
        verdict = this.run(this.#cpu.arena.u32[(ctxs >> 2) + i]!)
      } catch (error) {
        if (!(error instanceof ProgramFault)) throw error
        this.host.emit('exception', error)
      }
      this.#cpu.arena.u32[(results >> 2) + i] = verdict
    }
    return count
  }

  /** The full 64 bits of r0 of the last run on this CPU. */
  get r0(): bigint {
    return this.#cpu.arena.view.getBigUint64(this.#cpu.control + control.CTL_R0, true)
  }

  /** Reads and clears the fault of the last run. */
  takeFault(): ProgramFault | undefined {
    return readFault(this.#cpu.arena, this.#cpu.control, this.name)
  }

  /**
   * Runs as BPF_PROG_TEST_RUN does: builds the context, runs `repeat` times (once unless said) over the same packet, reads
   * packet and context back.
   */
  testRun(input: TestRunInput & { readonly repeat?: number }): TestRunResult {
    const make = this.#typeDef.testRun
    if (!make) {
      throw new RuntimeError(
        'ABSENT',
        this.type,
        `program type ${this.type} has no test run; attach it instead`,
        'ENOTSUPP',
      )
    }
    const context = make(this.host.arena, input)
    try {
      let retval = 0
      for (let i = input.repeat ?? 1; i > 0; i--) retval = this.run(context.address) >>> 0
      return { retval, ...context.finish() }
    } finally {
      context.release()
    }
  }

  #trap(cause: unknown): unknown {
    if (!(cause instanceof WebAssembly.RuntimeError)) return cause
    return new ProgramFault('TRAP', this.name, { message: `stopped by WebAssembly: ${cause.message}`, cause })
  }
}

/** Reads and clears a control block's fault. */
export function readFault(arena: Arena, block: number, program: string): ProgramFault | undefined {
  const { view } = arena
  const fault = view.getInt32(block + control.CTL_FAULT, true)
  if (fault === control.FAULT_NONE) return undefined
  view.setInt32(block + control.CTL_FAULT, control.FAULT_NONE, true)
  const pc = view.getUint32(block + control.CTL_FAULT_PC, true)
  const address = view.getUint32(block + control.CTL_FAULT_ADDR, true)
  const { code, text } = faultCodes[fault] ?? { code: 'TRAP' as const, text: `fault ${fault}` }
  const at = code === 'ACCESS' ? ` at address 0x${address.toString(16)}` : ''
  return new ProgramFault(code, program, { pc, address, message: `${text}${at}, insn ${pc}` })
}

/** Writes the record that program arrays point to. */
export function writeRecord(
  cpu: Cpu,
  record: number,
  id: number,
  type: number,
  compiled: CompiledProgram,
): number {
  const slot = cpu.addFunction(compiled.entry)
  hide(cpu.arena, record)
  const view = cpu.arena.view
  view.setUint32(record + programLayout.PROG_ID, id, true)
  view.setUint32(record + programLayout.PROG_SLOT, slot, true)
  view.setUint32(record + programLayout.PROG_CODE, compiled.code, true)
  view.setUint32(record + programLayout.PROG_TYPE, type, true)
  return slot
}
