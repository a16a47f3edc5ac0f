/** Which maps of maps hold a map, and which maps it holds as one: a map is freed when it is closed and nobody holds it. */
export class Holding {
  /** Elements that the map is. */
  #holders = 0
  /** What is an element of the map, and how many each is. */
  readonly #elements = new Map<Holding, number>()
  readonly #letGo: () => void

  /** `letGo` is called when the last element that the map was is gone. */
  constructor(letGo: () => void) {
    this.#letGo = letGo
  }

  get held(): boolean {
    return this.#holders > 0
  }

  /** One more element of the map is `inner`. */
  add(inner: Holding): void {
    inner.#holders++
    this.#elements.set(inner, (this.#elements.get(inner) ?? 0) + 1)
  }

  /** One element fewer is `inner`. */
  remove(inner: Holding): void {
    const left = this.#elements.get(inner)! - 1
    if (left === 0) this.#elements.delete(inner)
    else this.#elements.set(inner, left)
    inner.#release(1)
  }

  /** The map has no elements any more. */
  clear(): void {
    for (const [inner, count] of this.#elements) inner.#release(count)
    this.#elements.clear()
  }

  #release(count: number): void {
    this.#holders -= count
    if (this.#holders === 0) this.#letGo()
  }
}
