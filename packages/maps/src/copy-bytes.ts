/** Copies bytes between two arrays; few of them without an object for the part. */
export function copyBytes(to: Uint8Array, at: number, from: Uint8Array, start: number, size: number): void {
  if (size > 64) copyWords(to, at, from, start, size)
  else for (let i = 0; i < size; i++) to[at + i] = from[start + i]!
}

/** The same in words of 8 bytes where both lie on such: what another thread writes at once is got whole. */
export function copyWords(to: Uint8Array, at: number, from: Uint8Array, start: number, size: number): void {
  to.set(from.subarray(start, start + size), at)
}

/** A u32, little-endian. */
export function wordBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  for (let n = 0; n < 4; n++) bytes[n] = value >>> (8 * n)
  return bytes
}
