import { control, type ProgramHandle } from '@skep/registry'
import { addressOf, handleHigh, handleLow, handleOf } from './handles.ts'
import { KPROBE_ARGS, PT_REGS, PT_REGS_PARMS, PT_REGS_RC, PT_REGS_SIZE } from './pt-regs.ts'
import { RunContext, type RunSubject } from './run-context.ts'
import { ENTERED, type Entered, type Probe } from './site.ts'
import { writeHandle } from './value-writer.ts'

type Fn = (...args: never[]) => unknown

/** What a program is run with, for all functions of an attachment. */
export interface FunctionProbeOptions {
  /**
   * Arguments that the program sees, from the first; default 12: six in registers, others on the stack. Or a function that
   * says what it sees in their place.
   */
  readonly args?: number | ((receiver: unknown, args: readonly unknown[]) => readonly unknown[])
  /** `this` as a handle in r10. Default false. */
  readonly receiver?: boolean
  /** Bytes that texts and buffers of one call have together; what is longer is cut. Default 4096. */
  readonly copy?: number
  /**
   * When a promise counts as returned: when the function returns it, with the promise for its value, or when it is settled, with
   * what it is settled to. Default 'return'.
   */
  readonly at?: 'return' | 'settlement'
  /** What a call that the program overrides returns, of the number that the program gave; may throw. Absent: refused. */
  readonly override?: (value: bigint) => unknown
}

/** When the program runs. */
export type Moment = 'entry' | 'return' | 'session'

const { RUN_SESSION_COOKIE } = control
const WORD = 4
const [DI, SI, DX, CX, R8, R9] = PT_REGS_PARMS.map((at) => at / WORD) as [
  number,
  number,
  number,
  number,
  number,
  number,
]
const REGISTERS = [DI, SI, DX, CX, R8, R9] as const
const AX = PT_REGS_RC / WORD
const IP = PT_REGS.ip / WORD
const R10 = PT_REGS.r10 / WORD
const SP = PT_REGS.sp / WORD
const FLAGS = PT_REGS.flags / WORD
/** The carry flag: a call that threw. */
const X86_EFLAGS_CF = 1
/** Behind the registers: a return address, then arguments that have no register, 8 bytes each. */
const STACK = PT_REGS_SIZE / WORD
const MOST_ARGS = KPROBE_ARGS
/** Where the program leaves what it overrides a call with: behind the stack. */
const OVERRIDE = STACK + 2 + (MOST_ARGS - REGISTERS.length) * 2
/** Byte offsets from the context: 1 for a call that is overridden, and the value. */
export const OVERRIDE_ASKED: number = OVERRIDE * WORD
export const OVERRIDE_VALUE: number = OVERRIDE_ASKED + 8
const CONTEXT_SIZE = OVERRIDE_VALUE + 8

/** The contexts of one attachment, and how calls become runs. */
export class FunctionRuns {
  readonly context: RunContext
  readonly #options: FunctionProbeOptions
  readonly #most: number
  readonly #map: Exclude<FunctionProbeOptions['args'], number | undefined> | undefined
  readonly #moment: Moment
  readonly #program: ProgramHandle
  /** Arguments that the context has of the last call. */
  #written = 0

  constructor(program: ProgramHandle, moment: Moment, options: FunctionProbeOptions) {
    const { args = MOST_ARGS } = options
    this.#program = program
    this.#options = options
    this.#most = typeof args === 'number' ? args : MOST_ARGS
    this.#map = typeof args === 'function' ? args : undefined
    this.#moment = moment
    this.context = new RunContext(program, CONTEXT_SIZE, options.copy ?? 4096)
    const { arena, word } = this.context
    arena.u32[word + SP] = this.context.address + STACK * WORD
  }

