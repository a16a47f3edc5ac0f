/**
 * bpf_*_storage_get and _delete (kernel/bpf/bpf_*_storage.c, net/core/bpf_sk_storage.c), through the map type's
 * operations.
 */
import { CTL_SP } from '../../registry/src/layout/control'
import { EINVAL } from '../../registry/src/layout/errno'
import {
  BPF_NOEXIST,
  MAP_OP_DELETE,
  MAP_OP_LOOKUP,
  MAP_OP_UPDATE,
} from '../../registry/src/layout/map'
import {
  SOCK_PREAMBLE,
  SOCK_STATE,
  TCP_NEW_SYN_RECV,
  TCP_TIME_WAIT,
} from '../../registry/src/layout/sock'
import { BPF_LOCAL_STORAGE_GET_F_CREATE, STORAGE_ZEROS } from '../../registry/src/layout/storage'
import { control, pointer, result } from './env'

@inline
function slot(map: u64, op: usize): u32 {
  return load<u32>(pointer(map) + op)
}

/** Puts the key, the owner's address, below this CPU's stack: what is called meanwhile runs no program. */
@inline
function keyOf(owner: u32): u32 {
  const key = load<u32>(control, CTL_SP) - 8
  store<u32>(key, owner)
  return key
}

function find(map: u64, owner: u32): u32 {
  return call_indirect<u32>(slot(map, MAP_OP_LOOKUP), <u32>map, keyOf(owner))
}

export function storage_get(map: u64, owner: u64, value: u64, flags: u64, r5: u64): u64 {
  if (owner == 0 || (flags & ~(<u64>BPF_LOCAL_STORAGE_GET_F_CREATE)) != 0) return 0
  const found = find(map, <u32>owner)
  if (found != 0 || flags == 0) return <u64>found
  const first = value != 0 ? <u32>value : load<u32>(pointer(map) + STORAGE_ZEROS)
  const failed = call_indirect<i32>(
    slot(map, MAP_OP_UPDATE),
    <u32>map,
    keyOf(<u32>owner),
    first,
    <u64>BPF_NOEXIST,
  )
  return failed != 0 ? 0 : <u64>find(map, <u32>owner)
}

export function storage_delete(map: u64, owner: u64, r3: u64, r4: u64, r5: u64): u64 {
  if (owner == 0) return result(-EINVAL)
  return result(call_indirect<i32>(slot(map, MAP_OP_DELETE), <u32>map, keyOf(<u32>owner)))
}

/** The struct bpf_sock of a full socket, from any of its views; 0 for another. */
function fullSocket(view: u64): u64 {
  if (view == 0) return 0
  const socket: usize = load<u32>(pointer(view) - SOCK_PREAMBLE)
  if (socket == 0) return 0
  const state = load<u32>(socket, SOCK_STATE)
  return state == TCP_TIME_WAIT || state == TCP_NEW_SYN_RECV ? 0 : <u64>socket
}

export function sk_storage_get(map: u64, socket: u64, value: u64, flags: u64, r5: u64): u64 {
  return storage_get(map, fullSocket(socket), value, flags, 0)
}

export function sk_storage_delete(map: u64, socket: u64, r3: u64, r4: u64, r5: u64): u64 {
  return storage_delete(map, fullSocket(socket), 0, 0, 0)
}

// @ts-ignore: decorator
@external("host", "currentTask")
declare function hostCurrentTask(): u32

export function get_current_task_btf(r1: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  return <u64>hostCurrentTask()
}

/** bpf_get_local_storage: the map type's lookup, whatever the key. */
export function get_local_storage(map: u64, flags: u64, r3: u64, r4: u64, r5: u64): u64 {
  return <u64>call_indirect<u32>(slot(map, MAP_OP_LOOKUP), <u32>map, 0)
}
