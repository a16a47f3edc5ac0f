import type { Arena } from '@skep/memory'
import {
  type CompiledProgram,
  type Cpu,
  control,
  type Link,
  type LinkedProgram,
  type ProgramFacts,
  type ProgramHandle,
  type ProgramTypeDef,
  programLayout,
  type RuntimeHost,
  type TestRunContext,
  type TestRunInput,
  type TestRunOutput,
} from '@skep/registry'
import { type Activity, messageOf, settle } from './activity.ts'
import { hide } from './cpu.ts'
import { type FaultCode, ProgramFault, RuntimeError } from './errors.ts'
import { kindOf } from './kind-of.ts'
import { PinError } from './pin-error.ts'

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
  [control.CTL_SP, 4],
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

/** A run whose context is there: its address, what reads it back, and the code that has not run. */
export interface PreparedRun extends TestRunContext {
  readonly compiled: CompiledProgram
}

/** What `warmup` runs over, and how long at most. */
export interface WarmupInput {
  /** A packet as it will come; 64 zero bytes when absent. */
  readonly data?: Uint8Array
  /** For one program; 50 when absent. */
  readonly milliseconds?: number
}

/** What a program says of itself that linking it told. */
export const aboutLinked = ({
  helpers,
  facts,
}: LinkedProgram): { readonly helpers: readonly string[]; readonly bufferAccess?: BufferAccess } => ({
  helpers: [...helpers.values()].map(({ def }) => def.name),
  ...(facts?.bufferAccess ? { bufferAccess: facts.bufferAccess } : {}),
})

/** What a program does that runs elsewhere than in the arena. */
export interface RemoteFace {
  testRun(input: TestRunInput & { readonly repeat?: number }): TestRunResult
  attach(point: string, target: object): Link
}

type BufferAccess = NonNullable<ProgramFacts['bufferAccess']>

/** A loaded program. `T` is its program type's name, so that it only attaches where it belongs. */
export class Program<T extends string = string> implements ProgramHandle {
  readonly name: string
  readonly id: number
  readonly type: T
  readonly attachType?: string
  /** BPF_F_* that it was loaded with. */
  readonly loadFlags: number
  readonly record: number
  readonly host: RuntimeHost
  readonly helpers: readonly string[]
  /** Bytes that it reaches into of the buffers that it is given. */
  readonly bufferAccess: BufferAccess
  /** Set where the program runs elsewhere: what the functions of hook packages attach it by. */
  readonly attach?: (point: string, target: object) => Link
  #compiled: CompiledProgram
  #retired = false
  /** Runs once; throws when the run ends early. */
  #direct: (ctx: number) => number
  /** Nothing of JS, and no other program, can run before `#direct` returns: nobody has to know that it runs. */
  #alone = false
  /** Makes of what `#direct` threw a fault in the control block, or throws it on. */
  #note: (cause: unknown) => void
  readonly #cpu: Cpu
  readonly #activity: Activity
  readonly #typeDef: ProgramTypeDef
  readonly #pin: ((program: Program, path: string) => Promise<void>) | undefined
  readonly #remote: RemoteFace | undefined

