import type { ArgDesc, HelperDef, LinkedProgram, RetDesc } from '@skep/registry'
import * as layout from './layout/structures.ts'

/** What checked code may pass for one register, or gets back. */
export interface ArgumentCheck {
  /** One of the ARG_ kinds. */
  readonly kind: number
  /** ARG_NULLABLE, ARG_WRITE, ARG_MAYBE_EMPTY. */
  readonly flags: number
  /** Number (0-based) of the argument with the map or the size. */
  readonly other: number
  /** For ARG_BYTES. */
  readonly bytes: number
  /** For ARG_MAP: addresses of the maps that are allowed. */
  readonly maps: readonly number[]
}

/** Ids of map types by name, for helpers that take some types only. */
export type MapTypeIds = ReadonlyMap<string, number>

const check = (kind: number, rest: Partial<ArgumentCheck> = {}): ArgumentCheck => ({
  kind,
  flags: 0,
  other: 0,
  bytes: 0,
  maps: [],
  ...rest,
})

const ANY = check(layout.ARG_ANY)
const REFUSED = check(layout.ARG_REFUSED)

interface Linked {
  readonly program: LinkedProgram
  readonly mapTypes: MapTypeIds
  /** MAP_TYPE of a header. */
  readonly typeOf: (map: number) => number
}

/** The program's maps that the argument may be. */
function allowedMaps(helper: HelperDef, arg: ArgDesc, { program, mapTypes, typeOf }: Linked): number[] {
  const { mapOp } = helper
  // An operation that the map has is what the types named in the descriptor share.
  if (mapOp) return program.maps.filter((map) => map.ops[mapOp] !== undefined).map((map) => map.address)
  const addresses = program.maps.map((map) => map.address)
  if (!arg.mapTypes) return addresses
  const ids = new Set(arg.mapTypes.map((name) => mapTypes.get(name)))
  return addresses.filter((address) => ids.has(typeOf(address)))
}

function memoryFlags(arg: ArgDesc, size?: ArgDesc): number {
  return (
    (arg.nullable ? layout.ARG_NULLABLE : 0) |
    (arg.access && arg.access !== 'read' ? layout.ARG_WRITE : 0) |
    (size?.kind === 'const_size_or_zero' ? layout.ARG_MAYBE_EMPTY : 0)
  )
}

function argumentCheck(helper: HelperDef, index: number, linked: Linked): ArgumentCheck {
  const arg = helper.args[index]!
  const flags = memoryFlags(arg)
  switch (arg.kind) {
    case 'anything':
      return arg.zero ? check(layout.ARG_ZERO) : ANY
    // What a callback gets as its context; its accesses are checked when it runs.
    case 'stack':
      return ANY
    case 'const_size':
    case 'const_size_or_zero':
      return ANY
    // Helpers trust what a context says. Bare memory is no context.
    case 'ctx':
      return linked.program.context?.fields.length ? check(layout.ARG_CONTEXT) : REFUSED
    case 'const_map_ptr':
      return check(layout.ARG_MAP, { maps: allowedMaps(helper, arg, linked) })
    case 'map_key':
    case 'map_value': {
      const other = helper.args.findIndex((one) => one.kind === 'const_map_ptr')
      if (other < 0 || other > index) return REFUSED
      return check(arg.kind === 'map_key' ? layout.ARG_KEY : layout.ARG_MAP_VALUE, { flags, other })
    }
    case 'mem': {
      if (arg.size !== undefined) return check(layout.ARG_BYTES, { flags, bytes: arg.size })
      const size = helper.args[index + 1]
      if (size?.kind !== 'const_size' && size?.kind !== 'const_size_or_zero') return REFUSED
      return check(layout.ARG_SIZED, { flags: memoryFlags(arg, size), other: index + 1 })
    }
    case 'const_str':
      return check(layout.ARG_STRING)
    case 'func':
      return check(layout.ARG_CALLBACK)
    // Locks, dynptrs, references, kernel objects: their state is the verifier's to follow.
    default:
      return REFUSED
  }
}

/** The memory that a result points to. */
function resultCheck(helper: HelperDef, returns: RetDesc): ArgumentCheck {
  if (returns.kind === 'map_value') {
    const other = helper.args.findIndex((one) => one.kind === 'const_map_ptr')
    return other < 0 ? ANY : check(layout.ARG_MAP_VALUE, { other })
  }
  if (returns.kind !== 'mem') return ANY
  if (returns.size !== undefined) return check(layout.ARG_BYTES, { bytes: returns.size })
  return returns.sizeArg === undefined ? ANY : check(layout.ARG_SIZED, { other: returns.sizeArg })
}

/** Six checks: r1 to r5, then the result. */
export function argumentChecks(helper: HelperDef, linked: Linked): readonly ArgumentCheck[] {
  const checks: ArgumentCheck[] = []
  for (let n = 0; n < 5; n++) checks.push(n < helper.args.length ? argumentCheck(helper, n, linked) : ANY)
  const result = resultCheck(helper, helper.returns)
  checks.push(helper.mapOp ? { ...result, flags: layout.ARG_STILL } : result)
  return checks
}
