import { memoryModule } from '@skep/memory'
import {
  type Cpu,
  compileWasm,
  type HostEnv,
  type UniformFunction,
  type WasmExport,
  type WasmModuleDef,
} from '@skep/registry'
import { type Activity, guard } from './activity.ts'

/** The wasm modules of one CPU: each definition is compiled and instantiated once, what it imports first. */
export interface ModuleSet {
  /** Those that were compiled or given, by name: what a worker instantiates for its own CPU. */
  readonly compiled: ReadonlyMap<string, WebAssembly.Module>
  instantiate(def: WasmModuleDef): Promise<WebAssembly.Exports>
  /** An exported function; instantiates its module if needed. */
  function(target: WasmExport): Promise<UniformFunction>
}

/** What this process has compiled, for unshared and for shared memory: every runtime's modules are the same ones. */
type Modules = WeakMap<WasmModuleDef, Promise<WebAssembly.Module>>
const known: Readonly<Record<'unshared' | 'shared', Modules>> = {
  unshared: new WeakMap(),
  shared: new WeakMap(),
}

function compile(def: WasmModuleDef, shared: boolean): Promise<WebAssembly.Module> {
  const modules = known[shared ? 'shared' : 'unshared']
  let module = modules.get(def)
  if (!module) {
    module = compileWasm(def.bytes(shared) as Uint8Array<ArrayBuffer>)
    modules.set(def, module)
  }
  return module
}

export function createModuleSet(
  cpu: Cpu,
  env: HostEnv,
  activity: Activity,
  given: ReadonlyMap<string, WebAssembly.Module> = new Map(),
): ModuleSet {
  const compiled = new Map(given)
  const instances = new Map<WasmModuleDef, Promise<WebAssembly.Exports>>()
  // One instance for each CPU: locks name their holder by what it knows.
  instances.set(memoryModule, Promise.resolve(cpu.arena.exports as unknown as WebAssembly.Exports))
  const controlGlobal = new WebAssembly.Global({ value: 'i32', mutable: false }, cpu.control)

  async function create(def: WasmModuleDef): Promise<WebAssembly.Exports> {
    const imports: WebAssembly.Imports = {
      env: { memory: cpu.arena.memory, table: cpu.table, control: controlGlobal },
    }
    for (const dependency of def.imports ?? []) imports[dependency.name] = await instantiate(dependency)
    if (def.host) {
      imports['host'] = Object.fromEntries(
        Object.entries(def.host(env)).map(([name, fn]) => [name, guard(activity, `${def.name}.${name}`, fn)]),
      )
    }
    let module = compiled.get(def.name)
    if (!module) {
      module = await compile(def, cpu.arena.shared)
      compiled.set(def.name, module)
    }
    return (await WebAssembly.instantiate(module, imports)).exports
  }

  function instantiate(def: WasmModuleDef): Promise<WebAssembly.Exports> {
    let instance = instances.get(def)
    if (!instance) {
      instance = create(def)
      instances.set(def, instance)
    }
    return instance
  }

  return {
    compiled,
    instantiate,
    async function(target) {
      const fn = (await instantiate(target.module))[target.export]
      if (typeof fn !== 'function') {
        throw new TypeError(`wasm module "${target.module.name}" exports no function "${target.export}"`)
      }
      return fn as UniformFunction
    },
  }
}