  constructor(init: {
    name: string
    id: number
    typeDef: ProgramTypeDef
    attachType?: string
    loadFlags?: number
    record: number
    host: RuntimeHost
    helpers: readonly string[]
    bufferAccess?: BufferAccess
    compiled: CompiledProgram
    cpu: Cpu
    activity: Activity
    pin?: (program: Program, path: string) => Promise<void>
    remote?: RemoteFace
  }) {
    const { compiled, cpu } = init
    this.name = init.name
    this.id = init.id
    this.type = init.typeDef.name as T
    if (init.attachType !== undefined) this.attachType = init.attachType
    this.loadFlags = init.loadFlags ?? 0
    this.record = init.record
    this.host = init.host
    this.helpers = init.helpers
    this.bufferAccess = init.bufferAccess ?? { rdonly: 0, rdwr: 0 }
    this.#typeDef = init.typeDef
    this.#compiled = compiled
    this.#cpu = cpu
    this.#activity = init.activity
    this.#pin = init.pin
    const { remote } = init
    this.#remote = remote
    if (remote) {
      this.attach = (point, target) => {
        if (this.#retired) throw this.#closed()
        return remote.attach(point, target)
      }
    }
    const { direct } = compiled
    direct?.bind(init.record)
    this.#direct = direct?.run ?? ((ctx) => this.#told(ctx))
    this.#note = direct?.note ?? rethrow
    init.activity.programs.add(this)
    this.attend()
  }

  /**
   * Runs once over a context in the arena. Throws ProgramFault when the run ends early, RuntimeError CLOSED when the
   * collection is closed.
   */
  run(ctx: number): number {
    if (!this.#alone) return this.#attended(ctx)
    try {
      return this.#direct(ctx) >>> 0
    } catch (cause) {
      return this.#ended(cause)
    }
  }

  /** A run during which functions in JS may be called: they find out that it is under way. */
  #attended(ctx: number): number {
    const activity = this.#activity
    if (activity.depth !== 0) return this.#nested(() => this.#once(ctx))
    activity.depth = 1
    let r0: number
    try {
      r0 = this.#direct(ctx) >>> 0
    } catch (cause) {
      const { arena, control: block } = this.#cpu
      const { view } = arena
      const end = view.getUint32(block + control.CTL_STACK_END, true)
      view.setUint32(block + control.CTL_SP, end + control.STACK_SIZE, true)
      try {
        return this.#ended(cause)
      } finally {
        activity.depth = 0
        settle(activity)
      }
    }
    activity.depth = 0
    if (activity.pending) settle(activity)
    return r0
  }

  #once(ctx: number): number {
    try {
      return this.#direct(ctx) >>> 0
    } catch (cause) {
      return this.#ended(cause)
    }
  }

