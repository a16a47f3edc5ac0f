import { encode } from '@skep/isa'
import type { Arena } from '@skep/memory'
import type { CompiledUnit, Engine, LinkedHelper, LinkedProgram, MapSpec } from '@skep/registry'
import { digest, openEntry, packEntry, quietly } from './cache-entry.ts'

/**
 * Where compiled collections are kept from load to load: `createMemoryCache()`, a folder (`createFileCache` of
 * @skep/runtime/node), or whatever else keeps bytes. What comes out is run as it is: keep it where only the host writes.
 * A store that throws or rejects counts as empty.
 */
export interface CacheStore {
  get(key: string): Uint8Array | undefined | Promise<Uint8Array | undefined>
  set(key: string, entry: Uint8Array): void | Promise<void>
}

/** Layout of an entry; another number is another key. */
const FORMAT = 1

/** Keeps the entries that were used last, at most so many bytes of them together. */
export function createMemoryCache(limit: number = 64 * 2 ** 20): CacheStore {
  const entries = new Map<string, Uint8Array>()
  let bytes = 0
  const remove = (key: string): Uint8Array | undefined => {
    const entry = entries.get(key)
    if (entry) bytes -= entry.length
    entries.delete(key)
    return entry
  }
  return {
    get: (key) => {
      const entry = remove(key)
      if (!entry) return undefined
      entries.set(key, entry)
      bytes += entry.length
      return entry
    },
    set: (key, entry) => {
      remove(key)
      if (entry.length > limit) return
      entries.set(key, entry)
      bytes += entry.length
      for (const oldest of entries.keys()) {
        if (bytes <= limit) break
        remove(oldest)
      }
    },
  }
}

/** All that the code depends on besides the programs. */
interface Surroundings {
  readonly engine: Engine
  readonly arena: Arena
  /** Address of the control block: a constant in the code. */
  readonly control: number
  readonly maps: readonly MapSpec[]
}

/** Compiled by this process; an entry out of a file has none at first. */
const modules = new WeakMap<Uint8Array, WebAssembly.Module>()

/**
 * `engine.compile`, by way of the store: the unit of an entry of the same content where there is one, else an entry of the
 * unit that was compiled. Engines without version, or that cannot restore, compile.
 */
export async function compileWith(
  store: CacheStore | undefined,
  programs: readonly LinkedProgram[],
  around: Surroundings,
): Promise<CompiledUnit> {
  const { engine } = around
  if (!store || engine.version === undefined || !engine.restore) return engine.compile(programs)
  const key = await keyOf(programs, around)
  const kept = await quietly(() => store.get(key))
  if (kept) {
    const entry = openEntry(kept)
    const module = modules.get(kept)
    const saved = entry && { about: entry.about, wasm: entry.bytes, ...(module ? { module } : {}) }
    const unit = saved && (await quietly(() => engine.restore!(programs, saved)))
    if (unit) {
      const { module } = unit.saved?.() ?? {}
      if (module) modules.set(kept, module)
      return unit
    }
  }
  const unit = await engine.compile(programs)
  const saved = unit.saved?.()
  if (saved) {
    const entry = packEntry(saved.about, saved.wasm)
    if (saved.module) modules.set(entry, saved.module)
    await quietly(() => store.set(key, entry))
  }
  return unit
}

/** SHA-256 over everything that the code is made of, in hexadecimal. */
async function keyOf(programs: readonly LinkedProgram[], around: Surroundings): Promise<string> {
  const { engine, arena, control, maps } = around
  const parts: (string | Uint8Array)[] = []
  const text = (value: unknown): void => {
    parts.push(JSON.stringify(value, (_, field) => (typeof field === 'bigint' ? `${field}n` : field)))
  }
  text([FORMAT, engine.name, engine.version, arena.shared, control])
  text(maps.map(({ initial: _, btf: __, ...spec }) => spec))
  for (const program of programs) {
    const { name, insns, subprograms, facts, helpers, context } = program
    text([name, insns.length, subprograms, facts?.stackDepth, context, [...helpers].map(describeHelper)])
    text(
      program.maps.map((map) => [
        map.name,
        map.address,
        map.array,
        map.lookup,
        map.quiet,
        map.window,
        map.inner && { ...map.inner, ops: Object.keys(map.inner.ops) },
        Object.keys(map.ops),
      ]),
    )
    parts.push(encode(insns))
    if (!facts) continue
    const { reachable, access, flags, callMap, callback } = facts
    parts.push(reachable, access, flags, bytesOf(callMap), bytesOf(callback))
  }
  return digest(parts)
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Int32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength)

/** What engines read of a helper; functions themselves are imports, and not in the code. */
function describeHelper([id, { def, slot }]: readonly [number, LinkedHelper]): unknown {
  const { call, wasm, ...data } = def
  return [id, slot, data, call !== undefined, wasm?.module.name, wasm?.export]
}
