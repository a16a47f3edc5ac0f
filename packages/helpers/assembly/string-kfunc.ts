/** The kernel functions on strings at unproved addresses (kernel/bpf/helpers.c): indexes, or an errno. */
import { E2BIG, EFAULT, EINVAL, ENOENT, ERANGE } from '../../registry/src/layout/errno'
import { result } from './env'
import { readable, readString, unreadable } from './untrusted'

/** XATTR_SIZE_MAX: no string is longer. */
const LONGEST: u32 = 65536
/** BPF_F_PAD_ZEROS. */
const PAD_ZEROS: u64 = 1

/** The index behind the last byte that is known to be readable, once the one at `index` was asked for. */
@inline
function extend(text: u64, index: u32, known: u32): u32 {
  return index < known ? known : index + readable(text + index)
}

/** lib/ctype.c: Latin-1. */
@inline
function lower(c: i32): i32 {
  const letter = (c >= 0x41 && c <= 0x5a) || (c >= 0xc0 && c <= 0xde && c != 0xd7)
  return letter ? c + 32 : c
}

function compare(a: u64, b: u64, ignoreCase: bool): i32 {
  let knownA = readable(a)
  if (knownA == 0 && unreadable(a) == -ERANGE) return -ERANGE
  let knownB = readable(b)
  if (knownB == 0 && unreadable(b) == -ERANGE) return -ERANGE
  for (let i: u32 = 0; i < LONGEST; i++) {
    knownA = extend(a, i, knownA)
    knownB = extend(b, i, knownB)
    if (i >= knownA || i >= knownB) return -EFAULT
    let x = <i32>load<u8>(<usize>a + i)
    let y = <i32>load<u8>(<usize>b + i)
    if (ignoreCase) {
      x = lower(x)
      y = lower(y)
    }
    if (x != y) return x < y ? -1 : 1
    if (x == 0) return 0
  }
  return -E2BIG
}

export function strcmp(a: u64, b: u64, r3: u64, r4: u64, r5: u64): u64 {
  return result(compare(a, b, false))
}

export function strcasecmp(a: u64, b: u64, r3: u64, r4: u64, r5: u64): u64 {
  return result(compare(a, b, true))
}

function find(text: u64, most: u32, wanted: i32): i32 {
  let known = readable(text)
  if (known == 0 && unreadable(text) == -ERANGE) return -ERANGE
  for (let i: u32 = 0; i < most; i++) {
    known = extend(text, i, known)
    if (i >= known) return -EFAULT
    const c = <i32>load<u8>(<usize>text + i)
    if (c == wanted) return i
    if (c == 0) return -ENOENT
  }
  return most == LONGEST ? -E2BIG : -ENOENT
}

@inline
function most(count: u64): u32 {
  return count < <u64>LONGEST ? <u32>count : LONGEST
}

export function strnchr(text: u64, count: u64, c: u64, r4: u64, r5: u64): u64 {
  return result(find(text, most(count), <i32>(<u8>c)))
}

export function strchr(text: u64, c: u64, r3: u64, r4: u64, r5: u64): u64 {
  return result(find(text, LONGEST, <i32>(<u8>c)))
}

export function strchrnul(text: u64, c: u64, r3: u64, r4: u64, r5: u64): u64 {
  let known = readable(text)
  if (known == 0 && unreadable(text) == -ERANGE) return result(-ERANGE)
  for (let i: u32 = 0; i < LONGEST; i++) {
    known = extend(text, i, known)
    if (i >= known) return result(-EFAULT)
    const byte = <i32>load<u8>(<usize>text + i)
    if (byte == 0 || byte == <i32>(<u8>c)) return i
  }
  return result(-E2BIG)
}

/** Unlike the others it takes a whole int, of which no byte is negative. */
export function strrchr(text: u64, c: u64, r3: u64, r4: u64, r5: u64): u64 {
  let known = readable(text)
  if (known == 0 && unreadable(text) == -ERANGE) return result(-ERANGE)
  let last = -ENOENT
  for (let i: u32 = 0; i < LONGEST; i++) {
    known = extend(text, i, known)
    if (i >= known) return result(-EFAULT)
    const byte = <i32>load<u8>(<usize>text + i)
    if (byte == <i32>c) last = i
    if (byte == 0) return result(last)
  }
  return result(-E2BIG)
}

