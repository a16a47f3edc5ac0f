/**
 * The numeric abstract domain of the verifier: tnums with signed and unsigned bounds of 64 and 32 bits, computed by a
 * WebAssembly module on register records (see layout.ts) that lie in a memory of the caller's.
 *
 * Every argument named `reg`, `dst`, `src`, `a`, `b` is the byte address of a record; `t…` is the byte address of a tnum
 * (REG_VAR_OFF inside a record, or TNUM_SIZE bytes elsewhere). Only the numeric part of a record is read and written,
 * except where a function says otherwise: type, id, offset and flags are the caller's. Functions never keep an address, so
 * records may be moved and copied (`copyWithin`) at will. `dst` may equal `src`.
 *
 * The functions follow Linux 6.18, kernel/bpf/verifier.c and kernel/bpf/tnum.c, and keep its precision, no more and no
 * less, so that the register state in a log is the kernel's.
 */
import { compileWasm } from '@skep/registry'
import { moduleBytes } from '../generated/module.ts'

/** Operations on tnums, each `(result, a, b)` by address. kernel/bpf/tnum.c. */
export interface TnumOperations {
  /** The constant `hi:lo`. */
  constant(t: number, lo: number, hi: number): void
  /** Nothing known. */
  unknown(t: number): void
  /** The best tnum for all u64 in `[min, max]`, each the address of a u64. */
  range(t: number, min: number, max: number): void
  add(t: number, ta: number, tb: number): void
  sub(t: number, ta: number, tb: number): void
  mul(t: number, ta: number, tb: number): void
  and(t: number, ta: number, tb: number): void
  or(t: number, ta: number, tb: number): void
  xor(t: number, ta: number, tb: number): void
  neg(t: number, ta: number): void
  lshift(t: number, ta: number, shift: number): void
  rshift(t: number, ta: number, shift: number): void
  /** Arithmetic shift right of the low `bits` (32 or 64) bits; with 32 the result is zero-extended. */
  arshift(t: number, ta: number, shift: number, bits: number): void
  /** What both describe. Where they contradict each other, the result means nothing: ask `overlap` first. */
  intersect(t: number, ta: number, tb: number): void
  /** The smallest tnum that describes the members of both. */
  union(t: number, ta: number, tb: number): void
  /** The low `size` bytes (1, 2, 4 or 8), the others zero. */
  cast(t: number, ta: number, size: number): void
  /** The low 32 bits, the others zero. */
  subreg(t: number, ta: number): void
  clearSubreg(t: number, ta: number): void
  /** `ta` with its low 32 bits replaced by those of `tb`. */
  withSubreg(t: number, ta: number, tb: number): void
  /** 1 if every member is a multiple of `size` (a power of two; 0 counts as 1). */
  isAligned(ta: number, size: number): number
  /** 1 if every member of `tb` is a member of `ta`. */
  in(ta: number, tb: number): number
  /** 1 if some value may be a member of both. */
  overlap(ta: number, tb: number): number
  /** Into `result` (address of a u64): the smallest member of `t` above the u64 at `at`, or else the largest. */
  step(result: number, t: number, at: number): void
  isConstant(ta: number): number
  isUnknown(ta: number): number
}

/** Operations on whole records, and on the frames that they are in (see layout.ts). */
export interface RecordOperations {
  /** Any scalar (`mark_reg_unknown`). */
  markUnknown(reg: number): void
  /** Nothing that may be read (`mark_reg_not_init`). */
  markNotInit(reg: number): void
  /** Sets REG_TYPE, and clears everything else but REG_SUBREG_DEF and the numeric part. */
  markKind(reg: number, type: number): void
  /** After a call: r0 to r5 are gone. */
  clearCallerSaved(frame: number): void

