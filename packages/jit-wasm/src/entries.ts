import { control } from '@skep/registry'
import { type Code, createCode, type FunctionBuilder } from '@skep/wasm'
import { findCounters } from './counters.ts'
import { type BodyCounters, CountingBatch } from './emit-counters.ts'
import { emitBody } from './emit-function.ts'
import { Emitter, type Exit, type ModuleEnv, pushControl, type Tails } from './emitter.ts'
import type { CompiledFunction } from './functions.ts'

/** Parameters and locals that an entry may have of its own, before those of the body that it holds. */
const ENTRY_LOCALS = 12

/** A main function's body, written once and copied into each entry: it leaves r0 on the stack. */
export interface Body {
  readonly code: Code
  readonly emitter: Emitter
  readonly counters?: BodyCounters
}

/** Locals of the body that the entry sets before. */
const FRAME: number = ENTRY_LOCALS
const CONTEXT: number = ENTRY_LOCALS + 1

/** Writes the body of a program's main function. */
export function makeBody(env: ModuleEnv, main: CompiledFunction): Body {
  const code = createCode(ENTRY_LOCALS)
  code.local('i32')
  code.local('i32')
  const found = env.shared ? findCounters(main) : undefined
  const counters = found && { counters: found, locals: found.arrays.map(() => code.local('i32')) }
  const label = code.block('i64')
  const emitter = writeMain(code, env, main, FRAME, CONTEXT, { kind: 'branch', label, counters })
  code.end()
  return { code, emitter, ...(counters ? { counters } : {}) }
}

/** Slots that programs called as tails may add to a body. */
const TAIL_BUDGET = 4096

function writeMain(
  code: Code,
  env: ModuleEnv,
  main: CompiledFunction,
  frame: number,
  context: number,
  exit: Exit,
  begin?: (e: Emitter) => void,
): Emitter {
  const room = { slots: TAIL_BUDGET }
  const write = (fn: CompiledFunction, at: number, chain: readonly CompiledFunction[]): Emitter => {
    const { program, values } = fn
    const within = [...chain, fn]
    const tails: Tails = {
      fits: (target) => {
        const size = target.main.to - target.main.from
        if (within.includes(target.main) || size > room.slots) return false
        room.slots -= size
        return true
      },
      write: (target, local) => void write(target.main, local, within),
    }
    const { counters } = exit.kind === 'branch' ? exit : {}
    const inPlace = exit.kind === 'branch' ? { tails, ...(counters ? { counters } : {}) } : {}
    const e = new Emitter({ code, program, values, env, frame, exit, isSubprogram: false, ...inPlace })
    const wide = values.parameterIsWide(1)
    if (wide === false) e.bind(1, 'i32', at)
    else if (wide) code.local_get(at).i64_extend_i32_u().local_set(e.local(1, true))
    if (chain.length === 0) begin?.(e)
    emitBody(e, fn)
    return e
  }
  return write(main, context, [])
}

function store(code: Code, env: ModuleEnv, field: number, value: () => void): void {
  const at = pushControl(code, env, field)
  value()
  code.i32_store(at)
}

function loadInto(local: number, code: Code, env: ModuleEnv, field: number): void {
  const at = pushControl(code, env, field)
  code.i32_load(at).local_set(local)
}

/** Stores in CTL_SP an address below all frames that `fn` can have from `sp` on, or stops with FAULT_STACK. */
function lowerStack(code: Code, env: ModuleEnv, sp: number, fn: CompiledFunction): void {
  code.local_get(sp).i32_const(fn.stack).i32_sub()
  const end = pushControl(code, env, control.CTL_STACK_END)
  code.i32_load(end).i32_lt_u().if()
  store(code, env, control.CTL_FAULT, () => code.i32_const(control.FAULT_STACK))
  store(code, env, control.CTL_FAULT_PC, () => code.i32_const(fn.from))
  code.unreachable().end()
  store(code, env, control.CTL_SP, () => code.local_get(sp).i32_const(fn.stack).i32_sub())
}

/** Callbacks are entered through the table: their frames lie below what CTL_SP says, and it is lowered while they run. */
export function writeCallback(
  code: Code,
  env: ModuleEnv,
  fn: CompiledFunction,
  called: FunctionBuilder,
): void {
  const sp = code.local('i32', 'sp')
  loadInto(sp, code, env, control.CTL_SP)
  if (fn.callsHelpers) lowerStack(code, env, sp, fn)
  fn.params.forEach((type, param) => {
    if (type === undefined) return
    code.local_get(param)
    if (type === 'i32') code.i32_wrap_i64()
  })
  code.local_get(sp).i32_const(control.MAX_BPF_STACK).i32_sub()
  code.call(called)
  if (fn.callsHelpers) store(code, env, control.CTL_SP, () => code.local_get(sp))
}

