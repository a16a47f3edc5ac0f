/** bpf_ringbuf_* (kernel/bpf/ringbuf.c). */
import { E2BIG, EAGAIN, EINVAL } from '../../registry/src/layout/errno'
import { MAP_DATA, MAP_MAX_ENTRIES } from '../../registry/src/layout/map'
import {
  BPF_RB_AVAIL_DATA,
  BPF_RB_CONS_POS,
  BPF_RB_FORCE_WAKEUP,
  BPF_RB_NO_WAKEUP,
  BPF_RB_PROD_POS,
  BPF_RB_RING_SIZE,
  RECORD_HEADER,
  RING_CONSUMER,
  RING_PRODUCER,
} from '../../registry/src/layout/ring'
import { clearDynptr, DYNPTR_MAX_SIZE, DYNPTR_RINGBUF, dynptrData, writeDynptr } from './dynptr'
import { copyBytes, pointer, result } from './env'
import { commitRecord, reserveRecord } from './ring'

@inline
function ringOfMap(map: u64): usize {
  return load<u32>(pointer(map) + MAP_DATA)
}

export function ringbuf_reserve(map: u64, size: u64, flags: u64, r4: u64, r5: u64): u64 {
  if (flags != 0) return 0
  const record = reserveRecord(ringOfMap(map), size)
  return record == 0 ? 0 : <u64>(record + RECORD_HEADER)
}

export function ringbuf_submit(sample: u64, flags: u64, r3: u64, r4: u64, r5: u64): u64 {
  commitRecord(pointer(sample) - RECORD_HEADER, flags, false)
  return 0
}

export function ringbuf_discard(sample: u64, flags: u64, r3: u64, r4: u64, r5: u64): u64 {
  commitRecord(pointer(sample) - RECORD_HEADER, flags, true)
  return 0
}

export function ringbuf_output(map: u64, data: u64, size: u64, flags: u64, r5: u64): u64 {
  if ((flags & ~(<u64>(BPF_RB_NO_WAKEUP | BPF_RB_FORCE_WAKEUP))) != 0) return result(-EINVAL)
  const record = reserveRecord(ringOfMap(map), size)
  if (record == 0) return result(-EAGAIN)
  copyBytes(record + RECORD_HEADER, pointer(data), <usize>size)
  commitRecord(record, flags, false)
  return 0
}

export function ringbuf_query(map: u64, what: u64, r3: u64, r4: u64, r5: u64): u64 {
  const ring = ringOfMap(map)
  const consumer = load<u64>(ring, RING_CONSUMER)
  const producer = load<u64>(ring, RING_PRODUCER)
  if (what == BPF_RB_AVAIL_DATA) return producer - consumer
  if (what == BPF_RB_RING_SIZE) return load<u32>(pointer(map) + MAP_MAX_ENTRIES)
  if (what == BPF_RB_CONS_POS) return consumer
  if (what == BPF_RB_PROD_POS) return producer
  return 0
}

export function ringbuf_reserve_dynptr(map: u64, size: u64, flags: u64, dynptr: u64, r5: u64): u64 {
  const at = pointer(dynptr)
  clearDynptr(at)
  if (flags != 0) return result(-EINVAL)
  if (<u32>size > DYNPTR_MAX_SIZE) return result(-E2BIG)
  const record = reserveRecord(ringOfMap(map), <u64>(<u32>size))
  if (record == 0) return result(-EINVAL)
  writeDynptr(at, record + RECORD_HEADER, DYNPTR_RINGBUF, <u32>size)
  return 0
}

@inline
function commitDynptr(dynptr: u64, flags: u64, discard: bool): u64 {
  const at = pointer(dynptr)
  const data = dynptrData(at)
  if (data == 0) return 0
  commitRecord(data - RECORD_HEADER, flags, discard)
  clearDynptr(at)
  return 0
}

export function ringbuf_submit_dynptr(dynptr: u64, flags: u64, r3: u64, r4: u64, r5: u64): u64 {
  return commitDynptr(dynptr, flags, false)
}

export function ringbuf_discard_dynptr(dynptr: u64, flags: u64, r3: u64, r4: u64, r5: u64): u64 {
  return commitDynptr(dynptr, flags, true)
}
