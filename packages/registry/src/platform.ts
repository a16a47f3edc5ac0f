import type { AttachPointDef } from './attach-point.ts'
import type { EngineDef } from './engine.ts'
import type { HelperDef } from './helper.ts'
import type { KfuncDef } from './kfunc.ts'
import type { LoaderDef } from './loader.ts'
import type { MapTypeDef } from './map-type.ts'
import type { PluginDef } from './plugin.ts'
import type { ProgramTypeDef } from './program-type.ts'
import type { WasmExport } from './wasm-module.ts'

/** A table of definitions, found by name or id. */
export interface Table<D> extends Iterable<D> {
  readonly size: number
  byName(name: string): D | undefined
  /** Undefined too for kinds that have no ids. */
  byId(id: number): D | undefined
  /** By either, as specs hold them. */
  get(key: string | number): D | undefined
}

/** Everything that a runtime, the verifier and the loaders know about the world. Frozen. */
export interface Platform {
  readonly plugins: readonly string[]
  readonly helpers: Table<HelperDef>
  readonly kfuncs: Table<KfuncDef>
  readonly mapTypes: Table<MapTypeDef>
  readonly programTypes: Table<ProgramTypeDef>
  readonly attachPoints: Table<AttachPointDef>
  readonly loaders: Table<LoaderDef>
  readonly engines: Table<EngineDef>
  /** As PluginDef's. */
  readonly freeFields?: WasmExport
  /** Whether a program type may call a helper. */
  allows(programType: ProgramTypeDef, helper: HelperDef): boolean
}

/** Two plugins define the same name or id. */
export class CollisionError extends Error {
  readonly code = 'COLLISION'
  override readonly name = 'CollisionError'
  readonly kind: string
  readonly key: string | number
  readonly plugins: readonly [string, string]

  constructor(kind: string, key: string | number, first: string, second: string) {
    super(
      `${kind} ${typeof key === 'number' ? `id ${key}` : `"${key}"`} is defined by plugin "${first}" and by plugin "${second}"; rename one or leave one plugin out`,
    )
    this.kind = kind
    this.key = key
    this.plugins = [first, second]
  }
}

type Kind = 'helpers' | 'kfuncs' | 'mapTypes' | 'programTypes' | 'attachPoints' | 'loaders' | 'engines'

function collect<D extends { readonly name: string; readonly id?: number }>(
  kind: Kind,
  plugins: readonly PluginDef[],
): Table<D> {
  const names = new Map<string, { def: D; plugin: string }>()
  const ids = new Map<number, { def: D; plugin: string }>()
  for (const plugin of plugins) {
    for (const def of (plugin[kind] ?? []) as unknown as readonly D[]) {
      const entry = { def, plugin: plugin.name }
      const same = names.get(def.name)
      if (same) throw new CollisionError(kind, def.name, same.plugin, plugin.name)
      names.set(def.name, entry)
      if (def.id === undefined) continue
      const sameId = ids.get(def.id)
      if (sameId) throw new CollisionError(kind, def.id, sameId.plugin, plugin.name)
      ids.set(def.id, entry)
    }
  }
  const byName = (name: string): D | undefined => names.get(name)?.def
  const byId = (id: number): D | undefined => ids.get(id)?.def
  return Object.freeze({
    size: names.size,
    byName,
    byId,
    get: (key: string | number) => (typeof key === 'number' ? byId(key) : byName(key)),
    *[Symbol.iterator]() {
      for (const { def } of names.values()) yield def
    },
  })
}

/** Merges plugins into one frozen platform; collisions are refused with a CollisionError. */
export function createPlatform(plugins: readonly PluginDef[]): Platform {
  const helpers = collect<HelperDef>('helpers', plugins)
  const programTypes = collect<ProgramTypeDef>('programTypes', plugins)
  const freeFields = plugins.find((p) => p.freeFields)?.freeFields
  const extra = new Map([...programTypes].map((p) => [p.name, new Set(p.helpers ?? [])]))
  return Object.freeze({
    plugins: plugins.map((p) => p.name),
    helpers,
    kfuncs: collect<KfuncDef>('kfuncs', plugins),
    mapTypes: collect<MapTypeDef>('mapTypes', plugins),
    programTypes,
    attachPoints: collect<AttachPointDef>('attachPoints', plugins),
    loaders: collect<LoaderDef>('loaders', plugins),
    engines: collect<EngineDef>('engines', plugins),
    ...(freeFields ? { freeFields } : {}),
    allows: (programType: ProgramTypeDef, helper: HelperDef) =>
      helper.programTypes === 'all' ||
      (helper.programTypes?.includes(programType.name) ?? false) ||
      (extra.get(programType.name)?.has(helper.name) ?? false),
  })
}
