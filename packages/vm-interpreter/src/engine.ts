import { memoryModule } from '@skep/memory'
import {
  type AdoptedProgram,
  type CompiledProgram,
  type CompiledUnit,
  type Cpu,
  control,
  defineEngine,
  type Engine,
  type EngineDef,
  type LinkedProgram,
} from '@skep/registry'
import type { MapTypeIds } from './arguments.ts'
import { type EntryFunctions, entryThunk } from './entry-thunk.ts'
import { moduleBytes } from './generated/module.ts'
import * as layout from './layout/structures.ts'
import { type StepperExports, setSteppable } from './stepper.ts'
import { type Code, translate } from './translate.ts'

/** What the wasm module exports (assembly/index.ts). */
interface InterpreterExports extends EntryFunctions, StepperExports {
  init(area: number): void
  run(code: number, context: number): number
  run_batch(code: number, contexts: number, count: number, results: number): number
  recover(): number
}

/** Verified code ends by itself; the budget only has to be larger than any program needs. */
const VERIFIED_BUDGET = 1n << 50n
/** Unverified code may loop: the verifier's own limit of instructions walked (BPF_COMPLEXITY_LIMIT_INSNS). */
const CHECKED_BUDGET = 1_000_000n
/** What the tail call instruction itself reads (enum bpf_map_type). */
const PROG_ARRAY = { name: 'prog_array', id: 3 }

export interface InterpreterOptions {
  /** Instructions that a run of verified code may take when CTL_BUDGET does not say. Default 2^50. */
  readonly budget?: bigint
  /** Instructions that a run of unverified code may take when CTL_BUDGET does not say. Default 1,000,000. */
  readonly checkedBudget?: bigint
  /** Bytes of context that unverified code may read when its program type has no struct. Default 0. */
  readonly contextSize?: number
  /**
   * Map types by name, so that unverified code may call helpers that take maps of certain types only. `prog_array` is
   * known; operations that a map itself has (lookup, push, …) need no name.
   */
  readonly mapTypes?: Iterable<{ readonly name: string; readonly id: number }>
}

const modules = new Map<boolean, WebAssembly.Module>()

async function interpreterModule(shared: boolean): Promise<WebAssembly.Module> {
  let module = modules.get(shared)
  if (!module) {
    module = await WebAssembly.compile(moduleBytes(shared))
    modules.set(shared, module)
  }
  return module
}

/** A unit as it is sent to workers: the code lies in the arena, and every CPU runs the same. */
interface SharedUnit {
  readonly programs: readonly { readonly address: number; readonly first: number }[]
  readonly callbacks: readonly { readonly slot: number; readonly address: number; readonly record: number }[]
}

type Mutable<T> = { [K in keyof T]: T[K] extends readonly (infer E)[] ? E[] : T[K] }

/** The interpreter of one CPU. */
class Interpreter implements Engine {
  readonly name = 'interpreter'
  readonly cpu: Cpu
  readonly #exports: InterpreterExports
  readonly #options: InterpreterOptions
  readonly #mapTypes: MapTypeIds
  readonly #codes = new Map<number, Code>()

  readonly #area: number

  private constructor(cpu: Cpu, exports: InterpreterExports, area: number, options: InterpreterOptions) {
    this.cpu = cpu
    this.#area = area
    this.#exports = exports
    this.#options = options
    this.#mapTypes = new Map([PROG_ARRAY, ...(options.mapTypes ?? [])].map(({ name, id }) => [name, id]))
  }

  static async create(cpu: Cpu, options: InterpreterOptions = {}): Promise<Interpreter> {
    const { arena } = cpu
    const block = new WebAssembly.Global({ value: 'i32', mutable: false }, cpu.control)
    const { exports } = await WebAssembly.instantiate(await interpreterModule(arena.shared), {
      env: { memory: arena.memory, table: cpu.table, control: block },
      [memoryModule.name]: arena.exports as unknown as WebAssembly.ModuleImports,
    })
    const interpreter = exports as unknown as InterpreterExports
    const size = layout.ACT_SIZE * layout.MAX_ACTIVATIONS + layout.GRANT_SIZE * layout.MAX_GRANTS
    const area = arena.alloc(size, 64)
    arena.exports.setShape(area, 1)
    interpreter.init(area)
    return new Interpreter(cpu, interpreter, area, options)
  }

