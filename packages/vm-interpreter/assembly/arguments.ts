/** What checked code passes to helpers, checked against the descriptor that src/arguments.ts has put into words. */
import { CTL_CTX, FAULT_ACCESS, FAULT_ILLEGAL, FAULT_NONE } from '../../registry/src/layout/control'
import { MAP_KEY_SIZE, MAP_VALUE_SIZE } from '../../registry/src/layout/map'
import {
  ACT_CODE,
  ARG_ANY,
  ARG_BYTES,
  ARG_CALLBACK,
  ARG_CONTEXT,
  ARG_FLAGS,
  ARG_KEY,
  ARG_KIND,
  ARG_MAP,
  ARG_MAP_VALUE,
  ARG_MAYBE_EMPTY,
  ARG_NULLABLE,
  ARG_OTHER,
  ARG_SIZE,
  ARG_SIZED,
  ARG_STRING,
  ARG_VALUE,
  ARG_WRITE,
  ARG_ZERO,
  CODE_CALLBACK_COUNT,
  CODE_CALLBACKS,
} from '../src/layout/structures'
import { control, fault } from './activation'
import { grant, isValue, permittedRange } from './regions'

const R1: usize = 8
export const ARGUMENTS = 5

@inline
function isListed(list: usize, count: u32, value: u64): bool {
  for (let i: u32 = 0; i < count; i++) if (<u64>load<u32>(list + (i << 2)) == value) return true
  return false
}

/** How many bytes the argument points to, or -1 when the program does not say so properly. */
function sizeOf(act: usize, arg: usize, kind: u32): i64 {
  const other = load<u64>(act + (<usize>load<u8>(arg, ARG_OTHER) << 3), R1)
  switch (kind) {
    case ARG_KEY:
      return <i64>load<u32>(<usize>other, MAP_KEY_SIZE)
    case ARG_MAP_VALUE:
      return <i64>load<u32>(<usize>other, MAP_VALUE_SIZE)
    case ARG_BYTES:
      return <i64>load<u32>(arg, ARG_VALUE)
    default:
      if (other == 0) return load<u8>(arg, ARG_FLAGS) & ARG_MAYBE_EMPTY ? 0 : -1
      return other > 0x7fff_ffff ? -1 : <i64>other
  }
}

/** Whether a NUL-terminated string lies in what the program may read. */
function isString(act: usize, address: u64): bool {
  while (permittedRange(act, address, 1, false)) {
    if (load<u8>(<usize>address) == 0) return true
    address++
  }
  return false
}

function check(act: usize, arg: usize, value: u64): i32 {
  const kind = <u32>load<u8>(arg, ARG_KIND)
  const flags = load<u8>(arg, ARG_FLAGS)
  switch (kind) {
    case ARG_ANY:
      return FAULT_NONE
    case ARG_ZERO:
      return value == 0 ? FAULT_NONE : FAULT_ILLEGAL
    case ARG_CONTEXT:
      return value == <u64>load<u32>(control, CTL_CTX) ? FAULT_NONE : FAULT_ACCESS
    case ARG_MAP: {
      const list: usize = load<u32>(arg, ARG_VALUE)
      return isListed(list + 4, load<u32>(list), value) ? FAULT_NONE : FAULT_ACCESS
    }
    case ARG_CALLBACK: {
      const code: usize = load<u32>(act, ACT_CODE)
      const known = isListed(load<u32>(code, CODE_CALLBACKS), load<u32>(code, CODE_CALLBACK_COUNT), value)
      return known ? FAULT_NONE : FAULT_ILLEGAL
    }
    case ARG_STRING:
      return isString(act, value) ? FAULT_NONE : FAULT_ACCESS
    case ARG_SIZED:
    case ARG_KEY:
    case ARG_MAP_VALUE:
    case ARG_BYTES: {
      const size = sizeOf(act, arg, kind)
      if (value == 0 && flags & ARG_NULLABLE && kind != ARG_SIZED) return FAULT_NONE
      if (size == 0) return FAULT_NONE
      if (size < 0) return FAULT_ACCESS
      return permittedRange(act, value, <u32>size, (flags & ARG_WRITE) != 0) ? FAULT_NONE : FAULT_ACCESS
    }
    default:
      return FAULT_ILLEGAL
  }
}

/** A bit for each argument. */
export const ALL_ARGUMENTS: u32 = (1 << ARGUMENTS) - 1

/**
 * Checks the arguments of the call in a record, without those in `allowed`; what it returns is FAULT_NONE, or recorded
 * as a fault.
 */
export function checkCall(act: usize, at: usize, args: usize, allowed: u32): i32 {
  for (let i = 0; i < ARGUMENTS; i++) {
    if ((allowed >> i) & 1) continue
    const value = load<u64>(act + (i << 3), R1)
    const refusal = check(act, args + i * ARG_SIZE, value)
    if (refusal != FAULT_NONE) return fault(act, at, refusal, value)
  }
  return FAULT_NONE
}

/** Gives the program the memory that the helper returned. r1 to r5 still hold the arguments. */
export function grantResult(act: usize, args: usize, result: u64): void {
  const arg = args + ARGUMENTS * ARG_SIZE
  const kind = <u32>load<u8>(arg, ARG_KIND)
  if (kind == ARG_ANY || result == 0 || result > 0xffff_ffff) return
  if (kind == ARG_MAP_VALUE) {
    const map = load<u64>(act + (<usize>load<u8>(arg, ARG_OTHER) << 3), R1)
    if (isValue(act, <usize>map, <u32>result)) return
  }
  const size = sizeOf(act, arg, kind)
  if (size > 0 && !permittedRange(act, result, <u32>size, false)) grant(act, <u32>result, <u32>size)
}
