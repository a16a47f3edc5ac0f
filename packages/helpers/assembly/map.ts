/** The map helpers: each calls the operation of its map's type, whose function-table slot is in the map's header. */
import { EOPNOTSUPP } from '../../registry/src/layout/errno'
import {
  MAP_COUNT,
  MAP_OP_DELETE,
  MAP_OP_FOR_EACH,
  MAP_OP_LOOKUP,
  MAP_OP_LOOKUP_PERCPU,
  MAP_OP_PEEK,
  MAP_OP_POP,
  MAP_OP_PUSH,
  MAP_OP_REDIRECT,
  MAP_OP_UPDATE,
  MAP_TYPE,
} from '../../registry/src/layout/map'
import { pointer, result } from './env'

/** The slot of an operation; 0 when the type has none. */
@inline
function slotOf(map: u64, op: usize): u32 {
  return load<u32>(pointer(map) + op)
}

export function map_lookup_elem(map: u64, key: u64, r3: u64, r4: u64, r5: u64): u64 {
  const slot = slotOf(map, MAP_OP_LOOKUP)
  return slot == 0 ? 0 : <u64>call_indirect<u32>(slot, <u32>map, <u32>key)
}

export function map_update_elem(map: u64, key: u64, value: u64, flags: u64, r5: u64): u64 {
  const slot = slotOf(map, MAP_OP_UPDATE)
  return result(slot == 0 ? -EOPNOTSUPP : call_indirect<i32>(slot, <u32>map, <u32>key, <u32>value, flags))
}

export function map_delete_elem(map: u64, key: u64, r3: u64, r4: u64, r5: u64): u64 {
  const slot = slotOf(map, MAP_OP_DELETE)
  return result(slot == 0 ? -EOPNOTSUPP : call_indirect<i32>(slot, <u32>map, <u32>key))
}

export function map_push_elem(map: u64, value: u64, flags: u64, r4: u64, r5: u64): u64 {
  const slot = slotOf(map, MAP_OP_PUSH)
  return result(slot == 0 ? -EOPNOTSUPP : call_indirect<i32>(slot, <u32>map, <u32>value, flags))
}

export function map_pop_elem(map: u64, value: u64, r3: u64, r4: u64, r5: u64): u64 {
  const slot = slotOf(map, MAP_OP_POP)
  return result(slot == 0 ? -EOPNOTSUPP : call_indirect<i32>(slot, <u32>map, <u32>value))
}

export function map_peek_elem(map: u64, value: u64, r3: u64, r4: u64, r5: u64): u64 {
  const slot = slotOf(map, MAP_OP_PEEK)
  return result(slot == 0 ? -EOPNOTSUPP : call_indirect<i32>(slot, <u32>map, <u32>value))
}

export function map_lookup_percpu_elem(map: u64, key: u64, cpu: u64, r4: u64, r5: u64): u64 {
  const slot = slotOf(map, MAP_OP_LOOKUP_PERCPU)
  return slot == 0 ? 0 : <u64>call_indirect<u32>(slot, <u32>map, <u32>key, <u32>cpu)
}

export function for_each_map_elem(map: u64, callback: u64, context: u64, flags: u64, r5: u64): u64 {
  const slot = slotOf(map, MAP_OP_FOR_EACH)
  return result(slot == 0 ? -EOPNOTSUPP : call_indirect<i32>(slot, <u32>map, <u32>callback, context, flags))
}

/** XDP_ABORTED (0) when the type does not forward. */
export function redirect_map(map: u64, key: u64, flags: u64, r4: u64, r5: u64): u64 {
  const slot = slotOf(map, MAP_OP_REDIRECT)
  return slot == 0 ? 0 : <u64>call_indirect<u32>(slot, <u32>map, <u64>(<u32>key), flags)
}

/** The hashes, by their numbers (htab_map_alloc): the kernel counts elements of no other map for programs. */
const COUNTED: u32 = (1 << 1) | (1 << 5) | (1 << 9) | (1 << 10) | (1 << 13)

export function map_sum_elem_count(map: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  const type = load<u32>(pointer(map), MAP_TYPE)
  return type < 32 && ((COUNTED >> type) & 1) != 0 ? <u64>load<u32>(pointer(map), MAP_COUNT) : 0
}
