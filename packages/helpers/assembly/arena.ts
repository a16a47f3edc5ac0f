/** Pages of an arena (kernel/bpf/arena.c): the map type's own operations. */
import { ARENA_OP_ALLOC, ARENA_OP_FREE, ARENA_OP_RESERVE } from '../../registry/src/layout/arena'
import { EINVAL } from '../../registry/src/layout/errno'
import { pointer, result } from './env'

@inline
function slot(map: u64, op: usize): u32 {
  return load<u32>(pointer(map) + op)
}

/** The upper half of an address is the process's; here it is 0, and nobody looks at it. */
export function arena_alloc_pages(map: u64, address: u64, count: u64, node: u64, flags: u64): u64 {
  const op = slot(map, ARENA_OP_ALLOC)
  if (op == 0 || flags != 0) return 0
  return <u64>call_indirect<u32>(op, <u32>map, <u32>address, <u32>count)
}

export function arena_free_pages(map: u64, address: u64, count: u64, r4: u64, r5: u64): u64 {
  const op = slot(map, ARENA_OP_FREE)
  if (op != 0) call_indirect<i32>(op, <u32>map, <u32>address, <u32>count)
  return 0
}

export function arena_reserve_pages(map: u64, address: u64, count: u64, r4: u64, r5: u64): u64 {
  const op = slot(map, ARENA_OP_RESERVE)
  return result(op == 0 ? -EINVAL : call_indirect<i32>(op, <u32>map, <u32>address, <u32>count))
}
