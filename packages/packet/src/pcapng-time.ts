/** Turns the 64-bit timestamps of an interface into seconds and nanoseconds. */
export interface Clock {
  /** The whole seconds of a timestamp; what is left over is then in `nanos`. */
  seconds(high: number, low: number): number
  readonly nanos: number
}

/**
 * The clock of an interface with the options if_tsresol and if_tsoffset: ticks of 10^-n seconds, or of 2^-n seconds with
 * the upper bit set, and seconds to add.
 */
export function createClock(resolution = 6, offset = 0): Clock {
  const exponent = resolution & 0x7f
  const base = (resolution & 0x80) === 0 ? 10 : 2
  const ticks = base ** exponent
  return ticks <= MAX_DOUBLE_TICKS
    ? new DoubleClock(ticks, offset)
    : new BigClock(BigInt(base) ** BigInt(exponent), offset)
}

/** Ticks in a second of a clock with that if_tsresol; 0 if there are more than 2^30. */
export function plainTicks(resolution: number): number {
  const exponent = resolution & 0x7f
  const ticks = ((resolution & 0x80) === 0 ? 10 : 2) ** exponent
  return ticks <= MAX_DOUBLE_TICKS ? ticks : 0
}

// With no more ticks than this in a second, the steps below stay under 2^53 and so are exact.
const MAX_DOUBLE_TICKS = 2 ** 30

class DoubleClock implements Clock {
  nanos = 0
  readonly #ticks: number
  readonly #offset: number
  /** The second of the last timestamp: its number, and the timestamp it begins with. Most others are of the same one. */
  #second = 0
  #high = 0
  #low = 0

  constructor(ticks: number, offset: number) {
    this.#ticks = ticks
    this.#offset = offset
  }

  seconds(high: number, low: number): number {
    let rest = (high - this.#high) * 0x1_0000_0000 + low - this.#low
    if (!(rest >= 0 && rest < this.#ticks)) rest = this.#divide(high, low)
    // In two steps, to stay exact.
    const upper = Math.floor((rest * 1e5) / this.#ticks)
    this.nanos = upper * 1e4 + Math.floor(((rest * 1e5 - upper * this.#ticks) * 1e4) / this.#ticks)
    return this.#second
  }

  /** Long division by digits of 16 bits; answers the remainder. */
  #divide(high: number, low: number): number {
    let quotient = 0
    let rest = 0
    for (const digit of [high >>> 16, high & 0xffff, low >>> 16, low & 0xffff]) {
      const value = rest * 0x10000 + digit
      const part = Math.floor(value / this.#ticks)
      rest = value - part * this.#ticks
      quotient = quotient * 0x10000 + part
    }
    this.#second = quotient + this.#offset
    const borrow = rest > low ? 1 : 0
    this.#high = high - borrow
    this.#low = low - rest + borrow * 0x1_0000_0000
    return rest
  }
}

class BigClock implements Clock {
  nanos = 0
  readonly #ticks: bigint
  readonly #offset: number

  constructor(ticks: bigint, offset: number) {
    this.#ticks = ticks
    this.#offset = offset
  }

  seconds(high: number, low: number): number {
    const value = (BigInt(high) << 32n) | BigInt(low)
    const seconds = value / this.#ticks
    this.nanos = Number(((value - seconds * this.#ticks) * 1_000_000_000n) / this.#ticks)
    return Number(seconds) + this.#offset
  }
}
