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
  MAP_VALUE_SIZE,
} from '../../registry/src/layout/map'
import {
  ACT_CODE,
  ACT_PACKET_LOW,
  ACT_PACKET_ROOM,
  ACT_STACK_LOW,
  ACT_STACK_ROOM,
  ACT_STACK_TOP,
  ACT_VALUE_LOW,
  ACT_VALUE_ROOM,
  BARE_MEMORY,
  BLOCK_ASKED_BELOW,
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
  VALUES_BLOCK,
  VALUES_MAP,
  VALUES_ROOM,
  VALUES_SIZE,
  SHAPE_FIRST,
  SHAPE_SIZE,
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

/** For accesses of at most 8 bytes: the packet, which most go to, without a call. */
@inline
export function permitted(act: usize, address: u64, size: u32, write: bool): bool {
  if (address - load<u64>(act, ACT_PACKET_LOW) < load<u64>(act, ACT_PACKET_ROOM)) return true
  return permittedElsewhere(act, address, size, write)
}

function permittedElsewhere(act: usize, address: u64, size: u32, write: bool): bool {
  if (load<u64>(act, ACT_PACKET_ROOM) == 0 && address <= 0xffff_fff0) {
    const code: usize = load<u32>(act, ACT_CODE)
    if (inPacket(act, code, load<u32>(control, CTL_CTX), <u32>address, size)) return true
  }
  const room = load<u64>(act + ((<usize>ctz(size)) << 3), ACT_VALUE_ROOM)
  if (address - load<u64>(act, ACT_VALUE_LOW) < room) return true
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
    inPacket(act, code, context, at, size) || inMap(act, code, at, size, write) || isGranted(<u32>code, at, size)
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
  let from = <u32>context
  let end = from + load<u32>(code, CODE_CONTEXT_SIZE)
  if (data != BARE_MEMORY) {
    const meta = load<u32>(code, CODE_DATA_META)
    from = load<u32>(context + (meta != NO_FIELD ? meta : data))
    end = load<u32>(context + load<u32>(code, CODE_DATA_END))
  }
  if (end < from) return false
  store<u64>(act, <u64>from, ACT_PACKET_LOW)
  store<u64>(act, <u64>max<i32>(end - from - 7, 0), ACT_PACKET_ROOM)
  return at >= from && at <= end && size <= end - at
}

/** The entry of a map among those whose values the program may touch; or 0. */
function valuesOf(code: usize, map: usize): usize {
  let entry: usize = load<u32>(code, CODE_MAPS)
  const end = entry + load<u32>(code, CODE_MAP_COUNT) * VALUES_SIZE
  while (entry < end) {
    if (load<u32>(entry, VALUES_MAP) == map) return entry
    entry += VALUES_SIZE
  }
  return 0
}

/** Whether all of a map's values are free of fields that are for helpers alone, to be read and written. */
@inline
function isPlain(map: usize): bool {
  return (load<u32>(map, MAP_FLAGS) & (BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG)) == 0 && load<u32>(map, MAP_FIELDS) == 0
}

/** Whether what an operation of a map returned is left to what the map allows; accesses are quick from here on. */
export function isValue(act: usize, map: usize, result: u32): bool {
  const code: usize = load<u32>(act, ACT_CODE)
  const entry = valuesOf(code, map)
  if (entry == 0) return false
  const size = load<u32>(map, MAP_VALUE_SIZE)
  if (!isPlain(map)) return true
  if (result - load<u32>(entry, VALUES_BLOCK) >= load<u32>(entry, VALUES_ROOM))
    return inMap(act, code, result, size, false)
  remember(act, result, size)
  return true
}

/** Whether a range is in a value of a map of the program's; remembered where nothing in the value is forbidden. */
function inMap(act: usize, code: usize, at: u32, size: u32, write: bool): bool {
  if (load<u32>(code, CODE_MAP_COUNT) == 0) return false
  const block: usize = baseOf(at)
  if (block == 0) return false
  const map: usize = load<u32>(block - BLOCK_SHAPE_BELOW) - MAP_SHAPE
  const entry = valuesOf(code, map)
  if (entry == 0) return false
  const shape = map + MAP_SHAPE
  const inBlock = at - <u32>block
  const asked = load<u32>(block - BLOCK_ASKED_BELOW)
  const first = load<u32>(shape, SHAPE_FIRST)
  if (inBlock < first || inBlock > asked || size > asked - inBlock) return false
  const from = (inBlock - first) % load<u32>(shape, SHAPE_STRIDE)
  const part = load<u32>(shape, SHAPE_SIZE)
  if (from > part || size > part - from) return false
  if ((load<u32>(map, MAP_FLAGS) & (write ? BPF_F_RDONLY_PROG : BPF_F_WRONLY_PROG)) != 0) return false
  if (load<u32>(map, MAP_FIELDS) != 0 && meetsField(map, from, size)) return false
  store<u32>(entry, <u32>block, VALUES_BLOCK)
  store<u32>(entry, asked, VALUES_ROOM)
  if (isPlain(map)) remember(act, at - from, min(part, asked - inBlock + from))
  return true
}

function remember(act: usize, low: u32, size: u32): void {
  store<u64>(act, <u64>low, ACT_VALUE_LOW)
  const room = <i32>size
  store<u64>(act, <u64>max<i32>(room, 0), ACT_VALUE_ROOM)
  store<u64>(act, <u64>max<i32>(room - 1, 0), ACT_VALUE_ROOM + 8)
  store<u64>(act, <u64>max<i32>(room - 3, 0), ACT_VALUE_ROOM + 16)
  store<u64>(act, <u64>max<i32>(room - 7, 0), ACT_VALUE_ROOM + 24)
}

/** Whether a range of a value meets one of its special fields (locks, timers, kptrs), which are for helpers alone. */
function meetsField(map: usize, from: u32, size: u32): bool {
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