/** What an entry sets up around the runs of a program, and what it undoes. */
class Entry {
  readonly #code: Code
  readonly #env: ModuleEnv
  readonly #main: CompiledFunction
  readonly #sp: number
  readonly #prog: number
  readonly #outer: number

  constructor(code: Code, env: ModuleEnv, main: CompiledFunction) {
    this.#code = code
    this.#env = env
    this.#main = main
    this.#sp = this.#usesStack ? code.local('i32', 'sp') : -1
    this.#prog = main.tailCalls ? code.local('i32', 'prog') : -1
    this.#outer = this.#tellsContext ? code.local('i32', 'outer ctx') : -1
  }

  get #usesStack(): boolean {
    return this.#main.usesFrame || this.#main.callsHelpers || this.#main.tailCalls
  }

  /** Whether something that is called may ask for the context. */
  get #tellsContext(): boolean {
    return this.#main.callsHelpers || this.#main.tailCalls
  }

  /** Before the first run. */
  open(): void {
    const code = this.#code
    store(code, this.#env, control.CTL_FAULT, () => code.i32_const(0))
    if (this.#main.tailCalls) loadInto(this.#prog, code, this.#env, control.CTL_PROG)
    if (this.#tellsContext) loadInto(this.#outer, code, this.#env, control.CTL_CTX)
    this.enter()
  }

  /** Finds the frame, and moves CTL_SP below all frames that the program can have. */
  enter(): void {
    if (!this.#usesStack) return
    loadInto(this.#sp, this.#code, this.#env, control.CTL_SP)
    if (this.#main.callsHelpers) lowerStack(this.#code, this.#env, this.#sp, this.#main)
  }

  /** Before each run; `again` after another one. */
  begin(context: () => void, again: boolean): void {
    const code = this.#code
    if (this.#main.tailCalls) {
      store(code, this.#env, control.CTL_TAIL_CALLS, () => code.i32_const(0))
      if (again) {
        store(code, this.#env, control.CTL_PROG, () => code.local_get(this.#prog))
        // A program that took this one's place has moved CTL_SP.
        if (this.#main.callsHelpers) {
          store(code, this.#env, control.CTL_SP, () =>
            code.local_get(this.#sp).i32_const(this.#main.stack).i32_sub(),
          )
        }
      }
    }
    if (this.#tellsContext) store(code, this.#env, control.CTL_CTX, context)
  }

  /** After the last run. */
  close(r0: number): void {
    const code = this.#code
    const at = pushControl(code, this.#env, control.CTL_R0)
    code.local_get(r0).i64_store(at)
    if (this.#tellsContext) {
      this.leave()
      store(code, this.#env, control.CTL_CTX, () => code.local_get(this.#outer))
    }
    if (this.#main.tailCalls) store(code, this.#env, control.CTL_PROG, () => code.local_get(this.#prog))
  }

  /** Puts CTL_SP back. */
  leave(): void {
    if (!this.#tellsContext) return
    store(this.#code, this.#env, control.CTL_SP, () => this.#code.local_get(this.#sp))
  }

  /** Finds the frame that the body uses. */
  setFrame(frame: number): void {
    if (!this.#usesStack) return
    this.#code.local_get(this.#sp).i32_const(control.MAX_BPF_STACK).i32_sub().local_set(frame)
  }

  /** The program with the context that `context` pushes; r0 is left on the stack. */
  run(program: Body | FunctionBuilder, context: () => void): void {
    const code = this.#code
    context()
    if ('emitter' in program) {
      code.local_set(CONTEXT)
      appendBody(code, program)
      return
    }
    code.i64_extend_i32_u()
    // The entry takes its frame from CTL_SP and moves it itself.
    this.leave()
    for (let n = 0; n < 4; n++) code.i64_const(0)
    code.call(program)
  }

  /** How a function that is not a body ends. */
  get exit(): Exit {
    return this.#main.callsHelpers ? { kind: 'return', sp: this.#sp } : { kind: 'return' }
  }
}

/** Whether nothing of JS and no other program can run before the program has ended. */
export const isAlone = (main: CompiledFunction): boolean => !main.callsHelpers && !main.tailCalls

function appendBody(code: Code, body: Body): void {
  while (code.localCount < ENTRY_LOCALS) code.local('i32')
  code.append(body.code)
}

/**
 * The uniform signature: what tail calls and other modules call. One that makes tail calls has a body of its own, which
 * leaves its frame for the callee's; so has one whose body is too large to be copied.
 */
export function writeEntry(code: Code, env: ModuleEnv, main: CompiledFunction, body: Body | undefined): void {
  const entry = new Entry(code, env, main)
  const own = body === undefined || main.tailCalls
  const frame = own ? code.local('i32', 'frame') : FRAME
  const context = own ? code.local('i32', 'ctx') : CONTEXT
  code.local_get(0).i32_wrap_i64().local_set(context)
  entry.enter()
  entry.setFrame(frame)
  if (main.callsHelpers) store(code, env, control.CTL_CTX, () => code.local_get(context))
  if (own) {
    writeMain(code, env, main, frame, context, entry.exit, (e) => passRest(code, e))
    return
  }
  passRest(code, body.emitter)
  appendBody(code, body)
  if (main.callsHelpers) entry.leave()
}

/** Programs get their context only, but bare instructions may be given more: r2 to r5 from the entry's parameters. */
function passRest(code: Code, e: Emitter): void {
  for (let reg = 2; reg <= 5; reg++) {
    const wide = e.values.parameterIsWide(reg)
    if (wide === undefined) continue
    code.local_get(reg - 1)
    if (!wide) code.i32_wrap_i64()
    code.local_set(e.local(reg, wide))
  }
}

/** `(ctx: i32) → i32`: the low half of r0. Helpers learn which program runs from the global `record`. */
export function writeRun(
  code: Code,
  env: ModuleEnv,
  main: CompiledFunction,
  program: Body | FunctionBuilder,
  record: number,
): void {
  const entry = new Entry(code, env, main)
  const r0 = code.local('i64', 'r0')
  if (!isAlone(main)) store(code, env, control.CTL_PROG, () => code.global_get(record))
  entry.open()
  if ('emitter' in program) entry.setFrame(FRAME)
  entry.begin(() => code.local_get(0), false)
  entry.run(program, () => code.local_get(0))
  code.local_set(r0)
  entry.close(r0)
  if (!isAlone(main)) {
    // A program of another engine, called as a tail or by a helper, leaves its fault behind.
    const fault = pushControl(code, env, control.CTL_FAULT)
    code.i32_load(fault).if()
    code.unreachable().end()
  }
  code.local_get(r0).i32_wrap_i64()
}

/**
 * `(ctxs: i32, count: i32, results: i32) → i32`: runs over `count` contexts, whose addresses are at `ctxs`, writes the low
 * halves of r0 at `results` and returns `count`. The global `progress` tells how far it came when it does not return, and then
 * the function `settle` must be called, of programs that have one.
 */
export function writeBatch(
  code: Code,
  env: ModuleEnv,
  main: CompiledFunction,
  program: Body | FunctionBuilder,
  progress: number,
  settle: number | undefined,
): void {
  const [ctxs, count, results] = [0, 1, 2]
  const entry = new Entry(code, env, main)
  const r0 = code.local('i64', 'r0')
  const ctx = code.local('i32', 'ctx')
  const end = code.local('i32', 'end')
  const mayThrow = main.callsHelpers || main.tailCalls
  code.local_get(ctxs).global_set(progress)
  code.local_get(count).i32_eqz().if()
  code.i32_const(0).return().end()
  entry.open()
  if ('emitter' in program) entry.setFrame(FRAME)
  code.local_get(ctxs).local_get(count).i32_const(2).i32_shl().i32_add().local_set(end)
  const each = (): void => {
    const next = code.loop()
    if (mayThrow) code.local_get(ctxs).global_set(progress)
    code.local_get(ctxs).i32_load().local_set(ctx)
    entry.begin(() => code.local_get(ctx), true)
    entry.run(program, () => code.local_get(ctx))
    code.local_set(r0)
    code.local_get(results).local_get(r0).i64_store32()
    code.local_get(results).i32_const(4).i32_add().local_set(results)
    code.local_get(ctxs).i32_const(4).i32_add().local_tee(ctxs)
    code.local_get(end).i32_ne().br_if(next)
    code.end()
  }
  if ('emitter' in program && program.counters && settle !== undefined) {
    const batch = new CountingBatch(code, env, program.counters, settle)
    batch.open(count)
    batch.chunks(ctxs, end, each)
  } else each()
  entry.close(r0)
  code.local_get(count)
}
