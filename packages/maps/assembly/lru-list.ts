/**
 * Which element of an LRU goes, and where free ones wait (kernel/bpf/bpf_lru_list.c), so that a map keeps what it keeps
 * in the kernel. Common lists: new elements wait in their CPU's pending list; when its free list is empty, they go to
 * the active or the inactive list, these are rotated, and several free elements come at once, taken from the tail of
 * the inactive list where there are no others. With BPF_F_NO_COMMON_LRU each CPU has its own part of the elements. All
 * of it is under the map's lock. There is a node of 16 bytes for each element, and lists have heads behind them.
 */
import { ETIMEDOUT } from '../../registry/src/layout/errno'
import {
  BPF_F_NO_COMMON_LRU,
  MAP_COUNT,
  MAP_CPUS,
  MAP_FLAGS,
  MAP_MAX_ENTRIES,
  MAP_STRIDE,
} from '../../registry/src/layout/map'
import { alloc, lock, ownsFields, setShape, thisCpu, unlock } from './env'
import { freeElementFields, unlink } from './hash-elements'
import { NODES, REFERENCED, SLAB, STATE, USED } from './hash-layout'

/** The neighbours' addresses; a list is a ring through its head. */
const PREV = 0
const NEXT = 4
/** The list that the node is in. */
const TYPE = 8
const CPU = 12
const SIZE: u32 = 16

// Of heads in place of TYPE and CPU: elements in the active and the inactive list, and where the next rotation of the
// inactive list begins; of a local free list, the CPU that is stolen from next.
const LENGTH = 8
const ROTATION = 12
const STEAL = 8

// Types, and the order of heads: three of lists that all share (or of each CPU), two for each CPU's local ones.
const ACTIVE: u32 = 0
const INACTIVE: u32 = 1
const UNUSED: u32 = 2
const LISTS: u32 = 3
const LOCAL_FREE: u32 = 3
const LOCAL_PENDING: u32 = 4

/** LOCAL_FREE_TARGET, LOCAL_NR_SCANS; PERCPU_FREE_TARGET, PERCPU_NR_SCANS. */
const MOST_LOCAL: u32 = 128
const PER_CPU_TARGET: u32 = 4

@inline
function isPerCpu(map: usize): bool {
  return (load<u32>(map, MAP_FLAGS) & BPF_F_NO_COMMON_LRU) != 0
}

@inline
function scans(map: usize): u32 {
  return isPerCpu(map) ? PER_CPU_TARGET : MOST_LOCAL
}

@inline
function headsOf(map: usize): u32 {
  return load<u32>(map, NODES) + load<u32>(map, MAP_MAX_ENTRIES) * SIZE
}

/** The head of the active list; of the inactive and the unused one behind it. */
@inline
function listsOf(map: usize, cpu: u32): u32 {
  return headsOf(map) + (isPerCpu(map) ? cpu * LISTS * SIZE : 0)
}

/** The head of a CPU's local free list; that of its pending list is behind it. */
@inline
function localOf(map: usize, cpu: u32): u32 {
  return headsOf(map) + (LISTS + 2 * cpu) * SIZE
}

@inline
function elementOf(map: usize, node: u32): u32 {
  return load<u32>(map, SLAB) + (node - load<u32>(map, NODES)) / SIZE * load<u32>(map, MAP_STRIDE)
}

@inline
function nodeOf(map: usize, element: u32): u32 {
  return load<u32>(map, NODES) + (element - load<u32>(map, SLAB)) / load<u32>(map, MAP_STRIDE) * SIZE
}

@inline
function isReferenced(map: usize, node: u32): bool {
  return load<u32>(elementOf(map, node), STATE) == REFERENCED
}

@inline
function forget(map: usize, node: u32): void {
  store<u32>(elementOf(map, node), USED, STATE)
}

@inline
function isEmpty(head: u32): bool {
  return load<u32>(head, NEXT) == head
}

@inline
function takeOut(node: u32): void {
  const prev = load<u32>(node, PREV)
  const next = load<u32>(node, NEXT)
  store<u32>(prev, next, NEXT)
  store<u32>(next, prev, PREV)
}

