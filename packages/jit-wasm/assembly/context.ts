/**
 * Contexts for one packet, as BPF_PROG_TEST_RUN makes them (net/bpf/test_run.c). A packet begins at its Ethernet
 * header and has head room before it; `tail` is the room behind it that programs may take.
 */
import { RUN_HEADER_SIZE } from '../../registry/src/layout/control'
import {
  SKB_CONTEXT_SIZE,
  SKB_DATA,
  SKB_DATA_END,
  SKB_DATA_META,
  SKB_FAMILY,
  SKB_FRAME_END,
  SKB_FRAME_START,
  SKB_IFINDEX,
  SKB_LEN,
  SKB_MAC_HEADER,
  SKB_NETWORK_HEADER,
  SKB_PKT_TYPE,
  SKB_PROTOCOL,
} from '../../registry/src/layout/skb'
import {
  SOCK_DST_IP4,
  SOCK_DST_IP6,
  SOCK_FAMILY,
  SOCK_PREAMBLE,
  SOCK_RECORD_SIZE,
  SOCK_RX_QUEUE_MAPPING,
  SOCK_SELF,
  SOCK_SRC_IP4,
  SOCK_SRC_IP6,
  SOCK_STATE,
  TCP_CLOSE,
} from '../../registry/src/layout/sock'
import {
  ETH_HLEN,
  XDP_CONTEXT_SIZE,
  XDP_DATA,
  XDP_DATA_END,
  XDP_DATA_META,
  XDP_FRAME_END,
  XDP_FRAME_START,
  XDP_INGRESS_IFINDEX,
  XDP_PACKET_HEADROOM,
} from '../../registry/src/layout/xdp'

const LOOPBACK_IFINDEX: u32 = 1

export function xdp_context(context: u32, packet: u32, length: u32, tail: u32): void {
  memory.fill(context - RUN_HEADER_SIZE, 0, RUN_HEADER_SIZE + XDP_CONTEXT_SIZE)
  store<u32>(context, packet, XDP_DATA)
  store<u32>(context, packet + length, XDP_DATA_END)
  store<u32>(context, packet, XDP_DATA_META)
  store<u32>(context, LOOPBACK_IFINDEX, XDP_INGRESS_IFINDEX)
  store<u32>(context, packet - XDP_PACKET_HEADROOM, XDP_FRAME_START)
  store<u32>(context, packet + length + tail, XDP_FRAME_END)
}

const HEAD_ROOM: u32 = 256
const ETH_P_802_3_MIN: u32 = 0x0600
const ETH_P_802_3: u32 = 0x0001
const ETH_P_802_2: u32 = 0x0004
const ETH_P_IP: u32 = 0x0800
const ETH_P_IPV6: u32 = 0x86dd
const AF_INET: u32 = 2
const AF_INET6: u32 = 10
const PACKET_MULTICAST: u32 = 2
const PACKET_OTHERHOST: u32 = 3

const SKB_REMOTE_IP4: usize = 92
const SKB_LOCAL_IP4: usize = 96
const SKB_REMOTE_IP6: usize = 100
const SKB_LOCAL_IP6: usize = 116
const SKB_SK: usize = 168

@inline
function swap16(value: u32): u32 {
  return ((value & 0xff) << 8) | (value >> 8)
}

/** eth_type_trans: the protocol, in host order. */
function protocolOf(packet: u32, length: u32): u32 {
  if (length < <u32>ETH_HLEN) return 0
  const type = swap16(load<u16>(packet, 12))
  if (type >= ETH_P_802_3_MIN) return type
  return length >= <u32>ETH_HLEN + 2 && load<u16>(packet, 14) == 0xffff ? ETH_P_802_3 : ETH_P_802_2
}

/** `skb->pkt_type` as the loopback device gives it, whose own address is all zeros. */
function typeOf(packet: u32): u32 {
  if (load<u32>(packet) == 0 && load<u16>(packet, 4) == 0) return 0
  return load<u8>(packet) & 1 ? PACKET_MULTICAST : PACKET_OTHERHOST
}

/** Copies an address of 4 or 16 bytes word by word, without instructions that not every host has. */
function address(network: u32, from: u32, size: u32, to: u32): void {
  for (let n: u32 = 0; n < size; n += 4) store<u32>(to + n, load<u32>(network + from + n))
}

/** `network`: the program's packet begins behind the Ethernet header. */
function skb(context: u32, packet: u32, length: u32, tail: u32, network: u32): void {
  memory.fill(context - RUN_HEADER_SIZE, 0, RUN_HEADER_SIZE + SKB_CONTEXT_SIZE + SOCK_PREAMBLE + SOCK_RECORD_SIZE)
  const sock = context + <u32>(SKB_CONTEXT_SIZE + SOCK_PREAMBLE)
  const header = packet + ETH_HLEN
  const first = network ? header : packet
  const protocol = protocolOf(packet, length)
  store<u32>(context, length - (first - packet), SKB_LEN)
  store<u32>(context, typeOf(packet), SKB_PKT_TYPE)
  store<u32>(context, swap16(protocol), SKB_PROTOCOL)
  store<u32>(context, LOOPBACK_IFINDEX, SKB_IFINDEX)
  store<u32>(context, first, SKB_DATA)
  store<u32>(context, first, SKB_DATA_META)
  store<u32>(context, packet + length, SKB_DATA_END)
  store<u32>(context, packet - HEAD_ROOM, SKB_FRAME_START)
  store<u32>(context, packet + length + tail, SKB_FRAME_END)
  store<u32>(context, packet, SKB_MAC_HEADER)
  store<u32>(context, header, SKB_NETWORK_HEADER)
  store<u32>(context, sock, SKB_SK)

  store<u32>(sock + SOCK_SELF, sock)
  store<u32>(sock, TCP_CLOSE, SOCK_STATE)
  store<i32>(sock, -1, SOCK_RX_QUEUE_MAPPING)
  if (protocol == ETH_P_IP && length >= <u32>ETH_HLEN + 20) {
    store<u32>(sock, AF_INET, SOCK_FAMILY)
    store<u32>(context, AF_INET, SKB_FAMILY)
    address(header, 12, 4, sock + SOCK_SRC_IP4)
    address(header, 12, 4, context + <u32>SKB_LOCAL_IP4)
    address(header, 16, 4, sock + SOCK_DST_IP4)
    address(header, 16, 4, context + <u32>SKB_REMOTE_IP4)
  } else if (protocol == ETH_P_IPV6 && length >= <u32>ETH_HLEN + 40) {
    store<u32>(sock, AF_INET6, SOCK_FAMILY)
    store<u32>(context, AF_INET6, SKB_FAMILY)
    address(header, 8, 16, sock + SOCK_SRC_IP6)
    address(header, 8, 16, context + <u32>SKB_LOCAL_IP6)
    address(header, 24, 16, sock + SOCK_DST_IP6)
    address(header, 24, 16, context + <u32>SKB_REMOTE_IP6)
  }
}

export function skb_context(context: u32, packet: u32, length: u32, tail: u32): void {
  skb(context, packet, length, tail, 0)
}

export function skb_network_context(context: u32, packet: u32, length: u32, tail: u32): void {
  skb(context, packet, length, tail, 1)
}
