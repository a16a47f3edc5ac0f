/**
 * bpf_rb_root and bpf_rb_node (kernel/bpf/helpers.c, lib/rbtree.c): a red-black tree of u32 links, balanced with the
 * kernel's choices, so that bpf_rbtree_root, _left and _right see the same shape. The verifier sees to it that whoever
 * works on a tree holds its lock.
 */
import { EINVAL } from '../../registry/src/layout/errno'
import { pointer, result } from './env'
import { drop } from './objects'

// A node: children, parent, colour, the root whose tree it is in, its offset in its object. A root: its top.
const LEFT: usize = 0
const RIGHT: usize = 4
const PARENT: usize = 8
const COLOUR: usize = 12
const OWNER: usize = 16
export const RB_SELF: usize = 20
const RED: u32 = 0
const BLACK: u32 = 1

@inline
function link(node: usize, side: usize): usize {
  return load<u32>(node + side)
}

@inline
function set(node: usize, side: usize, to: usize): void {
  store<u32>(node + side, <u32>to)
}

@inline
function isRed(node: usize): bool {
  return node != 0 && load<u32>(node, COLOUR) == RED
}

@inline
function paint(node: usize, colour: u32): void {
  store<u32>(node, colour, COLOUR)
}

/** Puts `by` where `node` hangs. */
function replace(root: usize, node: usize, by: usize): void {
  const parent = link(node, PARENT)
  if (parent == 0) store<u32>(root, <u32>by)
  else set(parent, link(parent, LEFT) == node ? LEFT : RIGHT, by)
  if (by != 0) set(by, PARENT, parent)
}

/** Turns a node down to `side`: its other child comes up. */
function rotate(root: usize, node: usize, side: usize): void {
  const other = RIGHT - side
  const up = link(node, other)
  const inner = link(up, side)
  set(node, other, inner)
  if (inner != 0) set(inner, PARENT, node)
  replace(root, node, up)
  set(up, side, node)
  set(node, PARENT, up)
}

function balanceInserted(root: usize, inserted: usize): void {
  let node = inserted
  for (;;) {
    let parent = link(node, PARENT)
    if (parent == 0) {
      paint(node, BLACK)
      return
    }
    if (load<u32>(parent, COLOUR) == BLACK) return
    const grand = link(parent, PARENT)
    const side = link(grand, LEFT) == parent ? LEFT : RIGHT
    const other = RIGHT - side
    const uncle = link(grand, other)
    if (isRed(uncle)) {
      paint(uncle, BLACK)
      paint(parent, BLACK)
      paint(grand, RED)
      node = grand
      continue
    }
    if (link(parent, other) == node) {
      rotate(root, parent, side)
      parent = node
    }
    paint(parent, BLACK)
    paint(grand, RED)
    rotate(root, grand, other)
    return
  }
}

/** `node` (perhaps none) hangs at `parent` and lacks one black node. */
function balanceRemoved(root: usize, from: usize, at: usize): void {
  let node = from
  let parent = at
  while (parent != 0 && !isRed(node)) {
    const side = link(parent, LEFT) == node ? LEFT : RIGHT
    const other = RIGHT - side
    let sibling = link(parent, other)
    if (isRed(sibling)) {
      paint(sibling, BLACK)
      paint(parent, RED)
      rotate(root, parent, side)
      sibling = link(parent, other)
    }
    if (!isRed(link(sibling, LEFT)) && !isRed(link(sibling, RIGHT))) {
      paint(sibling, RED)
      node = parent
      parent = link(node, PARENT)
      continue
    }
    if (!isRed(link(sibling, other))) {
      paint(link(sibling, side), BLACK)
      paint(sibling, RED)
      rotate(root, sibling, other)
      sibling = link(parent, other)
    }
    paint(sibling, load<u32>(parent, COLOUR))
    paint(parent, BLACK)
    paint(link(sibling, other), BLACK)
    rotate(root, parent, side)
    return
  }
  if (node != 0) paint(node, BLACK)
}