@inline
function putFirst(head: u32, node: u32): void {
  const next = load<u32>(head, NEXT)
  store<u32>(next, node, PREV)
  store<u32>(node, next, NEXT)
  store<u32>(node, head, PREV)
  store<u32>(head, node, NEXT)
}

@inline
function countIn(lists: u32, type: u32, by: i32): void {
  if (type >= UNUSED) return
  const head = lists + type * SIZE
  store<u32>(head, load<u32>(head, LENGTH) + by, LENGTH)
}

/** The rotation does not begin at a node that leaves. */
@inline
function passOn(lists: u32, node: u32): void {
  const inactive = lists + INACTIVE * SIZE
  if (load<u32>(inactive, ROTATION) == node) store<u32>(inactive, load<u32>(node, PREV), ROTATION)
}

/** __bpf_lru_node_move: to the head of a list of these. */
function move(map: usize, lists: u32, node: u32, type: u32): void {
  countIn(lists, load<u32>(node, TYPE), -1)
  countIn(lists, type, 1)
  store<u32>(node, type, TYPE)
  forget(map, node)
  passOn(lists, node)
  takeOut(node)
  putFirst(lists + type * SIZE, node)
}

/** __bpf_lru_node_move_to_free. */
function release(lists: u32, node: u32, free: u32, type: u32): void {
  passOn(lists, node)
  countIn(lists, load<u32>(node, TYPE), -1)
  store<u32>(node, type, TYPE)
  takeOut(node)
  putFirst(free, node)
}

/** htab_lru_map_delete_node: false when an unverified program wrote over the key. It stays until the map goes. */
function evict(map: usize, node: u32): bool {
  const element = elementOf(map, node)
  if (!unlink(map, element)) return false
  store<u32>(map, load<u32>(map, MAP_COUNT) - 1, MAP_COUNT)
  if (ownsFields(map)) freeElementFields(map, element)
  return true
}

/** __bpf_lru_list_rotate_active: from the tail, what was looked up to the head, the rest to the inactive list. */
function rotateActive(map: usize, lists: u32): void {
  const head = lists + ACTIVE * SIZE
  const first = load<u32>(head, NEXT)
  let left = scans(map)
  for (let node = load<u32>(head, PREV); node != head; ) {
    const before = load<u32>(node, PREV)
    move(map, lists, node, isReferenced(map, node) ? ACTIVE : INACTIVE)
    if (--left == 0 || node == first) return
    node = before
  }
}

/** __bpf_lru_list_rotate_inactive: what was looked up goes to the active list. */
function rotateInactive(map: usize, lists: u32): void {
  const head = lists + INACTIVE * SIZE
  if (isEmpty(head)) return
  let last = load<u32>(load<u32>(head, ROTATION), NEXT)
  if (last == head) last = load<u32>(last, NEXT)
  let node = load<u32>(head, ROTATION)
  let next = head
  const most = scans(map)
  for (let n: u32 = 0; n < most; ) {
    if (node == head) {
      node = load<u32>(node, PREV)
      // All of them have gone.
      if (node == head) break
      continue
    }
    next = load<u32>(node, PREV)
    if (isReferenced(map, node)) move(map, lists, node, ACTIVE)
    if (node == last) break
    node = next
    n++
  }
  store<u32>(head, next, ROTATION)
}

function rotate(map: usize, lists: u32): void {
  if (load<u32>(lists + INACTIVE * SIZE, LENGTH) < load<u32>(lists + ACTIVE * SIZE, LENGTH)) rotateActive(map, lists)
  rotateInactive(map, lists)
}

/** __bpf_lru_list_shrink: makes up to `wanted` elements free; one, whether looked up or not, where all were. */
function shrink(map: usize, lists: u32, wanted: u32, free: u32, type: u32): void {
  const inactive = lists + INACTIVE * SIZE
  let found: u32 = 0
  let left = scans(map)
  for (let node = load<u32>(inactive, PREV); node != inactive; ) {
    const before = load<u32>(node, PREV)
    if (isReferenced(map, node)) {
      move(map, lists, node, ACTIVE)
    } else if (evict(map, node)) {
      release(lists, node, free, type)
      if (++found == wanted) return
    }
    if (--left == 0) break
    node = before
  }
  if (found != 0) return
  const head = isEmpty(inactive) ? lists + ACTIVE * SIZE : inactive
  for (let node = load<u32>(head, PREV); node != head; node = load<u32>(node, PREV)) {
    if (!evict(map, node)) continue
    release(lists, node, free, type)
    return
  }
}

