import type { Arena } from '@skep/memory'
import type { ArgDesc, HelperDef, HostEnv, MapHandle } from '@skep/registry'
import { control } from '@skep/registry'
import {
  createThunks,
  type HelperFunction,
  type Thunk,
  type ThunkParameter,
  type ThunkResult,
} from '@skep/wasm'
import { type Activity, guard } from './activity.ts'

type Reader = (raw: readonly number[], env: HostEnv) => unknown

const wide = (desc: ArgDesc): boolean => desc.kind === 'anything' && (desc.js === 'u64' || desc.js === 'i64')

function bytesAt(env: HostEnv, address: number, size: number): Uint8Array {
  return new Uint8Array(env.memory.buffer, address >>> 0, size >>> 0)
}

function cString(env: HostEnv, address: number): string {
  const bytes = new Uint8Array(env.memory.buffer, address >>> 0)
  const end = bytes.indexOf(0)
  // A copy: TextDecoder refuses views of shared memory.
  return new TextDecoder().decode(bytes.slice(0, Math.max(end, 0)))
}

const isSize = (desc: ArgDesc | undefined): boolean =>
  desc?.kind === 'const_size' || desc?.kind === 'const_size_or_zero'

/** How one descriptor's value is read from the raw numbers, given where its number stands. */
function reader(args: readonly ArgDesc[], index: number, at: readonly number[]): Reader | undefined {
  const desc = args[index]!
  const here = at[index]!
  const mapArg = args.findIndex((d) => d.kind === 'const_map_ptr')
  const ofMap = (size: (map: MapHandle) => number): Reader => {
    return (raw, env) => {
      if (desc.nullable && raw[here] === 0) return undefined
      const map = env.mapAt(raw[at[mapArg]!]! >>> 0)
      return map ? bytesAt(env, raw[here]!, size(map)) : undefined
    }
  }
  switch (desc.kind) {
    case 'const_map_ptr':
      return (raw, env) => env.mapAt(raw[here]! >>> 0)
    case 'map_key':
      return ofMap((map) => map.keySize)
    case 'map_value':
      return ofMap((map) => map.valueSize)
    case 'const_str':
      return (raw, env) => cString(env, raw[here]!)
    case 'mem':
    case 'ringbuf_mem':
    case 'stack':
    case 'arena': {
      const sized = isSize(args[index + 1])
      const size = (raw: readonly number[]): number => (sized ? raw[at[index + 1]!]! : (desc.size ?? 0))
      return (raw, env) =>
        desc.nullable && raw[here] === 0 ? undefined : bytesAt(env, raw[here]!, size(raw))
    }
    case 'const_size':
    case 'const_size_or_zero':
      // Part of the Uint8Array before it.
      if (index > 0 && args[index - 1]!.kind === 'mem') return undefined
      return (raw) => raw[here]! >>> 0
    case 'anything':
      if (desc.js === 'i32') return (raw) => raw[here]! | 0
      if (wide(desc)) {
        const convert = desc.js === 'i64' ? BigInt.asIntN : BigInt.asUintN
        return (raw) => convert(64, (BigInt(raw[here + 1]! | 0) << 32n) | BigInt(raw[here]! >>> 0))
      }
      return (raw) => raw[here]! >>> 0
    default:
      return (raw) => raw[here]! >>> 0
  }
}

const results: Readonly<Record<string, ThunkResult>> = {
  u32: 'u32',
  address: 'u32',
  i32: 'i32',
  u64: 'i64',
  i64: 'i64',
}

/**
 * Wraps a JS implementation for wasm callers: registers arrive as 32-bit numbers (two for a 64-bit scalar), and become
 * what the descriptors promise to `call`. What it throws ends the run with ProgramFault THREW.
 */
function helperThunk(
  def: Pick<HelperDef, 'name' | 'args' | 'returns' | 'call'>,
  env: HostEnv,
  activity: Activity,
): Thunk {
  const params: ThunkParameter[] = def.args.map((d) => (wide(d) ? 'i64' : 'i32'))
  const at: number[] = []
  let position = 0
  for (const p of params) {
    at.push(position)
    position += p === 'i64' ? 2 : 1
  }
  const readers = def.args.map((_, i) => reader(def.args, i, at)).filter((r): r is Reader => r !== undefined)
  const call = def.call as unknown as (this: HostEnv, ...args: unknown[]) => number | bigint | undefined
  const result: ThunkResult =
    def.returns.kind === 'void' ? 'void' : (results[def.returns.js ?? 'i32'] ?? 'i32')
  return {
    name: def.name,
    params,
    result,
    call: guard(activity, def.name, (...raw: number[]) => {
      const value = call.apply(
        env,
        readers.map((read) => read(raw, env)),
      )
      if (typeof value !== 'bigint') return value ?? 0
      new DataView(env.memory.buffer).setInt32(
        env.control + control.CTL_RET_HI,
        Number(BigInt.asIntN(32, value >> 32n)),
        true,
      )
      return Number(BigInt.asIntN(32, value))
    }),
  }
}

/** The function in the table of a definition in JS; a tail call is performed by the engine itself, and its stands for failure. */
export function jsFunction(
  def: HelperDef,
  env: HostEnv,
  activity: Activity,
  { memory, shared }: Pick<Arena, 'memory' | 'shared'>,
): HelperFunction {
  const thunk: Thunk = def.call
    ? helperThunk(def, env, activity)
    : { params: [], result: 'i32', call: () => -2 }
  const type = shared ? { initial: 1, maximum: 65536, shared } : { initial: 1 }
  const [fn] = createThunks([thunk], { high: { memory, type, address: env.control + control.CTL_RET_HI } })
  return fn!
}
