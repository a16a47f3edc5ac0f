import { headers, IPPROTO, ipv4 } from '@skep/packet'
import { udpPacket } from './packets.ts'
import { Random } from './random.ts'

/** First contents of a map. */
export interface MapFill {
  /** Filled is the first map of this type with these sizes, whatever its name. */
  readonly type: string
  readonly keySize: number
  readonly valueSize: number
  readonly keys: readonly Uint8Array[]
  /** The key that the program's packet finds. */
  readonly hit: Uint8Array
}

const ENTRIES = 1000
const addresses = headers.ipv4.read(udpPacket, 14)!

/** An array's elements are there from the beginning; `hit` is the packet's protocol as a u32. */
export const counters: MapFill = {
  type: 'array',
  keySize: 4,
  valueSize: 8,
  keys: [],
  hit: Uint8Array.of(IPPROTO.UDP, 0, 0, 0),
}

const only = { keys: [], hit: new Uint8Array(4) }

/** One number in an array of one. */
export const number: MapFill = { type: 'array', keySize: 4, valueSize: 8, ...only }

/** By the last byte of the port that packets go to: 53. */
export const ports: MapFill = { ...number, hit: Uint8Array.of(53, 0, 0, 0) }

function makeSources(): MapFill {
  const random = new Random(5)
  const hit = ipv4.parse(addresses.src)
  const keys = new Map([[addresses.src, hit]])
  while (keys.size < ENTRIES) {
    const key = Uint8Array.from({ length: 4 }, () => random.below(256))
    keys.set(ipv4.format(key), key)
  }
  return { type: 'hash', keySize: 4, valueSize: 8, keys: [...keys.values()], hit }
}

function makePrefixes(): MapFill {
  const random = new Random(7)
  const prefix = (length: number, address: Uint8Array): Uint8Array => {
    const key = new Uint8Array(8)
    new DataView(key.buffer).setUint32(0, length, true)
    for (let bit = 0; bit < length; bit++) key[4 + (bit >> 3)]! |= address[bit >> 3]! & (0x80 >> (bit & 7))
    return key
  }
  const destination = ipv4.parse(addresses.dst)
  const hit = prefix(24, destination)
  const keys = new Map([[String(hit), hit]])
  while (keys.size < ENTRIES) {
    const share = random.below(10)
    const length = share < 6 ? 24 : share < 9 ? 16 + random.below(8) : 8 + random.below(25)
    const address = Uint8Array.from({ length: 4 }, () => random.below(256))
    // Some lie beside the packet's destination, so that the walk is deep; none is longer than what it must find.
    if (random.below(4) === 0) address.set(destination.subarray(0, 2))
    const key = prefix(length, address)
    if (!(length > 24 && String(address.subarray(0, 3)) === String(destination.subarray(0, 3)))) {
      keys.set(String(key), key)
    }
  }
  return { type: 'lpm_trie', keySize: 8, valueSize: 8, keys: [...keys.values()], hit }
}

/** 1,000 sources, the packet's among them. */
export const sources: MapFill = /* @__PURE__ */ makeSources()

/** 1,000 prefixes of 8 to 32 bits, as a routing table has them, roughly: most are of 24. */
export const prefixes: MapFill = /* @__PURE__ */ makePrefixes()

/** The same sources, counted for each CPU. */
export const percpuSources: MapFill = { ...sources, type: 'percpu_hash' }
