import { type Arena, createArena, memoryModule } from '@skep/memory'
import { control, type HostEnv, type MapSpec, type MapTypeDef, type ValueField } from '@skep/registry'
import { createHostMap, type HostMap, mapsModule } from '../src/index.ts'

const compiled = new Map<boolean, WebAssembly.Module>()

/** An arena with a control block for each CPU, and the maps module on each: what a runtime makes. */
export interface World {
  readonly arena: Arena
  readonly table: WebAssembly.Table
  /** The module's exports as CPU `n` sees them. */
  readonly exports: readonly Readonly<Record<string, (...args: (number | bigint)[]) => number>>[]
  readonly controls: readonly number[]
  create(def: MapTypeDef, spec: Partial<MapSpec>, fields?: readonly ValueField[]): HostMap
  /** Puts a function into the table and returns its slot. */
  slot(fn: unknown): number
}

export function createWorld(options: { cpus?: number; shared?: boolean; limit?: number } = {}): World {
  const { cpus = 1, shared = false } = options
  const arena = createArena({ cpus, shared, ...(options.limit ? { limit: options.limit } : {}) })
  const table = new WebAssembly.Table({ initial: 4096, element: 'anyfunc' })
  let module = compiled.get(shared)
  if (!module)
    compiled.set(shared, (module = new WebAssembly.Module(mapsModule.bytes(shared) as BufferSource)))
  const controls = Array.from({ length: cpus }, (_, cpu) => {
    const block = arena.alloc(control.CTL_SIZE, 64)
    const stack = arena.alloc(control.STACK_SIZE, 64)
    arena.view.setUint32(block + control.CTL_CPU, cpu, true)
    arena.view.setUint32(block + control.CTL_SP, stack + control.STACK_SIZE, true)
    return block
  })
  const exports = controls.map((block) => {
    const global = new WebAssembly.Global({ value: 'i32', mutable: false }, block)
    const env = { memory: arena.memory, table, control: global }
    const imports = { env, [memoryModule.name]: arena.exports as unknown as WebAssembly.ModuleImports }
    return new WebAssembly.Instance(module, imports).exports as World['exports'][number]
  })
  let next = 1
  let id = 1
  const slots = new Map<unknown, number>()
  const slot = (fn: unknown): number => {
    let at = slots.get(fn)
    if (at === undefined) {
      table.set(next, fn as never)
      slots.set(fn, (at = next++))
    }
    return at
  }
  const env: HostEnv = {
    memory: arena.memory,
    control: controls[0]!,
    cpu: 0,
    emit: () => {},
    now: () => 0n,
    mapAt: () => undefined,
  }
  return {
    arena,
    table,
    exports,
    controls,
    slot,
    create: (def, spec, fields = []) => {
      const asked = { name: 'm', type: def.name, keySize: 4, valueSize: 8, maxEntries: 8, ...spec }
      return createHostMap({
        arena,
        def,
        spec: def.complete?.(asked, cpus) ?? asked,
        id: id++,
        exports: exports[0]!,
        env,
        slot,
        seed: 1n,
        fields,
      })
    },
  }
}
