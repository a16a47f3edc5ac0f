/**
 * Maps that packets are redirected through: devmap, devmap_hash (kernel/bpf/devmap.c), cpumap (cpumap.c) and xskmap
 * (net/xdp/xskmap.c). A redirect leaves map, element and flags in the run header; the hook carries it out.
 */
import {
  CTL_CTX,
  RUN_REDIRECT,
  RUN_REDIRECT_FLAGS,
  RUN_REDIRECT_KEY,
  RUN_REDIRECT_MAP,
} from '../../registry/src/layout/control'
import {
  E2BIG,
  EBADF,
  EEXIST,
  EINVAL,
  ENODEV,
  ENOENT,
  ENOMEM,
  EOVERFLOW,
} from '../../registry/src/layout/errno'
import {
  BPF_EXIST,
  BPF_NOEXIST,
  MAP_COUNT,
  MAP_CPUS,
  MAP_DATA,
  MAP_MAX_ENTRIES,
  MAP_STRIDE,
  MAP_VALUE_SIZE,
} from '../../registry/src/layout/map'
import { PROG_ATTACH, PROG_ID, PROG_RECORD_SIZE, PROG_TYPE } from '../../registry/src/layout/program'
import { SOCK_PREAMBLE } from '../../registry/src/layout/sock'
import { control, shapeBlock, sizeOf, takeElements } from './env'
import { hash_lookup4, hash_update4 } from './hash'

const XDP_ABORTED: i32 = 0
const XDP_REDIRECT: i32 = 4
/** Flag bits that say what a redirect without an element returns. */
const ACTION_MASK: u64 = 3
const BPF_F_BROADCAST: u64 = 1 << 3
const BPF_F_EXCLUDE_INGRESS: u64 = 1 << 4

/** Bytes of an element: a word that says whether it is there (ifindex, qsize), and a program's id, 0 for none. */
const ELEMENT: u32 = 8
/** Largest queue of a cpumap entry. */
const MOST_QUEUED: u32 = 16384

/** __bpf_xdp_redirect_map. */
@inline
function redirect(map: u32, key: u64, flags: u64, known: u64, found: bool): i32 {
  if ((flags & ~(ACTION_MASK | known)) != 0) return XDP_ABORTED
  const header = load<u32>(control, CTL_CTX)
  if (!found && (flags & BPF_F_BROADCAST) == 0) {
    store<u32>(header + RUN_REDIRECT, 0)
    return <i32>(flags & ACTION_MASK)
  }
  store<u32>(header + RUN_REDIRECT, 2)
  store<u32>(header + RUN_REDIRECT_MAP, map)
  store<u32>(header + RUN_REDIRECT_KEY, <u32>key)
  store<u64>(header + RUN_REDIRECT_FLAGS, flags)
  return XDP_REDIRECT
}

@inline
function begin(map: u32, stride: u32, first: u32, visible: u32): i32 {
  const bytes = <u64>load<u32>(map, MAP_MAX_ENTRIES) * stride
  const data = takeElements(map, bytes, stride)
  if (data == 0) return -ENOMEM
  shapeBlock(map, data, first, stride, visible)
  return 0
}

@inline
function place(map: u32, index: u32): u32 {
  if (index >= load<u32>(map, MAP_MAX_ENTRIES)) return 0
  return load<u32>(map, MAP_DATA) + index * load<u32>(map, MAP_STRIDE)
}

/** Sets an element's first word, 0 for none, and counts. */
@inline
function set(map: u32, word: u32, value: u32): void {
  if (SHARED) {
    const had = i32(atomic.xchg<u32>(word, value) != 0)
    atomic.add<i32>(map + MAP_COUNT, i32(value != 0) - had)
    return
  }
  const before = i32(load<u32>(word) != 0)
  store<u32>(word, value)
  store<u32>(map, load<u32>(map, MAP_COUNT) + i32(value != 0) - before, MAP_COUNT)
}

const BPF_PROG_TYPE_XDP: u32 = 6
const BPF_XDP_DEVMAP: u32 = 33
const BPF_XDP_CPUMAP: u32 = 35
const REFUSED: u32 = 0xffff_ffff

/** The id of the program that a value asks for beside the target, 0 for none, or REFUSED. */
@inline
function program(map: u32, value: u32, attach: u32): u32 {
  if (load<u32>(map, MAP_VALUE_SIZE) != ELEMENT) return 0
  const record = load<u32>(value, 4)
  if (<i32>record <= 0) return 0
  if (sizeOf(record) < <u32>PROG_RECORD_SIZE) return REFUSED
  if (load<u32>(record, PROG_TYPE) != BPF_PROG_TYPE_XDP || load<u32>(record, PROG_ATTACH) != attach) return REFUSED
  return load<u32>(record, PROG_ID)
}

// devmap and cpumap.

export function forward_init(map: u32): i32 {
  return begin(map, ELEMENT, 0, load<u32>(map, MAP_VALUE_SIZE))
}

export function forward_lookup(map: u32, key: u32): u32 {
  const element = place(map, load<u32>(key))
  return element != 0 && load<u32>(element) != 0 ? element : 0
}

export function forward_delete(map: u32, key: u32): i32 {
  const element = place(map, load<u32>(key))
  if (element == 0) return -EINVAL
  set(map, element, 0)
  return 0
}

