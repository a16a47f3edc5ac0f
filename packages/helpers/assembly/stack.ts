/** bpf_get_stackid and bpf_get_stack (kernel/bpf/stackmap.c) over what the host's provider says of stacks. */
import { CTL_CTX, CTL_SP } from '../../registry/src/layout/control'
import { EEXIST, EFAULT, EINVAL, ENOMEM } from '../../registry/src/layout/errno'
import {
  BPF_F_STACK_BUILD_ID,
  MAP_COUNT,
  MAP_DATA,
  MAP_FLAGS,
  MAP_LOCK,
  MAP_MAX_ENTRIES,
  MAP_STRIDE,
  MAP_VALUE_SIZE,
} from '../../registry/src/layout/map'
import {
  STACK_BUCKETS,
  STACK_BUILD_ID_SIZE,
  STACK_FRAMES,
  STACK_HASH,
  STACK_MOST,
  STACK_VALUE,
} from '../../registry/src/layout/stack'
import { control, pointer, result, take } from './env'

// @ts-ignore: decorator
@external("host", "stack")
declare function hostStack(context: u32, user: i32, to: u32, most: u32): i32

// @ts-ignore: decorator
@external("host", "currentTask")
declare function hostCurrentTask(): u32

const SKIP_MASK: u64 = 0xff
const USER_STACK: u64 = 1 << 8
const FAST_STACK_CMP: u64 = 1 << 9
const REUSE_STACKID: u64 = 1 << 10
const USER_BUILD_ID: u64 = 1 << 11
/** BPF_STACK_BUILD_ID_IP: the address itself, no build id. */
const BUILD_ID_IP: i32 = 2

@inline
function mix(a: u32, b: u32, c: u32, at: usize): void {
  a -= c; a ^= rotl<u32>(c, 4); c += b
  b -= a; b ^= rotl<u32>(a, 6); a += c
  c -= b; c ^= rotl<u32>(b, 8); b += a
  a -= c; a ^= rotl<u32>(c, 16); c += b
  b -= a; b ^= rotl<u32>(a, 19); a += c
  c -= b; c ^= rotl<u32>(b, 4); b += a
  store<u32>(at, a)
  store<u32>(at, b, 4)
  store<u32>(at, c, 8)
}

/** jhash2 of frames (include/linux/jhash.h); 12 bytes at `at` are its own. */
function hashFrames(frames: usize, count: u32, at: usize): u32 {
  let words = count * 2
  const first: u32 = 0xdeadbeef + (words << 2)
  store<u32>(at, first)
  store<u32>(at, first, 4)
  store<u32>(at, first, 8)
  while (words > 3) {
    mix(
      load<u32>(at) + load<u32>(frames),
      load<u32>(at, 4) + load<u32>(frames, 4),
      load<u32>(at, 8) + load<u32>(frames, 8),
      at,
    )
    frames += 12
    words -= 3
  }
  let a = load<u32>(at)
  let b = load<u32>(at, 4)
  let c = load<u32>(at, 8)
  if (words == 0) return c
  if (words > 2) c += load<u32>(frames, 8)
  if (words > 1) b += load<u32>(frames, 4)
  a += load<u32>(frames)
  c ^= b; c -= rotl<u32>(b, 14)
  a ^= c; a -= rotl<u32>(c, 11)
  b ^= a; b -= rotl<u32>(a, 25)
  c ^= b; c -= rotl<u32>(b, 16)
  a ^= c; a -= rotl<u32>(c, 4)
  b ^= a; b -= rotl<u32>(a, 14)
  c ^= b; c -= rotl<u32>(b, 24)
  return c
}

/** Memory below this CPU's stack for the frames: what is called meanwhile runs no program. */
@inline
function scratch(): u32 {
  return (load<u32>(control, CTL_SP) - STACK_MOST * 8) & ~7
}

@inline
function sameFrames(value: usize, frames: usize, count: u32, ids: bool): bool {
  for (let n: u32 = 0; n < count; n++) {
    const at = ids ? value + n * STACK_BUILD_ID_SIZE + 24 : value + n * 8
    if (load<u64>(at) != load<u64>(frames + n * 8)) return false
  }
  return true
}

