import type { Arena } from '@skep/memory'
import {
  arenaLayout,
  fieldLayout,
  fieldRecordSize,
  mapLayout as layout,
  type MapOp,
  type MapSpec,
  type MapTypeDef,
  type ValueField,
  writeFieldRecord,
} from '@skep/registry'
import type { AnyOp, Operations } from './map-operations.ts'

/** Where each operation's slot stands in the header. */
const slotOffsets: Readonly<Partial<Record<AnyOp, number>>> = {
  lookup: layout.MAP_OP_LOOKUP,
  update: layout.MAP_OP_UPDATE,
  delete: layout.MAP_OP_DELETE,
  push: layout.MAP_OP_PUSH,
  pop: layout.MAP_OP_POP,
  peek: layout.MAP_OP_PEEK,
  next_key: layout.MAP_OP_NEXT_KEY,
  lookup_percpu: layout.MAP_OP_LOOKUP_PERCPU,
  for_each: layout.MAP_OP_FOR_EACH,
  redirect: layout.MAP_OP_REDIRECT,
  alloc_pages: arenaLayout.ARENA_OP_ALLOC,
  free_pages: arenaLayout.ARENA_OP_FREE,
  reserve_pages: arenaLayout.ARENA_OP_RESERVE,
}

export const programOps: readonly MapOp[] = [
  'lookup',
  'update',
  'delete',
  'push',
  'pop',
  'peek',
  'lookup_percpu',
  'for_each',
  'redirect',
]

/** Where init functions find a seed (assembly/hash-layout.ts). */
const SEED = layout.MAP_PRIVATE + 40

/** Addresses from here on are negative errnos, as the kernel's ERR_PTR. */
export const ERRORS = 0xffff_f001

export const randomSeed = (): bigint => crypto.getRandomValues(new BigUint64Array(1))[0]!

export const round8 = (n: number): number => (n + 7) & ~7

/** A map's blocks besides what its type allocates. */
export interface MapBlocks {
  readonly header: number
  /** Scratch for the host: a key, another key, a value as the host sees it. */
  readonly key: number
  readonly otherKey: number
  readonly value: number
  free(): void
}

/** Bytes of the scratch's keys, and of all of it. */
function scratchSizes(spec: MapSpec, hostValueSize: number): { keyBytes: number; all: number } {
  const keyBytes = round8(Math.max(spec.keySize, 8))
  return { keyBytes, all: 2 * keyBytes + round8(Math.max(hostValueSize, 8)) }
}

/** Scratch of one more handle on a map that another CPU made. Undefined when the arena has no room. */
export function openBlocks(
  arena: Arena,
  header: number,
  spec: MapSpec,
  hostValueSize: number,
): MapBlocks | undefined {
  const { keyBytes, all } = scratchSizes(spec, hostValueSize)
  const key = arena.exports.alloc(all, 16) >>> 0
  if (key === 0) return undefined
  arena.exports.setShape(key, 1)
  return { header, key, otherKey: key + keyBytes, value: key + 2 * keyBytes, free: () => arena.free(key) }
}

/** Allocates and fills the header, all but the slots. Undefined when the arena has no room. */
export function createBlocks(
  arena: Arena,
  parts: {
    readonly def: MapTypeDef
    readonly spec: MapSpec
    readonly id: number
    readonly hostValueSize: number
    readonly seed: bigint
    readonly fields: readonly ValueField[]
  },
): MapBlocks | undefined {
  const { def, spec, fields } = parts
  const { keyBytes, all: scratchBytes } = scratchSizes(spec, parts.hostValueSize)
  const sizes = [layout.MAP_HEADER_SIZE, scratchBytes, fields.length > 0 ? fieldRecordSize(fields) : 0]
  const blocks = sizes.map((size) => (size === 0 ? 0 : arena.exports.alloc(size, 16) >>> 0))
  const free = (): void => {
    for (const block of blocks) if (block !== 0) arena.free(block)
  }
  if (sizes.some((size, n) => size !== 0 && blocks[n] === 0)) {
    free()
    return undefined
  }
  const [header, scratch, table] = blocks as [number, number, number]
  arena.exports.setShape(header, 1)
  arena.exports.setShape(scratch, 1)

  const { view } = arena
  const put = (offset: number, value: number): void => view.setUint32(header + offset, value, true)
  put(layout.MAP_ID, parts.id)
  put(layout.MAP_TYPE, def.id)
  put(layout.MAP_KEY_SIZE, spec.keySize)
  put(layout.MAP_VALUE_SIZE, spec.valueSize)
  put(layout.MAP_MAX_ENTRIES, spec.maxEntries)
  put(layout.MAP_FLAGS, spec.flags ?? 0)
  put(layout.MAP_CPUS, arena.cpus)
  put(layout.MAP_INDICES, def.wasm?.array ? spec.maxEntries : 0)
  put(layout.MAP_EXTRA, spec.mapExtra ?? 0)
  view.setBigUint64(header + SEED, parts.seed, true)
  if (table !== 0) {
    arena.exports.setShape(table, 1)
    put(layout.MAP_FIELDS, table)
    writeFieldRecord(view, table, {
      bytes: spec.valueSize,
      fields,
      indexed: def.wasm?.array ?? false,
    })
    put(layout.MAP_SPIN_LOCK, view.getUint32(table + fieldLayout.RECORD_LOCK, true))
  }
  return { header, key: scratch, otherKey: scratch + keyBytes, value: scratch + 2 * keyBytes, free }
}

/** Writes the function-table slots of the operations; where the map is another CPU's, asks for those that it has. */
export function writeSlots(
  view: DataView,
  header: number,
  operations: Operations,
  slot: (fn: unknown, op: AnyOp, at?: number) => number,
  opened: boolean,
): void {
  for (const [op, offset] of Object.entries(slotOffsets) as [AnyOp, number][]) {
    const fn = operations[op]
    if (!fn) continue
    if (opened) slot(fn, op, view.getUint32(header + offset, true))
    else view.setUint32(header + offset, slot(fn, op), true)
  }
}

/** Who keeps a map's lock, in words; undefined when nobody does. */
export function lockHolder(arena: Arena, header: number): string | undefined {
  const holder = arena.u32[(header + layout.MAP_LOCK) >> 2]!
  if (holder === 0) return undefined
  const how = arena.exports.isGone(holder) === 0 ? 'does not give it back' : 'has ended'
  return `the map's lock is held by CPU ${holder & 0xfff}, whose worker ${how}`
}
