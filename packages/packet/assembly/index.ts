/**
 * The inner loops of a CapturePump: finds records, makes a context for each, and afterwards counts verdicts and gathers
 * the packets to keep. Whatever is not plain is left to the scanners in JavaScript.
 */
import * as layout from '../src/layout'

const NANOS_PER_SECOND: u32 = 1_000_000_000
const RECORD_HEADER: u32 = 16
/** Type, length, and the length again; behind the first two come 20 bytes of an enhanced packet block. */
const BLOCK_OVERHEAD: u32 = 12
const ENHANCED_HEADER: u32 = 28
const BLOCK_ENHANCED_PACKET: u32 = 6

@inline
function word(pump: usize, offset: u32): u32 {
  return load<u32>(pump + offset)
}

/** Fills in a context's words that depend on the packet. */
// @ts-ignore: decorator
@inline
function fill(pump: usize, context: usize, data: u32, length: u32, original: u32): void {
  const values = pump + layout.PUMP_VALUES
  store<u32>(values, data, 4 * layout.FIELD_DATA)
  store<u32>(values, data + length, 4 * layout.FIELD_DATA_END)
  store<u32>(values, length, 4 * layout.FIELD_LENGTH)
  store<u32>(values, original, 4 * layout.FIELD_ORIGINAL_LENGTH)
  store<u32>(values, data + 14, 4 * layout.FIELD_NETWORK)
  store<u32>(values, length >= 14 ? load<u16>(data, 12) : 0, 4 * layout.FIELD_PROTOCOL)
  store<u32>(values, packetType(data, length), 4 * layout.FIELD_PACKET_TYPE)
  const fields: usize = word(pump, layout.PUMP_FIELDS)
  const end = fields + 8 * word(pump, layout.PUMP_FIELD_COUNT)
  for (let field = fields; field < end; field += 8) {
    store<u32>(context + load<u32>(field), load<u32>(values + load<u32>(field, 4)))
  }
}

function packetType(data: u32, length: u32): u32 {
  if (length < 14 || (load<u8>(data) & 1) == 0) return 0
  return load<u32>(data) == 0xffff_ffff && load<u16>(data, 4) == 0xffff ? 1 : 2
}

/** Adds a packet to the batch, which must have room. */
// @ts-ignore: decorator
@inline
function put(pump: usize, data: u32, length: u32, original: u32, seconds: u32, nanos: u32): void {
  const index = word(pump, layout.PUMP_COUNT)
  const packet: usize = word(pump, layout.PUMP_PACKETS) + index * layout.PACKET_SIZE
  store<u32>(packet, data, layout.PACKET_DATA)
  store<u32>(packet, length, layout.PACKET_LENGTH)
  store<u32>(packet, original, layout.PACKET_ORIGINAL_LENGTH)
  store<u32>(packet, seconds, layout.PACKET_SECONDS)
  store<u32>(packet, nanos, layout.PACKET_NANOS)
  const stride = word(pump, layout.PUMP_STRIDE)
  const begin: usize = word(pump, layout.PUMP_CONTEXTS) + index * stride
  const template: usize = word(pump, layout.PUMP_TEMPLATE)
  for (let i: usize = 0; i < stride; i += 16) v128.store(begin + i, v128.load(template + i))
  fill(pump, begin + word(pump, layout.PUMP_HEADER), data, length, original)
  store<u32>(pump, index + 1, layout.PUMP_COUNT)
}

/** The same for the scanners in JavaScript. */
export function add(pump: usize, data: u32, length: u32, original: u32, seconds: u32, nanos: u32): void {
  put(pump, data, length, original, seconds, nanos)
}

