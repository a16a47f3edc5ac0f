/**
 * BPF_MAP_TYPE_ARENA (kernel/bpf/arena.c): a window of pages that programs and host allocate. The whole window is
 * taken from the arena at once; which of its pages are allocated is in a table that engines look at before a store.
 * Which free range an allocation is cut from is as in the kernel (kernel/bpf/range_tree.c): the smallest that is
 * large enough, of equal ones the one that came last.
 */
import {
  ARENA_PAGE_SIZE,
  ARENA_PAGES,
  ARENA_RANGE_COUNT,
  ARENA_RANGE_ROOM,
  ARENA_RANGE_SIZE,
  ARENA_RANGES,
} from '../../registry/src/layout/arena'
import { EBUSY, EINVAL, ENOMEM, EOPNOTSUPP } from '../../registry/src/layout/errno'
import { MAP_COUNT, MAP_DATA, MAP_MAX_ENTRIES, MAP_STRIDE } from '../../registry/src/layout/map'
import { alloc, free, lock, setShape, shapeBlock, unlock, LARGEST } from './env'

const FIRST: usize = 0
const LAST: usize = 4
/** No range: more than any window has. */
const NONE: u32 = 0xffff_ffff
const FIRST_ROOM: u32 = 16

@inline
function rangeAt(map: u32, n: u32): u32 {
  return load<u32>(map, ARENA_RANGES) + n * ARENA_RANGE_SIZE
}

@inline
function pageOf(map: u32, page: u32): u32 {
  return load<u32>(map, ARENA_PAGES) + page
}

/** Room for `more` ranges than there are. */
function makeRoom(map: u32, more: u32): bool {
  const count = load<u32>(map, ARENA_RANGE_COUNT)
  const room = load<u32>(map, ARENA_RANGE_ROOM)
  if (count + more <= room) return true
  const wider = room * 2
  const block = alloc(wider * ARENA_RANGE_SIZE, 16)
  if (block == 0) return false
  setShape(block, 1)
  const before = load<u32>(map, ARENA_RANGES)
  memory.copy(block, before, count * ARENA_RANGE_SIZE)
  free(before)
  store<u32>(map, block, ARENA_RANGES)
  store<u32>(map, wider, ARENA_RANGE_ROOM)
  return true
}

/** Puts a range behind all others; there is room. */
function append(map: u32, first: u32, last: u32): void {
  const count = load<u32>(map, ARENA_RANGE_COUNT)
  const at = rangeAt(map, count)
  store<u32>(at, first, FIRST)
  store<u32>(at, last, LAST)
  store<u32>(map, count + 1, ARENA_RANGE_COUNT)
}

function remove(map: u32, n: u32): void {
  const count = load<u32>(map, ARENA_RANGE_COUNT) - 1
  const at = rangeAt(map, n)
  memory.copy(at, at + ARENA_RANGE_SIZE, (count - n) * ARENA_RANGE_SIZE)
  store<u32>(map, count, ARENA_RANGE_COUNT)
}

/** The free range with the lowest page of those that share pages with these; NONE where there is none. */
function overlapping(map: u32, first: u32, last: u32): u32 {
  const count = load<u32>(map, ARENA_RANGE_COUNT)
  let found = NONE
  for (let n: u32 = 0; n < count; n++) {
    const at = rangeAt(map, n)
    if (load<u32>(at, FIRST) > last || load<u32>(at, LAST) < first) continue
    if (found == NONE || load<u32>(at, FIRST) < load<u32>(rangeAt(map, found), FIRST)) found = n
  }
  return found
}

/** range_tree_clear: these pages are not free; there is room for one range more. */
function take(map: u32, first: u32, last: u32): void {
  let n = overlapping(map, first, last)
  while (n != NONE) {
    const at = rangeAt(map, n)
    const begin = load<u32>(at, FIRST)
    const end = load<u32>(at, LAST)
    remove(map, n)
    if (begin < first) append(map, begin, first - 1)
    if (end > last) append(map, last + 1, end)
    n = end >= last ? NONE : overlapping(map, first, last)
  }
}

/** range_tree_set: these pages are free, in one range with their neighbours. */
function give(map: u32, first: u32, last: u32): void {
  let n = overlapping(map, first, last)
  if (n != NONE && load<u32>(rangeAt(map, n), FIRST) <= first && load<u32>(rangeAt(map, n), LAST) >= last)
    return
  take(map, first, last)
  let begin = first
  let end = last
  n = first == 0 ? NONE : overlapping(map, first - 1, first - 1)
  if (n != NONE) {
    begin = load<u32>(rangeAt(map, n), FIRST)
    remove(map, n)
  }
  n = overlapping(map, last + 1, last + 1)
  if (n != NONE) {
    end = load<u32>(rangeAt(map, n), LAST)
    remove(map, n)
  }
  append(map, begin, end)
}

/** is_range_tree_set: whether all these pages are free. */
@inline
function isFree(map: u32, first: u32, last: u32): bool {
  const n = overlapping(map, first, last)
  return n != NONE && load<u32>(rangeAt(map, n), FIRST) <= first && load<u32>(rangeAt(map, n), LAST) >= last
}

