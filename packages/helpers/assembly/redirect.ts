/** bpf_redirect and its kin leave what they ask for in the run header; the hook reads it with the verdict. */
import {
  CTL_CTX,
  CTL_PROG,
  RUN_REDIRECT,
  RUN_REDIRECT_FLAGS,
  RUN_REDIRECT_KEY,
} from '../../registry/src/layout/control'
import { PROG_TYPE } from '../../registry/src/layout/program'
import { SKB_NEXTHOP, SKB_NEXTHOP_SIZE } from '../../registry/src/layout/skb'
import { control, pointer } from './env'

const BY_IFINDEX: u32 = 1
const XDP_ABORTED: u64 = 0
const XDP_REDIRECT: u64 = 4
const TC_ACT_SHOT: u64 = 2
const TC_ACT_REDIRECT: u64 = 7
const BPF_F_INGRESS: u64 = 1
/** Internal to the kernel: the next hop's addresses go before the packet, and the next hop is named. */
const BPF_F_NEIGH: u64 = 1 << 1
const BPF_F_NEXTHOP: u64 = 1 << 3
/** Internal to the kernel: the target is the peer of ifindex, in its name space. */
const BPF_F_PEER: u64 = 1 << 2
/** enum bpf_prog_type. */
const XDP: u32 = 6

function ask(ifindex: u32, flags: u64): void {
  const header = load<u32>(control, CTL_CTX)
  store<u32>(header + RUN_REDIRECT, BY_IFINDEX)
  store<u32>(header + RUN_REDIRECT_KEY, ifindex)
  store<u64>(header + RUN_REDIRECT_FLAGS, flags)
}

/** The kernel has two functions under this id, one for XDP and one for tc and lwt. */
export function redirect(ifindex: u64, flags: u64, r3: u64, r4: u64, r5: u64): u64 {
  if (load<u32>(load<u32>(control, CTL_PROG), PROG_TYPE) == XDP) {
    if (flags != 0) return XDP_ABORTED
    ask(<u32>ifindex, 0)
    return XDP_REDIRECT
  }
  if ((flags & ~BPF_F_INGRESS) != 0) return TC_ACT_SHOT
  ask(<u32>ifindex, flags)
  return TC_ACT_REDIRECT
}

export function redirect_peer(ifindex: u64, flags: u64, r3: u64, r4: u64, r5: u64): u64 {
  if (flags != 0) return TC_ACT_SHOT
  ask(<u32>ifindex, BPF_F_PEER)
  return TC_ACT_REDIRECT
}

export function redirect_neigh(ifindex: u64, nexthop: u64, size: u64, flags: u64, r5: u64): u64 {
  const given = <u32>size
  if ((given != 0 && given < <u32>SKB_NEXTHOP_SIZE) || flags != 0) return TC_ACT_SHOT
  ask(<u32>ifindex, given != 0 ? BPF_F_NEIGH | BPF_F_NEXTHOP : BPF_F_NEIGH)
  if (given != 0) memory.copy(load<u32>(control, CTL_CTX) + SKB_NEXTHOP, pointer(nexthop), SKB_NEXTHOP_SIZE)
  return TC_ACT_REDIRECT
}
