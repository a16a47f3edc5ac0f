const rotate = (word: number, by: number): number => (word << by) | (word >>> (32 - by))

/** Function and constant of each quarter of the 80 rounds. */
const quarters: readonly (readonly [(b: number, c: number, d: number) => number, number])[] = [
  [(b, c, d) => (b & c) | (~b & d), 0x5a82_7999],
  [(b, c, d) => b ^ c ^ d, 0x6ed9_eba1],
  [(b, c, d) => (b & c) | (b & d) | (c & d), 0x8f1b_bcdc],
  [(b, c, d) => b ^ c ^ d, 0xca62_c1d6],
]

/** SHA-1 (FIPS 180-4) as 40 hex digits: iproute2 names the folder of an object's pins so. Not for security. */
export function sha1(bytes: Uint8Array): string {
  const blocks = Math.ceil((bytes.length + 9) / 64)
  const tail = new Uint8Array(blocks * 64 - (bytes.length & ~63))
  tail.set(bytes.subarray(bytes.length & ~63))
  tail[bytes.length & 63] = 0x80
  const end = new DataView(tail.buffer)
  end.setUint32(tail.length - 8, Math.floor(bytes.length / 2 ** 29))
  end.setUint32(tail.length - 4, (bytes.length << 3) >>> 0)

  const state = Int32Array.of(0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0)
  const words = new Int32Array(80)
  const whole = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const first = bytes.length >>> 6
  for (let block = 0; block < blocks; block++) {
    const [view, at] = block < first ? [whole, block * 64] : [end, (block - first) * 64]
    for (let i = 0; i < 16; i++) words[i] = view.getInt32(at + 4 * i)
    for (let i = 16; i < 80; i++)
      words[i] = rotate(words[i - 3]! ^ words[i - 8]! ^ words[i - 14]! ^ words[i - 16]!, 1)
    let [a, b, c, d, e] = state as unknown as [number, number, number, number, number]
    for (let i = 0; i < 80; i++) {
      const [mix, constant] = quarters[Math.floor(i / 20)]!
      const next = (rotate(a, 5) + mix(b, c, d) + e + constant + words[i]!) | 0
      ;[a, b, c, d, e] = [next, a, rotate(b, 30), c, d]
    }
    for (const [i, word] of [a, b, c, d, e].entries()) state[i]! += word
  }
  return [...state].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('')
}
