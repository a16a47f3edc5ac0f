import type { Arena } from '@skep/memory'
import { RUN_HEADER_SIZE } from '../layout/control.ts'
import * as skb from '../layout/skb.ts'
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
} from '../layout/sock.ts'
import type { ProgramTypeDef, TestRunContext, TestRunInput } from '../program-type.ts'
import { freeSocket } from '../sockets.ts'
import { TestRunError } from '../test-run-error.ts'
import { ETH_P_IP, ETH_P_IPV6, etherProtocol, packetType } from './ethernet.ts'

/**
 * Room in front of a packet for headers that helpers put there, and behind it for bpf_skb_change_tail: as much as the kernel lets
 * a packet grow (BPF_SKB_MAX_LEN).
 */
const HEAD_ROOM = 16_384
const TAIL_ROOM = 16_384
const ETH_HLEN = 14
const LOOPBACK_IFINDEX = 1
const SOCK_BYTES = SOCK_PREAMBLE + SOCK_RECORD_SIZE
const AF_INET = 2
const AF_INET6 = 10
const GSO_MAX_SEGS = 65535
const GSO_LEGACY_MAX_SIZE = 65536

const SKB_REMOTE_IP4 = 92
const SKB_LOCAL_IP4 = 96
const SKB_REMOTE_IP6 = 100
const SKB_LOCAL_IP6 = 116
const SKB_SK = 168

/** Ranges of a given __sk_buff that must be zero (convert___skb_to_skb, net/bpf/test_run.c), and their fields. */
const ZEROED: readonly (readonly [from: number, to: number, fields: string])[] = [
  [0, skb.SKB_MARK, 'len and pkt_type'],
  [skb.SKB_QUEUE_MAPPING, skb.SKB_PRIORITY, 'queue_mapping to vlan_proto'],
  [skb.SKB_TC_INDEX, skb.SKB_CB, 'tc_index'],
  [skb.SKB_HASH, skb.SKB_TSTAMP, 'hash to flow_keys'],
  [SKB_SK, skb.SKB_GSO_SIZE, 'sk'],
  [skb.SKB_TSTAMP_TYPE, skb.SKB_HWTSTAMP, 'tstamp_type'],
]

const invalid = (field: string, message: string): TestRunError => new TestRunError('EINVAL', field, message)

function checkPacket(data: Uint8Array, protocol: number): void {
  if (data.length < ETH_HLEN) {
    throw invalid('data', `${data.length} bytes hold no Ethernet header; give ${ETH_HLEN} at least`)
  }
  const header = protocol === ETH_P_IP ? 20 : protocol === ETH_P_IPV6 ? 40 : 0
  if (data.length < ETH_HLEN + header) {
    throw invalid('data', `${data.length} bytes do not hold the IP header that the EtherType promises`)
  }
}

/** The given context, as long as a __sk_buff. */
function checkContext(given: Uint8Array, length: number): DataView {
  if (given.subarray(skb.SK_BUFF_SIZE).some((byte) => byte !== 0)) {
    throw new TestRunError('E2BIG', 'ctx', `is not zero after the ${skb.SK_BUFF_SIZE} bytes of a __sk_buff`)
  }
  const bytes = new Uint8Array(skb.SK_BUFF_SIZE)
  bytes.set(given.subarray(0, skb.SK_BUFF_SIZE))
  for (const [from, to, fields] of ZEROED) {
    if (bytes.subarray(from, to).some((byte) => byte !== 0)) {
      throw invalid('ctx', `${fields} cannot be given; leave bytes ${from} to ${to - 1} zero`)
    }
  }
  const view = new DataView(bytes.buffer)
  const wireLen = view.getUint32(skb.SKB_WIRE_LEN, true)
  if (wireLen !== 0 && (wireLen < length || wireLen > GSO_LEGACY_MAX_SIZE)) {
    throw invalid('ctx.wire_len', `${wireLen} is neither 0 nor from ${length} to ${GSO_LEGACY_MAX_SIZE}`)
  }
  const segments = view.getUint32(skb.SKB_GSO_SEGS, true)
  if (segments > GSO_MAX_SEGS) throw invalid('ctx.gso_segs', `${segments} is more than ${GSO_MAX_SEGS}`)
  return view
}

