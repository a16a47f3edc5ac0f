/**
 * BPF_MAP_TYPE_LPM_TRIE (kernel/bpf/lpm_trie.c): a binary trie with compressed paths. A key is a u32 prefix length and
 * the data, most significant bit first. A node without a value of its own (intermediate) has two children.
 */
import { EEXIST, EINVAL, ENOENT, ENOMEM, ENOSPC, ETIMEDOUT } from '../../registry/src/layout/errno'
import {
  BPF_EXIST,
  BPF_NOEXIST,
  MAP_COUNT,
  MAP_KEY_SIZE,
  MAP_MAX_ENTRIES,
  MAP_PRIVATE,
  MAP_SHAPE,
  MAP_STRIDE,
  MAP_VALUE_SIZE,
} from '../../registry/src/layout/map'
import { alloc, copyBytes, copyValue, counted, free, initValue, lock, setShape, unlock, up8 } from './env'

const ROOT = MAP_PRIVATE
/** Nodes for reuse, linked through their first child; a freed node's value stays until then. */
const FREED = MAP_PRIVATE + 4
const FREED_COUNT = MAP_PRIVATE + 8
/** Bytes of data in a key, and offset of the value in a node. */
const DATA_SIZE = MAP_PRIVATE + 12
const VALUE = MAP_PRIVATE + 16
const KEPT: u32 = 256

// A node.
const CHILDREN = 0
const PREFIX = 8
/** 1 for an intermediate node. */
const INTERMEDIATE = 12
/** The first 4 bytes of the data that the prefix covers, as a mask in memory order. */
const COVERED = 16
/** The key as it was given, so that it can be handed out. */
const KEY = 24
const DATA = 28

export function lpm_trie_init(map: u32): i32 {
  const keySize = load<u32>(map, MAP_KEY_SIZE)
  const value = KEY + up8(keySize)
  store<u32>(map, keySize - 4, DATA_SIZE)
  store<u32>(map, value, VALUE)
  store<u32>(map, value + up8(load<u32>(map, MAP_VALUE_SIZE)), MAP_STRIDE)
  store<u32>(map + MAP_SHAPE, value)
  store<u32>(map + MAP_SHAPE, load<u32>(map, MAP_STRIDE), 4)
  store<u32>(map + MAP_SHAPE, load<u32>(map, MAP_VALUE_SIZE), 8)
  return 0
}

function freeBelow(node: u32): void {
  if (node == 0) return
  // No deeper than a key has bits.
  freeBelow(load<u32>(node, CHILDREN))
  freeBelow(load<u32>(node, CHILDREN + 4))
  free(node)
}

function freeSpare(map: usize, keep: u32): void {
  while (load<u32>(map, FREED_COUNT) > keep) {
    const node = load<u32>(map, FREED)
    store<u32>(map, load<u32>(node), FREED)
    store<u32>(map, load<u32>(map, FREED_COUNT) - 1, FREED_COUNT)
    free(node)
  }
}

export function lpm_trie_free(map: u32): void {
  freeBelow(load<u32>(map, ROOT))
  freeSpare(map, 0)
}

export function lpm_trie_quiesce(map: u32): i32 {
  // With threads nobody knows that no program holds a node: they wait for reuse.
  if (!SHARED) freeSpare(map, KEPT)
  return 0
}

@inline
function bit(data: usize, index: u32): usize {
  return (load<u8>(data + (index >> 3)) >> (7 - (<u8>index & 7))) & 1
}

/** A bit of a key's data. */
@inline
function bitOf(map: usize, key: usize, index: u32): usize {
  if (load<u32>(map, DATA_SIZE) != 4) return bit(key + 4, index)
  return (bswap<u32>(load<u32>(key, 4)) >> (31 - index)) & 1
}

