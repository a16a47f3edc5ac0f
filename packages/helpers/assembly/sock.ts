/** Sockets (net/core/filter.c): the host's provider finds them; what they are lies in the arena (layout/sock.ts). */
import {
  IPPROTO_TCP,
  SOCK_LISTENER,
  SOCK_PREAMBLE,
  SOCK_PROTOCOL,
  SOCK_STATE,
  SOCK_TCP,
  TCP_LISTEN,
  TCP_NEW_SYN_RECV,
  TCP_TIME_WAIT,
} from '../../registry/src/layout/sock'
import { pointer } from './env'

const TCP: i32 = 0
const UDP: i32 = 1
/** sizeof of bpf_sock_tuple's two members. */
const TUPLE_IPV4: u32 = 12
const TUPLE_IPV6: u32 = 36
const S32_MAX: u64 = 0x7fff_ffff

// @ts-ignore: decorator
@external("host", "socketLookup")
declare function hostLookup(protocol: i32, context: u32, tuple: u32, size: u32, netns: i32): u32

// @ts-ignore: decorator
@external("host", "socketRelease")
declare function hostRelease(socket: u32): i32

/** The struct bpf_sock of a socket, from any of its views; 0 for an XDP socket. */
@inline
function self(view: u64): usize {
  return load<u32>(pointer(view) - SOCK_PREAMBLE)
}

/** sk_fullsock. */
@inline
function isFull(socket: usize): bool {
  const state = load<u32>(socket, SOCK_STATE)
  return state != TCP_TIME_WAIT && state != TCP_NEW_SYN_RECV
}

/** __bpf_skc_lookup. */
function find(protocol: i32, context: u64, tuple: u64, size: u64, netns: u64, flags: u64): usize {
  const bytes = <u32>size
  if (bytes != TUPLE_IPV4 && bytes != TUPLE_IPV6) return 0
  if (flags != 0 || (<i32>netns >= 0 && netns > S32_MAX)) return 0
  return hostLookup(protocol, <u32>context, <u32>tuple, bytes, <i32>netns < 0 ? -1 : <i32>netns)
}

/** bpf_sk_lookup: only full sockets; a request stands for its listener. */
function findFull(protocol: i32, context: u64, tuple: u64, size: u64, netns: u64, flags: u64): u64 {
  const socket = find(protocol, context, tuple, size, netns, flags)
  if (socket == 0 || isFull(socket)) return <u64>socket
  const listener = load<u32>(socket, SOCK_STATE) == TCP_NEW_SYN_RECV ? load<u32>(socket, SOCK_LISTENER) : 0
  hostRelease(<u32>socket)
  return <u64>listener
}

export function sk_lookup_tcp(context: u64, tuple: u64, size: u64, netns: u64, flags: u64): u64 {
  return findFull(TCP, context, tuple, size, netns, flags)
}

export function sk_lookup_udp(context: u64, tuple: u64, size: u64, netns: u64, flags: u64): u64 {
  return findFull(UDP, context, tuple, size, netns, flags)
}

export function skc_lookup_tcp(context: u64, tuple: u64, size: u64, netns: u64, flags: u64): u64 {
  return <u64>find(TCP, context, tuple, size, netns, flags)
}

export function sk_release(view: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  const socket = self(view)
  if (socket != 0) hostRelease(<u32>socket)
  return 0
}

export function sk_fullsock(view: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  const socket = self(view)
  return socket != 0 && isFull(socket) ? <u64>socket : 0
}

export function tcp_sock(view: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  const socket = self(view)
  if (socket == 0 || !isFull(socket) || load<u32>(socket, SOCK_PROTOCOL) != IPPROTO_TCP) return 0
  return <u64>load<u32>(socket, SOCK_TCP)
}

/** Of a listening socket itself, or of a request for it. */
export function get_listener_sock(view: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  let socket = self(view)
  if (socket == 0) return 0
  if (load<u32>(socket, SOCK_STATE) == TCP_NEW_SYN_RECV) socket = load<u32>(socket, SOCK_LISTENER)
  return socket != 0 && load<u32>(socket, SOCK_STATE) == TCP_LISTEN ? <u64>socket : 0
}