  /**
   * Before states are compared: no identities correspond yet. `ids` is the address of ID_MAP_BYTES of memory, `last` the last
   * identity that was given out.
   */
  beginIds(ids: number, last: number): void
  /** 1 if the identities correspond one to one with those before (`check_ids`). */
  checkIds(old: number, current: number): number
  /** 1 if the records are the same, but for identities, which correspond (`regs_exact`). */
  regsExact(old: number, current: number): number
  /**
   * 1 if a frame is no worse than one that was explored (`func_states_equal`): by addresses and numbers of slots; `live` has
   * a bit for each register that counts, `exact` is NOT_EXACT, STATES_EXACT or RANGE_WITHIN, `flags` are EXPLORE_ALU_LIMITS
   * and UNINIT_STACK_READ, and `unbound` is the record of a scalar of which nothing is known.
   */
  frameSafe(
    old: number,
    slots: number,
    current: number,
    currentSlots: number,
    live: number,
    exact: number,
    flags: number,
    unbound: number,
  ): number
  /** The first register in which two frames differ, identities included; `first` is tried before the others. -1 for none. */
  frameDiffers(a: number, b: number, first: number): number
  /** Registers without a bit in `live`, and slots without one in the two words of `alive`, become nothing. */
  cleanFrame(frame: number, slots: number, live: number, aliveLo: number, aliveHi: number): void
  /** Bits of the registers that are precise scalars; those of slots go to `out`, 8 bytes. */
  preciseScalars(frame: number, slots: number, out: number): number
  /**
   * Marks scalars precise: registers whose bits are in the word at `asked`, and slots by the two words at `asked + 8`. Bits of
   * what is no scalar, or was marked before, are cleared there. 1 if any are left.
   */
  markPrecise(frame: number, slots: number, asked: number): number
  /** Copies memory. */
  copyBytes(to: number, from: number, bytes: number): void
}

/** Bytes that identities need while states are compared. */
export const ID_MAP_BYTES = 4800

/** Operations on the numeric part of register records. */
export interface ScalarDomain {
  readonly tnum: TnumOperations
  readonly records: RecordOperations

  // Making values

  /** Nothing known, 64 bits wide (`__mark_reg_unknown`, numeric part). */
  setUnknown(reg: number): void
  /** The 64-bit constant `hi:lo` (`___mark_reg_known`). */
  setConst(reg: number, lo: number, hi: number): void
  /** The constant `value`, sign-extended from 32 to 64 bits (BPF_K immediates). */
  setConstS32(reg: number, value: number): void
  /** The constant `value`, an unsigned 32-bit number zero-extended (BPF_K immediates of 32-bit operations). */
  setConstU32(reg: number, value: number): void
  /** The constant 0 (`__mark_reg_known_zero`). */
  setZero(reg: number): void
  /** The low 32 bits become the constant `value`, zero-extended (`__mark_reg32_known`). */
  setConst32(reg: number, value: number): void
  /** All bounds at their widest, the tnum kept (`__mark_reg_unbounded`). */
  setUnbounded(reg: number): void
  /** The 32-bit bounds at their widest, the rest kept (`__mark_reg32_unbounded`). */
  setUnbounded32(reg: number): void
  /** The 64-bit bounds at their widest, the rest kept (`__mark_reg64_unbounded`). */
  setUnbounded64(reg: number): void
  /**
   * Narrows the signed ranges of both widths to `[min, max]`, i32 each, and syncs: return values, lengths
   * (`__mark_reg_s32_range`).
   */
  narrowS32(reg: number, min: number, max: number): void
  /** Narrows the unsigned ranges of both widths to `[min, max]`, u32 each, and syncs. */
  narrowU32(reg: number, min: number, max: number): void
  /** Copies a whole record; faster than `copyWithin` for one. */
  copyRecord(dst: number, src: number): void
  /** Copies the numeric part. */
  copyNumeric(dst: number, src: number): void

  // Keeping the parts in agreement

