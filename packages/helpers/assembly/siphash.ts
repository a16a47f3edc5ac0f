/** SipHash-2-4 over 64-bit words (Aumasson and Bernstein, 2012), under a key of this CPU's module. */
import { get_prandom_u32 } from './control'

let key0: u64 = 0
let key1: u64 = 0
let v0: u64 = 0
let v1: u64 = 0
let v2: u64 = 0
let v3: u64 = 0

function drawKey(): void {
  key0 = (get_prandom_u32(0, 0, 0, 0, 0) << 32) | get_prandom_u32(0, 0, 0, 0, 0)
  key1 = (get_prandom_u32(0, 0, 0, 0, 0) << 32) | get_prandom_u32(0, 0, 0, 0, 0) | 1
}

function round(): void {
  v0 += v1
  v1 = rotl<u64>(v1, 13) ^ v0
  v0 = rotl<u64>(v0, 32)
  v2 += v3
  v3 = rotl<u64>(v3, 16) ^ v2
  v0 += v3
  v3 = rotl<u64>(v3, 21) ^ v0
  v2 += v1
  v1 = rotl<u64>(v1, 17) ^ v2
  v2 = rotl<u64>(v2, 32)
}

export function begin(): void {
  if (key1 == 0) drawKey()
  v0 = key0 ^ 0x736f_6d65_7073_6575
  v1 = key1 ^ 0x646f_7261_6e64_6f6d
  v2 = key0 ^ 0x6c79_6765_6e65_7261
  v3 = key1 ^ 0x7465_6462_7974_6573
}

export function add(word: u64): void {
  v3 ^= word
  round()
  round()
  v0 ^= word
}

/** `bytes` is how many were hashed, whole words only. */
export function end(bytes: u64): u64 {
  add(bytes << 56)
  v2 ^= 0xff
  for (let n = 0; n < 4; n++) round()
  return v0 ^ v1 ^ v2 ^ v3
}