/** How many leading bits of two data fields are equal, as far as `limit`. */
function common(a: usize, b: usize, limit: u32): u32 {
  let bits: u32 = 0
  while (bits + 64 <= limit) {
    const difference = load<u64>(a) ^ load<u64>(b)
    if (difference != 0) return bits + <u32>clz<u64>(bswap<u64>(difference))
    a += 8
    b += 8
    bits += 64
  }
  while (bits < limit) {
    const difference = <u32>(load<u8>(a) ^ load<u8>(b))
    if (difference != 0) return min(limit, bits + clz<u32>(difference) - 24)
    a++
    b++
    bits += 8
  }
  return limit
}

@inline
function matching(map: usize, node: usize, key: usize): u32 {
  const limit = min(load<u32>(node, PREFIX), load<u32>(key))
  if (load<u32>(map, DATA_SIZE) != 4) return common(node + DATA, key + 4, limit)
  return min(limit, clz<u32>(bswap<u32>(load<u32>(node, DATA) ^ load<u32>(key, 4))))
}

export function lpm_trie_lookup(map: u32, key: u32): u32 {
  const longest = load<u32>(map, DATA_SIZE) << 3
  if (load<u32>(key) > longest) return 0
  let found: u32 = 0
  if (SHARED && !lock(map)) return 0
  let node = load<u32>(map, ROOT)
  while (node != 0) {
    const prefix = load<u32>(node, PREFIX)
    if (matching(map, node, key) < prefix) break
    if (load<u32>(node, INTERMEDIATE) == 0) found = node
    if (prefix == longest) break
    node = load<u32>(node + (bit(key + 4, prefix) << 2), CHILDREN)
  }
  if (SHARED) unlock(map)
  return found == 0 ? 0 : found + load<u32>(map, VALUE)
}

/** For keys of 8 bytes: IPv4. */
export function lpm_trie_lookup4(map: u32, key: u32): u32 {
  const length = load<u32>(key)
  if (length > 32) return 0
  const data = load<u32>(key, 4)
  const bits = bswap<u32>(data)
  let found: u32 = 0
  if (SHARED && !lock(map)) return 0
  let node = load<u32>(map, ROOT)
  while (node != 0) {
    const prefix = load<u32>(node, PREFIX)
    if (length < prefix || ((load<u32>(node, DATA) ^ data) & load<u32>(node, COVERED)) != 0) break
    if (load<u32>(node, INTERMEDIATE) == 0) found = node
    if (prefix == 32) break
    node = load<u32>(node + (((bits >> (31 - prefix)) & 1) << 2), CHILDREN)
  }
  if (SHARED) unlock(map)
  return found == 0 ? 0 : found + KEY + 8
}

/** A node without children, or 0 when there is no memory. */
function create(map: usize, prefix: u32, data: usize, intermediate: u32): u32 {
  let node = load<u32>(map, FREED)
  if (node != 0) {
    store<u32>(map, load<u32>(node), FREED)
    store<u32>(map, load<u32>(map, FREED_COUNT) - 1, FREED_COUNT)
  } else {
    node = alloc(load<u32>(map, MAP_STRIDE), 16)
    if (node == 0) return 0
    setShape(node, <u32>map + MAP_SHAPE)
  }
  store<u64>(node, 0, CHILDREN)
  store<u32>(node, prefix, PREFIX)
  store<u32>(node, intermediate, INTERMEDIATE)
  store<u32>(node, prefix >= 32 ? ~0 : bswap<u32>(~(~(<u32>0) >> prefix)), COVERED)
  store<u32>(node, prefix, KEY)
  copyBytes(node + DATA, data, load<u32>(map, DATA_SIZE))
  return node
}

function discard(map: usize, node: u32): void {
  store<u32>(node, load<u32>(map, FREED))
  store<u32>(map, node, FREED)
  store<u32>(map, load<u32>(map, FREED_COUNT) + 1, FREED_COUNT)
}

/** Whether one more entry may be made (trie_check_add_elem): 0 or an errno. */
@inline
function mayAdd(map: usize, flags: u64): i32 {
  if (flags == <u64>BPF_EXIST) return -ENOENT
  return load<u32>(map, MAP_COUNT) == load<u32>(map, MAP_MAX_ENTRIES) ? -ENOSPC : 0
}

