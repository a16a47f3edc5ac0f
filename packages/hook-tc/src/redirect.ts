import type { PacketDevice } from '@skep/packet'
import { control } from '@skep/registry'
import type { Direction } from './actions.ts'
import { hookOf, type TcHook } from './hook.ts'
import { addressTo } from './neighbour.ts'
import type { SkbRing } from './skb-ring.ts'

/** What bpf_redirect and its kin leave in the run header beside the ifindex (net/core/filter.c). */
const BPF_F_INGRESS = 1 << 0
const BPF_F_NEIGH = 1 << 1
const BPF_F_PEER = 1 << 2
const BPF_F_NEXTHOP = 1 << 3
/** By ifindex. */
const ASKED = 1

/** Where a packet goes that a program redirected, or why it cannot (skb_do_redirect). */
export function destinationOf(
  hook: TcHook,
  packets: SkbRing,
  index: number,
): { readonly device: PacketDevice; readonly direction: Direction } | string {
  if (packets.word(index, control.RUN_REDIRECT) !== ASKED) return 'TC_ACT_REDIRECT without bpf_redirect'
  const ifindex = packets.word(index, control.RUN_REDIRECT_KEY)
  const flags = packets.word(index, control.RUN_REDIRECT_FLAGS)
  if (flags & BPF_F_PEER) return peerOf(hook, ifindex)
  const device = hook.find(ifindex)
  if (!device) return `this attachment knows no device ${ifindex}; give it in options.redirect`
  if (flags & BPF_F_NEIGH) {
    const about = { ifindex, linkType: hook.device.linkType, nexthop: (flags & BPF_F_NEXTHOP) !== 0 }
    return addressTo(packets, index, about, hook.options.neighbour) ?? { device, direction: 'egress' }
  }
  if (!(flags & BPF_F_INGRESS)) return { device, direction: 'egress' }
  return hookOf(device, 'ingress')
    ? { device, direction: 'ingress' }
    : `nothing is attached to the ingress of device ${device.name}, and no stack is behind it`
}

/** Only what was received goes to a peer, and goes on there as received. */
function peerOf(
  hook: TcHook,
  ifindex: number,
): { readonly device: PacketDevice; readonly direction: Direction } | string {
  if (hook.direction === 'egress') return 'bpf_redirect_peer is for ingress only'
  const device = hook.options.peers?.get(ifindex)
  if (!device) return `device ${ifindex} has no peer in another name space; give it in options.peers`
  return hookOf(device, 'ingress')
    ? { device, direction: 'ingress' }
    : `nothing is attached to the ingress of device ${device.name}, and no stack is behind it`
}
