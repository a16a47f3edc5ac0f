import { control, type LinkedProgram } from '@skep/registry'
import {
  type Code,
  type FunctionBuilder,
  type FunctionType,
  helperType,
  ModuleBuilder,
  type ValueType,
} from '@skep/wasm'
import { type CallPlan, mapOpShapes } from './calls.ts'
import { emitBody } from './emit-function.ts'
import { Emitter, type Exit, type ModuleEnv, pushControl } from './emitter.ts'
import { analyseProgram, type CompiledFunction } from './functions.ts'

export interface ModuleOptions {
  /** The memory is shared between threads. */
  readonly shared: boolean
  /** Address of the control block; imported as the i32 global `env.control` when absent. */
  readonly control?: number
  /** The largest program, in slots, whose body is written out in each entry instead of called. Default 4,096. */
  readonly inlineLimit?: number
}

/** A subprogram that programs pass to helpers: exported as a function of the uniform signature. */
export interface CallbackExport {
  readonly function: string
  /** Exported i32 global that must hold the function's slot in the table before a program runs. */
  readonly slot: string
}

/** Names of what the module exports for one program. */
export interface ProgramExports {
  readonly name: string
  /** Of the uniform signature. */
  readonly entry: string
  /** `(ctx: i32) → i32` */
  readonly run: string
  /** `(ctxs: i32, count: i32, results: i32) → i32`: contexts that were finished. */
  readonly batch: string
  readonly callbacks: readonly CallbackExport[]
}

/**
 * A module for the programs of one collection. It imports `env.memory`, `env.table`, `env.control` (unless that is a
 * constant) and the helpers and map operations `call.<n>`, n being the place in `imports`.
 */
export interface CompiledModule {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly imports: readonly unknown[]
  readonly programs: readonly ProgramExports[]
  /** Exported i32 global: address of the context pointer that the batch that is running has come to. */
  readonly progress: string
}

const INLINE_LIMIT = 4096
const PROGRESS = 'progress'

interface ProgramUnit {
  readonly program: LinkedProgram
  readonly functions: ReadonlyMap<number, CompiledFunction>
  readonly main: CompiledFunction
  /** Subprograms by first slot. */
  readonly built: Map<number, FunctionBuilder>
  readonly callbackGlobals: Map<number, number>
}

/** Compiles verified programs to one WebAssembly module. Throws JitError. */
export function compileModule(programs: readonly LinkedProgram[], options: ModuleOptions): CompiledModule {
  const module = new ModuleBuilder(programs[0]?.name)
  const units = programs.map((program): ProgramUnit => {
    const functions = analyseProgram(program)
    const main = functions.get(0)!
    return { program, functions, main, built: new Map(), callbackGlobals: new Map() }
  })

  // A shared memory's import must name a maximum that the real one does not pass.
  module.importMemory(
    'env',
    'memory',
    options.shared ? { initial: 0, maximum: 65536, shared: true } : { initial: 0 },
  )
  module.importTable('env', 'table', { initial: 0 })
  const controlGlobal = options.control === undefined ? module.importGlobal('env', 'control', 'i32') : -1
  const { imports, indices } = importCalls(module, units)
  const uniformType = module.type(helperType)
  const progress = module.global('i32', 0)
  module.export(PROGRESS, 'global', progress)

  const env: ModuleEnv = {
    shared: options.shared,
    control: options.control === undefined ? { global: controlGlobal } : { address: options.control },
    importOf: (fn) => indices.get(fn)!,
    uniformType,
    callbackGlobal: (program, target) => unitOf(program).callbackGlobals.get(target)!,
    callee: (program, target) => {
      const unit = unitOf(program)
      return { index: unit.built.get(target)!.index, params: unit.functions.get(target)!.params }
    },
  }
  const byProgram = new Map(units.map((unit) => [unit.program, unit]))
  const unitOf = (program: LinkedProgram): ProgramUnit => byProgram.get(program)!

  const exports = units.map((unit, n) => {
    declareSubprograms(module, unit)
    const callbacks = declareCallbacks(module, unit, n)
    const { name } = unit.program
    const entry = module.function(helperType, { name, export: `${n}` })
    const run = module.function(
      { params: ['i32'], results: ['i32'] },
      { name: `${name}.run`, export: `${n}.run` },
    )
    const batch = module.function(
      { params: ['i32', 'i32', 'i32'], results: ['i32'] },
      { name: `${name}.batch`, export: `${n}.batch` },
    )
    const inlined = unit.program.insns.length <= (options.inlineLimit ?? INLINE_LIMIT)
    writeSubprograms(unit, env)
    writeCallbacks(module, unit, env, callbacks)
    writeEntry(unit, env, entry)
    writeRun(unit, env, run, inlined ? undefined : entry)
    writeBatch(unit, env, batch, progress, inlined ? undefined : entry)
    return { name, entry: `${n}`, run: `${n}.run`, batch: `${n}.batch`, callbacks }
  })
  return { bytes: module.encode(), imports, programs: exports, progress: PROGRESS }
}

