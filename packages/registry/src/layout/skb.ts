/**
 * __sk_buff in the arena (include/uapi/linux/bpf.h): the fields that programs see hold arena addresses as they are, so no
 * access is rewritten; behind them lies what the helpers need of struct sk_buff. Byte offsets, u32 unless said. Plain
 * numbers, so that AssemblyScript imports this file too.
 */
export const SKB_LEN = 0
export const SKB_PKT_TYPE = 4
export const SKB_MARK = 8
export const SKB_QUEUE_MAPPING = 12
/** Big-endian EtherType in the low half. */
export const SKB_PROTOCOL = 16
export const SKB_VLAN_PRESENT = 20
export const SKB_VLAN_TCI = 24
export const SKB_VLAN_PROTO = 28
export const SKB_PRIORITY = 32
export const SKB_INGRESS_IFINDEX = 36
export const SKB_IFINDEX = 40
export const SKB_TC_INDEX = 44
/** u32 × 5. */
export const SKB_CB = 48
export const SKB_HASH = 68
export const SKB_TC_CLASSID = 72
export const SKB_DATA = 76
export const SKB_DATA_END = 80
export const SKB_NAPI_ID = 84
export const SKB_FAMILY = 88
export const SKB_DATA_META = 140
/** u64. */
export const SKB_TSTAMP = 152
export const SKB_WIRE_LEN = 160
export const SKB_GSO_SEGS = 164
export const SKB_GSO_SIZE = 176
export const SKB_TSTAMP_TYPE = 180
/** u64. */
export const SKB_HWTSTAMP = 184
/** What a program may read ends here. */
export const SK_BUFF_SIZE = 192

/** Private: first byte of the packet's memory and its end; the packet lies between them, head and tail room around it. */
export const SKB_FRAME_START = 192
export const SKB_FRAME_END = 196
/** Private: addresses of the link-layer and network headers. */
export const SKB_MAC_HEADER = 200
export const SKB_NETWORK_HEADER = 204
/** Private: ip_summed (CHECKSUM_*), and the sum of a CHECKSUM_COMPLETE packet. */
export const SKB_IP_SUMMED = 208
export const SKB_CSUM = 212
/** Private u8: 1 once an outer header was made room for (encapsulation), and csum_level. */
export const SKB_ENCAPSULATION = 216
export const SKB_CSUM_LEVEL = 217
/** Private: the tunnel's key and options that bpf_skb_set_tunnel_key gave the packet, or 0. */
export const SKB_TUNNEL = 220
/** Private: the struct bpf_redir_neigh of bpf_redirect_neigh: a family (AF_INET, AF_INET6) and an address of 16 bytes. */
export const SKB_NEXTHOP = 224
export const SKB_NEXTHOP_SIZE = 20
/** Bytes of a context in a ring, the private words included. */
export const SKB_CONTEXT_SIZE = 256

export const CHECKSUM_NONE = 0
export const CHECKSUM_UNNECESSARY = 1
export const CHECKSUM_COMPLETE = 2
export const CHECKSUM_PARTIAL = 3