  /** The probe of one function. */
  probe(original: Fn, name: string, cookie: bigint, multi: boolean): Probe {
    const { context } = this
    const handle = handleOf(original)
    const low = handleLow(handle)
    const high = handleHigh(handle)
    const subject: RunSubject = { ip: addressOf(original), entered: name }
    const returned: RunSubject = { ip: subject.ip }
    // Of several functions each has a cookie of its own; a context that is for one keeps its.
    const prepare = (): void => {
      const { i32 } = context.arena
      i32[context.word + IP] = low
      i32[context.word + IP + 1] = high
      if (multi) context.setCookie(cookie)
    }
    context.setCookie(cookie)
    const enter = (receiver: unknown, args: readonly unknown[]): number => {
      prepare()
      this.#writeArguments(receiver, args)
      return context.run(subject)
    }
    const settlement = this.#options.at === 'settlement'
    if (this.#moment === 'entry') {
      const { override } = this.#options
      return {
        enter: (receiver, args) => {
          if (!context.begin()) return undefined
          enter(receiver, args)
          return override ? this.#overridden(override) : undefined
        },
      }
    }
    const leave = (value: unknown, threw: boolean): void => {
      prepare()
      this.#writeReturn(value, threw)
      context.run(returned)
    }
    if (this.#moment === 'return') {
      return {
        settlement,
        leave: (value, threw) => {
          if (context.begin()) leave(value, threw)
        },
      }
    }
    return {
      settlement,
      enter: (receiver, args) => {
        if (!context.begin()) return undefined
        this.#setSession(0, 0, false)
        // Kernel: 0 has the return fire, 1 has it not.
        if (enter(receiver, args) !== 0) return undefined
        const { i32 } = context.arena
        const at = context.session
        return { low: i32[at]!, high: i32[at + 1]! } as Entered
      },
      leave: (value, threw, entered) => {
        if (!context.begin()) return
        const { low: keptLow, high: keptHigh } = entered as Entered & {
          readonly low: number
          readonly high: number
        }
        this.#setSession(keptLow, keptHigh, true)
        leave(value, threw)
      },
    }
  }

  #setSession(low: number, high: number, isReturn: boolean): void {
    const { i32 } = this.context.arena
    const at = (this.context.address + RUN_SESSION_COOKIE) >> 2
    i32[at] = low
    i32[at + 1] = high
    this.context.setReturn(isReturn)
  }

  #writeArguments(receiver: unknown, given: readonly unknown[]): void {
    const { arena, values, word } = this.context
    const args = this.#map ? this.#mapped(receiver, given) : given
    const count = Math.min(args.length, this.#most)
    const inRegisters = Math.min(count, REGISTERS.length)
    let n = 0
    for (; n < inRegisters; n++) values.write(word + REGISTERS[n]!, args[n])
    for (; n < count; n++) values.write(word + STACK + 2 + (n - REGISTERS.length) * 2, args[n])
    const { i32 } = arena
    // What the last call had there.
    for (; n < this.#written; n++) {
      const at = word + (n < REGISTERS.length ? REGISTERS[n]! : STACK + 2 + (n - REGISTERS.length) * 2)
      i32[at] = 0
      i32[at + 1] = 0
    }
    this.#written = count
    i32[word + AX] = args.length
    i32[word + AX + 1] = 0
    i32[word + FLAGS] = 0
    if (this.#options.receiver) {
      if ((typeof receiver === 'object' && receiver !== null) || typeof receiver === 'function')
        writeHandle(i32, word + R10, receiver)
      else {
        i32[word + R10] = 0
        i32[word + R10 + 1] = 0
      }
    }
    if (this.#options.override) i32[word + OVERRIDE] = 0
  }

  #mapped(receiver: unknown, given: readonly unknown[]): readonly unknown[] {
    try {
      return this.#map!(receiver, given)
    } catch (error) {
      this.#program.host.emit('exception', error)
      return []
    }
  }

  #writeReturn(value: unknown, threw: boolean): void {
    const { arena, values, word } = this.context
    if (this.#moment === 'session') {
      const { i32 } = arena
      for (let n = 0; n < Math.min(this.#written, REGISTERS.length); n++) {
        i32[word + REGISTERS[n]!] = 0
        i32[word + REGISTERS[n]! + 1] = 0
      }
    }
    values.write(word + AX, value)
    arena.i32[word + FLAGS] = threw ? X86_EFLAGS_CF : 0
  }

  #overridden(override: (value: bigint) => unknown): Entered | undefined {
    const { arena, address } = this.context
    if (arena.u32[(address + OVERRIDE_ASKED) >> 2] === 0) return undefined
    const value = arena.view.getBigInt64(address + OVERRIDE_VALUE, true)
    return { ...ENTERED, override: () => override(value) }
  }
}
