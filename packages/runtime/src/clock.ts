/** Nanoseconds since the host's process or page began; in deterministic mode every reading is a microsecond after the last. */
export function createClock(deterministic: boolean): () => bigint {
  if (deterministic) {
    let ticks = 0n
    return () => (ticks += 1000n)
  }
  return () => BigInt(Math.round(performance.now() * 1e6))
}