  /** Refines tnum and bounds by each other (`reg_bounds_sync`). */
  boundsSync(reg: number): void
  /** Takes only what the tnum tells about the bounds (`__update_reg_bounds`). */
  updateBounds(reg: number): void
  /** 1 if tnum and bounds contradict each other or themselves (`reg_bounds_sanity_check`). */
  boundsViolated(reg: number): number

  // Widths

  /** Upper half becomes 0 (`zext_32_to_64`), not synced, as in the kernel. */
  zext32to64(reg: number): void
  /** 64-bit bounds from the 32-bit ones (`__reg_assign_32_into_64`). */
  assign32into64(reg: number): void
  /** Truncates to `size` bytes, zero-extending (`coerce_reg_to_size`). */
  coerceToSize(reg: number, size: number): void
  /** Truncates to `size` bytes (1, 2 or 4), sign-extending to 64 bits (`coerce_reg_to_size_sx`). */
  coerceToSizeSx(reg: number, size: number): void
  /** Truncates to `size` bytes (1 or 2), sign-extending to 32 bits; not zero-extended (`coerce_subreg_to_size_sx`). */
  coerceSubregToSizeSx(reg: number, size: number): void

  // Transfer functions

  /**
   * `dst = dst op src` for scalars, with `op` a BPF_OP (BPF_MOV and BPF_END not: they have their own) and `is64` 1
   * for BPF_ALU64. BPF_NEG ignores `src`. The result is synced (`adjust_scalar_min_max_vals`).
   * @returns 1 if computed; 0 if the result is unknown by decree (`mark_reg_unknown`: the kernel then also drops id and
   * the like, which are the caller's).
   */
  alu(op: number, is64: number, dst: number, src: number): number
  /**
   * BPF_END: truncates to `bits` (16, 32 or 64), zero-extending, after reversing the bytes if `swap` (1: `bswap` and
   * `be`; 0: `le`). Synced (`scalar_byte_swap`).
   */
  byteSwap(reg: number, bits: number, swap: number): void
  /**
   * `reg = known + (reg.off - known.off)` for linked registers, at least one of them with BPF_ADD_CONST: numeric part of
   * `sync_linked_regs`. Reads REG_OFF and REG_ID of both; zero-extends if either was linked by a 32-bit addition. Synced.
   * The kernel leaves `reg` alone where one link is BPF_ADD_CONST32 and the other BPF_ADD_CONST64, and copies the whole
   * record but REG_SUBREG_DEF where neither has BPF_ADD_CONST or the offsets are equal: both are the caller's.
   */
  syncLinked(reg: number, known: number): void
  /**
   * Pointer arithmetic `dst = ptr + off`: numeric part and REG_OFF (`adjust_ptr_min_max_vals`). Not synced: the kernel
   * asks `sanePointerOffset(dst)` first, then syncs. `dst` may equal `off` or `ptr`.
   * @returns 1 if `off` went into REG_OFF, 0 if into the variable part (packet pointers then get a new id and lose
   * their range).
   */
  ptrAdd(dst: number, ptr: number, off: number): number
  /** Pointer arithmetic `dst = ptr - off`; as ptrAdd. */
  ptrSub(dst: number, ptr: number, off: number): number
  /** What makes the value unfit for pointer arithmetic, an UNSANE_* or SANE_OFFSET (`check_reg_sane_offset`). */
  sanePointerOffset(reg: number): number

  // Branches

  /**
   * Does `if (dst jmpop src)` go to its target? `jmpop` is a BPF_OP of the jump class, `is32` 1 for BPF_JMP32.
   * @returns 1 always, 0 never, -1 not known (`is_scalar_branch_taken`).
   */
  branchTaken(jmpop: number, is32: number, dst: number, src: number): number
  /**
   * Refines four records by the outcome of `if (dst jmpop src)`: `trueDst` and `trueSrc` hold in the branch taken, the
   * others in the branch not taken (`reg_set_min_max`). All four hold the values before the branch, at four addresses;
   * with a constant operand give two records that hold the constant.
   * For one register as both operands (`if r1 < r1`) give its two records twice, as the kernel does.
   * @returns bit set of REFINE_TRUE_IMPOSSIBLE and REFINE_FALSE_IMPOSSIBLE: the records of that branch contradicted
   * themselves, so no concrete value takes it; as in the kernel (`reg_bounds_sanity_check`) they are then unbounded. An
   * impossible branch does not always show so: ask `branchTaken` first.
   */
  refine(
    jmpop: number,
    is32: number,
    trueDst: number,
    trueSrc: number,
    falseDst: number,
    falseSrc: number,
  ): number