/** Frames as a value has them; the bytes are zero before. */
@inline
function writeFrames(value: usize, frames: usize, count: u32, ids: bool): void {
  for (let n: u32 = 0; n < count; n++) {
    const frame = load<u64>(frames + n * 8)
    if (ids) {
      store<i32>(value + n * STACK_BUILD_ID_SIZE, BUILD_ID_IP)
      store<u64>(value + n * STACK_BUILD_ID_SIZE + 24, frame)
    } else {
      store<u64>(value + n * 8, frame)
    }
  }
}

export function get_stackid(context: u64, mapAt: u64, flags: u64, r4: u64, r5: u64): u64 {
  const map = pointer(mapAt)
  if ((flags & ~(SKIP_MASK | USER_STACK | FAST_STACK_CMP | REUSE_STACKID)) != 0) return result(-EINVAL)
  const ids = (load<u32>(map, MAP_FLAGS) & BPF_F_STACK_BUILD_ID) != 0
  const most = load<u32>(map, MAP_VALUE_SIZE) / (ids ? STACK_BUILD_ID_SIZE : 8)
  const skip = <u32>(flags & SKIP_MASK)
  const frames = scratch()
  const got = hostStack(<u32>context, i32((flags & USER_STACK) != 0), frames, min<u32>(most + skip, STACK_MOST))
  if (got < 0 || <u32>got <= skip) return result(-EFAULT)
  if (SHARED && !take(map + MAP_LOCK)) return result(-EFAULT)
  const id = keep(map, frames + skip * 8, <u32>got - skip, flags, ids)
  if (SHARED) atomic.store<u32>(map + MAP_LOCK, 0)
  return result(id)
}

/** __bpf_get_stackid, from the hash on. */
function keep(map: usize, frames: usize, count: u32, flags: u64, ids: bool): i32 {
  const hash = hashFrames(frames, count, scratch() - 16)
  const id = hash & (load<u32>(map, STACK_BUCKETS) - 1)
  const bucket: usize = load<u32>(map, MAP_DATA) + id * load<u32>(map, MAP_STRIDE)
  const there = load<u32>(bucket, STACK_FRAMES)
  if (there != 0 && load<u32>(bucket, STACK_HASH) == hash) {
    if (flags & FAST_STACK_CMP) return <i32>id
    if (there == count && sameFrames(bucket + STACK_VALUE, frames, count, ids)) return <i32>id
  }
  if (there != 0 && (flags & REUSE_STACKID) == 0) return -EEXIST
  // The kernel takes a new element before it gives the old one back.
  const used = load<u32>(map, MAP_COUNT)
  if (used >= load<u32>(map, MAP_MAX_ENTRIES)) return -ENOMEM
  if (there == 0) store<u32>(map, used + 1, MAP_COUNT)
  memory.fill(bucket + STACK_VALUE, 0, load<u32>(map, MAP_VALUE_SIZE))
  writeFrames(bucket + STACK_VALUE, frames, count, ids)
  store<u32>(bucket, hash, STACK_HASH)
  store<u32>(bucket, count, STACK_FRAMES)
  return <i32>id
}

export function get_stack(context: u64, buffer: u64, size: u64, flags: u64, r5: u64): u64 {
  const to = pointer(buffer)
  const room = <u32>size
  memory.fill(to, 0, room)
  const ids = (flags & USER_BUILD_ID) != 0
  if ((flags & ~(SKIP_MASK | USER_STACK | USER_BUILD_ID)) != 0 || (ids && (flags & USER_STACK) == 0))
    return result(-EINVAL)
  const one: u32 = ids ? STACK_BUILD_ID_SIZE : 8
  if (room % one != 0) return result(-EINVAL)
  const skip = <u32>(flags & SKIP_MASK)
  const most = room / one
  const frames = scratch()
  const got = hostStack(<u32>context, i32((flags & USER_STACK) != 0), frames, min<u32>(most + skip, STACK_MOST))
  if (got < 0 || <u32>got < skip) return result(-EFAULT)
  const count = min<u32>(<u32>got - skip, most)
  writeFrames(to, frames + skip * 8, count, ids)
  return <u64>(count * one)
}

/** The stack of the task that the program runs in; nobody tells of others'. */
export function get_task_stack(task: u64, buffer: u64, size: u64, flags: u64, r5: u64): u64 {
  if (<u32>task == hostCurrentTask()) return get_stack(load<u32>(control, CTL_CTX), buffer, size, flags, 0)
  memory.fill(pointer(buffer), 0, <u32>size)
  return result(-EFAULT)
}
