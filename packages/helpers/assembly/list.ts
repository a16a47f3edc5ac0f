/**
 * bpf_list_head and bpf_list_node (kernel/bpf/helpers.c): a ring of u32 links through the head. The verifier sees to it
 * that whoever works on a list holds its lock.
 */
import { EINVAL } from '../../registry/src/layout/errno'
import { pointer, result } from './env'
import { drop } from './objects'

// Of head and node: the next and the previous one. Of a node: the head whose list it is in, its offset in its object.
const NEXT: usize = 0
const PREVIOUS: usize = 4
const OWNER: usize = 8
export const LIST_SELF: usize = 12

/** A head that a map made is zero. */
@inline
function prepare(head: usize): void {
  if (load<u32>(head, NEXT) != 0) return
  store<u32>(head, <u32>head, NEXT)
  store<u32>(head, <u32>head, PREVIOUS)
}

/** Inserts behind `before`; a node that is in a list or was refused is dropped. */
function insert(head: usize, node: usize, last: bool): u64 {
  prepare(head)
  if (load<u32>(node, OWNER) != 0) {
    drop(node - load<u32>(node, LIST_SELF))
    return result(-EINVAL)
  }
  const before: usize = last ? load<u32>(head, PREVIOUS) : <u32>head
  const after: usize = load<u32>(before, NEXT)
  store<u32>(node, <u32>after, NEXT)
  store<u32>(node, <u32>before, PREVIOUS)
  store<u32>(before, <u32>node, NEXT)
  store<u32>(after, <u32>node, PREVIOUS)
  store<u32>(node, <u32>head, OWNER)
  return 0
}

function remove(head: usize, last: bool): u64 {
  prepare(head)
  const node: usize = last ? load<u32>(head, PREVIOUS) : load<u32>(head, NEXT)
  if (node == head) return 0
  const before: usize = load<u32>(node, PREVIOUS)
  const after: usize = load<u32>(node, NEXT)
  store<u32>(before, <u32>after, NEXT)
  store<u32>(after, <u32>before, PREVIOUS)
  store<u32>(node, 0, OWNER)
  return <u64>node
}

export function list_push_front(head: u64, node: u64, meta: u64, offset: u64, r5: u64): u64 {
  return insert(pointer(head), pointer(node), false)
}

export function list_push_back(head: u64, node: u64, meta: u64, offset: u64, r5: u64): u64 {
  return insert(pointer(head), pointer(node), true)
}

export function list_pop_front(head: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  return remove(pointer(head), false)
}

export function list_pop_back(head: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  return remove(pointer(head), true)
}

export function list_front(head: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  const first = load<u32>(pointer(head), NEXT)
  return first == <u32>head ? 0 : <u64>first
}

export function list_back(head: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  const last = load<u32>(pointer(head), PREVIOUS)
  return last == <u32>head ? 0 : <u64>last
}

/** Drops every object of a list; the head is zero afterwards. */
export function freeList(head: usize, node: usize): void {
  let at: usize = load<u32>(head, NEXT)
  store<u64>(head, 0)
  while (at != 0 && at != head) {
    const next: usize = load<u32>(at, NEXT)
    store<u32>(at, 0, OWNER)
    drop(at - node)
    at = next
  }
}