  // Comparing

  /** 1 if the bounds of `current`, 64 and 32 bits, lie within those of `old` (`range_within`). */
  rangeWithin(old: number, current: number): number
  /** 1 if bounds and tnum of `current` lie within those of `old`: `range_within` and `tnum_in`. */
  numericWithin(old: number, current: number): number
  /** 1 if the numeric parts are equal, bit for bit. */
  numericEqual(a: number, b: number): number
  /** 32-bit hash of the numeric part. */
  numericHash(reg: number): number

  // Asking

  /** 1 if the value is known to 64 bits (`tnum_is_const(reg->var_off)`). */
  isConst(reg: number): number
  /** 1 if the low 32 bits are known (`tnum_subreg_is_const`). */
  isConst32(reg: number): number
  /** 1 if the value is the constant 0. */
  isZero(reg: number): number
  /** 1 if the value cannot be 0. */
  isNonZero(reg: number): number
  /** 1 if nothing is known about the value (`__is_scalar_unbounded`). */
  isUnbounded(reg: number): number
  /** Bits that the value needs: position of the highest bit set in the unsigned maximum (`get_reg_width`). */
  width(reg: number): number
  /** Low and high half of the constant, as i32, once `isConst`. */
  constLo(reg: number): number
  constHi(reg: number): number
  /**
   * Bounds as numbers: exact up to 2 ** 53, rounded beyond; comparing with a number under 2 ** 53 is always right, for
   * rounding keeps the order.
   */
  smin(reg: number): number
  smax(reg: number): number
  umin(reg: number): number
  umax(reg: number): number
}

let scalarModule: Promise<WebAssembly.Module> | undefined

/** Compiles the module, once a process, to be instantiated any number of times. */
export function compileScalarModule(): Promise<WebAssembly.Module> {
  scalarModule ??= compileWasm(moduleBytes(false))
  return scalarModule
}

/** The domain over `memory` from a module that `compileScalarModule` made. Synchronous. */
export function instantiateScalarDomain(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
): ScalarDomain {
  const table = new WebAssembly.Table({ initial: 1, element: 'anyfunc' })
  const { exports } = new WebAssembly.Instance(module, { env: { memory, table } })
  return bind(exports as Exports)
}

/** The domain over `memory`: unshared, at least one page. The domain itself keeps nothing in the memory. */
export async function createScalarDomain(memory: WebAssembly.Memory): Promise<ScalarDomain> {
  return instantiateScalarDomain(await compileScalarModule(), memory)
}

/** As `createScalarDomain`, compiling synchronously: for Node and workers; some browsers refuse it on the main thread. */
export function createScalarDomainSync(memory: WebAssembly.Memory): ScalarDomain {
  return instantiateScalarDomain(new WebAssembly.Module(moduleBytes(false)), memory)
}

type Exports = Readonly<Record<string, (...args: number[]) => number>>

