/**
 * The arena's allocator: two-level segregated fit (free lists by size class, a bitmap of the lists that have a block),
 * so that alloc and free take constant time, with neighbours merged at once.
 */
import {
  BITS,
  BLOCK_ASKED,
  BLOCK_BEFORE,
  BLOCK_HEADER,
  BLOCK_LEAST,
  BLOCK_NEXT,
  BLOCK_PREVIOUS,
  BLOCK_SHAPE,
  BLOCK_SIZE,
  COUNT,
  CPUS,
  FIRST,
  FIRST_LEVEL,
  FREE,
  FRESH,
  GRANULE,
  LIMIT,
  LISTS,
  MAGIC,
  MAGIC_VALUE,
  PEAK,
  SECOND_LEVEL,
  SENTINEL,
  SHAPE_ALL,
  SHAPE_FIRST,
  SHAPE_NONE,
  SHAPE_SIZE,
  SHAPE_STRIDE,
  USED,
} from './layout'
import * as live from './live'
import { acquire, release } from './lock'

export { cpuTable, isGone, lockHolder, setCpus, setOwner, wait } from './lock'

/** No request is larger; keeps every sum below 2^32. */
const LARGEST: usize = 0xf000_0000
/** Least bytes to grow the memory by. */
const STEP: usize = 0x10_0000

@inline
function up(value: usize, to: usize): usize {
  return (value + to - 1) & ~(to - 1)
}

@inline
function sizeOfBlock(block: usize): usize {
  return load<u32>(block, BLOCK_SIZE) & ~FREE
}

@inline
function isFree(block: usize): bool {
  return (load<u32>(block, BLOCK_SIZE) & FREE) != 0
}

@inline
function after(block: usize): usize {
  return block + BLOCK_HEADER + sizeOfBlock(block)
}

// Size classes: 16 of 16 bytes each below 256, then 16 for each power of two.

/** The number of the list that a block of this size belongs to. */
@inline
function listOf(size: usize): usize {
  if (size < 256) return size >> 4
  const log = 31 - clz<u32>(<u32>size)
  return ((log - 7) << 4) | ((size >> (log - 4)) & 15)
}

function link(block: usize): void {
  const list = listOf(sizeOfBlock(block))
  const at = LISTS + (list << 2)
  const head = load<u32>(at)
  store<u32>(block, head, BLOCK_NEXT)
  store<u32>(block, 0, BLOCK_PREVIOUS)
  if (head != 0) store<u32>(head, <u32>block, BLOCK_PREVIOUS)
  store<u32>(at, <u32>block)
  const level = list >> 4
  store<u32>(FIRST_LEVEL, load<u32>(FIRST_LEVEL) | (<u32>1 << (<u32>level)))
  const second = SECOND_LEVEL + (level << 2)
  store<u32>(second, load<u32>(second) | (<u32>1 << (<u32>list & 15)))
}

function unlink(block: usize): void {
  const next = load<u32>(block, BLOCK_NEXT)
  const previous = load<u32>(block, BLOCK_PREVIOUS)
  if (next != 0) store<u32>(next, previous, BLOCK_PREVIOUS)
  if (previous != 0) {
    store<u32>(previous, next, BLOCK_NEXT)
    return
  }
  const list = listOf(sizeOfBlock(block))
  store<u32>(LISTS + (list << 2), next)
  if (next != 0) return
  const level = list >> 4
  const second = SECOND_LEVEL + (level << 2)
  const rest = load<u32>(second) & ~(<u32>1 << (<u32>list & 15))
  store<u32>(second, rest)
  if (rest == 0) store<u32>(FIRST_LEVEL, load<u32>(FIRST_LEVEL) & ~(<u32>1 << (<u32>level)))
}

