/**
 * The kernel's formatter for programs: what bpf_bprintf_prepare (kernel/bpf/helpers.c) accepts, printed as bstr_printf
 * (lib/vsprintf.c) does.
 */
import { EINVAL, ENOSPC } from '../../registry/src/layout/errno'
import { ARGUMENTS, contains, PACKED, PACKED_SIZE, scratch } from './env'

const ZERO: u32 = 0x30
const PLUS: u32 = 0x2b
const MINUS: u32 = 0x2d
const SPACE: u32 = 0x20
const PERCENT: u32 = 0x25
const DOT: u32 = 0x2e
const COLON: u32 = 0x3a
const UPPER_B: u32 = 0x42
const UPPER_I: u32 = 0x49
const UPPER_K: u32 = 0x4b
const UPPER_S: u32 = 0x53
const UPPER_X: u32 = 0x58
const LOWER_C: u32 = 0x63
const LOWER_D: u32 = 0x64
const LOWER_I: u32 = 0x69
const LOWER_K: u32 = 0x6b
const LOWER_L: u32 = 0x6c
const LOWER_P: u32 = 0x70
const LOWER_S: u32 = 0x73
const LOWER_U: u32 = 0x75
const LOWER_X: u32 = 0x78
/** FIELD_WIDTH_MAX. */
const WIDEST: u32 = (1 << 23) - 1

// lib/ctype.c: Latin-1.
@inline
function isSpace(c: u32): bool {
  return c == SPACE || (c >= 9 && c <= 13) || c == 0xa0
}

@inline
function isDigit(c: u32): bool {
  return c - ZERO < 10
}

function isAlnum(c: u32): bool {
  return isDigit(c) || (c | 0x20) - 0x61 < 26 || (c >= 0xc0 && c != 0xd7 && c != 0xf7)
}

function isPunct(c: u32): bool {
  return ((c > 0x20 && c < 0x7f) || c > 0xa0) && !isAlnum(c)
}

/** May follow %p and %s. */
function endsWord(c: u32): bool {
  return c == 0 || isSpace(c) || isPunct(c)
}

// What follows a %.
let zero: bool = false
let plus: bool = false
let left: bool = false
let space: bool = false
let width: u32 = 0

/** Reads flags and width; returns where the conversion's letters begin. The format ends with a NUL. */
function parseSpec(at: u32): u32 {
  zero = false
  plus = false
  left = false
  space = false
  width = 0
  for (; ; at++) {
    const c: u32 = load<u8>(at)
    if (c == ZERO) zero = true
    else if (c == PLUS) plus = true
    else if (c == MINUS) left = true
    else if (c == SPACE) space = true
    else break
  }
  for (; isDigit(load<u8>(at)); at++) width = min(width * 10 + load<u8>(at) - ZERO, WIDEST)
  return at
}

// Arguments that are left, and the bytes of them that are packed.
let argument: u32 = 0
let argumentCount: u32 = 0
let used: u32 = 0

@inline
function take(): u64 {
  return load<u64>(scratch + (argument++ << 3), ARGUMENTS)
}

@inline
function packed(at: u32): usize {
  return <usize>(scratch + PACKED) + at
}

function packNumber(at: u32, size: u32): i32 {
  used = (used + 3) & ~3
  if (<i32>(PACKED_SIZE - used) < <i32>size) return -ENOSPC
  const value = take()
  store<u32>(packed(used), <u32>value)
  if (size == 8) store<u32>(packed(used), <u32>(value >> 32), 4)
  used += size
  return at
}

/** The NUL-terminated bytes at an address, as many as fit; none when the address faults. */
function packString(at: u32): i32 {
  if (!endsWord(load<u8>(at))) return -EINVAL
  const room = <i32>(PACKED_SIZE - used)
  if (room <= 0) return -ENOSPC
  const pointer = take()
  const start: u32 = pointer >> 32 == 0 ? <u32>pointer : 0
  let length = 0
  for (; length < room - 1; length++) {
    if (!contains(start + length, 1)) {
      length = 0
      break
    }
    const c = load<u8>(start + length)
    if (c == 0) break
    store<u8>(packed(used + length), c)
  }
  store<u8>(packed(used + length), 0)
  used += length + 1
  return at
}

/** Text that is cut to what is left, but counted in full. */
@inline
function packByte(byte: u32): void {
  if (<i32>used < <i32>PACKED_SIZE) store<u8>(packed(used), byte)
  used++
}

function packHex(value: u64, least: u32): void {
  let digits: u32 = 16
  while (digits > least && (value >> ((digits - 1) << 2)) == 0) digits--
  while (digits-- != 0) {
    const nibble = <u32>(value >> (digits << 2)) & 15
    packByte(nibble < 10 ? ZERO + nibble : 0x57 + nibble)
  }
}