function insert(map: usize, key: usize, value: usize, flags: u64): i32 {
  const prefix = load<u32>(key)
  let slot: usize = map + ROOT
  let node = load<u32>(slot)
  let match: u32 = 0
  while (node != 0) {
    match = matching(map, node, key)
    const length = load<u32>(node, PREFIX)
    if (length != match || length == prefix) break
    slot = node + (bitOf(map, key, length) << 2)
    node = load<u32>(slot)
  }
  const same = node != 0 && load<u32>(node, PREFIX) == match
  const there = same && load<u32>(node, INTERMEDIATE) == 0
  if (there && flags == <u64>BPF_NOEXIST) return -EEXIST
  if (!there) {
    const refused = mayAdd(map, flags)
    if (refused != 0) return refused
  }
  const added = create(map, prefix, key + 4, 0)
  if (added == 0) return -ENOMEM
  initValue(map, added + load<u32>(map, VALUE), value)
  if (node == 0) {
    store<u32>(slot, added)
  } else if (same) {
    store<u64>(added, load<u64>(node, CHILDREN), CHILDREN)
    store<u32>(slot, added)
    discard(map, node)
  } else if (match == prefix) {
    // An ancestor of what is there.
    store<u32>(added + (bit(node + DATA, match) << 2), node)
    store<u32>(slot, added)
  } else {
    const fork = create(map, match, node + DATA, 1)
    if (fork == 0) {
      discard(map, added)
      return -ENOMEM
    }
    const side = bit(key + 4, match) << 2
    store<u32>(fork + side, added)
    store<u32>(fork + (side ^ 4), node)
    store<u32>(slot, fork)
  }
  if (!there) store<u32>(map, load<u32>(map, MAP_COUNT) + 1, MAP_COUNT)
  return 0
}

export function lpm_trie_update(map: u32, key: u32, value: u32, flags: u64): i32 {
  return counted(map, lpmTrieUpdateUncounted(map, key, value, flags))
}

@inline
function lpmTrieUpdateUncounted(map: u32, key: u32, value: u32, flags: u64): i32 {
  if (flags > <u64>BPF_EXIST || load<u32>(key) > load<u32>(map, DATA_SIZE) << 3) return -EINVAL
  if (!lock(map)) return -ETIMEDOUT
  const result = insert(map, key, value, flags)
  unlock(map)
  return result
}

function remove(map: usize, key: usize): i32 {
  const prefix = load<u32>(key)
  let slot: usize = map + ROOT
  let above: usize = slot
  let parent: u32 = 0
  let node = load<u32>(slot)
  let match: u32 = 0
  while (node != 0) {
    match = matching(map, node, key)
    const length = load<u32>(node, PREFIX)
    if (length != match || length == prefix) break
    parent = node
    above = slot
    slot = node + (bitOf(map, key, length) << 2)
    node = load<u32>(slot)
  }
  if (node == 0 || load<u32>(node, PREFIX) != prefix || match != prefix || load<u32>(node, INTERMEDIATE) != 0) {
    return -ENOENT
  }
  store<u32>(map, load<u32>(map, MAP_COUNT) - 1, MAP_COUNT)
  const left = load<u32>(node, CHILDREN)
  const right = load<u32>(node, CHILDREN + 4)
  if (left != 0 && right != 0) {
    store<u32>(node, 1, INTERMEDIATE)
  } else if (left == 0 && right == 0 && parent != 0 && load<u32>(parent, INTERMEDIATE) != 0) {
    // Its sibling takes the place of the fork.
    const first = load<u32>(parent, CHILDREN)
    store<u32>(above, first == node ? load<u32>(parent, CHILDREN + 4) : first)
    discard(map, parent)
    discard(map, node)
  } else {
    store<u32>(slot, left != 0 ? left : right)
    discard(map, node)
  }
  return 0
}