/** A free block of at least `size` bytes, or 0. */
function find(size: usize): usize {
  // Rounded up to the next class, in which every block is large enough.
  if (size >= 256) size += (<usize>1 << (31 - clz<u32>(<u32>size) - 4)) - 1
  const list = listOf(size)
  let level = list >> 4
  let lists = load<u32>(SECOND_LEVEL + (level << 2)) & (~(<u32>0) << (<u32>list & 15))
  if (lists == 0) {
    const levels = level == 31 ? 0 : load<u32>(FIRST_LEVEL) & (~(<u32>0) << (<u32>level + 1))
    if (levels == 0) return 0
    level = ctz<u32>(levels)
    lists = load<u32>(SECOND_LEVEL + (level << 2))
  }
  return load<u32>(LISTS + (((level << 4) | ctz<u32>(lists)) << 2))
}

/** Joins `block` (free or about to be) with the free block behind it: the seam becomes zero again. */
@inline
function absorb(block: usize, behind: usize): void {
  store<u32>(block, <u32>(sizeOfBlock(block) + BLOCK_HEADER + sizeOfBlock(behind)) | FREE, BLOCK_SIZE)
  store<u32>(after(block), <u32>block, BLOCK_BEFORE)
  store<u64>(behind, 0)
  store<u64>(behind, 0, 8)
  store<u64>(behind, 0, 16)
}

/** Makes a block that is in no list free, and joins it with its free neighbours. */
function give(block: usize): void {
  store<u32>(block, <u32>sizeOfBlock(block) | FREE, BLOCK_SIZE)
  const behind = after(block)
  if (isFree(behind)) {
    unlink(behind)
    absorb(block, behind)
  }
  const before: usize = load<u32>(block, BLOCK_BEFORE)
  if (before != 0 && isFree(before)) {
    unlink(before)
    absorb(before, block)
    block = before
  }
  link(block)
}

/** Cuts a block that is in no list after `size` bytes; the rest becomes free. */
function cut(block: usize, size: usize): void {
  const whole = sizeOfBlock(block)
  if (whole - size < BLOCK_LEAST) return
  const rest = block + BLOCK_HEADER + size
  store<u32>(block, <u32>size | (load<u32>(block, BLOCK_SIZE) & FREE), BLOCK_SIZE)
  store<u32>(rest, <u32>(whole - size - BLOCK_HEADER), BLOCK_SIZE)
  store<u32>(rest, <u32>block, BLOCK_BEFORE)
  store<u32>(after(rest), <u32>rest, BLOCK_BEFORE)
  give(rest)
}

/** Adds pages so that a block of `size` bytes can be had; false when the memory may not grow so far. */
function grow(size: usize): bool {
  const sentinel: usize = load<u32>(SENTINEL)
  const end = sentinel + BLOCK_HEADER
  // A class's rounding may hide a last block that is just large enough, so nothing is taken off for it.
  const least = up(size + (size >> 4) + 2 * BLOCK_HEADER, 0x1_0000)
  const have = <u64>memory.size() << 16
  let step = up(max(least, max(STEP, min(end >> 3, 0x100_0000))), 0x1_0000)
  if (have + step > 0xffff_0000 || memory.grow(<i32>(step >> 16)) < 0) {
    step = least
    if (have + step > 0xffff_0000 || memory.grow(<i32>(step >> 16)) < 0) return false
  }
  // From the old sentinel on, in case the memory was larger than the arena knew.
  extend(<usize>(have + step))
  return true
}

/** Gives everything from the sentinel to `end` to the free lists and puts the sentinel there. */
function extend(end: usize): void {
  const block: usize = load<u32>(SENTINEL)
  const sentinel = end - BLOCK_HEADER
  store<u32>(block, <u32>(sentinel - block - BLOCK_HEADER), BLOCK_SIZE)
  store<u32>(sentinel, 0, BLOCK_SIZE)
  store<u32>(sentinel, <u32>block, BLOCK_BEFORE)
  store<u32>(SENTINEL, <u32>sentinel)
  give(block)
}

