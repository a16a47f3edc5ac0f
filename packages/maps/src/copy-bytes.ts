/** Copies bytes between two arrays; few of them without an object for the part. */
export function copyBytes(to: Uint8Array, at: number, from: Uint8Array, start: number, size: number): void {
  if (size > 64) to.set(from.subarray(start, start + size), at)
  else for (let i = 0; i < size; i++) to[at + i] = from[start + i]!
}
