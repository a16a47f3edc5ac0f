import {
  type AdoptedProgram,
  type CompiledProgram,
  type CompiledUnit,
  type Cpu,
  control,
  defineEngine,
  type Engine,
  type EngineDef,
  type LinkedMap,
  type LinkedProgram,
  type MapOp,
  type SavedUnit,
  type UniformFunction,
} from '@skep/registry'
import { JitError } from './errors.ts'
import { type CompiledModule, compileModule, type ProgramExports } from './module.ts'
import { version } from './version.ts'
import { warmupOver } from './warmup.ts'

type Exports = Readonly<Record<string, unknown>>
type Run = (ctx: number) => number
type RunBatch = (ctxs: number, count: number, results: number) => number

/** What FAULT_PC says when the faulting instruction is not known. */
const UNKNOWN_PC = 0xffff_ffff

/** Compiles programs to WebAssembly. Programs must be verified: there are no run-time checks. */
export const jit: EngineDef = defineEngine({
  name: 'jit',
  checked: false,
  create: async (cpu: Cpu): Promise<Engine> => ({
    name: 'jit',
    ...(version === undefined ? {} : { version }),
    compile: (programs) => compile(cpu, programs),
    restore: (programs, saved) => restore(cpu, programs, saved),
    adopt: (programs, shared) => adopt(cpu, programs, shared as SharedUnit),
  }),
})

/** Where another CPU finds its own function for an import: a program's helper, or a map's operation. */
type ImportName =
  | { readonly program: number; readonly helper: number }
  | { readonly program: number; readonly map: number; readonly op: MapOp; readonly inner?: true }

/** What must be known of a module besides its bytes. */
interface AboutUnit {
  readonly imports: readonly ImportName[]
  readonly programs: readonly ProgramExports[]
  readonly progress: string
}

/** A compiled unit as it is sent to workers. */
interface SharedUnit extends AboutUnit {
  readonly module: WebAssembly.Module
  /** Of the callbacks, in order. */
  readonly slots: readonly number[]
}

type LinkedUnit = CompiledUnit & { readonly slots: readonly number[] }

const opOf = (ops: LinkedMap['ops'], fn: unknown): MapOp | undefined =>
  (Object.keys(ops) as MapOp[]).find((name) => ops[name] === fn)

function nameImport(fn: unknown, programs: readonly LinkedProgram[]): ImportName {
  for (const [program, { helpers, maps }] of programs.entries()) {
    for (const [helper, linked] of helpers) if (linked.fn === fn) return { program, helper }
    for (const [map, { ops, inner }] of maps.entries()) {
      const op = opOf(ops, fn)
      if (op) return { program, map, op }
      const within = inner && opOf(inner.ops, fn)
      if (within) return { program, map, op: within, inner: true }
    }
  }
  throw new TypeError('the module imports a function that no program names')
}

function importNamed(name: ImportName, programs: readonly AdoptedProgram[]): unknown {
  const { helpers, maps } = programs[name.program]!
  if ('helper' in name) return helpers.get(name.helper)!.fn
  const map = maps[name.map]!
  return (name.inner ? map.inner! : map).ops[name.op]
}

async function adopt(
  cpu: Cpu,
  programs: readonly AdoptedProgram[],
  shared: SharedUnit,
): Promise<CompiledUnit> {
  const imports = shared.imports.map((name) => importNamed(name, programs))
  const instance = await WebAssembly.instantiate(shared.module, importsOf(cpu, imports))
  return link(cpu, shared, shared.module, instance.exports, shared.slots)
}

async function restore(
  cpu: Cpu,
  programs: readonly LinkedProgram[],
  saved: SavedUnit,
): Promise<CompiledUnit> {
  const about = saved.about as AboutUnit
  const module = saved.module ?? (await WebAssembly.compile(saved.wasm))
  const imports = about.imports.map((name) => importNamed(name, programs))
  const instance = await WebAssembly.instantiate(module, importsOf(cpu, imports))
  return finish(cpu, link(cpu, about, module, instance.exports), saved.wasm, module, about)
}

/** The unit as its engine gives it: what is kept of it, and, of shared memory, what other CPUs get. */
function finish(
  cpu: Cpu,
  unit: LinkedUnit,
  wasm: Uint8Array<ArrayBuffer>,
  module: WebAssembly.Module,
  about: AboutUnit,
): CompiledUnit {
  const saved = (): SavedUnit => ({ wasm, about, module })
  if (!cpu.arena.shared) return { ...unit, wasm, saved }
  const shared: SharedUnit = { module, ...about, slots: unit.slots }
  return { ...unit, wasm, saved, shared }
}

