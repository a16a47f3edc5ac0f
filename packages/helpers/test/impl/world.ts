import { createHostMap, type HostMap, mapsModule } from '@skep/maps'
import { type Arena, createArena } from '@skep/memory'
import { control, type HostEnv, type MapSpec, type MapTypeDef, type TaskInfo } from '@skep/registry'
import { implementations } from '../../src/impl/index.ts'
import { helpersModule } from '../../src/impl/module.ts'

/** The helpers over an arena, as one CPU of a runtime has them. */
export interface World {
  readonly arena: Arena
  readonly control: number
  readonly table: WebAssembly.Table
  /** Events that helpers raised. */
  readonly events: { readonly event: string; readonly args: readonly unknown[] }[]
  now: bigint
  task: TaskInfo | undefined
  /** A map that helpers find. */
  createMap(def: MapTypeDef, spec: Partial<MapSpec>): HostMap
  /** Calls a helper by its full name; r0 as an unsigned 64-bit number. */
  call(name: string, ...args: (number | bigint)[]): bigint
}

export function createWorld(own: Partial<HostEnv> = {}): World {
  const arena = createArena({ cpus: 4 })
  const block = arena.alloc(control.CTL_SIZE, 64)
  const stack = arena.alloc(control.STACK_SIZE, 64)
  arena.view.setUint32(block + control.CTL_SP, stack + control.STACK_SIZE, true)
  arena.view.setBigUint64(block + control.CTL_RANDOM, 1n, true)
  arena.view.setBigUint64(block + control.CTL_RANDOM + 8, 2n, true)
  const table = new WebAssembly.Table({ initial: 16, element: 'anyfunc' })
  const events: World['events'][number][] = []
  const env: HostEnv = {
    memory: arena.memory,
    control: block,
    cpu: 3,
    emit: (event, ...args) => void events.push({ event, args }),
    now: () => world.now,
    epoch: 1_000_000_000_000n,
    task: () => world.task ?? { pid: 0, tgid: 0, uid: 0, gid: 0, comm: '' },
    mapAt: (address) => maps.get(address),
    ...own,
  }
  const maps = new Map<number, HostMap>()
  arena.view.setUint32(block + control.CTL_CPU, 3, true)
  const global = new WebAssembly.Global({ value: 'i32', mutable: false }, block)
  const module = new WebAssembly.Module(helpersModule.bytes(false) as BufferSource)
  const { exports } = new WebAssembly.Instance(module, {
    env: { memory: arena.memory, table, control: global },
    memory: arena.exports as unknown as WebAssembly.ModuleImports,
    host: helpersModule.host!(env) as WebAssembly.ModuleImports,
  })
  const mapsExports = new WebAssembly.Instance(
    new WebAssembly.Module(mapsModule.bytes(false) as BufferSource),
    {
      env: { memory: arena.memory, table, control: global },
      memory: arena.exports as unknown as WebAssembly.ModuleImports,
    },
  ).exports
  let slots = 15
  const world: World = {
    arena,
    control: block,
    table,
    events,
    now: 0n,
    task: undefined,
    createMap: (def, spec) => {
      const map = createHostMap({
        arena,
        def,
        spec: { name: 'm', type: def.name, keySize: 4, valueSize: 8, maxEntries: 8, ...spec },
        id: maps.size + 1,
        exports: mapsExports,
        env,
        slot: (fn) => {
          table.grow(1)
          table.set(++slots, fn as never)
          return slots
        },
      })
      maps.set(map.address, map)
      return map
    },
    call: (name, ...args) => {
      const fn = exports[implementations[name]!.wasm!.export] as (...r: bigint[]) => bigint
      const registers = Array.from({ length: 5 }, (_, n) => BigInt.asUintN(64, BigInt(args[n] ?? 0)))
      return BigInt.asUintN(64, fn(...registers))
    },
  }
  return world
}

/** A JS function as a wasm one of the uniform signature. */
export function uniform(fn: (...args: bigint[]) => bigint): unknown {
  const bytes = Uint8Array.from([
    0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 10, 1, 0x60, 5, 0x7e, 0x7e, 0x7e, 0x7e, 0x7e, 1, 0x7e, 2, 7, 1, 1,
    0x6a, 1, 0x66, 0, 0, 7, 5, 1, 1, 0x66, 0, 0,
  ])
  return new WebAssembly.Instance(new WebAssembly.Module(bytes), { j: { f: fn } }).exports['f']
}
