import type {
  HostEnv,
  JsMapOps,
  MapExports,
  MapHandle,
  MapHostOp,
  MapOp,
  MapSpec,
  MapTypeDef,
} from '@skep/registry'
import { wrapJsOps } from './js-ops.ts'

export type AnyOp = MapOp | MapHostOp
/** Arguments as layout/map.ts says, the map's address first. */
export type Operation = (...args: (number | bigint)[]) => number
const small: readonly bigint[] = Array.from({ length: 32 }, (_, n) => BigInt(n))

/** Flags as operations take them. */
export const bits = (flags: number): bigint => small[flags] ?? BigInt(flags)

export type Operations = Partial<Record<AnyOp, Operation>>

/** The exports that serve a map of this spec, by operation. */
export function mapExports(def: MapTypeDef, spec: MapSpec): MapExports {
  return { ...def.wasm?.ops, ...def.wasm?.variant?.(spec) }
}

/** A live map's operations, how it begins and how it ends. */
export interface BoundType {
  readonly operations: Operations
  /** Those that programs reach through the function table: wasm functions all. */
  readonly inTable: Operations
  /** 0 or a negative errno. */
  readonly init: () => number
  readonly free: () => void
}

function exported(def: MapTypeDef, exports: Readonly<Record<string, unknown>>, name: string): Operation {
  const fn = exports[name]
  if (typeof fn === 'function') return fn as Operation
  throw new RangeError(`wasm module ${def.wasm!.module.name} exports no function ${name}`)
}

/** What serves a map of this spec, out of its type's module. Throws RangeError as `bindWasm`. */
export const wasmOperations = (
  def: MapTypeDef,
  spec: MapSpec,
  exports: Readonly<Record<string, unknown>>,
): Operations =>
  Object.fromEntries(
    Object.entries(mapExports(def, spec)).map(([op, name]) => [op, exported(def, exports, name)]),
  )

/** The operations of a type in wasm. Throws RangeError when the module lacks an export that the type names. */
export function bindWasm(
  def: MapTypeDef,
  spec: MapSpec,
  exports: Readonly<Record<string, unknown>>,
  header: number,
): BoundType {
  const { init, free } = def.wasm!
  const operations = wasmOperations(def, spec, exports)
  const [begin, end] = [exported(def, exports, init), exported(def, exports, free)]
  return { operations, inTable: operations, init: () => begin(header), free: () => void end(header) }
}

/** The operations of a type in JavaScript. */
export function bindJs(def: MapTypeDef, env: HostEnv, map: MapHandle): BoundType {
  const ops: JsMapOps = def.create!(env, map)
  const inTable = wrapJsOps(ops) as unknown as Operations
  const operations: Operations = { ...inTable }
  if (ops.nextKey) {
    const next = ops.nextKey.bind(ops)
    operations.next_key = (_map, key, out) => next(Number(key), Number(out))
  }
  return { operations, inTable, init: () => 0, free: () => ops.free?.() }
}
