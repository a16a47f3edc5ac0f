import type { Insn } from '@skep/isa'
import type {
  ArgKind,
  HelperDef,
  LinkedArray,
  LinkedHelper,
  LinkedInner,
  LinkedInnerArray,
  LinkedMap,
  LowerI32,
  MapOp,
} from '@skep/registry'
import type { ValueType } from '@skep/wasm'
import { JitError } from './errors.ts'
import { type LoweredCall, planLowered } from './lowered-call.ts'
import type { PreparedProgram } from './stack-slots.ts'

/**
 * How much of a register an instruction needs:
 * - `low`: its low 32 bits
 * - `full`: all 64
 * - `via`: as much as is needed of the instruction's result
 * - `address`: all 64 bits, of a value that the verifier proved to be a pointer, a size or null: its high half is zero
 */
export const NEED = { none: 0, low: 1, full: 2, via: 3, address: 4 } as const
export type Need = (typeof NEED)[keyof typeof NEED]

/** How a call instruction is carried out. */
export type CallPlan =
  /** A lookup in a map whose elements lie in one array, without a call. */
  | {
      readonly kind: 'array_lookup'
      readonly array: LinkedArray | LinkedInnerArray
      /** The register that holds the index, where it is not in memory. */
      readonly key?: number
    }
  /** An operation of a map's type, called with its own signature: of a known map, or of an element of a known map of maps. */
  | {
      readonly kind: 'map_op'
      readonly map: LinkedMap | LinkedInner
      readonly op: MapOp
      readonly fn: unknown
      /** An expression that does most of its work. */
      readonly lower?: LowerI32
    }
  | { readonly kind: 'tail_call'; readonly map: LinkedMap | undefined }
  | { readonly kind: 'helper'; readonly helper: LinkedHelper }
  | LoweredCall
  | { readonly kind: 'local'; readonly target: number }
  /** A helper whose id is in a register. */
  | { readonly kind: 'by_register' }

interface MapOpShape {
  /** The wasm operation's parameters after the map; they are r2, r3, … of the helper. */
  readonly params: readonly ValueType[]
  readonly needs: readonly Need[]
  /** Whether the i32 result is an address (zero-extended) or a number (sign-extended). */
  readonly result: 'address' | 'number'
}

/** Signatures of the map operations: registry's layout/map.ts. */
export const mapOpShapes: Readonly<Record<MapOp, MapOpShape>> = {
  lookup: { params: ['i32'], needs: [NEED.address], result: 'address' },
  update: {
    params: ['i32', 'i32', 'i64'],
    needs: [NEED.address, NEED.address, NEED.full],
    result: 'number',
  },
  delete: { params: ['i32'], needs: [NEED.address], result: 'number' },
  push: { params: ['i32', 'i64'], needs: [NEED.address, NEED.full], result: 'number' },
  pop: { params: ['i32'], needs: [NEED.address], result: 'number' },
  peek: { params: ['i32'], needs: [NEED.address], result: 'number' },
  lookup_percpu: { params: ['i32', 'i32'], needs: [NEED.address, NEED.low], result: 'address' },
  for_each: { params: ['i32', 'i64', 'i64'], needs: [NEED.low, NEED.full, NEED.full], result: 'number' },
  redirect: { params: ['i64', 'i64'], needs: [NEED.full, NEED.full], result: 'number' },
}

/** Arguments that the verifier lets only a pointer, null or a size be. */
const isAddress: Readonly<Record<ArgKind, boolean>> = {
  anything: false,
  const_map_ptr: true,
  map_key: true,
  map_value: true,
  mem: true,
  const_size: true,
  const_size_or_zero: true,
  const_alloc_size_or_zero: true,
  ctx: true,
  spin_lock: true,
  timer: true,
  sock_common: true,
  socket: true,
  btf_id: true,
  btf_id_sock_common: true,
  percpu_btf_id: true,
  ringbuf_mem: true,
  func: true,
  stack: true,
  const_str: true,
  kptr_xchg_dest: true,
  dynptr: true,
  arena: true,
}

/** What a helper needs of r1 to r5. */
export function helperNeeds(def: HelperDef): Need[] {
  const needs: Need[] = def.args.map((arg) => (isAddress[arg.kind] ? NEED.address : NEED.full))
  if (def.variadic) while (needs.length < 5) needs.push(NEED.full)
  return needs
}

/** The largest value of a helper's result, as an unsigned number. */
export function helperMax(def: HelperDef): number {
  const { kind, min, max, js } = def.returns
  if (kind === 'void') return 0
  if (kind !== 'integer') return MAX_ADDRESS
  if (min !== undefined && min >= 0 && max !== undefined && max >= min) return max
  return js === 'u32' || js === 'address' ? MAX_U32 : MAX_U64
}

export const MAX_U32 = 0xffff_ffff
export const MAX_U64: number = 2 ** 64
/** No arena ends above this address (packages/memory), so a pointer plus a packet’s offset is below 2^32. */
export const MAX_ADDRESS = 0xf100_0000

/** What `known` of `facts.callMap` says of an element of a map of maps: templates are counted behind the maps. */
const innerOf = ({ maps }: PreparedProgram, known: number): LinkedInner | undefined =>
  maps.filter(({ inner }) => inner)[known - maps.length]?.inner

/** How the call at `slot` is carried out. */
export function planCall(program: PreparedProgram, slot: number, insn: Insn, shared: boolean): CallPlan {
  const { def } = insn
  if (def.kind === 'callx') return { kind: 'by_register' }
  if (def.kind !== 'call') throw new JitError('BAD_PROGRAM', program.name, `${def.name} is no call`, slot)
  if (def.callee === 'local') return { kind: 'local', target: slot + 1 + insn.imm }
  const helper = def.callee === 'helper' ? program.helpers.get(insn.imm) : undefined
  if (!helper) {
    const what = def.callee === 'helper' ? `helper ${insn.imm}` : `kfunc ${insn.imm}`
    const code = def.callee === 'helper' ? 'UNKNOWN_HELPER' : 'UNSUPPORTED_INSN'
    throw new JitError(code, program.name, `${what} is not linked`, slot)
  }
  const known = program.facts?.callMap[slot] ?? -1
  const own = known >= 0 ? program.maps[known] : undefined
  if (helper.def.tailCall) return { kind: 'tail_call', map: own }
  const map = own ?? innerOf(program, known)
  const op = helper.def.mapOp
  if (op !== undefined && map) {
    if (op === 'lookup' && map.array) {
      const key = program.keys?.get(slot)
      return { kind: 'array_lookup', array: map.array, ...(key === undefined ? {} : { key }) }
    }
    const fn = map.ops[op]
    if (fn !== undefined) {
      const lower = op === 'lookup' ? map.lookup : undefined
      return { kind: 'map_op', map, op, fn, ...(lower ? { lower } : {}) }
    }
  }
  const { lower } = helper.def
  return lower ? planLowered(program.name, slot, helper, lower, shared) : { kind: 'helper', helper }
}

/** Operations that run callbacks, or ask for the context, whatever the type is. */
const loud: ReadonlySet<MapOp> = new Set(['for_each', 'redirect'])

/** Whether a call runs no function in JS and no other program, and leaves the control block alone. */
export function isQuiet(plan: CallPlan): boolean {
  if (plan.kind === 'array_lookup') return true
  if (plan.kind === 'lowered') return !plan.calls
  return plan.kind === 'map_op' && plan.map.quiet === true && !loud.has(plan.op)
}
