/**
 * xdp_md in the arena (include/uapi/linux/bpf.h): the fields that programs see hold arena addresses as they are, so no
 * access is rewritten; behind them lies what the helpers need of struct xdp_buff. Byte offsets of u32 words. Plain
 * numbers, so that AssemblyScript imports this file too.
 */
export const XDP_DATA = 0
export const XDP_DATA_END = 4
export const XDP_DATA_META = 8
export const XDP_INGRESS_IFINDEX = 12
export const XDP_RX_QUEUE_INDEX = 16
export const XDP_EGRESS_IFINDEX = 20
/** What a program may read ends here. */
export const XDP_MD_SIZE = 24
/** Private: first byte of the frame (data_hard_start) and the end of its memory (tail room included). */
export const XDP_FRAME_START = 24
export const XDP_FRAME_END = 28
/**
 * Private: the end of a packet whose bytes go on behind `data_end` in fragments of a page each (the last may be shorter), which
 * lie there one behind the other; 0 of a packet in one piece.
 */
export const XDP_FRAGS_END = 32
/** Bytes of a context in a ring, the private words included. */
export const XDP_CONTEXT_SIZE = 48
/** Bytes of a fragment at most: a page. */
export const XDP_FRAG_SIZE = 4096

/** Head room before the packet (XDP_PACKET_HEADROOM), of which the first bytes hold struct xdp_frame in the kernel. */
export const XDP_PACKET_HEADROOM = 256
/** sizeof(struct xdp_frame): adjust_head and metadata may not reach into it. */
export const XDP_FRAME_STRUCT_SIZE = 40
export const ETH_HLEN = 14
