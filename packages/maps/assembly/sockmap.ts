/**
 * Maps of sockets: BPF_MAP_TYPE_SOCKMAP, SOCKHASH (net/core/sock_map.c) and REUSEPORT_SOCKARRAY (kernel/bpf/
 * reuseport_array.c). A socket is the address of its struct bpf_sock (layout/sock.ts). Programs give one as the
 * value; the host gives four or eight bytes that hold its address. And BPF_MAP_TYPE_CGROUP_ARRAY, whose elements are
 * ids of the host's.
 */
import { E2BIG, EBADF, EBUSY, EEXIST, EINVAL, ENOENT, ENOMEM, EOPNOTSUPP } from '../../registry/src/layout/errno'
import { BPF_EXIST, BPF_NOEXIST, MAP_COUNT, MAP_DATA, MAP_MAX_ENTRIES } from '../../registry/src/layout/map'
import {
  IPPROTO_TCP,
  SOCK_PREAMBLE,
  SOCK_PROTOCOL,
  SOCK_REUSEPORT,
  SOCK_SRC_PORT,
  SOCK_STATE,
  SOCK_TCP,
  TCP_LISTEN,
} from '../../registry/src/layout/sock'
import { lock, setShape, sizeOf, unlock, takeElements } from './env'
import { hash_delete, hash_lookup, hash_update } from './hash'
import { slots_free } from './slots'

const IPPROTO_UDP: u32 = 17
const TCP_ESTABLISHED: u32 = 1
/** Elements have room for either size of value. */
const ELEMENT: u32 = 8

export function sockmap_init(map: u32): i32 {
  const bytes = <u64>load<u32>(map, MAP_MAX_ENTRIES) * ELEMENT
  const data = takeElements(map, bytes, ELEMENT)
  if (data == 0) return -ENOMEM
  setShape(data, 1)
  return 0
}

@inline
function isSocket(address: u32): bool {
  return (
    address > <u32>SOCK_PREAMBLE &&
    sizeOf(address - <u32>SOCK_PREAMBLE) != 0 &&
    load<u32>(address - SOCK_PREAMBLE) == address
  )
}

/** The socket that a value is (one of its views), or whose address it holds; 0 for none. */
@inline
function socketOf(value: u32): u32 {
  const self = load<u32>(value - SOCK_PREAMBLE)
  if (isSocket(self) && (self == value || load<u32>(self, SOCK_TCP) == value)) return self
  const held = load<u32>(value)
  return isSocket(held) ? held : 0
}

/** sock_map_sk_state_allowed: of datagrams, a socket that is bound. */
@inline
function isAllowed(socket: u32): bool {
  const protocol = load<u32>(socket, SOCK_PROTOCOL)
  if (protocol == IPPROTO_UDP) return load<u32>(socket, SOCK_SRC_PORT) != 0
  if (protocol != <u32>IPPROTO_TCP) return true
  const state = load<u32>(socket, SOCK_STATE)
  return state == TCP_ESTABLISHED || state == <u32>TCP_LISTEN
}

@inline
function place(map: u32, index: u32): u32 {
  return index >= load<u32>(map, MAP_MAX_ENTRIES) ? 0 : load<u32>(map, MAP_DATA) + index * ELEMENT
}

/** For the host: where the socket's address is. */
export function sockmap_lookup_host(map: u32, key: u32): u32 {
  const at = place(map, load<u32>(key))
  return at != 0 && load<u32>(at) != 0 ? at : 0
}

/** For programs: the socket. */
export function sockmap_lookup(map: u32, key: u32): u32 {
  const at = place(map, load<u32>(key))
  return at == 0 ? 0 : load<u32>(at)
}

function put(map: u32, index: u32, socket: u32, flags: u64): i32 {
  const at = place(map, index)
  if (at == 0) return -E2BIG
  if (!lock(map)) return -EINVAL
  const before = load<u32>(at)
  let result = 0
  if (before != 0 && flags == <u64>BPF_NOEXIST) result = -EEXIST
  else if (before == 0 && flags == <u64>BPF_EXIST) result = -ENOENT
  else {
    if (before == 0) store<u32>(map, load<u32>(map, MAP_COUNT) + 1, MAP_COUNT)
    store<u32>(at, socket)
  }
  unlock(map)
  return result
}