/** bpf_lru_list_pop_free_to_local. */
function refill(map: usize, lists: u32, local: u32): void {
  const pending = local + SIZE
  for (let node = load<u32>(pending, PREV); node != pending; ) {
    const before = load<u32>(node, PREV)
    const type = isReferenced(map, node) ? ACTIVE : INACTIVE
    countIn(lists, type, 1)
    store<u32>(node, type, TYPE)
    forget(map, node)
    takeOut(node)
    putFirst(lists + type * SIZE, node)
    node = before
  }
  rotate(map, lists)
  const target = min(max(load<u32>(map, MAP_MAX_ENTRIES) / load<u32>(map, MAP_CPUS) / 2, 1), MOST_LOCAL)
  const unused = lists + UNUSED * SIZE
  let found: u32 = 0
  while (found < target && !isEmpty(unused)) {
    release(lists, load<u32>(unused, NEXT), local, LOCAL_FREE)
    found++
  }
  if (found < target) shrink(map, lists, target - found, local, LOCAL_FREE)
}

@inline
function popFirst(head: u32): u32 {
  const node = load<u32>(head, NEXT)
  if (node == head) return 0
  takeOut(node)
  return node
}

/** __local_list_pop_pending: the oldest that was not looked up, or the oldest. */
function popPending(map: usize, pending: u32): u32 {
  for (let forced = 0; forced < 2; forced++) {
    for (let node = load<u32>(pending, PREV); node != pending; node = load<u32>(node, PREV)) {
      if ((forced == 0 && isReferenced(map, node)) || !evict(map, node)) continue
      takeOut(node)
      return node
    }
  }
  return 0
}

/** From any CPU's local lists, beginning with the one whose turn it is. */
function steal(map: usize, local: u32): u32 {
  const cpus = load<u32>(map, MAP_CPUS)
  const first = load<u32>(local, STEAL)
  let cpu = first
  let node: u32
  do {
    const other = localOf(map, cpu)
    node = popFirst(other)
    if (node == 0) node = popPending(map, other + SIZE)
    cpu = cpu + 1 == cpus ? 0 : cpu + 1
  } while (node == 0 && cpu != first)
  store<u32>(local, cpu, STEAL)
  return node
}

/** An element for a new key, in no bucket; 0 where there is none. */
export function pop(map: usize): u32 {
  const cpu = thisCpu()
  const lists = listsOf(map, cpu)
  if (isPerCpu(map)) {
    rotate(map, lists)
    const unused = lists + UNUSED * SIZE
    if (isEmpty(unused)) shrink(map, lists, PER_CPU_TARGET, unused, UNUSED)
    if (isEmpty(unused)) return 0
    const node = load<u32>(unused, NEXT)
    move(map, lists, node, INACTIVE)
    return elementOf(map, node)
  }
  const local = localOf(map, cpu)
  let node = popFirst(local)
  if (node == 0) {
    refill(map, lists, local)
    node = popFirst(local)
    if (node == 0) node = steal(map, local)
    if (node == 0) return 0
  }
  store<u32>(node, LOCAL_PENDING, TYPE)
  store<u32>(node, cpu, CPU)
  forget(map, node)
  putFirst(local + SIZE, node)
  return elementOf(map, node)
}

/** Takes back an element that is in no bucket. */
export function push(map: usize, element: u32): void {
  const node = nodeOf(map, element)
  const cpu = load<u32>(node, CPU)
  if (load<u32>(node, TYPE) != LOCAL_PENDING) {
    move(map, listsOf(map, cpu), node, UNUSED)
    return
  }
  store<u32>(node, LOCAL_FREE, TYPE)
  forget(map, node)
  takeOut(node)
  putFirst(localOf(map, cpu), node)
}

