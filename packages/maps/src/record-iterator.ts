/** What `for await` asks of a reader: a record that is there, or a wait until there may be one (false: there will be none). */
export interface RecordSource<T> {
  take(): T | undefined
  wait(): Promise<boolean>
}

const ended = { done: true, value: undefined } as const

/**
 * Records as they come, one at a time: whoever leaves the loop leaves the others in the ring. An async generator would take
 * several promises for a record that is there already.
 */
export class RecordIterator<T> implements AsyncIterableIterator<T, void, undefined> {
  readonly #source: RecordSource<T>
  #left = false

  constructor(source: RecordSource<T>) {
    this.#source = source
  }

  next(): Promise<IteratorResult<T, void>> {
    if (this.#left) return Promise.resolve(ended)
    const value = this.#source.take()
    return value === undefined ? this.#later() : Promise.resolve({ done: false, value })
  }

  async #later(): Promise<IteratorResult<T, void>> {
    while (!this.#left && (await this.#source.wait())) {
      const value = this.#left ? undefined : this.#source.take()
      if (value !== undefined) return { done: false, value }
    }
    this.#left = true
    return ended
  }

  /** What leaving the loop calls. */
  return(): Promise<IteratorResult<T, void>> {
    this.#left = true
    return Promise.resolve(ended)
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