export function arena_init(map: u32): i32 {
  const pages = load<u32>(map, MAP_MAX_ENTRIES)
  const bytes = <u64>pages * ARENA_PAGE_SIZE
  if (bytes > LARGEST) return -ENOMEM
  const data = alloc(<u32>bytes, ARENA_PAGE_SIZE)
  if (data == 0) return -ENOMEM
  const table = alloc(pages, 16)
  const ranges = alloc(FIRST_ROOM * ARENA_RANGE_SIZE, 16)
  if (table == 0 || ranges == 0) {
    free(data)
    if (table != 0) free(table)
    if (ranges != 0) free(ranges)
    return -ENOMEM
  }
  setShape(table, 1)
  setShape(ranges, 1)
  shapeBlock(map, data, 0, <u32>bytes, <u32>bytes)
  store<u32>(map, data, MAP_DATA)
  store<u32>(map, ARENA_PAGE_SIZE, MAP_STRIDE)
  store<u32>(map, table, ARENA_PAGES)
  store<u32>(map, ranges, ARENA_RANGES)
  store<u32>(map, FIRST_ROOM, ARENA_RANGE_ROOM)
  append(map, 0, pages - 1)
  return 0
}

export function arena_free(map: u32): void {
  free(load<u32>(map, MAP_DATA))
  free(load<u32>(map, ARENA_PAGES))
  free(load<u32>(map, ARENA_RANGES))
}

/** What bpf(2) says to a lookup, an update, a deletion and a walk. */
export function arena_peek(map: u32, value: u32): i32 {
  return -EINVAL
}

export function arena_push(map: u32, value: u32, flags: u64): i32 {
  return -EOPNOTSUPP
}

export function arena_delete(map: u32, key: u32): i32 {
  return -EOPNOTSUPP
}

export function arena_next_key(map: u32, key: u32, out: u32): i32 {
  return -EOPNOTSUPP
}

/** arena_alloc_pages: the address of the first page, zeroed, or 0. */
export function arena_alloc_pages(map: u32, address: u32, count: u32): u32 {
  const pages = load<u32>(map, MAP_MAX_ENTRIES)
  const data = load<u32>(map, MAP_DATA)
  if (count == 0 || count > pages) return 0
  let first = NONE
  if (address != 0) {
    if (address & (ARENA_PAGE_SIZE - 1)) return 0
    first = (address - data) / ARENA_PAGE_SIZE
    if (first > pages - count) return 0
  }
  if (!lock(map)) return 0
  if (first == NONE) first = find(map, count)
  else if (!isFree(map, first, first + count - 1)) first = NONE
  if (first == NONE || !makeRoom(map, 1)) {
    unlock(map)
    return 0
  }
  take(map, first, first + count - 1)
  memory.fill(pageOf(map, first), 1, count)
  store<u32>(map, load<u32>(map, MAP_COUNT) + count, MAP_COUNT)
  unlock(map)
  return data + first * ARENA_PAGE_SIZE
}

/** range_tree_find: the first page of the range that fits best. */
function find(map: u32, count: u32): u32 {
  const ranges = load<u32>(map, ARENA_RANGE_COUNT)
  let found = NONE
  let best: u32 = NONE
  for (let n: u32 = 0; n < ranges; n++) {
    const at = rangeAt(map, n)
    const size = load<u32>(at, LAST) - load<u32>(at, FIRST) + 1
    if (size < count || size > best) continue
    best = size
    found = load<u32>(at, FIRST)
  }
  return found
}

/**
 * arena_free_pages: what lies outside the window, and what is free already, does not count (Linux 6.18 frees pages
 * before it).
 */
export function arena_free_pages(map: u32, address: u32, count: u32): i32 {
  const pages = load<u32>(map, MAP_MAX_ENTRIES)
  const data = load<u32>(map, MAP_DATA)
  if (count == 0 || address == 0) return 0
  const first = ((address & ~(ARENA_PAGE_SIZE - 1)) - data) / ARENA_PAGE_SIZE
  if (first >= pages) return 0
  const last = count > pages - first ? pages - 1 : first + count - 1
  if (!lock(map)) return 0
  if (makeRoom(map, 2)) {
    give(map, first, last)
    let freed: u32 = 0
    for (let page = first; page <= last; page++) {
      if (load<u8>(pageOf(map, page)) == 0) continue
      store<u8>(pageOf(map, page), 0)
      // A load from a page that is not there gives 0.
      memory.fill(data + page * ARENA_PAGE_SIZE, 0, ARENA_PAGE_SIZE)
      freed++
    }
    store<u32>(map, load<u32>(map, MAP_COUNT) - freed, MAP_COUNT)
  }
  unlock(map)
  return 0
}

/** arena_reserve_pages: no allocation without an address gives these pages. */
export function arena_reserve_pages(map: u32, address: u32, count: u32): i32 {
  const pages = load<u32>(map, MAP_MAX_ENTRIES)
  if (count == 0 || (address & (ARENA_PAGE_SIZE - 1)) != 0) return 0
  const first = (address - load<u32>(map, MAP_DATA)) / ARENA_PAGE_SIZE
  if (<u64>first + count > pages) return -EINVAL
  if (!lock(map)) return -EBUSY
  let result = isFree(map, first, first + count - 1) ? 0 : -EBUSY
  if (result == 0 && !makeRoom(map, 1)) result = -ENOMEM
  if (result == 0) take(map, first, first + count - 1)
  unlock(map)
  return result
}
