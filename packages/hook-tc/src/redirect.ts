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

/** A side of a device. */
interface Place {
  readonly device: PacketDevice
  readonly direction: Direction
}

/** Where packets of one batch go that programs redirected (skb_do_redirect): packets with one aim have one place. */
export class Redirects {
  readonly #hook: TcHook
  #ifindex = 0
  #flags = 0
  #place: Place | string | undefined

  constructor(hook: TcHook) {
    this.#hook = hook
  }

  /** Another batch: hooks may have come and gone. */
  forget(): void {
    this.#place = undefined
  }

  /** The place, or why there is none. */
  destinationOf(packets: SkbRing, index: number): Place | string {
    if (packets.word(index, control.RUN_REDIRECT) !== ASKED) return 'TC_ACT_REDIRECT without bpf_redirect'
    const ifindex = packets.word(index, control.RUN_REDIRECT_KEY)
    const flags = packets.word(index, control.RUN_REDIRECT_FLAGS)
    if (this.#place === undefined || ifindex !== this.#ifindex || flags !== this.#flags) {
      this.#ifindex = ifindex
      this.#flags = flags
      this.#place = placeOf(this.#hook, ifindex, flags)
    }
    if (!(flags & BPF_F_NEIGH) || typeof this.#place === 'string') return this.#place
    const { device, options } = this.#hook
    const about = { ifindex, linkType: device.linkType, nexthop: (flags & BPF_F_NEXTHOP) !== 0 }
    return addressTo(packets, index, about, options.neighbour) ?? this.#place
  }
}

function placeOf(hook: TcHook, ifindex: number, flags: number): Place | string {
  if (flags & BPF_F_PEER) return peerOf(hook, ifindex)
  const device = hook.find(ifindex)
  if (!device) return `this attachment knows no device ${ifindex}; give it in options.redirect`
  return flags & BPF_F_INGRESS ? ingressOf(device) : { device, direction: 'egress' }
}

const ingressOf = (device: PacketDevice): Place | string =>
  hookOf(device, 'ingress')
    ? { device, direction: 'ingress' }
    : `nothing is attached to the ingress of device ${device.name}, and no stack is behind it`

/** Only what was received goes to a peer, and goes on there as received. */
function peerOf(hook: TcHook, ifindex: number): Place | string {
  if (hook.direction === 'egress') return 'bpf_redirect_peer is for ingress only'
  const device = hook.options.peers?.get(ifindex)
  return device
    ? ingressOf(device)
    : `device ${ifindex} has no peer in another name space; give it in options.peers`
}