export function devmap_update(map: u32, key: u32, value: u32, flags: u64): i32 {
  if (flags > <u64>BPF_EXIST) return -EINVAL
  const element = place(map, load<u32>(key))
  if (element == 0) return -E2BIG
  if (flags == <u64>BPF_NOEXIST) return -EEXIST
  const id = program(map, value, BPF_XDP_DEVMAP)
  if (id == REFUSED || (id != 0 && load<u32>(value) == 0)) return -EINVAL
  store<u32>(element, id, 4)
  set(map, element, load<u32>(value))
  return 0
}

export function devmap_redirect(map: u32, key: u64, flags: u64): i32 {
  const element = place(map, <u32>key)
  return redirect(
    map,
    key,
    flags,
    BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS,
    element != 0 && load<u32>(element) != 0,
  )
}

export function cpumap_update(map: u32, key: u32, value: u32, flags: u64): i32 {
  const cpu = load<u32>(key)
  const size = load<u32>(value)
  if (flags > <u64>BPF_EXIST) return -EINVAL
  const element = place(map, cpu)
  if (element == 0) return -E2BIG
  if (flags == <u64>BPF_NOEXIST) return -EEXIST
  if (size > MOST_QUEUED) return -EOVERFLOW
  if (cpu >= load<u32>(map, MAP_CPUS)) return -ENODEV
  // What __cpu_map_entry_alloc cannot do is a lack of memory, whatever it is.
  const id = size == 0 ? 0 : program(map, value, BPF_XDP_CPUMAP)
  if (id == REFUSED) return -ENOMEM
  store<u32>(element, id, 4)
  set(map, element, size)
  return 0
}

export function cpumap_redirect(map: u32, key: u64, flags: u64): i32 {
  const element = place(map, <u32>key)
  return redirect(map, key, flags, 0, element != 0 && load<u32>(element) != 0)
}

// devmap_hash: elements of a hash with the same values.

export function devmap_hash_update(map: u32, key: u32, value: u32, flags: u64): i32 {
  if (flags > <u64>BPF_EXIST || load<u32>(value) == 0) return -EINVAL
  if (flags == <u64>BPF_NOEXIST && hash_lookup4(map, key) != 0) return -EEXIST
  const id = program(map, value, BPF_XDP_DEVMAP)
  if (id == REFUSED) return -EINVAL
  if (load<u32>(map, MAP_VALUE_SIZE) == ELEMENT) store<u32>(value, id, 4)
  return hash_update4(map, key, value, 0)
}

export function devmap_hash_redirect(map: u32, key: u64, flags: u64): i32 {
  // A key in memory, for the lookup: the run header's own word, which a redirect writes anyway.
  const at = load<u32>(control, CTL_CTX) + RUN_REDIRECT_KEY
  const before = load<u32>(at)
  store<u32>(at, <u32>key)
  const found = hash_lookup4(map, at) != 0
  store<u32>(at, before)
  return redirect(map, key, flags, BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS, found)
}

// xskmap: an element is a struct bpf_xdp_sock behind a socket's preamble (layout/sock.ts), then the consumer's number.

const QUEUE_ID: u32 = SOCK_PREAMBLE
const CONSUMER: u32 = SOCK_PREAMBLE + 4
const XSK_STRIDE: u32 = 32

export function xskmap_init(map: u32): i32 {
  const result = begin(map, XSK_STRIDE, QUEUE_ID, 4)
  if (result < 0) return result
  const entries = load<u32>(map, MAP_MAX_ENTRIES)
  for (let n: u32 = 0; n < entries; n++) store<u32>(place(map, n), n, QUEUE_ID)
  return 0
}

@inline
function consumer(map: u32, index: u32): u32 {
  const element = place(map, index)
  return element == 0 ? 0 : element + CONSUMER
}

/** For programs: the struct bpf_xdp_sock. */
export function xskmap_lookup(map: u32, key: u32): u32 {
  const word = consumer(map, load<u32>(key))
  return word != 0 && load<u32>(word) != 0 ? word - 4 : 0
}

export function xskmap_lookup_host(map: u32, key: u32): u32 {
  const word = consumer(map, load<u32>(key))
  return word != 0 && load<u32>(word) != 0 ? word : 0
}

export function xskmap_update(map: u32, key: u32, value: u32, flags: u64): i32 {
  if (flags > <u64>BPF_EXIST) return -EINVAL
  const word = consumer(map, load<u32>(key))
  if (word == 0) return -E2BIG
  if (load<u32>(value) == 0) return -EBADF
  const before = load<u32>(word)
  if (before == load<u32>(value)) return 0
  const present = before != 0
  if (present && flags == <u64>BPF_NOEXIST) return -EEXIST
  if (!present && flags == <u64>BPF_EXIST) return -ENOENT
  set(map, word, load<u32>(value))
  return 0
}

export function xskmap_delete(map: u32, key: u32): i32 {
  const word = consumer(map, load<u32>(key))
  if (word == 0) return -EINVAL
  set(map, word, 0)
  return 0
}

export function xskmap_redirect(map: u32, key: u64, flags: u64): i32 {
  const word = consumer(map, <u32>key)
  return redirect(map, key, flags, 0, word != 0 && load<u32>(word) != 0)
}