function leftmost(node: usize): usize {
  let at = node
  while (link(at, LEFT) != 0) at = link(at, LEFT)
  return at
}

function erase(root: usize, node: usize): void {
  const left = link(node, LEFT)
  const right = link(node, RIGHT)
  let colour = load<u32>(node, COLOUR)
  if (left == 0 || right == 0) {
    const child = left == 0 ? right : left
    const parent = link(node, PARENT)
    replace(root, node, child)
    if (colour == BLACK) balanceRemoved(root, child, parent)
    return
  }
  // The next node in order takes its place and colour.
  const next = leftmost(right)
  const child = link(next, RIGHT)
  let parent = link(next, PARENT)
  colour = load<u32>(next, COLOUR)
  if (parent == node) parent = next
  else {
    replace(root, next, child)
    set(next, RIGHT, right)
    set(right, PARENT, next)
  }
  replace(root, node, next)
  set(next, LEFT, left)
  set(left, PARENT, next)
  paint(next, load<u32>(node, COLOUR))
  if (colour == BLACK) balanceRemoved(root, child, parent)
}

/** `less(a, b)` decides on the way down. A node that is in a tree is dropped. */
export function rbtree_add(tree: u64, added: u64, less: u64, meta: u64, offset: u64): u64 {
  const root = pointer(tree)
  const node = pointer(added)
  if (load<u32>(node, OWNER) != 0) {
    drop(node - load<u32>(node, RB_SELF))
    return result(-EINVAL)
  }
  let parent: usize = 0
  let side = LEFT
  let at: usize = load<u32>(root)
  while (at != 0) {
    parent = at
    const goes = call_indirect<u64>(<u32>less, <u64>node, <u64>parent, <u64>0, <u64>0, <u64>0)
    side = goes != 0 ? LEFT : RIGHT
    at = link(parent, side)
  }
  set(node, LEFT, 0)
  set(node, RIGHT, 0)
  set(node, PARENT, parent)
  paint(node, RED)
  store<u32>(node, <u32>root, OWNER)
  if (parent == 0) store<u32>(root, <u32>node)
  else set(parent, side, node)
  balanceInserted(root, node)
  return 0
}

/** Null for a node that is in another tree, or in none. */
export function rbtree_remove(tree: u64, node: u64, r3: u64, r4: u64, r5: u64): u64 {
  const at = pointer(node)
  if (load<u32>(at, OWNER) != <u32>tree) return 0
  erase(pointer(tree), at)
  store<u32>(at, 0, OWNER)
  return node
}

export function rbtree_first(tree: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  const top = load<u32>(pointer(tree))
  return top == 0 ? 0 : <u64>leftmost(top)
}

export function rbtree_root(tree: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  return <u64>load<u32>(pointer(tree))
}

export function rbtree_left(tree: u64, node: u64, r3: u64, r4: u64, r5: u64): u64 {
  return load<u32>(pointer(node), OWNER) == <u32>tree ? <u64>link(pointer(node), LEFT) : 0
}

export function rbtree_right(tree: u64, node: u64, r3: u64, r4: u64, r5: u64): u64 {
  return load<u32>(pointer(node), OWNER) == <u32>tree ? <u64>link(pointer(node), RIGHT) : 0
}

/** Drops every object of a tree, leaves first; the root is zero afterwards. */
export function freeTree(root: usize, node: usize): void {
  let at: usize = load<u32>(root)
  store<u32>(root, 0)
  while (at != 0) {
    const below = link(at, LEFT) != 0 ? LEFT : RIGHT
    const child = link(at, below)
    if (child != 0) {
      // Not again on the way back.
      set(at, below, 0)
      at = child
      continue
    }
    const parent = link(at, PARENT)
    store<u32>(at, 0, OWNER)
    drop(at - node)
    at = parent
  }
}