/** The socket that a test run gives the packet: closed, with the packet's addresses. */
function writeSock(arena: Arena, sock: number, context: number, network: number, protocol: number): void {
  const { u8, view } = arena
  view.setUint32(sock + SOCK_SELF, sock, true)
  view.setUint32(sock + SOCK_STATE, TCP_CLOSE, true)
  view.setInt32(sock + SOCK_RX_QUEUE_MAPPING, -1, true)
  const address = (from: number, size: number, inSock: number, inContext: number): void => {
    u8.copyWithin(sock + inSock, network + from, network + from + size)
    u8.copyWithin(context + inContext, network + from, network + from + size)
  }
  if (protocol !== ETH_P_IP && protocol !== ETH_P_IPV6) return
  const family = protocol === ETH_P_IP ? AF_INET : AF_INET6
  view.setUint32(sock + SOCK_FAMILY, family, true)
  view.setUint32(context + skb.SKB_FAMILY, family, true)
  if (protocol === ETH_P_IP) {
    address(12, 4, SOCK_SRC_IP4, SKB_LOCAL_IP4)
    address(16, 4, SOCK_DST_IP4, SKB_REMOTE_IP4)
  } else {
    address(8, 16, SOCK_SRC_IP6, SKB_LOCAL_IP6)
    address(24, 16, SOCK_DST_IP6, SKB_REMOTE_IP6)
  }
}

/**
 * BPF_PROG_TEST_RUN of program types on __sk_buff (bpf_prog_test_run_skb, net/bpf/test_run.c): the frame as received from
 * the loopback device. With `l2` the packet begins at its Ethernet header; otherwise at the network header, and the
 * result gets an Ethernet header of zeros. Throws TestRunError for input that the kernel refuses.
 */
export const skbTestRun =
  (l2: boolean): NonNullable<ProgramTypeDef['testRun']> =>
  (arena: Arena, { data, ctx }: TestRunInput): TestRunContext => {
    const protocol = data.length >= ETH_HLEN ? etherProtocol(data) : 0
    checkPacket(data, protocol)
    const length = l2 ? data.length : data.length - ETH_HLEN
    const given = ctx && checkContext(ctx, length)

    const block = arena.alloc(
      RUN_HEADER_SIZE + skb.SKB_CONTEXT_SIZE + HEAD_ROOM + data.length + TAIL_ROOM,
      64,
    )
    // A block of its own, as maps keep values for it.
    const sock = SOCK_PREAMBLE + arena.alloc(SOCK_BYTES, 16)
    const context = block + RUN_HEADER_SIZE
    const start = context + skb.SKB_CONTEXT_SIZE
    const mac = start + HEAD_ROOM
    const network = mac + ETH_HLEN
    arena.u8.set(data, mac)
    const { view } = arena
    const put = (field: number, value: number): void => view.setUint32(context + field, value, true)
    if (given) arena.u8.set(new Uint8Array(given.buffer), context)
    put(skb.SKB_LEN, length)
    put(skb.SKB_PKT_TYPE, packetType(data))
    put(skb.SKB_PROTOCOL, ((protocol & 0xff) << 8) | (protocol >> 8))
    if (!given?.getUint32(skb.SKB_IFINDEX, true)) put(skb.SKB_IFINDEX, LOOPBACK_IFINDEX)
    if (given && given.getUint32(skb.SKB_WIRE_LEN, true) === 0) put(skb.SKB_WIRE_LEN, length)
    const first = l2 ? mac : network
    put(skb.SKB_DATA, first)
    put(skb.SKB_DATA_META, first)
    put(skb.SKB_DATA_END, mac + data.length)
    put(skb.SKB_FRAME_START, start)
    put(skb.SKB_FRAME_END, mac + data.length + TAIL_ROOM)
    put(skb.SKB_MAC_HEADER, mac)
    put(skb.SKB_NETWORK_HEADER, network)
    put(SKB_SK, sock)
    writeSock(arena, sock, context, network, protocol)

    return {
      address: context,
      finish: () => {
        const after = arena.view
        const packet = arena.u8.slice(
          after.getUint32(context + skb.SKB_DATA, true),
          after.getUint32(context + skb.SKB_DATA_END, true),
        )
        const out = l2 ? packet : new Uint8Array(ETH_HLEN + packet.length)
        if (!l2) out.set(packet, ETH_HLEN)
        if (!ctx) return { data: out }
        const result = arena.u8.slice(context, context + skb.SK_BUFF_SIZE)
        for (const [from, to] of ZEROED) result.fill(0, from, to)
        return { data: out, ctx: result }
      },
      release: () => {
        freeSocket(arena, sock)
        arena.free(block)
      },
    }
  }