function importsOf(cpu: Cpu, imports: readonly unknown[]): WebAssembly.Imports {
  const call: Record<string, WebAssembly.ImportValue> = {}
  imports.forEach((fn, n) => {
    call[n] = fn as WebAssembly.ImportValue
  })
  const env: Record<string, WebAssembly.ImportValue> = { memory: cpu.arena.memory, table: cpu.table }
  if (cpu.arena.shared) env['control'] = new WebAssembly.Global({ value: 'i32' }, cpu.control)
  return { env, call }
}

async function compile(cpu: Cpu, programs: readonly LinkedProgram[]): Promise<CompiledUnit> {
  // One CPU's address is a constant in the code; workers share a module and import theirs.
  const fixed = cpu.arena.shared ? {} : { control: cpu.control }
  const compiled = compileModule(programs, { shared: cpu.arena.shared, ...fixed })
  const { module, instance } = await WebAssembly.instantiate(
    compiled.bytes,
    importsOf(cpu, compiled.imports),
  ).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error)
    const names = programs.map(({ name }) => name).join(', ')
    throw new JitError('HOST_REFUSED', names, `the module was refused: ${reason}`, undefined, {
      cause: error,
    })
  })
  const about: AboutUnit = {
    imports: compiled.imports.map((fn) => nameImport(fn, programs)),
    programs: compiled.programs,
    progress: compiled.progress,
  }
  return finish(cpu, link(cpu, compiled, module, instance.exports), compiled.bytes, module, about)
}

/** `given` are the slots that callbacks have on the CPU that compiled them. */
function link(
  cpu: Cpu,
  compiled: Pick<CompiledModule, 'programs' | 'progress'>,
  module: WebAssembly.Module,
  exports: Exports,
  given: readonly number[] = [],
): LinkedUnit {
  const slots: number[] = []
  for (const { callbacks } of compiled.programs) {
    for (const callback of callbacks) {
      const slot = cpu.addFunction(exports[callback.function], given[slots.length])
      slots.push(slot)
      ;(exports[callback.slot] as WebAssembly.Global).value = slot
    }
  }
  const progress = exports[compiled.progress] as WebAssembly.Global
  const programs = compiled.programs.map((names) => makeProgram(cpu, names, module, exports, progress))
  return {
    programs,
    slots: [...slots],
    release: () => {
      for (const slot of slots.splice(0)) cpu.removeFunction(slot)
    },
  }
}

function makeProgram(
  cpu: Cpu,
  names: ProgramExports,
  module: WebAssembly.Module,
  exports: Exports,
  progress: WebAssembly.Global,
): CompiledProgram {
  const wasmRun = exports[names.run] as Run
  const wasmBatch = exports[names.batch] as RunBatch
  const wasmSettle = names.settle === undefined ? undefined : (exports[names.settle] as () => void)
  const spWord = (cpu.control + control.CTL_SP) >>> 2
  // A view of one's own: asking the arena for its current one costs more than most programs' runs.
  let words = cpu.arena.u32
  const stackPointer = (): number => {
    // A detached view has no elements.
    if (words.length === 0) words = cpu.arena.u32
    return words[spWord]!
  }
  const record = exports[names.record] as WebAssembly.Global
  return {
    name: names.name,
    direct: {
      run: wasmRun,
      alone: names.alone,
      bind: (address) => {
        record.value = address
      },
      note: (error) => noteTrap(cpu, error),
    },
    entry: exports[names.entry] as UniformFunction,
    code: 0,
    warmup: (ctx, milliseconds) => warmupOver(cpu, module, names, ctx, milliseconds),
    run: (ctx) => {
      const sp = stackPointer()
      try {
        return wasmRun(ctx) >>> 0
      } catch (error) {
        settle(cpu, sp, error)
        return 0
      }
    },
    runBatch: (ctxs, count, results) => {
      const sp = stackPointer()
      try {
        return wasmBatch(ctxs, count, results)
      } catch (error) {
        wasmSettle?.()
        settle(cpu, sp, error)
        return ((progress.value as number) - ctxs) >>> 2
      }
    },
  }
}

/** After a run that did not return: gives the stack back, and makes a trap a fault. */
function settle(cpu: Cpu, sp: number, error: unknown): void {
  cpu.arena.u32[(cpu.control + control.CTL_SP) >>> 2] = sp
  noteTrap(cpu, error)
}

/** Makes a trap a fault, unless there is one. What JS functions threw goes on to the caller. */
function noteTrap(cpu: Cpu, error: unknown): void {
  const { u32 } = cpu.arena
  const at = cpu.control >>> 2
  if (u32[at + (control.CTL_FAULT >>> 2)] !== control.FAULT_NONE) return
  if (!(error instanceof WebAssembly.RuntimeError)) throw error
  u32[at + (control.CTL_FAULT >>> 2)] = control.FAULT_ACCESS
  u32[at + (control.CTL_FAULT_PC >>> 2)] = UNKNOWN_PC
}
