import {
  type CollectionSpec,
  type Cpu,
  defineEngine,
  type EngineDef,
  type LinkedProgram,
  type MapHandle,
  type Platform,
  type ProgramHandle,
} from '@skep/registry'
import { jit } from '../engine.ts'
import { buildStandalone, type StandaloneModule } from './build.ts'
import { StandaloneError } from './errors.ts'
import type { StandaloneOptions } from './input.ts'

/** What a runtime's `load` gives. */
export interface LoadedCollection {
  readonly spec: CollectionSpec
  readonly programs: ReadonlyMap<string, ProgramHandle>
  readonly maps: ReadonlyMap<string, MapHandle>
}

export interface StandaloneCompiler {
  /** An engine named `standalone`: runs like the JIT, and remembers what `build` needs. */
  readonly engine: EngineDef
  /**
   * The module of the collection that the engine compiled last. The runtime's whole memory goes into it: load one
   * collection into a runtime of its own, run nothing before, and give it first contents of maps where wanted. Throws
   * StandaloneError and JitError.
   */
  build(collection: LoadedCollection, platform: Platform, options?: StandaloneOptions): StandaloneModule
}

/** Makes a compiler for one collection. */
export function createStandaloneCompiler(): StandaloneCompiler {
  let unit: { readonly cpu: Cpu; readonly programs: readonly LinkedProgram[] } | undefined
  return {
    engine: defineEngine({
      name: 'standalone',
      checked: false,
      create: async (cpu) => {
        const engine = await jit.create(cpu)
        return {
          name: 'standalone',
          compile: async (programs) => {
            const compiled = await engine.compile(programs)
            unit = { cpu, programs }
            return compiled
          },
        }
      },
    }),
    build: (collection, platform, options) => {
      if (!unit) {
        throw new StandaloneError(
          'BAD_OPTION',
          'build',
          'nothing was compiled; load the collection with `engine: "standalone"`',
        )
      }
      const { cpu } = unit
      if (cpu.arena.shared || cpu.arena.cpus !== 1) {
        throw new StandaloneError(
          'BAD_OPTION',
          'build',
          'a standalone module has one CPU; make the runtime without `shared` and `cpus`',
        )
      }
      const { spec } = collection
      return buildStandalone(
        {
          arena: cpu.arena,
          control: cpu.control,
          programs: unit.programs.map((linked) => {
            const handle = collection.programs.get(linked.name)
            const program = spec.programs.find(({ name }) => name === linked.name)
            const def = handle && platform.programTypes.byName(handle.type)
            return {
              linked,
              record: handle?.record ?? 0,
              ...(def ? { def } : {}),
              ...(program ? { spec: program } : {}),
            }
          }),
          maps: spec.maps.map((map) => {
            const { address, type } = collection.maps.get(map.name)!
            const inner = map.inner && platform.mapTypes.get(map.inner.type)
            const def = platform.mapTypes.byName(type)!
            return { name: map.name, address, def, spec: map, ...(inner ? { inner } : {}) }
          }),
          variables: spec.variables,
          license: spec.license,
          verified: unit.programs.every(({ facts }) => facts !== undefined),
          ...(spec.btf ? { btf: spec.btf } : {}),
        },
        options,
      )
    },
  }
}
