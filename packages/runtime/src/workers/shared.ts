import type { CollectionSpec, CompiledUnit, LinkedProgram, MapSpec } from '@skep/registry'
import { RuntimeError } from '../errors.ts'
import type { LiveMap } from '../map-factory.ts'
import type { Program } from '../program.ts'
import type { PluginPrint } from './fingerprint.ts'

/** Handles of another number are another version's. */
export const SHARED_FORMAT = 1

/** A function that programs call: a helper by its id, or, with an id below 0, a kernel function by its name. */
export interface SharedFunction {
  readonly id: number
  readonly name: string
  readonly slot: number
}

export interface SharedProgram {
  readonly name: string
  readonly section: string
  readonly type: string
  readonly attachType?: string
  readonly id: number
  readonly record: number
  readonly functions: readonly SharedFunction[]
  readonly bufferAccess: Program['bufferAccess']
}

export interface SharedMap {
  readonly spec: MapSpec
  readonly id: number
  readonly address: number
}

/** A loaded collection as a worker opens it: its compiled module, and where its maps and programs lie. Can be sent to workers. */
export interface SharedCollection {
  readonly format: number
  readonly id: number
  readonly engine: string
  readonly unit: unknown
  readonly programs: readonly SharedProgram[]
  readonly maps: readonly SharedMap[]
  readonly variables: CollectionSpec['variables']
  readonly license: string
}

/** What one worker joins a runtime with: `runtime.share()` makes it, `joinRuntime` takes it. Can be sent to workers. */
export interface SharedRuntime {
  readonly format: number
  /** The CPU that the worker will be. */
  readonly cpu: number
  /** By what locks will name it. */
  readonly tag: number
  readonly memory: WebAssembly.Memory
  /** Address of the table of CPUs. */
  readonly table: number
  /** Name of the channel that the threads talk on. */
  readonly channel: string
  readonly seed?: bigint
  readonly batchTime: boolean
  readonly plugins: readonly PluginPrint[]
  readonly modules: readonly (readonly [name: string, module: WebAssembly.Module])[]
  readonly collections: readonly SharedCollection[]
  /** The id that the next collection will have. */
  readonly next: number
}

export interface DescribedCollection {
  readonly id: number
  readonly spec: CollectionSpec
  readonly engine: string
  readonly unit: CompiledUnit
  readonly linked: readonly LinkedProgram[]
  readonly programs: readonly Program[]
  readonly maps: ReadonlyMap<string, LiveMap>
}

/** Throws RuntimeError UNSHARED for an engine or a map type that works on one CPU only. */
export function describeCollection(parts: DescribedCollection): SharedCollection {
  const { spec, unit, engine } = parts
  if (unit.shared === undefined) {
    throw new RuntimeError(
      'UNSHARED',
      engine,
      `engine ${engine} has no way to run on another CPU what it compiled here (Engine.adopt); load with another engine`,
    )
  }
  const maps = spec.maps.map((map): SharedMap => {
    const { handle } = parts.maps.get(map.name)!
    if (handle.def.create) {
      throw new RuntimeError(
        'UNSHARED',
        map.name,
        `map ${map.name} is of type ${handle.type}, whose operations are in JavaScript, with a state that one thread has; only map types in wasm can be shared`,
      )
    }
    const { name, type, keySize, valueSize, maxEntries, flags, mapExtra, inner } = map
    return {
      spec: {
        name,
        type,
        keySize,
        valueSize,
        maxEntries,
        ...(flags === undefined ? {} : { flags }),
        ...(mapExtra === undefined ? {} : { mapExtra }),
        ...(inner === undefined ? {} : { inner }),
      },
      id: handle.id,
      address: handle.address,
    }
  })
  const programs = parts.programs.map((program, n): SharedProgram => {
    const { name, attachType, bufferAccess, id, record, type } = program
    const { helpers } = parts.linked[n]!
    return {
      name,
      section: spec.programs.find((p) => p.name === name)?.section ?? '',
      type,
      ...(attachType === undefined ? {} : { attachType }),
      id,
      record,
      bufferAccess,
      functions: [...helpers].map(([id, { def, slot }]) => ({ id, name: def.name, slot })),
    }
  })
  const { id } = parts
  const { variables, license } = spec
  return { format: SHARED_FORMAT, id, engine, unit: unit.shared, programs, maps, variables, license }
}
