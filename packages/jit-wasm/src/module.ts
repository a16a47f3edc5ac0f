import type { LinkedMap, LinkedProgram } from '@skep/registry'
import {
  type FunctionBuilder,
  type FunctionType,
  helperType,
  ModuleBuilder,
  type ValueType,
} from '@skep/wasm'
import { type CallPlan, mapOpShapes } from './calls.ts'
import { writeSettle } from './emit-counters.ts'
import { emitBody } from './emit-function.ts'
import { Emitter, type ModuleEnv } from './emitter.ts'
import { isAlone, makeBody, writeBatch, writeCallback, writeEntry, writeRun } from './entries.ts'
import { analyseProgram, type CompiledFunction } from './functions.ts'
import { promoteSlots } from './stack-slots.ts'

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
  /** `()`: must be called after a batch that did not return. Absent where there is nothing left to do. */
  readonly settle?: string
  readonly callbacks: readonly CallbackExport[]
  /** Exported i32 global: the address of the program's record, which `run` stores at CTL_PROG. */
  readonly record: string
  /** Nothing that it imports can reach JS, another program or the control block. */
  readonly alone: boolean
}

/**
 * A module for the programs of one collection. It imports `env.memory`, `env.table` (where there are tail calls),
 * `env.control` (unless that is a constant) and the helpers and map operations `call.<n>`, n being the place in `imports`.
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
  const units = programs.map((given): ProgramUnit => {
    const program = promoteSlots(given, options.shared)
    const functions = analyseProgram(program, options.shared)
    const main = functions.get(0)!
    return { program, functions, main, built: new Map(), callbackGlobals: new Map() }
  })

  // A shared memory's import must name a maximum that the real one does not pass.
  module.importMemory(
    'env',
    'memory',
    options.shared ? { initial: 0, maximum: 65536, shared: true } : { initial: 0 },
  )
  // Engines keep a list of the instances that import a table, and walk it at every change of the table.
  if (units.some(hasTailCall)) module.importTable('env', 'table', { initial: 0 })
  const controlGlobal = options.control === undefined ? module.importGlobal('env', 'control', 'i32') : -1
  const { imports, indices } = importCalls(module, units)
  const uniformType = module.type(helperType)
  const progress = module.global('i32', 0)
  module.export(PROGRESS, 'global', progress)
  /** Globals that hold the addresses of the programs' records. */
  const records = new Map(units.map((unit) => [unit, module.global('i32', 0)]))
  const unitAt = (map: LinkedMap, index: number): ProgramUnit | undefined => {
    const name = map.programs?.get(index)
    return name === undefined ? undefined : units.find(({ program }) => program.name === name)
  }

  const env: ModuleEnv = {
    shared: options.shared,
    control: options.control === undefined ? { global: controlGlobal } : { address: options.control },
    importOf: (fn) => indices.get(fn)!,
    uniformType,
    callbackGlobal: (program, target) => unitOf(program).callbackGlobals.get(target)!,
    tailTarget: (map, index) => {
      const unit = unitAt(map, index)
      return unit && { main: unit.main, record: records.get(unit)! }
    },
    callee: (program, target) => {
      const unit = unitOf(program)
      return { index: unit.built.get(target)!.index, params: unit.functions.get(target)!.params }
    },
  }
  const byProgram = new Map(units.map((unit) => [unit.program, unit]))
  const unitOf = (program: LinkedProgram): ProgramUnit => byProgram.get(program)!

  units.forEach((unit, n) => {
    declareSubprograms(module, unit)
    declareCallbacks(module, unit, n)
  })
  const exports = units.map((unit, n): ProgramExports => {
    const { program, main } = unit
    const { name } = program
    const entry = module.function(helperType, { name, export: `${n}` })
    const run = module.function(
      { params: ['i32'], results: ['i32'] },
      { name: `${name}.run`, export: `${n}.run` },
    )
    const batch = module.function(
      { params: ['i32', 'i32', 'i32'], results: ['i32'] },
      { name: `${name}.batch`, export: `${n}.batch` },
    )
    writeSubprograms(unit, env)
    const callbacks = [...unit.callbackGlobals.keys()].map((target): CallbackExport => {
      const fn = `${n}+${target}`
      const { code } = module.function(helperType, { name: `${name}+${target}.callback`, export: fn })
      writeCallback(code, env, unit.functions.get(target)!, unit.built.get(target)!)
      return { function: fn, slot: slotName(n, target) }
    })
    const inlined = program.insns.length <= (options.inlineLimit ?? INLINE_LIMIT)
    const body = inlined ? makeBody(env, main) : undefined
    writeEntry(entry.code, env, main, body)
    const record = records.get(unit)!
    module.export(`${n}.record`, 'global', record)
    const whole = body ? withTails(unit, unitAt) : main
    writeRun(run.code, env, whole, body ?? entry, record)
    const settle = body?.counters && module.function({ params: [], results: [] }, { export: `${n}.settle` })
    if (settle) writeSettle(settle.code, env, body!.counters!.counters)
    writeBatch(batch.code, env, whole, body ?? entry, progress, settle?.index)
    return {
      name,
      entry: `${n}`,
      run: `${n}.run`,
      batch: `${n}.batch`,
      ...(settle ? { settle: `${n}.settle` } : {}),
      callbacks,
      record: `${n}.record`,
      alone: isAlone(main),
    }
  })
  return { bytes: module.encode(), imports, programs: exports, progress: PROGRESS }
}

const hasTailCall = ({ functions }: ProgramUnit): boolean =>
  [...functions.values()].some(({ values }) => [...values.plans()].some(({ kind }) => kind === 'tail_call'))

/** What a program's body needs around it when it holds the programs that it calls as tails. */
function withTails(
  unit: ProgramUnit,
  unitAt: (map: LinkedMap, index: number) => ProgramUnit | undefined,
): CompiledFunction {
  const held = new Set([unit])
  for (const { functions } of held) {
    for (const plan of functions.get(0)!.values.plans()) {
      if (plan.kind !== 'tail_call' || !plan.map?.programs) continue
      for (const index of plan.map.programs.keys()) {
        const target = unitAt(plan.map, index)
        if (target) held.add(target)
      }
    }
  }
  const mains = [...held].map(({ main }) => main)
  return {
    ...unit.main,
    callsHelpers: mains.some(({ callsHelpers }) => callsHelpers),
    stack: Math.max(...mains.map(({ stack }) => stack)),
  }
}

/** The export that holds a callback's slot in the function table. */
const slotName = (program: number, target: number): string => `${program}+${target}.slot`

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
    if (plan.kind === 'helper' || (plan.kind === 'lowered' && plan.calls))
      add(plan.helper.fn, helperType, plan.helper.def.name)
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

function declareCallbacks(module: ModuleBuilder, unit: ProgramUnit, n: number): void {
  const targets = new Set([...unit.functions.values()].flatMap(({ callbacks }) => callbacks))
  for (const target of targets) {
    const global = module.global('i32', 0)
    unit.callbackGlobals.set(target, global)
    module.export(slotName(n, target), 'global', global)
  }
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