function packDecimal(byte: u32, padded: bool): void {
  if (padded || byte >= 100) packByte(ZERO + byte / 100)
  if (padded || byte >= 10) packByte(ZERO + (byte / 10) % 10)
  packByte(ZERO + byte % 10)
}

/** %pI4, %pi4, %pI6, %pi6: the text is made here, and its NUL is put where it was cut. */
function packAddress(at: u32, kind: u32): i32 {
  const version: u32 = load<u8>(at)
  const size: u32 = version == ZERO + 4 ? 4 : 16
  if (<i32>(PACKED_SIZE - used) < <i32>size) return -ENOSPC
  const pointer = take()
  const start: u32 = pointer >> 32 == 0 ? <u32>pointer : 0
  const readable = contains(start, size)
  for (let n: u32 = 0; n < size; n++) {
    const byte: u32 = readable ? load<u8>(start + n) : 0
    if (size == 4) {
      if (n > 0) packByte(DOT)
      packDecimal(byte, kind == LOWER_I)
    } else {
      if (n > 0 && (n & 1) == 0 && kind == UPPER_I) packByte(COLON)
      packHex(byte, 2)
    }
  }
  packByte(0)
  if (<i32>used > <i32>PACKED_SIZE) store<u8>(packed(PACKED_SIZE - 1), 0)
  return at + 1
}

function packPointer(at: u32): i32 {
  const kind: u32 = load<u8>(at)
  if (endsWord(kind)) return packNumber(at, 8)
  if ((kind == LOWER_K || kind == LOWER_U) && load<u8>(at, 1) == LOWER_S) return packString(at + 2)
  if (kind == UPPER_K || kind == LOWER_X || kind == LOWER_S || kind == UPPER_S) return packNumber(at + 1, 8)
  if (kind == UPPER_B) {
    // There are no symbols: an address prints as a number.
    packByte(ZERO)
    packByte(LOWER_X)
    packHex(take(), 1)
    packByte(0)
    if (<i32>used > <i32>PACKED_SIZE) store<u8>(packed(PACKED_SIZE - 1), 0)
    return at + 1
  }
  const version: u32 = load<u8>(at, 1)
  if ((kind != UPPER_I && kind != LOWER_I) || (version != ZERO + 4 && version != ZERO + 6)) return -EINVAL
  return packAddress(at + 1, kind)
}

function packConversion(at: u32): i32 {
  const kind: u32 = load<u8>(at)
  if (kind == LOWER_P) return packPointer(at + 1)
  if (kind == LOWER_S) return packString(at + 1)
  if (kind == LOWER_C) {
    if (used == PACKED_SIZE) return -ENOSPC
    store<u8>(packed(used++), <u8>take())
    return at + 1
  }
  let size = 4
  if (kind == LOWER_L) {
    size = 8
    at++
    if (load<u8>(at) == LOWER_L) at++
  }
  const letter: u32 = load<u8>(at)
  if (letter != LOWER_I && letter != LOWER_D && letter != LOWER_U && letter != LOWER_X && letter != UPPER_X) {
    return -EINVAL
  }
  return packNumber(at + 1, size)
}

/** bpf_bprintf_prepare: 0 or a negative errno. */
function prepare(format: u32): i32 {
  argument = 0
  used = 0
  memory.fill(scratch + PACKED, 0, PACKED_SIZE)
  let at = format
  while (true) {
    const c: u32 = load<u8>(at)
    if (c == 0) break
    // Control characters of ASCII do not stand in a format.
    if ((c < 0x20 || c == 0x7f) && !isSpace(c)) return -EINVAL
    if (c != PERCENT) {
      at++
      continue
    }
    if (load<u8>(at, 1) == PERCENT) {
      at += 2
      continue
    }
    if (argument >= argumentCount) return -EINVAL
    const behind = packConversion(parseSpec(at + 1))
    if (behind < 0 && behind > -4096) return behind
    at = behind
  }
  return 0
}

// Where text goes: counted in full, kept as far as it fits before a NUL.
let out: u32 = 0
let outSize: u32 = 0
let outLength: u32 = 0
/** Bytes of packed arguments that were printed. */
let next: u32 = 0

function put(byte: u32): void {
  if (outLength + 1 < outSize) store<u8>(out + outLength, byte)
  outLength++
}

function fill(byte: u32, count: i32): void {
  if (count <= 0) return
  const kept = outLength + 1 < outSize ? min(<u32>count, outSize - 1 - outLength) : 0
  memory.fill(out + outLength, <u8>byte, kept)
  outLength += count
}

