import { createHostMap, type HostMap, type HostMapParts, openArenaWindow } from '@skep/maps'
import {
  arenaLayout,
  type Cpu,
  type HostEnv,
  type JsMapOps,
  type LinkedMap,
  type MapSpec,
  type MapTypeDef,
  mapLayout,
  type Platform,
  type ProgramHandle,
} from '@skep/registry'
import { type Activity, guard } from './activity.ts'
import { RuntimeError } from './errors.ts'
import type { ModuleSet } from './modules.ts'
import { owns, type ValueFields } from './value-fields.ts'

/** Function-table slots by function: every map of a type shares them. */
export type SlotCache = Map<unknown, number>

export interface MapFactory {
  readonly platform: Platform
  readonly cpu: Cpu
  readonly modules: ModuleSet
  readonly env: HostEnv
  readonly slots: SlotCache
  readonly activity: Activity
  readonly fields: ValueFields
  /** For hash functions, in deterministic mode. */
  readonly seed: bigint | undefined
}

/** A map of a collection: the host's face and what programs link to. */
export interface LiveMap {
  readonly handle: HostMap
  readonly linked: LinkedMap
  /** Address of the first value, for globals. */
  valueAddress(): number
  release(): void
}

/** Makes a spec's map, still empty. Throws RuntimeError for an unknown type and MapError for a spec that bpf(2) refuses. */
export async function createMap(spec: MapSpec, id: number, factory: MapFactory): Promise<LiveMap> {
  const { platform, cpu, modules, env, slots } = factory
  const known = platform.mapTypes.get(spec.type)
  if (!known) {
    throw new RuntimeError(
      'UNKNOWN_MAP_TYPE',
      spec.name,
      `map ${spec.name}: no map type ${spec.type}; a plugin may define it with defineMapType`,
      'EINVAL',
    )
  }
  const def = guardOps(known, factory.activity)
  const own: number[] = []
  const special = factory.fields.of(spec)
  const free = owns(special) ? platform.freeFields : undefined
  const handle = createHostMap({
    arena: cpu.arena,
    def,
    spec,
    id,
    env,
    fields: special.fields,
    innerFields: special.innerFields,
    ...innerDef(spec, platform),
    ...(free
      ? { freeFields: (await modules.function(free)) as unknown as NonNullable<HostMapParts['freeFields']> }
      : {}),
    ...(def.wasm ? { exports: await modules.instantiate(def.wasm.module) } : {}),
    ...(factory.seed === undefined ? {} : { seed: factory.seed }),
    slot: (fn) => {
      let slot = slots.get(fn)
      if (slot !== undefined) return slot
      slot = cpu.addFunction(fn)
      // A JS map type's functions are made for one map.
      if (def.wasm) slots.set(fn, slot)
      else own.push(slot)
      return slot
    },
  })
  const linked = withWindow(handle.link(), def, cpu)
  return {
    handle,
    linked,
    // Not by a lookup: the host may have no right to read the map.
    valueAddress: () => cpu.arena.view.getUint32(handle.address + mapLayout.MAP_DATA, true),
    release: () => {
      handle.close()
      for (const slot of own) cpu.removeFunction(slot)
    },
  }
}

/** The type of a map of maps' elements. */
export function innerDef({ inner }: MapSpec, platform: Platform): { readonly inner?: MapTypeDef } {
  const def = inner && platform.mapTypes.get(inner.type)
  return def ? { inner: def } : {}
}

/** Where a program's pointers into an arena may point. */
function withWindow(linked: LinkedMap, def: MapTypeDef, { arena }: Cpu): LinkedMap {
  if (!def.verify?.arena) return linked
  const word = (offset: number): number => arena.view.getUint32(linked.address + offset, true)
  const window = {
    base: word(mapLayout.MAP_DATA),
    pages: word(mapLayout.MAP_MAX_ENTRIES),
    table: word(arenaLayout.ARENA_PAGES),
  }
  return { ...linked, window }
}

const jsOps: Readonly<Record<keyof JsMapOps, true>> = {
  lookup: true,
  update: true,
  delete: true,
  nextKey: true,
  push: true,
  pop: true,
  peek: true,
  free: true,
}

/** A map type in JS whose operations may throw while a program calls them. */
function guardOps(def: MapTypeDef, activity: Activity): MapTypeDef {
  const { create } = def
  if (!create) return def
  return {
    ...def,
    create: (env, map) => {
      const ops = create(env, map)
      const guarded = Object.keys(jsOps).flatMap((name) => {
        const op = ops[name as keyof JsMapOps] as ((...args: unknown[]) => unknown) | undefined
        return op ? [[name, guard(activity, `${def.name}.${name}`, op.bind(ops))]] : []
      })
      return Object.fromEntries(guarded) as JsMapOps
    },
  }
}

const key32 = (n: number): Uint8Array => new Uint8Array(Uint32Array.of(n).buffer)

/**
 * Writes the first contents: bytes, programs into a program array, maps (the collection's, by name) into a map of maps.
 * Then freezes what the spec freezes.
 */
export function fillMap(
  map: LiveMap,
  spec: MapSpec,
  programs: ReadonlyMap<string, ProgramHandle>,
  maps?: ReadonlyMap<string, LiveMap>,
): void {
  for (const first of spec.initial ?? []) {
    if ('value' in first && map.linked.window) {
      // What libbpf copies into its mapping.
      openArenaWindow(map.handle).view(map.linked.window.base, first.value.length).set(first.value)
    } else if ('value' in first) {
      map.handle.update(first.key, first.value)
    } else if ('program' in first) {
      const program = programs.get(first.program)
      if (!program) {
        throw new RuntimeError(
          'BAD_REFERENCE',
          first.program,
          `map ${spec.name}: slot ${first.index} is program "${first.program}", which is not loaded`,
        )
      }
      map.handle.update(key32(first.index), key32(program.record))
    } else {
      const inner = maps?.get(first.map)
      if (!inner) {
        throw new RuntimeError(
          'BAD_REFERENCE',
          first.map,
          `map ${spec.name}: slot ${first.index} is map "${first.map}", which the collection has not`,
        )
      }
      map.handle.setMap(key32(first.index), inner.handle)
    }
  }
  if (spec.frozen) map.handle.freeze()
}