/**
 * Begins an arena in a memory that is all zero: `limit` bytes may be handed out, the memory never grows past `end`.
 * Returns 0, or 1 when the memory is too small for the allocator's own tables.
 */
export function init(limit: u32, end: usize, cpus: u32): i32 {
  if (load<u32>(MAGIC) == MAGIC_VALUE) return 0
  const have = <usize>(<u64>memory.size() << 16)
  const first = up(live.place(BITS, end), GRANULE)
  if (first + BLOCK_HEADER + BLOCK_LEAST > have) return 1
  store<u32>(LIMIT, limit)
  store<u32>(CPUS, cpus)
  store<u32>(FIRST, <u32>first)
  store<u32>(SENTINEL, <u32>first)
  store<u32>(FRESH, <u32>first)
  extend(have)
  store<u32>(MAGIC, MAGIC_VALUE)
  return 0
}

/**
 * `size` zeroed bytes (0 counts as 1) at a multiple of `align`, a power of two (below 16 counts as 16); 0 when the
 * limit or the memory does not allow it.
 */
export function alloc(size: u32, align: u32): u32 {
  if (size > LARGEST || align > 0x100_0000 || (align & (align - 1)) != 0) return 0
  const need = max<usize>(up(size, GRANULE), GRANULE)
  if (!acquire()) return 0
  const block = take(need, max<usize>(align, GRANULE))
  if (block == 0) {
    release()
    return 0
  }
  const address = block + BLOCK_HEADER
  const bytes = sizeOfBlock(block)
  store<u32>(block, max<u32>(size, 1), BLOCK_ASKED)
  store<u32>(block, SHAPE_ALL, BLOCK_SHAPE)
  const used = load<u32>(USED) + <u32>(bytes + BLOCK_HEADER)
  store<u32>(USED, used)
  if (used > load<u32>(PEAK)) store<u32>(PEAK, used)
  store<u32>(COUNT, load<u32>(COUNT) + 1)
  const fresh: usize = load<u32>(FRESH)
  // Past `fresh` only the links are not zero.
  const dirty = address < fresh ? min(bytes, fresh - address) : 0
  memory.fill(address, 0, max(dirty, GRANULE))
  if (address + bytes > fresh) store<u32>(FRESH, <u32>(address + bytes))
  live.insert(address)
  release()
  return <u32>address
}

/** A block of `need` bytes whose payload is aligned, in no list and not marked free; 0 when there is none. */
function take(need: usize, align: usize): usize {
  if (<u64>load<u32>(USED) + <u64>need + <u64>BLOCK_HEADER > <u64>load<u32>(LIMIT)) return 0
  const room = align == GRANULE ? need : need + align + BLOCK_LEAST
  let block = find(room)
  if (block == 0) {
    if (!grow(room)) return 0
    block = find(room)
    if (block == 0) return 0
  }
  unlink(block)
  store<u32>(block, <u32>sizeOfBlock(block), BLOCK_SIZE)
  if (align != GRANULE) {
    const payload = block + BLOCK_HEADER
    let at = up(payload, align)
    if (at != payload) {
      if (at - payload < BLOCK_LEAST) at += align
      const aligned = at - BLOCK_HEADER
      store<u32>(aligned, <u32>(after(block) - at), BLOCK_SIZE)
      store<u32>(aligned, <u32>block, BLOCK_BEFORE)
      store<u32>(after(aligned), <u32>aligned, BLOCK_BEFORE)
      store<u32>(block, <u32>(aligned - payload), BLOCK_SIZE)
      give(block)
      block = aligned
    }
  }
  cut(block, need)
  return block
}

@inline
function inside(address: usize): bool {
  return address > load<u32>(FIRST) && address < load<u32>(SENTINEL)
}

/**
 * Takes an allocation back. 0, or 1 when no live allocation begins at the address (freed before, or never made), or 2
 * when the lock cannot be had.
 */