  close(): void {
    this.cpu.arena.free(this.#area)
  }

  /** @throws InterpreterError `BAD_PROGRAM` */
  async compile(programs: readonly LinkedProgram[]): Promise<CompiledUnit> {
    const undo: (() => void)[] = []
    const release = (): void => {
      for (const step of undo.splice(0).reverse()) step()
    }
    const shared: Mutable<SharedUnit> = { programs: [], callbacks: [] }
    try {
      return { programs: programs.map((program) => this.#compile(program, undo, shared)), shared, release }
    } catch (error) {
      release()
      throw error
    }
  }

  /** Programs that the interpreter of another CPU has translated; they cannot be stepped here. */
  async adopt(programs: readonly AdoptedProgram[], shared: unknown): Promise<CompiledUnit> {
    const unit = shared as SharedUnit
    const slots = unit.callbacks.map(({ slot, address, record }) =>
      this.cpu.addFunction(entryThunk(this.#exports.call_back, address, record), slot),
    )
    return {
      programs: programs.map(({ name }, n) => this.#program(name, unit.programs[n]!)),
      release: () => {
        for (const slot of slots.splice(0)) this.cpu.removeFunction(slot)
      },
    }
  }

  #translate(program: LinkedProgram, undo: (() => void)[], shared: Mutable<SharedUnit>): Code {
    const budget = program.facts
      ? (this.#options.budget ?? VERIFIED_BUDGET)
      : (this.#options.checkedBudget ?? CHECKED_BUDGET)
    const code = translate(program, this.cpu, {
      budget,
      contextSize: this.#options.contextSize ?? 0,
      mapTypes: this.#mapTypes,
      callback: (address, record) => {
        const slot = this.cpu.addFunction(entryThunk(this.#exports.call_back, address, record))
        undo.push(() => this.cpu.removeFunction(slot))
        shared.callbacks.push({ slot, address, record })
        return slot
      },
    })
    shared.programs.push({ address: code.address, first: code.first })
    this.#codes.set(code.address, code)
    undo.push(() => {
      this.#codes.delete(code.address)
      this.cpu.arena.free(code.address)
    })
    return code
  }

  #compile(program: LinkedProgram, undo: (() => void)[], shared: Mutable<SharedUnit>): CompiledProgram {
    const code = this.#translate(program, undo, shared)
    const compiled = this.#program(program.name, code)
    setSteppable(compiled, { cpu: this.cpu, exports: this.#exports, code, codes: this.#codes })
    return compiled
  }

  #program(name: string, { address, first }: SharedUnit['programs'][number]): CompiledProgram {
    const exports = this.#exports
    return {
      name,
      code: address,
      entry: entryThunk(exports.enter, address, first),
      run: (context) => {
        try {
          return exports.run(address, context) >>> 0
        } catch (error) {
          this.#recover(error)
          return 0
        }
      },
      runBatch: (contexts, count, results) => {
        try {
          return exports.run_batch(address, contexts, count, results) >>> 0
        } catch (error) {
          return this.#recover(error)
        }
      },
    }
  }

  /**
   * After a run that did not return: puts the control block back as it was, and makes a trap a fault. What JS functions
   * threw goes on to the caller. Returns how many runs of the batch finished.
   */
  #recover(error: unknown): number {
    const done = this.#exports.recover()
    if (!(error instanceof WebAssembly.RuntimeError)) throw error
    const { view } = this.cpu.arena
    const fault = this.cpu.control + control.CTL_FAULT
    if (view.getInt32(fault, true) === control.FAULT_NONE) view.setInt32(fault, control.FAULT_ACCESS, true)
    return done
  }
}

/** The reference engine with options of its own. */
export const createInterpreterEngine = (options: InterpreterOptions = {}): EngineDef =>
  defineEngine({ name: 'interpreter', checked: true, create: (cpu) => Interpreter.create(cpu, options) })

/** The reference engine: metered, and with full run-time checks for programs without facts. */
export const interpreterEngine: EngineDef = createInterpreterEngine()