/** The CPU whose part an element is. */
function ownerOf(map: usize, n: u32): u32 {
  const cpus = load<u32>(map, MAP_CPUS)
  return isPerCpu(map) ? min(n / max<u32>(load<u32>(map, MAP_MAX_ENTRIES) / cpus, 1), cpus - 1) : 0
}

/** The nodes of all elements, which are free; 0 when there is no memory. */
export function makeNodes(map: usize): u32 {
  const entries = load<u32>(map, MAP_MAX_ENTRIES)
  const cpus = load<u32>(map, MAP_CPUS)
  const heads = isPerCpu(map) ? LISTS * cpus : LISTS + 2 * cpus
  const nodes = alloc((entries + heads) * SIZE, 16)
  if (nodes == 0) return 0
  setShape(nodes, 1)
  store<u32>(map, nodes, NODES)
  setNodes(map)
  return nodes
}

/** Makes all elements free, in no other list. */
export function setNodes(map: usize): void {
  const entries = load<u32>(map, MAP_MAX_ENTRIES)
  const cpus = load<u32>(map, MAP_CPUS)
  const heads = isPerCpu(map) ? LISTS * cpus : LISTS + 2 * cpus
  const nodes = load<u32>(map, NODES)
  for (let n: u32 = 0; n < heads; n++) {
    const head = headsOf(map) + n * SIZE
    store<u32>(head, head, PREV)
    store<u32>(head, head, NEXT)
  }
  for (let cpu: u32 = 0; cpu < (isPerCpu(map) ? cpus : 1); cpu++) {
    const active = listsOf(map, cpu)
    const inactive = active + INACTIVE * SIZE
    store<u32>(active, 0, LENGTH)
    store<u32>(inactive, 0, LENGTH)
    store<u32>(inactive, inactive, ROTATION)
  }
  if (!isPerCpu(map)) {
    for (let cpu: u32 = 0; cpu < cpus; cpu++) store<u32>(localOf(map, cpu), cpu, STEAL)
  }
  for (let n: u32 = 0; n < entries; n++) {
    const node = nodes + n * SIZE
    const cpu = ownerOf(map, n)
    store<u32>(node, UNUSED, TYPE)
    store<u32>(node, cpu, CPU)
    putFirst(listsOf(map, cpu) + UNUSED * SIZE, node)
  }
}

/** Puts an element that is in a bucket into the list that says whether it was looked up. */
export function keep(map: usize, element: u32): void {
  const node = nodeOf(map, element)
  const type = load<u32>(element, STATE) == REFERENCED ? ACTIVE : INACTIVE
  move(map, listsOf(map, load<u32>(node, CPU)), node, type)
}

/**
 * Contents that another map had come (1), all by this CPU, or have come (0): none of them may make another one go, and
 * each CPU has its own part in the end.
 */
export function lru_restore(map: u32, begin: u32): i32 {
  if (!lock(map)) return -ETIMEDOUT
  const mine = thisCpu()
  if (!isPerCpu(map)) {
    const unused = listsOf(map, mine) + UNUSED * SIZE
    while (begin != 0 && !isEmpty(unused))
      release(listsOf(map, mine), load<u32>(unused, NEXT), localOf(map, mine), LOCAL_FREE)
  } else {
    const entries = load<u32>(map, MAP_MAX_ENTRIES)
    for (let n: u32 = 0; n < entries; n++) give(map, n, begin != 0 ? mine : ownerOf(map, n))
  }
  unlock(map)
  return 0
}

/** Makes a node another CPU's. */
function give(map: usize, n: u32, cpu: u32): void {
  const node = load<u32>(map, NODES) + n * SIZE
  const type = load<u32>(node, TYPE)
  const from = listsOf(map, load<u32>(node, CPU))
  const to = listsOf(map, cpu)
  if (from == to) return
  countIn(from, type, -1)
  passOn(from, node)
  takeOut(node)
  store<u32>(node, cpu, CPU)
  countIn(to, type, 1)
  putFirst(to + type * SIZE, node)
}
