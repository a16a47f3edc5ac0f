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
import { type Activity, messageOf, settle } from './activity.ts'
import { hide } from './cpu.ts'
import { type FaultCode, ProgramFault, RuntimeError } from './errors.ts'
import { kindOf } from './kind-of.ts'

const faultCodes: Readonly<Record<number, { code: FaultCode; text: string }>> = {
  [control.FAULT_ACCESS]: { code: 'ACCESS', text: 'access outside the memory that it may touch' },
  [control.FAULT_BUDGET]: { code: 'BUDGET', text: 'instruction budget used up' },
  [control.FAULT_STACK]: { code: 'STACK', text: 'stack area used up' },
  [control.FAULT_ILLEGAL]: { code: 'ILLEGAL', text: 'instruction or helper that it may not use' },
  [control.FAULT_EXCEPTION]: { code: 'EXCEPTION', text: 'threw an exception (bpf_throw)' },
  [control.FAULT_ALIGNMENT]: { code: 'ALIGNMENT', text: 'misaligned atomic' },
}

/** What engines say when they do not know which instruction faulted. */
const UNKNOWN_PC = 0xffff_ffff

/** Offset and size of what belongs to a run in the control block. */
const savedFields: readonly (readonly [at: number, size: number])[] = [
  [control.CTL_FAULT, 12],
  [control.CTL_TAIL_CALLS, 4],
  [control.CTL_PROG, 4],
  [control.CTL_BUDGET, 8],
  [control.CTL_CTX, 4],
  [control.CTL_DEPTH, 4],
]

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
  #compiled: CompiledProgram
  readonly #cpu: Cpu
  readonly #activity: Activity
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
    activity: Activity
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
    this.#activity = init.activity
    this.#words = init.cpu.arena.u32
    this.#progAt = (init.cpu.control + control.CTL_PROG) >> 2
    this.#faultAt = (init.cpu.control + control.CTL_FAULT) >> 2
  }

  /**
   * Runs once over a context in the arena. Throws ProgramFault when the run ends early, RuntimeError CLOSED when the
   * collection is closed.
   */
  run(ctx: number): number {
    const activity = this.#activity
    if (activity.depth !== 0) return this.#nested(() => this.#run(ctx))
    activity.depth = 1
    try {
      return this.#run(ctx)
    } finally {
      activity.depth = 0
      if (activity.later.length !== 0 || activity.thrown !== undefined) settle(activity)
    }
  }

  #run(ctx: number): number {
    // A grown memory detaches its views. Asking the arena at every run costs more than the run itself.
    let words = this.#words
    if (words.length === 0) this.#words = words = this.#cpu.arena.u32
    words[this.#progAt] = this.record
    const r0 = this.#compiled.run(ctx)
    if (words.length === 0) this.#words = words = this.#cpu.arena.u32
    if (words[this.#faultAt] !== control.FAULT_NONE) throw this.takeFault()!
    return r0
  }

  /** A run that ends early counts as verdict 0, raises an `exception` event, and the batch goes on behind it. */
  runBatch(ctxs: number, count: number, results: number): number {
    const activity = this.#activity
    if (activity.depth !== 0) return this.#nested(() => this.#runBatch(ctxs, count, results))
    activity.depth = 1
    try {
      return this.#runBatch(ctxs, count, results)
    } finally {
      activity.depth = 0
      settle(activity)
    }
  }

  #runBatch(ctxs: number, count: number, results: number): number {
    const { arena, control: block } = this.#cpu
    for (let done = 0; done < count; ) {
      arena.u32[(block + control.CTL_PROG) >> 2] = this.record
      done += this.#compiled.runBatch(ctxs + 4 * done, count - done, results + 4 * done)
      if (done >= count) break
      const fault = this.takeFault()
      arena.u32[(results >> 2) + done] = 0
      done++
      if (fault) this.host.emit('exception', fault)
    }
    return count
  }

  /** A run that a function in JS begins while its caller runs: the caller's control block comes back afterwards. */
  #nested(run: () => number): number {
    const { arena, control: block } = this.#cpu
    const activity = this.#activity
    const saved = savedFields.map(([at, size]) => arena.u8.slice(block + at, block + at + size))
    activity.depth++
    try {
      return run()
    } finally {
      activity.depth--
      for (const [n, [at]] of savedFields.entries()) arena.u8.set(saved[n]!, block + at)
    }
  }

  /** The collection is closed: no run may touch what it had. */
  retire(): void {
    const refuse = (): never => {
      throw new RuntimeError('CLOSED', this.name, `${this.name}: its collection is closed; load it again`)
    }
    this.#compiled = { ...this.#compiled, run: refuse, runBatch: refuse }
  }

  /** The full 64 bits of r0 of the last run on this CPU. */
  get r0(): bigint {
    return this.#cpu.arena.view.getBigUint64(this.#cpu.control + control.CTL_R0, true)
  }

  /** Reads and clears the fault of the last run. */
  takeFault(): ProgramFault | undefined {
    const fault = readFault(this.#cpu.arena, this.#cpu.control, this.name)
    const { thrown } = this.#activity
    if (!fault || !thrown) return fault
    this.#activity.thrown = undefined
    const { subject, cause } = thrown
    return new ProgramFault('THREW', this.name, { message: `${subject} threw: ${messageOf(cause)}`, cause })
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
    if (!(input?.data instanceof Uint8Array)) {
      throw new RuntimeError(
        'BAD_OPTION',
        'data',
        `testRun of ${this.name}: data is ${kindOf(input?.data)}; give { data: a Uint8Array }, the packet`,
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
}

/** Reads and clears a control block's fault. */
export function readFault(arena: Arena, block: number, program: string): ProgramFault | undefined {
  const { view } = arena
  const fault = view.getInt32(block + control.CTL_FAULT, true)
  if (fault === control.FAULT_NONE) return undefined
  view.setInt32(block + control.CTL_FAULT, control.FAULT_NONE, true)
  const pc = view.getUint32(block + control.CTL_FAULT_PC, true)
  const address = view.getUint32(block + control.CTL_FAULT_ADDR, true)
  // A trap of WebAssembly tells no place.
  if (pc === UNKNOWN_PC) {
    return new ProgramFault('TRAP', program, {
      message: 'stopped by WebAssembly: an access outside the arena',
    })
  }
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