function length(text: u64, most: u32): i32 {
  let known = readable(text)
  if (known == 0 && unreadable(text) == -ERANGE) return -ERANGE
  for (let i: u32 = 0; i < most; i++) {
    known = extend(text, i, known)
    if (i >= known) return -EFAULT
    if (load<u8>(<usize>text + i) == 0) return i
  }
  return most == LONGEST ? -E2BIG : most
}

export function strnlen(text: u64, count: u64, r3: u64, r4: u64, r5: u64): u64 {
  return result(length(text, most(count)))
}

export function strlen(text: u64, r2: u64, r3: u64, r4: u64, r5: u64): u64 {
  return result(length(text, LONGEST))
}

/** How many bytes at the front of `text` are all in `set`, or all not. */
function span(text: u64, set: u64, inside: bool): i32 {
  let known = readable(text)
  if (known == 0 && unreadable(text) == -ERANGE) return -ERANGE
  let knownSet = readable(set)
  if (knownSet == 0 && unreadable(set) == -ERANGE) return -ERANGE
  for (let i: u32 = 0; i < LONGEST; i++) {
    known = extend(text, i, known)
    if (i >= known) return -EFAULT
    const c = load<u8>(<usize>text + i)
    if (c == 0) return i
    let j: u32 = 0
    let other: u32 = 0
    for (; j < LONGEST; j++) {
      knownSet = extend(set, j, knownSet)
      if (j >= knownSet) return -EFAULT
      other = load<u8>(<usize>set + j)
      if (other == c || other == 0) break
    }
    if (j == LONGEST) return -E2BIG
    if ((other != 0) != inside) return i
  }
  return -E2BIG
}

export function strspn(text: u64, accept: u64, r3: u64, r4: u64, r5: u64): u64 {
  return result(span(text, accept, true))
}

export function strcspn(text: u64, reject: u64, r3: u64, r4: u64, r5: u64): u64 {
  return result(span(text, reject, false))
}

/** __bpf_strnstr: `part` within the first `most` bytes of `text`. */
function within(text: u64, part: u64, most: u64): i32 {
  let known = readable(text)
  if (known == 0 && unreadable(text) == -ERANGE) return -ERANGE
  let knownPart = readable(part)
  if (knownPart == 0 && unreadable(part) == -ERANGE) return -ERANGE
  for (let i: u32 = 0; i < LONGEST; i++) {
    let j: u32 = 0
    for (; <u64>i + j <= most && j < LONGEST; j++) {
      knownPart = extend(part, j, knownPart)
      if (j >= knownPart) return -EFAULT
      const wanted = load<u8>(<usize>part + j)
      if (wanted == 0) return i
      // One byte more of `part` may be read than of `text`: it may end there.
      if (<u64>i + j == most) break
      known = extend(text, i + j, known)
      if (i + j >= known) return -EFAULT
      const c = load<u8>(<usize>text + i + j)
      if (c == 0) return -ENOENT
      if (c != wanted) break
    }
    if (j == LONGEST) return -E2BIG
    if (<u64>i + j == most) return -ENOENT
  }
  return -E2BIG
}

export function strstr(text: u64, part: u64, r3: u64, r4: u64, r5: u64): u64 {
  return result(within(text, part, LONGEST))
}

export function strnstr(text: u64, part: u64, count: u64, r4: u64, r5: u64): u64 {
  return result(within(text, part, count))
}

/** bpf_copy_from_user_str: BPF_F_PAD_ZEROS fills the rest. */
export function copy_from_user_str(to: u64, size: u64, from: u64, flags: u64, r5: u64): u64 {
  if ((flags & ~PAD_ZEROS) != 0) return result(-EINVAL)
  const room = <u32>size
  if (room == 0) return 0
  const written = readString(<usize>to, room, from)
  if (written < 0) {
    memory.fill(<usize>to, 0, room)
    return result(written)
  }
  if (flags & PAD_ZEROS) memory.fill(<usize>to + written, 0, room - written)
  return result(written)
}