export function sockmap_update(map: u32, key: u32, value: u32, flags: u64): i32 {
  const socket = socketOf(value)
  if (socket == 0) return -EBADF
  if (!isAllowed(socket)) return -EOPNOTSUPP
  if (flags > <u64>BPF_EXIST) return -EINVAL
  return put(map, load<u32>(key), socket, flags)
}

function clear(map: u32, at: u32, absent: i32): i32 {
  if (at == 0 || load<u32>(at) == 0) return absent
  store<u32>(at, 0)
  store<u32>(map, load<u32>(map, MAP_COUNT) - 1, MAP_COUNT)
  return 0
}

export function sockmap_delete(map: u32, key: u32): i32 {
  return clear(map, place(map, load<u32>(key)), -EINVAL)
}

/** The socket whose address is at `key` is gone. */
export function sockmap_release(map: u32, key: u32): i32 {
  const entries = load<u32>(map, MAP_MAX_ENTRIES)
  for (let n: u32 = 0; n < entries; n++) {
    const at = place(map, n)
    if (load<u32>(at) == load<u32>(key)) clear(map, at, 0)
  }
  return 0
}

// sockhash.

export function sockhash_lookup(map: u32, key: u32): u32 {
  const value = hash_lookup(map, key)
  return value == 0 ? 0 : load<u32>(value)
}

/** The value is the host's scratch, or the socket itself, before which its own address stands. */
export function sockhash_update(map: u32, key: u32, value: u32, flags: u64): i32 {
  const socket = socketOf(value)
  if (socket == 0) return -EBADF
  if (!isAllowed(socket)) return -EOPNOTSUPP
  if (flags > <u64>BPF_EXIST) return -EINVAL
  return hash_update(map, key, load<u32>(value) == socket ? value : socket - SOCK_PREAMBLE, flags)
}

export function sockhash_delete(map: u32, key: u32): i32 {
  return hash_delete(map, key)
}

// reuseport_sockarray: as in a sockmap, but for the errnos, and that a socket is in one slot of one map.

/** A socket that was in a slot is in none. */
@inline
function leave(socket: u32): void {
  if (socket != 0 && isSocket(socket)) store<u32>(socket, 0, SOCK_REUSEPORT)
}

export function reuseport_free(map: u32): void {
  for (let n: u32 = 0; n < load<u32>(map, MAP_MAX_ENTRIES); n++) leave(load<u32>(place(map, n)))
  slots_free(map)
}

export function reuseport_delete(map: u32, key: u32): i32 {
  const at = place(map, load<u32>(key))
  if (at == 0) return -E2BIG
  leave(load<u32>(at))
  return clear(map, at, -ENOENT)
}

export function reuseport_update(map: u32, key: u32, value: u32, flags: u64): i32 {
  if (flags > <u64>BPF_EXIST) return -EINVAL
  const at = place(map, load<u32>(key))
  if (at == 0) return -E2BIG
  const socket = socketOf(value)
  if (socket == 0) return -EBADF
  const before = load<u32>(at)
  if (before != 0 && flags == <u64>BPF_NOEXIST) return -EEXIST
  if (before == 0 && flags == <u64>BPF_EXIST) return -ENOENT
  if (load<u32>(socket, SOCK_REUSEPORT) != 0) return -EBUSY
  const result = put(map, load<u32>(key), socket, 0)
  if (result == 0) {
    leave(before)
    store<u32>(socket, map, SOCK_REUSEPORT)
  }
  return result
}

// cgroup_array.

export function cgroup_array_update(map: u32, key: u32, value: u32, flags: u64): i32 {
  if (flags != 0) return -EINVAL
  if (load<u32>(key) >= load<u32>(map, MAP_MAX_ENTRIES)) return -E2BIG
  if (load<u32>(value) == 0) return -EBADF
  return put(map, load<u32>(key), load<u32>(value), 0)
}

export function cgroup_array_delete(map: u32, key: u32): i32 {
  const at = place(map, load<u32>(key))
  return at == 0 ? -E2BIG : clear(map, at, -ENOENT)
}
