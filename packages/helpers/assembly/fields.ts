/** What goes with a value or an object: timers, work queues, kptrs, lists and trees (bpf_obj_free_fields). */
import {
  FIELD_KIND,
  FIELD_KPTR_PERCPU,
  FIELD_KPTR_REF,
  FIELD_LIST_HEAD,
  FIELD_NODE,
  FIELD_OFFSET,
  FIELD_RB_ROOT,
  FIELD_SIZE,
  FIELD_TIMER,
  FIELD_WQ,
  RECORD_COUNT,
  RECORD_FIELDS,
  RECORD_LOCK,
} from '../../registry/src/layout/fields'
import { MAP_FIELDS } from '../../registry/src/layout/map'
import { freeAsync } from './async'
import { take } from './env'
import { freeList } from './list'
import { drop } from './objects'
import { freeTree } from './rbtree'

/** Frees the special fields of the value at an address; they are zero afterwards. */
export function free_fields(map: u32, value: u32): i32 {
  freeRecordFields(load<u32>(map, MAP_FIELDS), value)
  return 0
}

export function freeRecordFields(record: usize, base: usize): void {
  let field = record + RECORD_FIELDS
  for (let left = load<u32>(record, RECORD_COUNT); left > 0; left--) {
    const at = base + load<u32>(field, FIELD_OFFSET)
    switch (load<u32>(field, FIELD_KIND)) {
      case FIELD_TIMER:
      case FIELD_WQ:
        freeAsync(at)
        break
      case FIELD_KPTR_REF:
      case FIELD_KPTR_PERCPU:
        freeKptr(at)
        break
      case FIELD_LIST_HEAD:
      case FIELD_RB_ROOT:
        freeGraph(record, base, field)
        break
    }
    field += FIELD_SIZE
  }
}

function freeKptr(at: usize): void {
  let object: u64
  if (SHARED) object = atomic.xchg<u64>(at, 0)
  else {
    object = load<u64>(at)
    store<u64>(at, 0)
  }
  if (object != 0) drop(<usize>object)
}

/** A list or tree goes under the lock of what it is in; one whose lock cannot be had stays: its holder is gone. */
function freeGraph(record: usize, base: usize, field: usize): void {
  const at = base + load<u32>(field, FIELD_OFFSET)
  const lock = load<u32>(record, RECORD_LOCK)
  const word = base + lock - 1
  if (SHARED && lock != 0 && !take(word)) return
  if (load<u32>(field, FIELD_KIND) == FIELD_LIST_HEAD) freeList(at, load<u32>(field, FIELD_NODE))
  else freeTree(at, load<u32>(field, FIELD_NODE))
  if (SHARED && lock != 0) atomic.store<u32>(word, 0)
}
