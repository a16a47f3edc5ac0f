import type { HostMap } from './host-map.ts'

/** Waits for a map's rings, on behalf of one reader. */
export class Waiter {
  readonly #map: HostMap
  readonly #forget: () => void
  readonly #waiting = new Set<() => void>()
  /** Woken while nobody waited: the next wait ends at once. */
  #woken = false
  #closed = false

  constructor(map: HostMap) {
    this.#map = map
    this.#forget = map.onWake(() => this.wake())
  }

  wake(): void {
    this.#woken = true
    for (const resume of this.#waiting) resume()
    this.#waiting.clear()
  }

  get closed(): boolean {
    return this.#closed || this.#map.closed
  }

  /** Resolves when something may be there: true, or false when there will be nothing any more. */
  async wait(): Promise<boolean> {
    if (!this.closed && !this.#woken) await new Promise<void>((resolve) => this.#waiting.add(resolve))
    this.#woken = false
    return !this.closed
  }

  close(): void {
    this.#closed = true
    this.#forget()
    this.wake()
  }
}
