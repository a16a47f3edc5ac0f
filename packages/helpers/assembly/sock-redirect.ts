/** Sockets chosen out of maps (net/core/sock_map.c, bpf_sk_select_reuseport): the run header tells the hook which. */
import {
  CTL_CTX,
  CTL_SP,
  RUN_REDIRECT,
  RUN_REDIRECT_FLAGS,
  RUN_REDIRECT_KEY,
  RUN_REDIRECT_MAP,
} from '../../registry/src/layout/control'
import { EINVAL, ENOENT } from '../../registry/src/layout/errno'
import { MAP_OP_LOOKUP } from '../../registry/src/layout/map'
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