/** Takes records of a pcap file from PUMP_AT on. */
export function scanPcap(pump: usize): u32 {
  const end = word(pump, layout.PUMP_END)
  const swapped = word(pump, layout.PUMP_SWAPPED) != 0
  const unit = word(pump, layout.PUMP_UNIT)
  const longest = word(pump, layout.PUMP_MAX_LENGTH)
  const capacity = word(pump, layout.PUMP_CAPACITY)
  let at = word(pump, layout.PUMP_AT)
  let stop: u32 = layout.STOP_FULL
  while (word(pump, layout.PUMP_COUNT) < capacity) {
    if (end - at < RECORD_HEADER) {
      stop = layout.STOP_NEED
      break
    }
    let seconds = load<u32>(at)
    let fraction = load<u32>(at, 4)
    let length = load<u32>(at, 8)
    let original = load<u32>(at, 12)
    if (swapped) {
      seconds = bswap<u32>(seconds)
      fraction = bswap<u32>(fraction)
      length = bswap<u32>(length)
      original = bswap<u32>(original)
    }
    if (length > longest) {
      stop = layout.STOP_LOOK
      break
    }
    const data = at + RECORD_HEADER
    if (length > end - data) {
      stop = layout.STOP_NEED
      break
    }
    let nanos = <u64>fraction * unit
    if (nanos >= NANOS_PER_SECOND) {
      const carry = nanos / NANOS_PER_SECOND
      if (carry + seconds > 0xffff_ffff) {
        stop = layout.STOP_LOOK
        break
      }
      seconds += <u32>carry
      nanos -= carry * NANOS_PER_SECOND
    }
    put(pump, data, length, original, seconds, <u32>nanos)
    at = data + length
  }
  store<u32>(pump, at, layout.PUMP_AT)
  return stop
}

/** Takes enhanced packet blocks of a pcapng section in this machine's byte order from PUMP_AT on. */
export function scanPcapng(pump: usize): u32 {
  const end = word(pump, layout.PUMP_END)
  const longest = word(pump, layout.PUMP_MAX_LENGTH)
  const capacity = word(pump, layout.PUMP_CAPACITY)
  let at = word(pump, layout.PUMP_AT)
  let stop: u32 = layout.STOP_FULL
  while (word(pump, layout.PUMP_COUNT) < capacity) {
    if (end - at < BLOCK_OVERHEAD) {
      stop = layout.STOP_NEED
      break
    }
    stop = layout.STOP_LOOK
    if (load<u32>(at) != BLOCK_ENHANCED_PACKET) break
    const size = load<u32>(at, 4)
    if (size < ENHANCED_HEADER + 4 || (size & 3) != 0) break
    // The scanner refuses blocks that are too long; a shorter one may yet come.
    if (size > end - at) break
    if (load<u32>(at + size - 4) != size) break
    const id = word(pump, layout.PUMP_FIRST_INTERFACE) + load<u32>(at, 8)
    if (id >= word(pump, layout.PUMP_INTERFACE_COUNT)) break
    const length = load<u32>(at, 20)
    if (length > longest || length > size - ENHANCED_HEADER - 4) break
    const ticks = load<u32>(word(pump, layout.PUMP_INTERFACES) + id * layout.INTERFACE_SIZE)
    if (ticks == 0) break
    if (ticks == layout.OTHER_LINK) {
      store<u32>(pump, word(pump, layout.PUMP_LEFT_OUT) + 1, layout.PUMP_LEFT_OUT)
    } else {
      const time = (<u64>load<u32>(at, 12) << 32) | load<u32>(at, 16)
      let rest = time - load<u64>(pump, layout.PUMP_SECOND_BEGIN)
      // Most packets are of the same second as the one before.
      if (rest >= ticks || word(pump, layout.PUMP_SECOND_OF) != id) {
        const second = time / ticks
        if (second > 0xffff_ffff) break
        rest = time - second * ticks
        store<u64>(pump, time - rest, layout.PUMP_SECOND_BEGIN)
        store<u32>(pump, <u32>second, layout.PUMP_SECOND)
        store<u32>(pump, id, layout.PUMP_SECOND_OF)
      }
      const nanos = ticks == NANOS_PER_SECOND ? <u32>rest : <u32>((rest * NANOS_PER_SECOND) / ticks)
      put(pump, at + ENHANCED_HEADER, length, load<u32>(at, 24), word(pump, layout.PUMP_SECOND), nanos)
    }
    at += size
    stop = layout.STOP_FULL
  }
  store<u32>(pump, at, layout.PUMP_AT)
  return stop
}

