/**
 * What checked code may touch: the frames of its run, its context field by field, its packet, the values of its maps,
 * and what helpers gave to it. Nothing else, whatever the address.
 */
import { CTL_CTX, FAULT_ACCESS, FAULT_ALIGNMENT, FAULT_NONE } from '../../registry/src/layout/control'
import {
  BPF_F_RDONLY_PROG,
  BPF_F_WRONLY_PROG,
  MAP_FIELDS,
  MAP_FLAGS,
  MAP_SHAPE,
} from '../../registry/src/layout/map'
import {
  ACT_CODE,
  ACT_PACKET_LOW,
  ACT_PACKET_ROOM,
  ACT_STACK_LOW,
  ACT_STACK_ROOM,
  ACT_STACK_TOP,
  BLOCK_SHAPE_BELOW,
  CODE_CONTEXT_ACCESS,
  CODE_CONTEXT_SIZE,
  CODE_DATA,
  CODE_DATA_END,
  CODE_DATA_META,
  CODE_MAP_COUNT,
  CODE_MAPS,
  GRANT_CODE,
  GRANT_END,
  GRANT_FROM,
  GRANT_SIZE,
  MAX_GRANTS,
  NO_FIELD,
  SHAPE_FIRST,
  SHAPE_STRIDE,
} from '../src/layout/structures'
import { control } from './activation'

// @ts-ignore: decorator
@external("memory", "contains")
declare function contains(address: u32, size: u32): i32

// @ts-ignore: decorator
@external("memory", "baseOf")
declare function baseOf(address: u32): u32

/** What helpers gave away in the runs that are not over, and where the next one goes. */
let grants: usize = 0
let nextGrant: u32 = 0

export function placeGrants(area: usize): void {
  grants = area
}

export function forgetGrants(): void {
  if (nextGrant == 0) return
  nextGrant = 0
  memory.fill(grants, 0, MAX_GRANTS * GRANT_SIZE)
}

/** Gives a range to the running program, if it is memory that programs may see at all. */
export function grant(act: usize, address: u32, size: u32): void {
  if (contains(address, size) == 0) return
  const at = grants + (nextGrant++ % MAX_GRANTS) * GRANT_SIZE
  store<u32>(at, address, GRANT_FROM)
  store<u32>(at, address + size, GRANT_END)
  store<u32>(at, load<u32>(act, ACT_CODE), GRANT_CODE)
}

/** For accesses of at most 8 bytes: the packet and the stack, which most go to, without a call. */
@inline
export function permitted(act: usize, address: u64, size: u32, write: bool): bool {
  if (address - load<u64>(act, ACT_PACKET_LOW) < load<u64>(act, ACT_PACKET_ROOM)) return true
  if (address - load<u64>(act, ACT_STACK_LOW) < load<u64>(act, ACT_STACK_ROOM)) return true
  return permittedRange(act, address, size, write)
}

/** For any size. */
export function permittedRange(act: usize, address: u64, size: u32, write: bool): bool {
  if (address + size > 0xffff_ffff || address > 0xffff_ffff) return false
  const code: usize = load<u32>(act, ACT_CODE)
  const at = <u32>address
  const context = load<u32>(control, CTL_CTX)
  const offset = at - context
  const contextSize = load<u32>(code, CODE_CONTEXT_SIZE)
  if (offset < contextSize) {
    return size <= contextSize - offset && inContext(load<u32>(code, CODE_CONTEXT_ACCESS) + offset, size, write)
  }
  const top = load<u32>(act, ACT_STACK_TOP)
  if (at >= load<u32>(act, ACT_STACK_LOW) && at <= top && size <= top - at) return true
  return (
    inPacket(act, code, context, at, size) || inMap(code, at, size, write) || isGranted(<u32>code, at, size)
  )
}

/** Whether all bytes of the context have the access, from the first one's byte in the table on. */
function inContext(table: usize, size: u32, write: bool): bool {
  const bit: u8 = write ? 2 : 1
  if (size <= 8) {
    const all = (~(<u64>0) >> ((8 - size) << 3)) & (write ? 0x0202_0202_0202_0202 : 0x0101_0101_0101_0101)
    return (load<u64>(table) & all) == all
  }
  for (let i: u32 = 0; i < size; i++) if ((load<u8>(table + i) & bit) == 0) return false
  return true
}

/** Looks the packet's bounds up, for the accesses until something may move them. */
function inPacket(act: usize, code: usize, context: usize, at: u32, size: u32): bool {
  const data = load<u32>(code, CODE_DATA)
  if (data == NO_FIELD) return false
  const meta = load<u32>(code, CODE_DATA_META)
  const from = load<u32>(context + (meta != NO_FIELD ? meta : data))
  const end = load<u32>(context + load<u32>(code, CODE_DATA_END))
  if (end < from) return false
  store<u64>(act, <u64>from, ACT_PACKET_LOW)
  store<u64>(act, <u64>max<i32>(end - from - 7, 0), ACT_PACKET_ROOM)
  return at >= from && at <= end && size <= end - at
}

/** The header of the map whose values lie in the block of an address, when the program may use that map; or 0. */
function mapAt(code: usize, at: u32): usize {
  const count = load<u32>(code, CODE_MAP_COUNT)
  if (count == 0) return 0
  const block = baseOf(at)
  if (block == 0) return 0
  const map = load<u32>(<usize>block - BLOCK_SHAPE_BELOW) - MAP_SHAPE
  const maps: usize = load<u32>(code, CODE_MAPS)
  for (let i: u32 = 0; i < count; i++) if (load<u32>(maps + (i << 2)) == map) return map
  return 0
}

function inMap(code: usize, at: u32, size: u32, write: bool): bool {
  const map = mapAt(code, at)
  if (map == 0 || contains(at, size) == 0) return false
  if ((load<u32>(map, MAP_FLAGS) & (write ? BPF_F_RDONLY_PROG : BPF_F_WRONLY_PROG)) != 0) return false
  return load<u32>(map, MAP_FIELDS) == 0 || !meetsField(map, at, size)
}

/** Whether a range of a value meets one of its special fields (locks, timers, kptrs), which are for helpers alone. */
function meetsField(map: usize, at: u32, size: u32): bool {
  const shape = map + MAP_SHAPE
  const from = (at - baseOf(at) - load<u32>(shape, SHAPE_FIRST)) % load<u32>(shape, SHAPE_STRIDE)
  let field: usize = load<u32>(map, MAP_FIELDS)
  let left = load<u32>(field)
  field += 4
  while (left > 0) {
    const offset = load<u32>(field)
    if (from < offset + load<u32>(field, 4) && offset < from + size) return true
    field += 8
    left--
  }
  return false
}

function isGranted(code: u32, at: u32, size: u32): bool {
  const count = min<u32>(nextGrant, MAX_GRANTS)
  for (let i: u32 = 0; i < count; i++) {
    const one = grants + i * GRANT_SIZE
    if (
      load<u32>(one, GRANT_CODE) == code &&
      at >= load<u32>(one, GRANT_FROM) &&
      at + size <= load<u32>(one, GRANT_END)
    )
      return true
  }
  return false
}

/** Why an atomic may not touch an address, or FAULT_NONE. */
export function refuseAtomic(act: usize, address: u64, size: u32, write: bool): i32 {
  if (!permitted(act, address, size, write)) return FAULT_ACCESS
  return (address & (size - 1)) != 0 ? FAULT_ALIGNMENT : FAULT_NONE
}