export function lpm_trie_delete(map: u32, key: u32): i32 {
  return counted(map, lpmTrieDeleteUncounted(map, key))
}

@inline
function lpmTrieDeleteUncounted(map: u32, key: u32): i32 {
  if (load<u32>(key) > load<u32>(map, DATA_SIZE) << 3) return -EINVAL
  if (!lock(map)) return -ETIMEDOUT
  const result = remove(map, key)
  unlock(map)
  return result
}

/** Post-order: a prefix comes after those inside it. A key that is not there begins anew. */
function nextOf(map: usize, key: u32): u32 {
  const root = load<u32>(map, ROOT)
  if (root == 0) return 0
  let from = root
  if (key != 0 && load<u32>(key) <= load<u32>(map, DATA_SIZE) << 3) {
    const prefix = load<u32>(key)
    // What follows the node that is looked for: the whole of `subtree`, or `upper` itself.
    let subtree: u32 = 0
    let upper: u32 = 0
    let node = root
    let match: u32 = 0
    while (node != 0) {
      match = matching(map, node, key)
      const length = load<u32>(node, PREFIX)
      if (length != match || length == prefix) break
      const side = bitOf(map, key, length)
      const right = load<u32>(node, CHILDREN + 4)
      if (side == 0 && right != 0) {
        subtree = right
        upper = 0
      } else if (load<u32>(node, INTERMEDIATE) == 0) {
        subtree = 0
        upper = node
      }
      node = load<u32>(node + (side << 2), CHILDREN)
    }
    if (node != 0 && load<u32>(node, PREFIX) == match && load<u32>(node, INTERMEDIATE) == 0) {
      if (subtree == 0) return upper
      from = subtree
    }
  }
  let next = from
  while (from != 0) {
    if (load<u32>(from, INTERMEDIATE) == 0) next = from
    const left = load<u32>(from, CHILDREN)
    from = left != 0 ? left : load<u32>(from, CHILDREN + 4)
  }
  return next
}

export function lpm_trie_next_key(map: u32, key: u32, next: u32): i32 {
  if (!lock(map)) return -ETIMEDOUT
  const node = nextOf(map, key)
  if (node != 0) copyBytes(next, node + KEY, load<u32>(map, MAP_KEY_SIZE))
  unlock(map)
  return node != 0 ? 0 : -ENOENT
}

/** Elements behind a key (0: from the first on), as many as fit into `capacity`; fewer at the end. */
export function lpm_trie_elements_after(map: u32, key: u32, keys: u32, values: u32, capacity: u32): i32 {
  const keySize = load<u32>(map, MAP_KEY_SIZE)
  const valueSize = load<u32>(map, MAP_VALUE_SIZE)
  let count: u32 = 0
  if (!lock(map)) return -ETIMEDOUT
  while (count < capacity) {
    const node = nextOf(map, key)
    if (node == 0) break
    copyBytes(keys, node + KEY, keySize)
    copyBytes(values, node + load<u32>(map, VALUE), valueSize)
    key = keys
    keys += keySize
    values += valueSize
    count++
  }
  unlock(map)
  return count
}

/** Prefixes below a node, itself included. */
function countBelow(node: u32): u32 {
  if (node == 0) return 0
  const own: u32 = load<u32>(node, INTERMEDIATE) == 0 ? 1 : 0
  return own + countBelow(load<u32>(node, CHILDREN)) + countBelow(load<u32>(node, CHILDREN + 4))
}

/** As repair.ts of hashes; nodes that were on their way are lost until the runtime ends. */
export function lpm_trie_repair(map: u32): i32 {
  let spare: u32 = 0
  for (let node = load<u32>(map, FREED); node != 0; node = load<u32>(node)) spare++
  store<u32>(map, spare, FREED_COUNT)
  store<u32>(map, countBelow(load<u32>(map, ROOT)), MAP_COUNT)
  return 0
}
