/**
 * Maps whose lock's holder has ended in the middle of a change. The lock still names it, so nobody else changes them
 * meanwhile; readers without the lock go on, and find each key that was there before and after the change. Every
 * change of a link is one store, so chains and trees are whole; what was counted or on its way is found anew.
 */
import { EOPNOTSUPP } from '../../registry/src/layout/errno'
import {
  MAP_COUNT,
  MAP_CPUS,
  MAP_FREE_FIELDS,
  MAP_MAX_ENTRIES,
  MAP_STRIDE,
} from '../../registry/src/layout/map'
import { isEnd, point } from './hash-elements'
import {
  BUCKETS,
  FREED,
  FREED_COUNT,
  KEY,
  KIND,
  LRU,
  MASK,
  NEXT,
  sameAny,
  SLAB,
  SPARES,
  STATE,
  TAKEN,
} from './hash-layout'
import { keep, setNodes } from './lru-list'

/** Of elements of a slab while they are counted: in a bucket. All others are 0. */
const FOUND: u32 = 1

@inline
function inSlab(map: usize, n: u32): u32 {
  return load<u32>(map, SLAB) + n * load<u32>(map, MAP_STRIDE)
}

/** Takes out what has the same key as an element before it: it was to be replaced. */
function dropOlder(map: usize, element: u32): void {
  let link: usize = element + NEXT
  for (let at = load<u32>(link); !isEnd(at); at = load<u32>(link)) {
    if (sameAny(map, element + KEY, at + KEY)) {
      point(link, load<u32>(at, NEXT))
      if (load<u32>(map, SLAB) == 0) {
        store<u32>(at, load<u32>(map, FREED), STATE)
        store<u32>(map, at, FREED)
      }
    } else {
      link = at + NEXT
    }
  }
}

/** 0, or -EOPNOTSUPP where values have fields of which nobody knows what became. */
export function hash_repair(map: u32): i32 {
  if (load<u32>(map, MAP_FREE_FIELDS) != 0) return -EOPNOTSUPP
  const slab = load<u32>(map, SLAB)
  const lru = (load<u32>(map, KIND) & LRU) != 0
  const elements = load<u32>(map, MAP_MAX_ENTRIES) + load<u32>(map, MAP_CPUS)
  if (lru) setNodes(map)
  else if (slab != 0) for (let n: u32 = 0; n < elements; n++) store<u32>(inSlab(map, n), 0, STATE)
  let count: u32 = 0
  const first = load<u32>(map, BUCKETS)
  const end = first + ((load<u32>(map, MASK) + 1) << 2)
  for (let bucket = first; bucket < end; bucket += 4) {
    for (let at = load<u32>(bucket); !isEnd(at); at = load<u32>(at, NEXT)) {
      dropOlder(map, at)
      if (lru) keep(map, at)
      else if (slab != 0) store<u32>(at, FOUND, STATE)
      count++
    }
  }
  store<u32>(map, count, MAP_COUNT)
  if (slab == 0) recount(map)
  else if (!lru) share(map, elements)
  return 0
}

/** How many elements wait in the arena for reuse. One that was on its way is lost until the runtime ends. */
function recount(map: usize): void {
  let count: u32 = 0
  for (let at = load<u32>(map, FREED); at != 0; at = load<u32>(at, STATE)) count++
  store<u32>(map, count, FREED_COUNT)
}

/** Gives each CPU a spare of the elements that are in no bucket; the others are free. */
function share(map: usize, elements: u32): void {
  const cpus = load<u32>(map, MAP_CPUS)
  let spare: u32 = 0
  store<u32>(map, 0, FREED)
  store<u32>(map, load<u32>(map, MAP_MAX_ENTRIES), TAKEN)
  for (let n = elements; n-- > 0; ) {
    const element = inSlab(map, n)
    if (load<u32>(element, STATE) == FOUND) continue
    if (spare < cpus) {
      store<u32>(load<u32>(map, SPARES) + (spare++ << 2), element)
    } else {
      store<u32>(element, load<u32>(map, FREED), STATE)
      store<u32>(map, element, FREED)
    }
  }
}
