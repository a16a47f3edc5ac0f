/**
 * A socket in the arena as programs see it: views laid out as struct bpf_sock, bpf_tcp_sock or bpf_xdp_sock
 * (include/uapi/linux/bpf.h), each behind a preamble by which helpers get from any view to the socket's own. Byte offsets,
 * u32 unless said. Plain numbers, so that AssemblyScript imports this file too.
 */
/** Bytes before a view. */
export const SOCK_PREAMBLE = 16
/** From any view: address of the socket's struct bpf_sock, 0 for an XDP socket. */
export const SOCK_SELF = -16

// struct bpf_sock.
export const SOCK_BOUND_DEV_IF = 0
export const SOCK_FAMILY = 4
export const SOCK_TYPE = 8
export const SOCK_PROTOCOL = 12
export const SOCK_MARK = 16
export const SOCK_PRIORITY = 20
export const SOCK_SRC_IP4 = 24
export const SOCK_SRC_IP6 = 28
/** In the host's byte order. */
export const SOCK_SRC_PORT = 44
/** Big-endian 16 bits. */
export const SOCK_DST_PORT = 48
export const SOCK_DST_IP4 = 52
export const SOCK_DST_IP6 = 56
/** TCP_* of include/net/tcp_states.h, also for other protocols. */
export const SOCK_STATE = 72
/** i32. */
export const SOCK_RX_QUEUE_MAPPING = 76
/** Private: address of the socket's struct bpf_tcp_sock, 0 when it is no TCP socket. */
export const SOCK_TCP = 80
/** Private: address of the listener's struct bpf_sock, for a request that is not a full socket yet. */
export const SOCK_LISTENER = 84
/** Private: address of the reuseport_sockarray that the socket is in: it is in one at most. */
export const SOCK_REUSEPORT = 88
/** Bytes of a struct bpf_sock with the private words. */
export const SOCK_RECORD_SIZE = 96

export const TCP_TIME_WAIT = 6
export const TCP_CLOSE = 7
export const TCP_LISTEN = 10
export const TCP_NEW_SYN_RECV = 12
export const IPPROTO_TCP = 6