export function free(address: u32): i32 {
  if (!acquire()) return 2
  if (!inside(address) || !live.has(address)) {
    release()
    return 1
  }
  live.remove(address)
  const block = <usize>address - BLOCK_HEADER
  store<u32>(USED, load<u32>(USED) - <u32>(sizeOfBlock(block) + BLOCK_HEADER))
  store<u32>(COUNT, load<u32>(COUNT) - 1)
  give(block)
  release()
  return 0
}

/** The bytes that were asked for at a live allocation's address, or 0 when none begins there. */
export function sizeOf(address: u32): u32 {
  if (!inside(address) || !live.has(address)) return 0
  return load<u32>(<usize>address - BLOCK_HEADER, BLOCK_ASKED)
}

/** The last allocation that begins at or below an address inside the arena, or 0. */
@inline
function floorOf(address: u32): usize {
  let base = live.floor(address)
  if (SHARED && base == live.TORN) {
    if (!acquire()) return 0
    base = live.floor(address)
    release()
  }
  return base
}

/** The address of the live allocation that an address lies in, or 0. */
export function baseOf(address: u32): u32 {
  if (!inside(address)) return 0
  const base = floorOf(address)
  if (base == 0 || address - base >= load<u32>(base - BLOCK_HEADER, BLOCK_ASKED)) return 0
  return <u32>base
}

/**
 * Which bytes of an allocation `contains` gives to programs: 0 all (as allocated), 1 none, otherwise the address of a
 * shape record, which must outlive the allocation.
 */
export function setShape(address: u32, shape: u32): i32 {
  if (!inside(address) || !live.has(address)) return 1
  store<u32>(<usize>address - BLOCK_HEADER, shape, BLOCK_SHAPE)
  return 0
}

/** 1 when [address, address + size) lies in one live allocation, in bytes that programs may touch. */
export function contains(address: u32, size: u32): i32 {
  if (!inside(address)) return 0
  const base = floorOf(address)
  if (base == 0) return 0
  const block = base - BLOCK_HEADER
  const asked = load<u32>(block, BLOCK_ASKED)
  let offset = address - <u32>base
  if (offset > asked || size > asked - offset) return 0
  const shape = load<u32>(block, BLOCK_SHAPE)
  if (shape == SHAPE_ALL) return 1
  if (shape == SHAPE_NONE) return 0
  const first = load<u32>(shape, SHAPE_FIRST)
  if (offset < first) return 0
  offset = (offset - first) % load<u32>(shape, SHAPE_STRIDE)
  const part = load<u32>(shape, SHAPE_SIZE)
  return i32(offset <= part && size <= part - offset)
}

export function used(): u32 {
  return load<u32>(USED)
}

export function peak(): u32 {
  return load<u32>(PEAK)
}

export function count(): u32 {
  return load<u32>(COUNT)
}

export function limit(): u32 {
  return load<u32>(LIMIT)
}

export function cpus(): u32 {
  return load<u32>(CPUS)
}

/**
 * Walks every block and checks what must hold: neighbours agree, no two free ones touch, the live set and the counters
 * are right. 0, or the number of the first rule that is broken. For tests.
 */
export function check(): i32 {
  let block: usize = load<u32>(FIRST)
  const sentinel: usize = load<u32>(SENTINEL)
  let before: usize = 0
  let wasFree = false
  let total: u32 = 0
  let blocks: u32 = 0
  while (block != sentinel) {
    if (load<u32>(block, BLOCK_BEFORE) != before) return 1
    const free = isFree(block)
    if (free && wasFree) return 2
    if (free == live.has(block + BLOCK_HEADER)) return 3
    if (!free) {
      total += <u32>(sizeOfBlock(block) + BLOCK_HEADER)
      blocks++
    }
    before = block
    wasFree = free
    block = after(block)
    if (block > sentinel) return 4
  }
  if (load<u32>(sentinel, BLOCK_BEFORE) != before) return 5
  return total == load<u32>(USED) && blocks == load<u32>(COUNT) ? 0 : 6
}
