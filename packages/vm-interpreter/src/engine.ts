import { memoryModule } from '@skep/memory'
import {
  type CompiledProgram,
  type CompiledUnit,
  type Cpu,
  control,
  decodeBase64,
  defineEngine,
  type Engine,
  type EngineDef,
  type LinkedProgram,
  type UniformFunction,
} from '@skep/registry'
import { helperType, ModuleBuilder } from '@skep/wasm'
import { shared as sharedText, unshared as unsharedText } from './generated/module.ts'
import { ACT_SIZE, MAX_ACTIVATIONS } from './layout.ts'
import { type Code, translate } from './translate.ts'

/** What the wasm module exports (assembly/index.ts). */
export interface InterpreterExports {
  init(area: number): void
  run(code: number, context: number): number
  run_batch(code: number, contexts: number, count: number, results: number): number
  call: WebAssembly.ExportValue
  begin(activation: number, code: number, context: number): void
  step(activation: number, context: number, count: number): number
  reset(): void
}

/** Verified code ends by itself; the budget only has to be larger than any program needs. */
const VERIFIED_BUDGET = 1n << 60n
/** Unverified code may loop: the verifier's own limit of instructions walked. */
const CHECKED_BUDGET = 1_000_000n

export interface InterpreterOptions {
  /** Instructions that one run of verified code may take. */
  readonly budget?: bigint
  /** Instructions that one run of unverified code may take. Default 1,000,000. */
  readonly checkedBudget?: bigint
  /** Bytes of context that unverified code may touch when its program type is no struct. */
  readonly contextSize?: number
}

/** Fault pcs count records; programs count slots. */
function slotFault(cpu: Cpu, code: Code): void {
  const { view } = cpu.arena
  const at = cpu.control + control.CTL_FAULT_PC
  if (view.getInt32(cpu.control + control.CTL_FAULT, true) !== control.FAULT_NONE) {
    view.setUint32(at, code.slotOf(view.getUint32(at, true)), true)
  }
}

/** Thunks of the uniform signature that enter code at a record. */
function entryThunk(exports: InterpreterExports, code: number, record: number): UniformFunction {
  const module = new ModuleBuilder('interpreter-entry')
  const call = module.importFunction('interpreter', 'call', {
    params: ['i32', 'i32', 'i64', 'i64', 'i64', 'i64', 'i64'],
    results: ['i64'],
  })
  const { code: body } = module.function(helperType, { export: 'entry', name: 'bpf_entry' })
  body.i32_const(code).i32_const(record)
  for (let r = 0; r < 5; r++) body.local_get(r)
  body.call(call)
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.encode()), {
    interpreter: { call: exports.call },
  })
  return instance.exports['entry'] as UniformFunction
}

/** The interpreter of one CPU. Besides the Engine it gives what a stepper needs. */
export class Interpreter implements Engine {
  readonly name = 'interpreter'
  readonly cpu: Cpu
  readonly exports: InterpreterExports
  readonly #options: InterpreterOptions

  private constructor(cpu: Cpu, exports: InterpreterExports, options: InterpreterOptions) {
    this.cpu = cpu
    this.exports = exports
    this.#options = options
  }

  static async create(cpu: Cpu, options: InterpreterOptions = {}): Promise<Interpreter> {
    const bytes = decodeBase64(cpu.arena.shared ? sharedText : unsharedText) as Uint8Array<ArrayBuffer>
    const control = new WebAssembly.Global({ value: 'i32', mutable: false }, cpu.control)
    const { instance } = await WebAssembly.instantiate(bytes, {
      env: { memory: cpu.arena.memory, table: cpu.table, control },
      [memoryModule.name]: cpu.arena.exports as unknown as WebAssembly.ModuleImports,
    })
    const exports = instance.exports as unknown as InterpreterExports
    const area = cpu.arena.alloc(ACT_SIZE * MAX_ACTIVATIONS, 64)
    cpu.arena.exports.setShape(area, 1)
    exports.init(area)
    return new Interpreter(cpu, exports, options)
  }

  async compile(programs: readonly LinkedProgram[]): Promise<CompiledUnit> {
    const undo: (() => void)[] = []
    const release = (): void => {
      for (const step of undo.splice(0)) step()
    }
    try {
      return { programs: programs.map((p) => this.#compile(p, undo)), release }
    } catch (error) {
      release()
      throw error
    }
  }

  /** The decoded code of a program, for steppers. */
  translate(program: LinkedProgram, undo: (() => void)[]): Code {
    const callback = (code: number, record: number): number => {
      const slot = this.cpu.addFunction(entryThunk(this.exports, code, record))
      undo.push(() => this.cpu.removeFunction(slot))
      return slot
    }
    const budget = program.facts
      ? (this.#options.budget ?? VERIFIED_BUDGET)
      : (this.#options.checkedBudget ?? CHECKED_BUDGET)
    const { contextSize } = this.#options
    const code = translate(program, this.cpu, {
      budget,
      callback,
      ...(contextSize === undefined ? {} : { contextSize }),
    })
    undo.push(() => this.cpu.arena.free(code.address))
    return code
  }

  #compile(program: LinkedProgram, undo: (() => void)[]): CompiledProgram {
    const code = this.translate(program, undo)
    const { exports, cpu } = this
    const guarded = (body: () => number): number => {
      let result: number
      try {
        result = body()
      } catch (error) {
        exports.reset()
        throw error
      }
      slotFault(cpu, code)
      return result
    }
    return {
      name: program.name,
      code: code.address,
      entry: entryThunk(exports, code.address, code.first),
      run: (ctx) => guarded(() => exports.run(code.address, ctx) >>> 0),
      runBatch: (ctxs, count, results) =>
        guarded(() => exports.run_batch(code.address, ctxs, count, results) >>> 0),
    }
  }
}

/** The reference engine with options of its own. */
export const createInterpreterEngine = (options: InterpreterOptions = {}): EngineDef =>
  defineEngine({ name: 'interpreter', checked: true, create: (cpu) => Interpreter.create(cpu, options) })

/** The reference engine: metered, and with full run-time checks for programs without facts. */
export const interpreterEngine: EngineDef = createInterpreterEngine()