/** string() of lib/vsprintf.c. */
function putPadded(from: usize, length: u32): void {
  if (!left) fill(SPACE, <i32>(width - length))
  for (let n: u32 = 0; n < length; n++) put(load<u8>(from + n))
  if (left) fill(SPACE, <i32>(width - length))
}

/** number() of lib/vsprintf.c. */
function putNumber(magnitude: u64, sign: u32, base: u64, upper: bool): void {
  let digits = 1
  let power: u64 = 1
  while (magnitude / power >= base) {
    power *= base
    digits++
  }
  const rest = <i32>width - digits - (sign != 0 ? 1 : 0)
  const zeros = zero && !left
  if (!zeros && !left) fill(SPACE, rest)
  if (sign != 0) put(sign)
  if (zeros) fill(ZERO, rest)
  for (; power != 0; power /= base) {
    const digit = <u32>((magnitude / power) % base)
    put(digit < 10 ? ZERO + digit : (upper ? 0x37 : 0x57) + digit)
  }
  if (left) fill(SPACE, rest)
}

function unpackNumber(wide: bool): u64 {
  next = (next + 3) & ~3
  const at = next
  next += wide ? 8 : 4
  const low: u64 = at + 4 <= PACKED_SIZE ? load<u32>(packed(at)) : 0
  if (!wide) return low
  const high: u64 = at + 8 <= PACKED_SIZE ? load<u32>(packed(at), 4) : 0
  return low | (high << 32)
}

function unpackString(): u32 {
  let length: u32 = 0
  while (next + length < PACKED_SIZE && load<u8>(packed(next + length)) != 0) length++
  return length
}

function printPointer(at: u32): u32 {
  const kind: u32 = load<u8>(at)
  if (kind == LOWER_S || kind == UPPER_S) {
    const value = unpackNumber(true)
    const keep = used
    // Behind what is packed there is room: the longest number takes 18 bytes.
    used = 0
    const save0 = load<u64>(scratch, PACKED)
    const save1 = load<u64>(scratch, PACKED + 8)
    const save2 = load<u32>(scratch, PACKED + 16)
    packByte(ZERO)
    packByte(LOWER_X)
    packHex(value, 1)
    putPadded(packed(0), used)
    store<u64>(scratch, save0, PACKED)
    store<u64>(scratch, save1, PACKED + 8)
    store<u32>(scratch, save2, PACKED + 16)
    used = keep
  } else if (kind == LOWER_X || kind == UPPER_K || !isAlnum(kind)) {
    // An offset in the arena gives nothing away: all print as %px does.
    if (width == 0) {
      width = 16
      zero = true
    }
    putNumber(unpackNumber(true), 0, 16, false)
  } else if (outLength < outSize) {
    // Printed among the arguments already; a text that has no room left does not even skip it.
    const length = unpackString()
    for (let n: u32 = 0; n < length; n++) put(load<u8>(packed(next + n)))
    next += length + 1
  }
  while (isAlnum(load<u8>(at))) at++
  return at
}

function printConversion(at: u32): u32 {
  let kind: u32 = load<u8>(at)
  if (kind == LOWER_P) return printPointer(at + 1)
  if (kind == LOWER_S) {
    const length = unpackString()
    putPadded(packed(next), length)
    next += length + 1
    return at + 1
  }
  if (kind == LOWER_C) {
    putPadded(packed(next), 1)
    next++
    return at + 1
  }
  const wide = kind == LOWER_L
  while (kind == LOWER_L) kind = load<u8>(++at)
  const signed = kind == LOWER_I || kind == LOWER_D
  const raw = unpackNumber(wide)
  const value: i64 = wide || !signed ? <i64>raw : <i64>(<i32>raw)
  const negative = signed && value < 0
  const sign: u32 = !signed ? 0 : negative ? MINUS : plus ? PLUS : space ? SPACE : 0
  const base: u64 = kind == LOWER_X || kind == UPPER_X ? 16 : 10
  putNumber(negative ? <u64>-value : <u64>value, sign, base, kind == UPPER_X)
  return at + 1
}

/**
 * Formats `count` words at ARGUMENTS for a buffer of `size` bytes, of which the last is for a NUL that the caller puts.
 * The format ends with a NUL. Returns the length of the whole text, or a negative errno.
 */
export function formatText(format: u32, count: u32, to: u32, size: u32): i32 {
  argumentCount = count
  const refused = prepare(format)
  if (refused < 0) return refused
  out = to
  outSize = size
  outLength = 0
  next = 0
  for (let at = format; ; ) {
    const c: u32 = load<u8>(at)
    if (c == 0) break
    if (c != PERCENT) {
      put(c)
      at++
    } else if (load<u8>(at, 1) == PERCENT) {
      put(PERCENT)
      at += 2
    } else {
      at = printConversion(parseSpec(at + 1))
    }
  }
  return outLength
}
