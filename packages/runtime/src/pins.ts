import type { PinInfo, PinTable, PinTableParts } from './pin-table.ts'

/** A runtime's pins. Most runtimes have none: the table is loaded by the first who asks for it. */
export class Pins implements Iterable<PinInfo> {
  readonly #parts: PinTableParts
  #loading: Promise<PinTable> | undefined
  #table: PinTable | undefined

  constructor(parts: PinTableParts) {
    this.#parts = parts
  }

  table(): Promise<PinTable> {
    this.#loading ??= import('./pin-table.ts').then(({ PinTable }) => {
      this.#table = new PinTable(this.#parts)
      return this.#table
    })
    return this.#loading
  }

  *[Symbol.iterator](): Generator<PinInfo> {
    if (this.#table) yield* this.#table
  }

  close(): void {
    this.#table?.close()
  }
}
