const decoder = new TextDecoder()

/**
 * A section of NUL-terminated UTF-8 strings, read by offset. Each offset is decoded once. Offsets may point into the
 * middle of a string, as linkers share tails; a section whose strings overlap so much that reading them takes many times
 * its size is refused, so that a small file cannot ask for gigabytes.
 */
export class StringTable {
  readonly #section: Uint8Array
  readonly #fail: (offset: number, message: string) => Error
  readonly #known = new Map<number, string>()
  #budget: number

  /** `fail` makes the error for an offset of the section. */
  constructor(section: Uint8Array, fail: (offset: number, message: string) => Error) {
    this.#section = section
    this.#fail = fail
    this.#budget = section.length * 8 + 4096
  }

  /** Bytes. */
  get size(): number {
    return this.#section.length
  }

  /** Empty for an offset outside. */
  at(offset: number): string {
    const known = this.#known.get(offset)
    if (known !== undefined) return known
    if (offset < 0 || offset >= this.#section.length) return ''
    const nul = this.#section.indexOf(0, offset)
    const end = nul < 0 ? this.#section.length : nul
    this.#budget -= end - offset
    if (this.#budget < 0)
      throw this.#fail(offset, 'strings overlap so that they are many times their section')
    // A copy, since a decoder refuses shared memory.
    const text = decoder.decode(this.#section.slice(offset, end))
    this.#known.set(offset, text)
    return text
  }
}
