/** Sockets chosen out of maps (net/core/sock_map.c, bpf_sk_select_reuseport): the run header tells the hook which. */
import {
  CTL_CTX,
  CTL_SP,
  RUN_REDIRECT,
  RUN_REDIRECT_FLAGS,
  RUN_REDIRECT_KEY,
  RUN_REDIRECT_MAP,
} from '../../registry/src/layout/control'
import { EINVAL, ENOENT, EOPNOTSUPP } from '../../registry/src/layout/errno'
import { MAP_OP_LOOKUP, MAP_OP_UPDATE } from '../../registry/src/layout/map'
import { SOCK_PREAMBLE } from '../../registry/src/layout/sock'
import { control, pointer, result } from './env'

const BPF_F_INGRESS: u64 = 1
const SK_DROP: u64 = 0
const SK_PASS: u64 = 1
/** In RUN_REDIRECT: to the socket whose address is RUN_REDIRECT_KEY. */
const TO_SOCKET: u32 = 3

/** Records the socket of a key; false where there is none. */
function choose(map: u64, key: u32, flags: u64): bool {
  const socket = call_indirect<u32>(load<u32>(pointer(map) + MAP_OP_LOOKUP), <u32>map, key)
  const header = load<u32>(control, CTL_CTX)
  if (socket == 0) {
    store<u32>(header + RUN_REDIRECT, 0)
    return false
  }
  store<u32>(header + RUN_REDIRECT, TO_SOCKET)
  store<u32>(header + RUN_REDIRECT_MAP, <u32>map)
  store<u32>(header + RUN_REDIRECT_KEY, socket)
  store<u64>(header + RUN_REDIRECT_FLAGS, flags)
  return true
}

export function sk_redirect_hash(context: u64, map: u64, key: u64, flags: u64, r5: u64): u64 {
  if ((flags & ~BPF_F_INGRESS) != 0) return SK_DROP
  return choose(map, <u32>key, flags) ? SK_PASS : SK_DROP
}

export function sk_redirect_map(context: u64, map: u64, key: u64, flags: u64, r5: u64): u64 {
  const at = load<u32>(control, CTL_SP) - 8
  store<u32>(at, <u32>key)
  return sk_redirect_hash(context, map, at, flags, 0)
}

export function sk_select_reuseport(context: u64, map: u64, key: u64, flags: u64, r5: u64): u64 {
  if (flags != 0) return result(-EINVAL)
  return result(choose(map, <u32>key, 0) ? 0 : -ENOENT)
}

// struct bpf_sock_ops, and the events in which its socket may go into a map (sock_map_op_okay).
const OPS_OP: usize = 0
const OPS_SK: usize = 184
const ACTIVE_ESTABLISHED: u32 = 4
const PASSIVE_ESTABLISHED: u32 = 5
const TCP_LISTEN: u32 = 11

/** bpf_sock_map_update and bpf_sock_hash_update: the event's socket becomes an element. */
export function sock_map_update(context: u64, map: u64, key: u64, flags: u64, r5: u64): u64 {
  const at = pointer(context)
  const op = load<u32>(at, OPS_OP)
  const view = load<u32>(at, OPS_SK)
  const socket = view == 0 ? 0 : load<u32>(view - SOCK_PREAMBLE)
  const fits = op == ACTIVE_ESTABLISHED || op == PASSIVE_ESTABLISHED || op == TCP_LISTEN
  if (socket == 0 || !fits) return result(-EOPNOTSUPP)
  const update = load<u32>(pointer(map) + MAP_OP_UPDATE)
  return result(call_indirect<i32>(update, <u32>map, <u32>key, socket, flags))
}
