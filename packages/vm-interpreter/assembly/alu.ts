/** Arithmetic that wasm does not define as BPF does (RFC 9669 section 4.1). */

@inline
export function div64(d: u64, s: u64): u64 {
  return s == 0 ? 0 : d / s
}

@inline
export function div32(d: u32, s: u32): u32 {
  return s == 0 ? 0 : d / s
}

@inline
export function mod64(d: u64, s: u64): u64 {
  return s == 0 ? d : d % s
}

@inline
export function mod32(d: u32, s: u32): u32 {
  return s == 0 ? d : d % s
}

/** wasm traps on the overflow that BPF wraps. */
@inline
export function sdiv64(d: u64, s: u64): u64 {
  if (s == 0) return 0
  return s == u64.MAX_VALUE ? 0 - d : <u64>(<i64>d / <i64>s)
}

@inline
export function sdiv32(d: u32, s: u32): u32 {
  if (s == 0) return 0
  return s == u32.MAX_VALUE ? 0 - d : <u32>(<i32>d / <i32>s)
}

@inline
export function smod64(d: u64, s: u64): u64 {
  return s == 0 ? d : <u64>(<i64>d % <i64>s)
}

@inline
export function smod32(d: u32, s: u32): u32 {
  return s == 0 ? d : <u32>(<i32>d % <i32>s)
}

/** Half by half: the masks of a 64-bit swap would take registers of the whole loop. */
@inline
export function swap64(value: u64): u64 {
  return (<u64>bswap<u32>(<u32>value) << 32) | <u64>bswap<u32>(<u32>(value >> 32))
}
