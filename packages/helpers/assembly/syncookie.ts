/** SYN cookies without a socket (net/core/filter.c, net/ipv{4,6}/syncookies.c), under keys of a CPU's own. */
import { EACCES, EINVAL } from '../../registry/src/layout/errno'
import { pointer, result } from './env'
import { add, begin, end } from './siphash'
import { ktime_get_ns } from './time'

const COOKIEBITS: u32 = 24
const COOKIEMASK: u32 = (1 << COOKIEBITS) - 1
/** Minutes that a cookie counts for. */
const MAX_SYNCOOKIE_AGE: u32 = 2
const PERIOD: u64 = 60_000_000_000
const TCP_HLEN: u32 = 20
const TCP_MSS_DEFAULT: u32 = 536
const TCPOPT_EOL: u8 = 0
const TCPOPT_NOP: u8 = 1
const TCPOPT_MSS: u8 = 2
const TCPOLEN_MSS: u32 = 4
const SIZES: u32 = 4

/** msstab: the sizes that a cookie can say. */
function sizeAt(index: u32, isIpv6: bool): u32 {
  if (isIpv6) return index == 0 ? 1220 : index == 1 ? 1420 : index == 2 ? 1440 : 8940
  return index == 0 ? 536 : index == 1 ? 1300 : index == 2 ? 1440 : 1460
}

/** tcp_parse_mss_option, or the default. */
function parseMss(tcp: usize, size: u32): u32 {
  let at = tcp + TCP_HLEN
  const limit = tcp + size
  while (at < limit) {
    const kind = load<u8>(at)
    if (kind == TCPOPT_EOL) break
    if (kind == TCPOPT_NOP) {
      at++
      continue
    }
    if (limit - at < 2) break
    const length = <u32>load<u8>(at, 1)
    if (length < 2 || length > <u32>(limit - at)) break
    if (kind == TCPOPT_MSS && length == TCPOLEN_MSS) {
      const mss = <u32>bswap<u16>(load<u16>(at, 2))
      if (mss != 0) return mss
    }
    at += length
  }
  return TCP_MSS_DEFAULT
}

/** cookie_hash: addresses, ports, minute. */
function hash(ip: usize, isIpv6: bool, ports: u32, count: u32, which: u32): u32 {
  begin()
  add(which)
  add(((<u64>count) << 32) | ports)
  const from: usize = isIpv6 ? 8 : 12
  const size: usize = isIpv6 ? 32 : 8
  for (let at: usize = 0; at < size; at += 8) add(load<u64>(ip + from + at))
  return <u32>end(16 + size)
}

@inline
function minute(): u32 {
  return <u32>(ktime_get_ns(0, 0, 0, 0, 0) / PERIOD)
}

function make(ip: usize, isIpv6: bool, tcp: usize, length: u32): u64 {
  if (length < TCP_HLEN || length != ((<u32>load<u8>(tcp, 12)) >> 4) << 2) return result(-EINVAL)
  const mss = parseMss(tcp, length)
  let index: u32 = SIZES - 1
  while (index > 0 && mss < sizeAt(index, isIpv6)) index--
  const ports = load<u32>(tcp)
  const count = minute()
  const cookie =
    hash(ip, isIpv6, ports, 0, 0) +
    bswap<u32>(load<u32>(tcp, 4)) +
    (count << COOKIEBITS) +
    ((hash(ip, isIpv6, ports, count, 1) + index) & COOKIEMASK)
  return (<u64>sizeAt(index, isIpv6) << 32) | cookie
}

function verify(ip: usize, isIpv6: bool, tcp: usize): u64 {
  const ports = load<u32>(tcp)
  const sequence = bswap<u32>(load<u32>(tcp, 4)) - 1
  const cookie = bswap<u32>(load<u32>(tcp, 8)) - 1 - hash(ip, isIpv6, ports, 0, 0) - sequence
  const count = minute()
  const age = (count - (cookie >> COOKIEBITS)) & (0xffff_ffff >> COOKIEBITS)
  if (age >= MAX_SYNCOOKIE_AGE) return result(-EACCES)
  const index = (cookie - hash(ip, isIpv6, ports, count - age, 1)) & COOKIEMASK
  return index < SIZES ? 0 : result(-EACCES)
}

export function tcp_raw_gen_syncookie_ipv4(ip: u64, tcp: u64, length: u64, r4: u64, r5: u64): u64 {
  return make(pointer(ip), false, pointer(tcp), <u32>length)
}

export function tcp_raw_gen_syncookie_ipv6(ip: u64, tcp: u64, length: u64, r4: u64, r5: u64): u64 {
  return make(pointer(ip), true, pointer(tcp), <u32>length)
}

export function tcp_raw_check_syncookie_ipv4(ip: u64, tcp: u64, r3: u64, r4: u64, r5: u64): u64 {
  return verify(pointer(ip), false, pointer(tcp))
}

export function tcp_raw_check_syncookie_ipv6(ip: u64, tcp: u64, r3: u64, r4: u64, r5: u64): u64 {
  return verify(pointer(ip), true, pointer(tcp))
}