/** The packet's protocol where it is plain to see; as `summarize` tells it. */
function classify(link: u32, data: u32, length: u32): u32 {
  let at: u32 = 0
  let type: u32
  if (link == layout.LINK_ETHERNET) {
    if (length < 14) return layout.CLASS_UNKNOWN
    type = bswap<u16>(load<u16>(data, 12))
    at = 14
  } else if (link == layout.LINK_IP && length > 0) {
    const version = load<u8>(data) >> 4
    type = version == 4 ? 0x0800 : version == 6 ? 0x86dd : 0
  } else return layout.CLASS_UNKNOWN
  if (type == 0x0800) {
    if (length < at + 20) return layout.CLASS_UNKNOWN
    const header = <u32>(load<u8>(data + at) & 15) << 2
    if (header < 20 || length < at + header) return layout.CLASS_UNKNOWN
    const protocol = load<u8>(data + at, 9)
    if (protocol == 6) return layout.CLASS_TCP
    if (protocol == 17) return layout.CLASS_UDP
    return protocol == 1 ? layout.CLASS_ICMP : layout.CLASS_UNKNOWN
  }
  if (type == 0x86dd) {
    if (length < at + 40) return layout.CLASS_UNKNOWN
    const protocol = load<u8>(data + at, 6)
    if (protocol == 6) return layout.CLASS_TCP
    if (protocol == 17) return layout.CLASS_UDP
    return protocol == 58 ? layout.CLASS_ICMPV6 : layout.CLASS_UNKNOWN
  }
  return type == 0x0806 && length >= at + 28 ? layout.CLASS_ARP : layout.CLASS_UNKNOWN
}

/** Moves bytes downwards, or leaves them where they are. */
// @ts-ignore: decorator
@inline
function moveDown(to: usize, from: usize, size: u32): void {
  if (to == from) return
  // A distance of less than a vector would read what was just written.
  if (from - to < 16) {
    memory.copy(to, from, size)
    return
  }
  let at: usize = 0
  const whole: usize = size & ~15
  while (at < whole) {
    v128.store(to + at, v128.load(from + at))
    at += 16
  }
  while (at < size) {
    store<u8>(to + at, load<u8>(from + at))
    at++
  }
}

/** Counts the batch's verdicts; answers how many packets it listed, which it did not count. */
export function settle(pump: usize): u32 {
  const count = word(pump, layout.PUMP_COUNT)
  const results = word(pump, layout.PUMP_RESULTS)
  const counts = word(pump, layout.PUMP_COUNTS)
  const listed = word(pump, layout.PUMP_LISTED)
  const byLength = word(pump, layout.PUMP_BY_LENGTH) != 0
  const plain = word(pump, layout.PUMP_PLAIN)
  const link = word(pump, layout.PUMP_LINK)
  let packet: usize = word(pump, layout.PUMP_PACKETS)
  let bytes: u64 = 0
  let listedCount: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    const verdict = load<u32>(results + 4 * i)
    const length = load<u32>(packet, layout.PACKET_LENGTH)
    const kind = classify(link, load<u32>(packet, layout.PACKET_DATA), length)
    bytes += length
    if (kind == layout.CLASS_UNKNOWN || !(byLength || (verdict < 32 && ((plain >> verdict) & 1) != 0))) {
      store<u32>(listed + 4 * listedCount++, i)
    } else {
      const action = byLength ? u32(verdict != 0) : verdict
      const counter: usize = counts + 4 * (kind * layout.ACTIONS + action)
      store<u32>(counter, load<u32>(counter) + 1)
    }
    packet += layout.PACKET_SIZE
  }
  store<u64>(pump, load<u64>(pump, layout.PUMP_BYTES) + bytes, layout.PUMP_BYTES)
  return listedCount
}

/** Writes the batch's packets that are kept to PUMP_OUT, over packets of before. */
export function keep(pump: usize): void {
  const results = word(pump, layout.PUMP_RESULTS)
  const byLength = word(pump, layout.PUMP_BY_LENGTH) != 0
  const wanted = word(pump, layout.PUMP_KEEP)
  const count = word(pump, layout.PUMP_COUNT)
  let packet: usize = word(pump, layout.PUMP_PACKETS)
  let out = word(pump, layout.PUMP_OUT)
  for (let i: u32 = 0; i < count; i++) {
    const verdict = load<u32>(results + 4 * i)
    if (byLength ? verdict != 0 : verdict == wanted) {
      let kept = load<u32>(packet, layout.PACKET_LENGTH)
      if (byLength) kept = min<u32>(verdict, kept)
      store<u32>(out, load<u32>(packet, layout.PACKET_SECONDS))
      store<u32>(out, load<u32>(packet, layout.PACKET_NANOS), 4)
      store<u32>(out, kept, 8)
      store<u32>(out, load<u32>(packet, layout.PACKET_ORIGINAL_LENGTH), 12)
      moveDown(out + RECORD_HEADER, load<u32>(packet, layout.PACKET_DATA), kept)
      out += RECORD_HEADER + kept
    }
    packet += layout.PACKET_SIZE
  }
  store<u32>(pump, out, layout.PUMP_OUT)
}