/** Imports what the programs call, each function once. */
function importCalls(
  module: ModuleBuilder,
  units: readonly ProgramUnit[],
): { imports: unknown[]; indices: Map<unknown, number> } {
  const imports: unknown[] = []
  const indices = new Map<unknown, number>()
  const add = (fn: unknown, type: FunctionType, name: string): void => {
    if (indices.has(fn)) return
    indices.set(fn, module.importFunction('call', `${imports.length}`, type, name))
    imports.push(fn)
  }
  const addPlan = (plan: CallPlan, program: LinkedProgram): void => {
    if (plan.kind === 'helper') add(plan.helper.fn, helperType, plan.helper.def.name)
    else if (plan.kind === 'map_op') {
      const params: readonly ValueType[] = ['i32', ...mapOpShapes[plan.op].params]
      add(plan.fn, { params, results: ['i32'] }, `${plan.map.name}.${plan.op}`)
    } else if (plan.kind === 'by_register') {
      for (const { fn, def } of program.helpers.values()) add(fn, helperType, def.name)
    }
  }
  for (const { program, functions } of units) {
    for (const fn of functions.values()) for (const plan of fn.values.plans()) addPlan(plan, program)
  }
  return { imports, indices }
}

function declareSubprograms(module: ModuleBuilder, unit: ProgramUnit): void {
  for (const [slot, fn] of unit.functions) {
    if (slot === 0 && !calledAsFunction(unit)) continue
    const params = fn.params.filter((type) => type !== undefined)
    const type: FunctionType = { params: [...params, 'i32'], results: ['i64'] }
    unit.built.set(slot, module.function(type, { name: `${unit.program.name}+${slot}` }))
  }
}

/** Whether the main function is also called by bpf-to-bpf calls. */
const calledAsFunction = (unit: ProgramUnit): boolean =>
  [...unit.functions.values()].some(({ callees, callbacks }) => callees.includes(0) || callbacks.includes(0))

function declareCallbacks(module: ModuleBuilder, unit: ProgramUnit, n: number): CallbackExport[] {
  const targets = new Set([...unit.functions.values()].flatMap(({ callbacks }) => callbacks))
  return [...targets].map((target) => {
    const global = module.global('i32', 0)
    unit.callbackGlobals.set(target, global)
    const slot = `${n}+${target}.slot`
    module.export(slot, 'global', global)
    return { function: `${n}+${target}`, slot }
  })
}

function writeSubprograms(unit: ProgramUnit, env: ModuleEnv): void {
  for (const [slot, { code }] of unit.built) {
    const fn = unit.functions.get(slot)!
    const taken = fn.params.flatMap((type, n) => (type === undefined ? [] : [{ reg: n + 1, type }]))
    const e = new Emitter({
      code,
      program: unit.program,
      values: fn.values,
      env,
      frame: taken.length,
      exit: { kind: 'return' },
      isSubprogram: true,
    })
    taken.forEach(({ reg, type }, local) => {
      const wide = fn.values.parameterIsWide(reg)
      if (wide === undefined) return
      if (wide === (type === 'i64')) e.bind(reg, wide ? 'i64' : 'i32', local)
      else {
        code.local_get(local).i32_wrap_i64().local_set(e.local(reg, false))
      }
    })
    emitBody(e, fn)
  }
}

/** Callbacks are entered through the table: their frames lie below what CTL_SP says, and it is lowered while they run. */
function writeCallbacks(
  module: ModuleBuilder,
  unit: ProgramUnit,
  env: ModuleEnv,
  exports: readonly CallbackExport[],
): void {
  ;[...unit.callbackGlobals.keys()].forEach((target, n) => {
    const fn = unit.functions.get(target)!
    const { code } = module.function(helperType, {
      name: `${unit.program.name}+${target}.callback`,
      export: exports[n]!.function,
    })
    const sp = code.local('i32')
    const at = pushControl(code, env, control.CTL_SP)
    code.i32_load(at).local_set(sp)
    if (fn.callsHelpers) lowerStack(code, env, sp, fn)
    fn.params.forEach((type, param) => {
      if (type === undefined) return
      code.local_get(param)
      if (type === 'i32') code.i32_wrap_i64()
    })
    code.local_get(sp).i32_const(control.MAX_BPF_STACK).i32_sub()
    code.call(unit.built.get(target)!)
    if (fn.callsHelpers) storeControl(code, env, control.CTL_SP, () => code.local_get(sp))
  })
}

