/** Numbers that look random and are the same in every run: 32 bits of splitmix (Steele, Lea and Flood, 2014). */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed | 0
  }

  /** 32 bits, unsigned. */
  next(): number {
    this.#state = (this.#state + 0x9e37_79b9) | 0
    let z = this.#state
    z = Math.imul(z ^ (z >>> 16), 0x85eb_ca6b)
    z = Math.imul(z ^ (z >>> 13), 0xc2b2_ae35)
    return (z ^ (z >>> 16)) >>> 0
  }

  /** An integer from 0 to `limit` - 1. */
  below(limit: number): number {
    return Math.floor((this.next() / 2 ** 32) * limit)
  }
}
