import { ContextRing, LINKTYPE, type PacketBatch } from '@skep/packet'
import { control, type RuntimeHost, skbLayout as skb } from '@skep/registry'
import { Outbox } from './outbox.ts'

const { RUN_HEADER_SIZE } = control

/** Room for what helpers put in front: headers of tunnels of up to 4,095 bytes, and VLAN tags. */
const HEAD_ROOM = 4608
/** bpf_skb_change_tail makes packets of up to 16 KiB. */
const TAIL_ROOM = 16_384
const ETH_HLEN = 14
const VLAN_HLEN = 4
const ADDRESSES = 12
const ETH_P_8021Q = 0x8100
const ETH_P_8021AD = 0x88a8
const ETH_P_802_3_MIN = 0x0600
const ETH_P_802_2 = 0x0004
const PACKET_BROADCAST = 1
const PACKET_MULTICAST = 2

/** Words of a context that stay with a packet on its way through several hooks: it is one sk_buff. */
const KEPT: readonly number[] = [
  skb.SKB_MARK,
  skb.SKB_QUEUE_MAPPING,
  skb.SKB_PRIORITY,
  skb.SKB_INGRESS_IFINDEX,
  skb.SKB_TC_INDEX,
  ...[0, 4, 8, 12, 16].map((n) => skb.SKB_CB + n),
  skb.SKB_HASH,
  skb.SKB_TSTAMP,
  skb.SKB_TSTAMP + 4,
  skb.SKB_GSO_SEGS,
  skb.SKB_GSO_SIZE,
  skb.SKB_TSTAMP_TYPE,
  skb.SKB_IP_SUMMED,
  skb.SKB_CSUM,
  // With csum_level.
  skb.SKB_ENCAPSULATION,
  skb.SKB_TUNNEL,
]
export const CARRIED_WORDS: number = KEPT.length

/** CARRIED_WORDS of each packet. */
export type Carried = Uint32Array

/** What the contexts of a batch have in common. */
export interface SkbSource {
  readonly ingress: boolean
  readonly ifindex: number
  readonly linkType: number
  /** A VLAN tag is beside the packet already when the first program runs, as of packets that were received. */
  readonly untag: boolean
}

/** Packets with a __sk_buff each. */
export class SkbRing {
  readonly ring: ContextRing
  /** What is decided about each packet: TC_ACT_*, TC_ACT_UNSPEC when nobody matched, and the class. */
  readonly verdicts: Int32Array
  readonly classids: Uint32Array
  readonly out: Outbox = new Outbox()
  readonly #host: RuntimeHost

  constructor(host: RuntimeHost, capacity: number) {
    this.#host = host
    this.verdicts = new Int32Array(capacity)
    this.classids = new Uint32Array(capacity)
    this.ring = new ContextRing(host.arena, {
      capacity,
      contextSize: skb.SKB_CONTEXT_SIZE,
      headerSize: RUN_HEADER_SIZE,
      headroom: HEAD_ROOM,
      tailroom: TAIL_ROOM,
    })
  }

  get arena(): RuntimeHost['arena'] {
    return this.#host.arena
  }

  get batch(): PacketBatch {
    return this.ring.batch
  }

  /** A u32 of packet `index`'s context or run header. */
  word(index: number, offset: number): number {
    return this.#host.arena.u32[(this.ring.context(index) + offset) >> 2]!
  }

  put(index: number, offset: number, value: number): void {
    this.#host.arena.u32[(this.ring.context(index) + offset) >> 2] = value
  }

  /** The verdict as an int. */
  verdict(index: number): number {
    return this.ring.verdict(index) | 0
  }

  /** Forgets what was asked for before: each program's redirect is its own. */
  clearHeader(index: number): void {
    const at = this.ring.context(index) >> 2
    this.#host.arena.u32.fill(0, at - RUN_HEADER_SIZE / 4, at)
  }

  /** Makes the contexts of all packets in the batch; `carried` comes from another hook. */
  write(source: SkbSource, carried?: Carried): void {
    const { count } = this.batch
    for (let i = 0; i < count; i++) this.#writeOne(i, source, carried)
  }