function storeControl(code: Code, env: ModuleEnv, field: number, value: () => void): void {
  const at = pushControl(code, env, field)
  value()
  code.i32_store(at)
}

/** Stores in CTL_SP an address below all frames that `fn` can have from `sp` on, or stops with FAULT_STACK. */
function lowerStack(code: Code, env: ModuleEnv, sp: number, fn: CompiledFunction): void {
  code.local_get(sp).i32_const(fn.stack).i32_sub()
  const end = pushControl(code, env, control.CTL_STACK_END)
  code.i32_load(end).i32_lt_u().if()
  storeControl(code, env, control.CTL_FAULT, () => code.i32_const(control.FAULT_STACK))
  storeControl(code, env, control.CTL_FAULT_PC, () => code.i32_const(fn.from))
  code.unreachable().end()
  storeControl(code, env, control.CTL_SP, () => code.local_get(sp).i32_const(fn.stack).i32_sub())
}

/** What an entry sets up, and what it undoes. */
class Entry {
  readonly #code: Code
  readonly #env: ModuleEnv
  readonly #main: CompiledFunction
  readonly #sp: number
  readonly #prog: number
  readonly #ctx: number
  /** The local of the frame's lowest address. */
  readonly frame: number

  constructor(code: Code, env: ModuleEnv, main: CompiledFunction) {
    this.#code = code
    this.#env = env
    this.#main = main
    this.#sp = this.#usesStack ? code.local('i32', 'sp') : -1
    this.frame = this.#usesStack ? code.local('i32', 'frame') : -1
    this.#prog = main.tailCalls ? code.local('i32', 'prog') : -1
    this.#ctx = this.#tellsContext ? code.local('i32', 'outer ctx') : -1
  }