// Exports carry the kernel's names; the functions are handed out unwrapped, so a call costs what a wasm call costs.
const tnumNames: Record<keyof TnumOperations, string> = {
  constant: 'tnum_const',
  unknown: 'tnum_unknown',
  range: 'tnum_range',
  add: 'tnum_add',
  sub: 'tnum_sub',
  mul: 'tnum_mul',
  and: 'tnum_and',
  or: 'tnum_or',
  xor: 'tnum_xor',
  neg: 'tnum_neg',
  lshift: 'tnum_lshift',
  rshift: 'tnum_rshift',
  arshift: 'tnum_arshift',
  intersect: 'tnum_intersect',
  union: 'tnum_union',
  cast: 'tnum_cast',
  subreg: 'tnum_subreg',
  clearSubreg: 'tnum_clear_subreg',
  withSubreg: 'tnum_with_subreg',
  isAligned: 'tnum_is_aligned',
  in: 'tnum_in',
  overlap: 'tnum_overlap',
  step: 'tnum_step',
  isConstant: 'tnum_is_const',
  isUnknown: 'tnum_is_unknown',
}

const recordNames: Record<keyof RecordOperations, string> = {
  markUnknown: 'mark_unknown',
  markNotInit: 'mark_not_init',
  markKind: 'mark_record',
  clearCallerSaved: 'clear_caller_saved',
  beginIds: 'ids_begin',
  checkIds: 'check_ids',
  regsExact: 'regs_exact',
  frameSafe: 'frame_safe',
  frameDiffers: 'frame_differs',
  cleanFrame: 'clean_frame',
  preciseScalars: 'precise_scalars',
  markPrecise: 'mark_precise',
  copyBytes: 'copy_bytes',
}

const domainNames: Record<Exclude<keyof ScalarDomain, 'tnum' | 'records'>, string> = {
  setUnknown: 'mark_reg_unknown',
  setConst: 'mark_reg_known',
  setConstS32: 'mark_reg_known_s32',
  setConstU32: 'mark_reg_known_u32',
  setZero: 'mark_reg_known_zero',
  setConst32: 'mark_reg32_known',
  setUnbounded: 'mark_reg_unbounded',
  setUnbounded32: 'mark_reg32_unbounded',
  setUnbounded64: 'mark_reg64_unbounded',
  narrowS32: 'mark_reg_s32_range',
  narrowU32: 'mark_reg_u32_range',
  copyRecord: 'copy_record',
  copyNumeric: 'copy_numeric',
  boundsSync: 'reg_bounds_sync',
  updateBounds: 'update_reg_bounds',
  boundsViolated: 'reg_bounds_violated',
  zext32to64: 'zext_32_to_64',
  assign32into64: 'reg_assign_32_into_64',
  coerceToSize: 'coerce_reg_to_size',
  coerceToSizeSx: 'coerce_reg_to_size_sx',
  coerceSubregToSizeSx: 'coerce_subreg_to_size_sx',
  alu: 'adjust_scalar_min_max_vals',
  byteSwap: 'scalar_byte_swap',
  syncLinked: 'sync_linked_reg',
  ptrAdd: 'adjust_ptr_add',
  ptrSub: 'adjust_ptr_sub',
  sanePointerOffset: 'check_reg_sane_offset',
  branchTaken: 'is_scalar_branch_taken',
  refine: 'reg_set_min_max',
  rangeWithin: 'range_within',
  numericWithin: 'numeric_within',
  numericEqual: 'numeric_equal',
  numericHash: 'numeric_hash',
  isConst: 'is_const',
  isConst32: 'is_const32',
  isZero: 'is_zero',
  isNonZero: 'is_nonzero',
  isUnbounded: 'is_scalar_unbounded',
  width: 'get_reg_width',
  constLo: 'const_lo',
  constHi: 'const_hi',
  smin: 'smin_value',
  smax: 'smax_value',
  umin: 'umin_value',
  umax: 'umax_value',
}

function pick<T>(exports: Exports, names: Record<keyof T, string>): T {
  const entries = Object.entries<string>(names).map(([name, from]) => [name, exports[from]] as const)
  return Object.fromEntries(entries) as T
}

function bind(exports: Exports): ScalarDomain {
  return {
    ...pick<Omit<ScalarDomain, 'tnum' | 'records'>>(exports, domainNames),
    tnum: pick(exports, tnumNames),
    records: pick(exports, recordNames),
  }
}