  #writeOne(index: number, source: SkbSource, carried: Carried | undefined): void {
    const { u8, u32 } = this.#host.arena
    const tables = this.batch.tables
    const context = this.ring.context(index)
    const at = context >> 2
    u32.fill(0, at - RUN_HEADER_SIZE / 4, at + skb.SKB_CONTEXT_SIZE / 4)
    const put = (field: number, value: number): void => {
      u32[at + field / 4] = value
    }
    let data = tables.offsets[index]!
    const end = data + tables.lengths[index]!
    put(skb.SKB_FRAME_START, data - HEAD_ROOM)
    put(skb.SKB_FRAME_END, end + TAIL_ROOM)
    const ethernet = source.linkType === LINKTYPE.ETHERNET
    let protocol = 0
    if (ethernet && end - data >= ETH_HLEN) {
      protocol = (u8[data + ADDRESSES]! << 8) | u8[data + ADDRESSES + 1]!
      const tagged = protocol === ETH_P_8021Q || protocol === ETH_P_8021AD
      if (source.untag && tagged && end - data >= ETH_HLEN + VLAN_HLEN) {
        put(skb.SKB_VLAN_PRESENT, 1)
        put(skb.SKB_VLAN_PROTO, swapped(protocol))
        put(skb.SKB_VLAN_TCI, (u8[data + 14]! << 8) | u8[data + 15]!)
        u8.copyWithin(data + VLAN_HLEN, data, data + ADDRESSES)
        data += VLAN_HLEN
        protocol = (u8[data + ADDRESSES]! << 8) | u8[data + ADDRESSES + 1]!
      }
      if (protocol < ETH_P_802_3_MIN) protocol = ETH_P_802_2
      if (source.ingress && u8[data]! & 1)
        put(
          skb.SKB_PKT_TYPE,
          u8.subarray(data, data + 6).every((byte) => byte === 0xff) ? PACKET_BROADCAST : PACKET_MULTICAST,
        )
    } else if (!ethernet && end > data) {
      // Packets of raw IP tell their protocol by the version.
      protocol = u8[data]! >> 4 === 6 ? 0x86dd : 0x0800
    }
    const header = ethernet ? ETH_HLEN : 0
    put(skb.SKB_LEN, end - data)
    put(skb.SKB_PROTOCOL, swapped(protocol))
    put(skb.SKB_IFINDEX, source.ifindex)
    put(skb.SKB_DATA, data)
    put(skb.SKB_DATA_META, data - this.batch.metadata(index))
    put(skb.SKB_DATA_END, end)
    put(skb.SKB_MAC_HEADER, data)
    put(skb.SKB_NETWORK_HEADER, data + header)
    // The kernel counts what stands before the packet is pushed back to its link header.
    put(skb.SKB_WIRE_LEN, Math.max(end - data - (source.ingress ? header : 0), 0))
    if (source.ingress) put(skb.SKB_INGRESS_IFINDEX, source.ifindex)
    if (!carried) return
    for (let n = 0; n < CARRIED_WORDS; n++) put(KEPT[n]!, carried[index * CARRIED_WORDS + n]!)
    if (source.ingress) {
      // ____dev_forward_skb, eth_type_trans.
      put(skb.SKB_PRIORITY, 0)
      put(skb.SKB_INGRESS_IFINDEX, source.ifindex)
    } else {
      // skb_clear_tstamp of __bpf_tx_skb.
      put(skb.SKB_TSTAMP, 0)
      put(skb.SKB_TSTAMP + 4, 0)
      put(skb.SKB_TSTAMP_TYPE, 0)
    }
  }

  /** Writes what goes with a packet. */
  carry(index: number, to: Carried, at: number): void {
    for (let n = 0; n < CARRIED_WORDS; n++) to[at + n] = this.word(index, KEPT[n]!)
  }

  /** Adds the packet, where it lies, to an outgoing batch. */
  forward(index: number, batch: PacketBatch): void {
    const data = this.word(index, skb.SKB_DATA)
    this.ring.forward(index, batch, data, this.word(index, skb.SKB_DATA_END) - data)
  }

  /** The packet and what goes with it as they are now. */
  snapshot(index: number): { readonly bytes: Uint8Array; readonly carried: Carried } {
    const carried = new Uint32Array(CARRIED_WORDS)
    this.carry(index, carried, 0)
    return { bytes: this.copy(index), carried }
  }

  /** Where the packet lies now. */
  place(index: number): { readonly data: number; readonly length: number } {
    const data = this.word(index, skb.SKB_DATA)
    return { data, length: this.word(index, skb.SKB_DATA_END) - data }
  }

  /** The packet as the programs left it; a view. */
  packet(index: number): Uint8Array {
    const { data, length } = this.place(index)
    return this.#host.arena.u8.subarray(data, data + length)
  }

  /** A copy of the packet as it leaves: with its tag. */
  copy(index: number): Uint8Array {
    const packet = this.packet(index)
    if (this.word(index, skb.SKB_VLAN_PRESENT) === 0 || packet.length < ADDRESSES) return packet.slice()
    const out = new Uint8Array(packet.length + VLAN_HLEN)
    out.set(packet.subarray(0, ADDRESSES))
    this.#tag(index, out, ADDRESSES)
    out.set(packet.subarray(ADDRESSES), ADDRESSES + VLAN_HLEN)
    return out
  }

  #tag(index: number, to: Uint8Array, at: number): void {
    const proto = this.word(index, skb.SKB_VLAN_PROTO)
    const tci = this.word(index, skb.SKB_VLAN_TCI)
    to[at] = proto
    to[at + 1] = proto >> 8
    to[at + 2] = tci >> 8
    to[at + 3] = tci
  }

  /** Puts the tag beside the packet into it, before it leaves. Answers false where there is no room. */
  seal(index: number): boolean {
    if (this.word(index, skb.SKB_VLAN_PRESENT) === 0) return true
    const { data, length } = this.place(index)
    if (length < ADDRESSES || data - VLAN_HLEN < this.word(index, skb.SKB_FRAME_START)) return false
    const { u8 } = this.#host.arena
    u8.copyWithin(data - VLAN_HLEN, data, data + ADDRESSES)
    this.#tag(index, u8, data - VLAN_HLEN + ADDRESSES)
    this.put(index, skb.SKB_DATA, data - VLAN_HLEN)
    this.put(index, skb.SKB_LEN, length + VLAN_HLEN)
    this.put(index, skb.SKB_VLAN_PRESENT, 0)
    return true
  }

  /** The protocol that filters are chosen by (skb_protocol): the tag's, where there is one; in host order. */
  protocol(index: number): number {
    const tagged = this.word(index, skb.SKB_VLAN_PRESENT) !== 0
    return swapped(this.word(index, tagged ? skb.SKB_VLAN_PROTO : skb.SKB_PROTOCOL))
  }
}

const swapped = (half: number): number => ((half & 0xff) << 8) | ((half >> 8) & 0xff)