  /** Whether something that is called may ask for the context. */
  get #tellsContext(): boolean {
    return this.#main.callsHelpers || this.#main.tailCalls
  }

  /** How a function of the uniform signature ends: with CTL_SP as it was. */
  get exit(): Exit {
    return this.#main.callsHelpers ? { kind: 'return', sp: this.#sp } : { kind: 'return' }
  }

  get #usesStack(): boolean {
    return this.#main.usesFrame || this.#main.callsHelpers || this.#main.tailCalls
  }

  /** Before the first run. */
  open(): void {
    const code = this.#code
    storeControl(code, this.#env, control.CTL_FAULT, () => code.i32_const(0))
    if (this.#main.tailCalls) {
      const prog = pushControl(code, this.#env, control.CTL_PROG)
      code.i32_load(prog).local_set(this.#prog)
    }
    if (this.#tellsContext) {
      const ctx = pushControl(code, this.#env, control.CTL_CTX)
      code.i32_load(ctx).local_set(this.#ctx)
    }
    this.enter()
  }

  /** Finds the frame, and moves CTL_SP below all frames that the program can have. */
  enter(): void {
    if (!this.#usesStack) return
    const code = this.#code
    const at = pushControl(code, this.#env, control.CTL_SP)
    code.i32_load(at).local_tee(this.#sp).i32_const(control.MAX_BPF_STACK).i32_sub().local_set(this.frame)
    if (this.#main.callsHelpers) lowerStack(code, this.#env, this.#sp, this.#main)
  }

  /** Before each run; `again` after another one. */
  begin(context: () => void, again: boolean): void {
    const code = this.#code
    if (this.#main.tailCalls) {
      storeControl(code, this.#env, control.CTL_TAIL_CALLS, () => code.i32_const(0))
      if (again) {
        storeControl(code, this.#env, control.CTL_PROG, () => code.local_get(this.#prog))
        // A program that took this one's place has moved CTL_SP.
        if (this.#main.callsHelpers) {
          storeControl(code, this.#env, control.CTL_SP, () =>
            code.local_get(this.#sp).i32_const(this.#main.stack).i32_sub(),
          )
        }
      }
    }
    if (this.#main.callsHelpers || this.#main.tailCalls)
      storeControl(code, this.#env, control.CTL_CTX, context)
  }

  /** After the last run. */
  close(r0: number): void {
    const code = this.#code
    const at = pushControl(code, this.#env, control.CTL_R0)
    code.local_get(r0).i64_store(at)
    if (this.#tellsContext) {
      storeControl(code, this.#env, control.CTL_SP, () => code.local_get(this.#sp))
      storeControl(code, this.#env, control.CTL_CTX, () => code.local_get(this.#ctx))
    }
    if (this.#main.tailCalls) {
      storeControl(code, this.#env, control.CTL_PROG, () => code.local_get(this.#prog))
    }
  }

  /** The program's body with the context in the local `ctx`; r0 is left on the stack. */
  body(unit: ProgramUnit, ctx: number, entry: FunctionBuilder | undefined): void {
    const code = this.#code
    if (entry) {
      // The entry takes its frame from CTL_SP and moves it itself.
      if (this.#main.callsHelpers) {
        storeControl(code, this.#env, control.CTL_SP, () => code.local_get(this.#sp))
      }
      code.local_get(ctx).i64_extend_i32_u()
      for (let n = 0; n < 4; n++) code.i64_const(0)
      code.call(entry)
      return
    }
    const label = code.block('i64')
    writeMain(unit, this.#env, code, this.frame, ctx, { kind: 'branch', label })
    code.end()
  }
}

function writeMain(
  unit: ProgramUnit,
  env: ModuleEnv,
  code: Code,
  frame: number,
  ctx: number,
  exit: Exit,
  uniform = false,
): void {
  const { program, main } = unit
  const e = new Emitter({ code, program, values: main.values, env, frame, exit, isSubprogram: false })
  const wide = main.values.parameterIsWide(1)
  if (wide === false) e.bind(1, 'i32', ctx)
  else if (wide) code.local_get(ctx).i64_extend_i32_u().local_set(e.local(1, true))
  // Programs get their context only; bare instructions may be given more.
  for (let reg = 2; uniform && reg <= 5; reg++) {
    const also = main.values.parameterIsWide(reg)
    if (also) e.bind(reg, 'i64', reg - 1)
    else if (also === false)
      code
        .local_get(reg - 1)
        .i32_wrap_i64()
        .local_set(e.local(reg, false))
  }
  emitBody(e, main)
}

/** The uniform signature: what tail calls and other modules call. */
function writeEntry(unit: ProgramUnit, env: ModuleEnv, { code }: FunctionBuilder): void {
  const entry = new Entry(code, env, unit.main)
  const ctx = code.local('i32', 'ctx')
  code.local_get(0).i32_wrap_i64().local_set(ctx)
  entry.enter()
  if (unit.main.callsHelpers) storeControl(code, env, control.CTL_CTX, () => code.local_get(ctx))
  writeMain(unit, env, code, entry.frame, ctx, entry.exit, true)
}

function writeRun(
  unit: ProgramUnit,
  env: ModuleEnv,
  { code }: FunctionBuilder,
  called: FunctionBuilder | undefined,
): void {
  const entry = new Entry(code, env, unit.main)
  const r0 = code.local('i64', 'r0')
  entry.open()
  entry.begin(() => code.local_get(0), false)
  entry.body(unit, 0, called)
  code.local_set(r0)
  entry.close(r0)
  code.local_get(r0).i32_wrap_i64()
}

function writeBatch(
  unit: ProgramUnit,
  env: ModuleEnv,
  { code }: FunctionBuilder,
  progress: number,
  called: FunctionBuilder | undefined,
): void {
  const [ctxs, count, results] = [0, 1, 2]
  const entry = new Entry(code, env, unit.main)
  const r0 = code.local('i64', 'r0')
  const ctx = code.local('i32', 'ctx')
  const end = code.local('i32', 'end')
  const mayThrow = unit.main.callsHelpers || unit.main.tailCalls
  code.local_get(ctxs).global_set(progress)
  code.local_get(count).i32_eqz().if()
  code.i32_const(0).return().end()
  entry.open()
  code.local_get(ctxs).local_get(count).i32_const(2).i32_shl().i32_add().local_set(end)
  const next = code.loop()
  if (mayThrow) code.local_get(ctxs).global_set(progress)
  code.local_get(ctxs).i32_load().local_set(ctx)
  entry.begin(() => code.local_get(ctx), true)
  entry.body(unit, ctx, called)
  code.local_set(r0)
  code.local_get(results).local_get(r0).i64_store32()
  code.local_get(results).i32_const(4).i32_add().local_set(results)
  code.local_get(ctxs).i32_const(4).i32_add().local_tee(ctxs)
  code.local_get(end).i32_ne().br_if(next)
  code.end()
  entry.close(r0)
  code.local_get(count)
}