  #ended(cause: unknown): number {
    this.#note(cause)
    const result = this.#exception()
    if (result !== undefined) return result
    throw this.takeFault() ?? cause
  }

  /** What a run returns that bpf_throw ended, whose fault is cleared; undefined for one that ended in any other way. */
  #exception(): number | undefined {
    const { arena, control: block } = this.#cpu
    const fault = (block + control.CTL_FAULT) >> 2
    if (arena.u32[fault] !== control.FAULT_EXCEPTION) return undefined
    arena.u32[fault] = control.FAULT_NONE
    return arena.u32[(block + control.CTL_R0) >> 2]!
  }

  /** A run by an engine that has to be told which program runs, and that leaves a fault behind instead of throwing. */
  #told(ctx: number): number {
    const { arena, control: block } = this.#cpu
    arena.u32[(block + control.CTL_PROG) >> 2] = this.record
    const r0 = this.#compiled.run(ctx)
    if (arena.u32[(block + control.CTL_FAULT) >> 2] === control.FAULT_NONE) return r0
    const result = this.#exception()
    if (result !== undefined) return result
    throw this.takeFault()!
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
    const { batchTime } = this.#activity
    const { arena, control: block } = this.#cpu
    const time = block + control.CTL_TIME
    // A batch within a batch has the time of that one.
    if (!batchTime || arena.view.getBigUint64(time, true) !== 0n) return this.#runAll(ctxs, count, results)
    arena.view.setBigUint64(time, batchTime(), true)
    try {
      return this.#runAll(ctxs, count, results)
    } finally {
      arena.view.setBigUint64(time, 0n, true)
    }
  }

  #runAll(ctxs: number, count: number, results: number): number {
    const { arena, control: block } = this.#cpu
    for (let done = 0; done < count; ) {
      arena.u32[(block + control.CTL_PROG) >> 2] = this.record
      done += this.#compiled.runBatch(ctxs + 4 * done, count - done, results + 4 * done)
      if (done >= count) break
      const result = this.#exception()
      const fault = this.takeFault()
      arena.u32[(results >> 2) + done] = result ?? 0
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

  /** Nobody, or somebody, wants to know of runs now. */
  attend(): void {
    this.#alone = this.#compiled.direct?.alone === true && this.#activity.observers.size === 0
  }

  /** Another engine's code takes over, for tail calls too. Not while it runs. */
  replace(compiled: CompiledProgram): void {
    if (this.#retired) return
    const { arena, table } = this.#cpu
    const { view } = arena
    table.set(view.getUint32(this.record + programLayout.PROG_SLOT, true), compiled.entry)
    view.setUint32(this.record + programLayout.PROG_CODE, compiled.code, true)
    const { direct } = compiled
    direct?.bind(this.record)
    this.#compiled = compiled
    this.#direct = direct?.run ?? ((ctx) => this.#told(ctx))
    this.#note = direct?.note ?? rethrow
    this.attend()
  }

  /**
   * Has the host compile the program with all that it can, now and not after so many runs: on a typical packet, since code
   * that no run reaches stays as it is. Nothing of the program's shows: it runs over a copy of the arena. Engines whose code
   * is not compiled by the host have nothing to do, and so have runtimes with workers.
   */
  warmup(input: WarmupInput = {}): void {
    const warm = this.#compiled.warmup
    const make = this.#typeDef.testRun
    if (!warm || !make) return
    const context = make(this.host.arena, { data: input.data ?? new Uint8Array(64) })
    try {
      warm(context.address, input.milliseconds ?? 50)
    } finally {
      context.release()
    }
  }

  /** Keeps the program under a path after its collection is closed (BPF_OBJ_PIN); see the runtime's `pin`. */
  async pin(path: string): Promise<void> {
    if (!this.#pin)
      throw new PinError('FOREIGN', path, 'a worker has no pins; pin where the runtime was made')
    await this.#pin(this as Program, path)
  }

  /** The collection is closed: no run may touch what it had. */
  retire(): void {
    this.#retired = true
    this.#activity.programs.delete(this)
    const refuse = (): never => {
      throw this.#closed()
    }
    this.#compiled = { ...this.#compiled, run: refuse, runBatch: refuse }
    this.#direct = refuse
    this.#alone = true
    this.#note = rethrow
  }

  #closed(): RuntimeError {
    return new RuntimeError('CLOSED', this.name, `${this.name}: its collection is closed; load it again`)
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
   * packet and context back. `cookie` is the attachment's, for bpf_get_attach_cookie.
   */
  testRun(input: TestRunInput & { readonly repeat?: number; readonly cookie?: bigint }): TestRunResult {
    if (this.#remote) {
      if (this.#retired) throw this.#closed()
      return this.#remote.testRun(input)
    }
    const context = this.#context(this.#testRun(input), input)
    try {
      let retval = 0
      for (let i = input.repeat ?? 1; i > 0; i--) retval = this.run(context.address) >>> 0
      return { retval, ...context.finish() }
    } finally {
      context.release()
    }
  }

  /** A test run that has not begun, for who runs the code otherwise: step by step, say. Errors as of `testRun`. */
  prepare(input: TestRunInput & { readonly cookie?: bigint }): PreparedRun {
    const make = this.#testRun(input)
    if (this.#retired) throw this.#closed()
    const context = this.#context(make, input)
    const { arena, control: block } = this.#cpu
    arena.u32[(block + control.CTL_PROG) >> 2] = this.record
    return { ...context, compiled: this.#compiled }
  }

  #context(
    make: NonNullable<ProgramTypeDef['testRun']>,
    input: TestRunInput & { readonly cookie?: bigint },
  ): TestRunContext {
    const context = make(this.host.arena, input)
    this.host.arena.view.setBigUint64(context.address + control.RUN_COOKIE, input.cookie ?? 0n, true)
    return context
  }

  #testRun(input: TestRunInput): NonNullable<ProgramTypeDef['testRun']> {
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
    return make
  }
}

function rethrow(cause: unknown): never {
  throw cause
}

/** Reads and clears a control block's fault. */
export function readFault(arena: Arena, block: number, program: string): ProgramFault | undefined {
  const { view } = arena
  const fault = view.getInt32(block + control.CTL_FAULT, true)
  if (fault === control.FAULT_NONE) return undefined
  view.setInt32(block + control.CTL_FAULT, control.FAULT_NONE, true)
  const pc = view.getUint32(block + control.CTL_FAULT_PC, true)
  const address = view.getUint32(block + control.CTL_FAULT_ADDR, true)
  if (fault === control.FAULT_LOCK) {
    const holder = arena.u32[address >> 2]!
    const how = arena.exports.isGone(holder) === 0 ? 'does not give it back' : 'has ended'
    const message = `the bpf_spin_lock at 0x${address.toString(16)} is held by CPU ${holder & 0xfff}, whose worker ${how}`
    return new ProgramFault('LOCK', program, { address, message })
  }
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
  attachType: number,
  compiled: CompiledProgram,
): number {
  const slot = cpu.addFunction(compiled.entry)
  hide(cpu.arena, record)
  const view = cpu.arena.view
  view.setUint32(record + programLayout.PROG_ID, id, true)
  view.setUint32(record + programLayout.PROG_SLOT, slot, true)
  view.setUint32(record + programLayout.PROG_CODE, compiled.code, true)
  view.setUint32(record + programLayout.PROG_TYPE, type, true)
  view.setUint32(record + programLayout.PROG_ATTACH, attachType, true)
  return slot
}
