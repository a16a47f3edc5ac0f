import { countChanges } from './changes.ts'
import type { HostMap } from './host-map.ts'
import type { HostChange } from './map-base.ts'
import { Waiter } from './waiter.ts'

/** What changed a map: an operation of the host's handle, or something that programs did in a run or a batch. */
export type MapChange =
  | ({ readonly by: 'host' } & HostChange & Missed)
  | ({ readonly by: 'program' } & Missed)

interface Missed {
  /** Changes that found no room between the one before and this one. */
  readonly lost: number
}

export interface WatchOptions {
  /** Changes that are kept for a reader that is slower. Default 1024. */
  readonly limit?: number
}

/** Calls `check` after every run and batch of programs; returns a function that ends it. */
export type Observer = (check: () => void) => () => void

/**
 * The changes of a map, as they come: `for await (const change of map.watch())` waits when there are none, and ends when the
 * watch or the map is closed. It polls nothing, and tells what this thread can know: each operation of the host's handle, and that
 * programs updated or deleted elements in a run or batch of this thread, once for all of it. Not what programs store through a
 * pointer that a lookup gave (they call nothing then), not what programs of other threads do until a run of this one, and of types
 * that do not count (`seesPrograms` is false) only the host's.
 */
export class MapWatch implements AsyncIterable<MapChange> {
  readonly map: HostMap
  /** Whether changes by programs are seen. */
  readonly seesPrograms: boolean
  readonly #limit: number
  readonly #waiter: Waiter
  readonly #forget: (() => void)[] = []
  #changes: MapChange[] = []
  #lost = 0
  #seen: number

  /** Use `map.watch`. */
  constructor(map: HostMap, observe: Observer | undefined, options: WatchOptions = {}) {
    this.map = map
    this.#limit = options.limit ?? 1024
    const count = countChanges(map)
    this.#seen = count ?? 0
    this.seesPrograms = count !== undefined && observe !== undefined
    this.#waiter = new Waiter(map)
    this.#forget.push(map.onChange((change) => this.#host(change)))
    if (this.seesPrograms) this.#forget.push(observe!(() => this.#check()))
  }

  #host(change: HostChange): void {
    // What the host did has counted too.
    this.#seen++
    this.#check()
    this.#add({ by: 'host', ...change, lost: 0 })
  }

  #check(): void {
    if (!this.seesPrograms || this.closed) return
    const count = countChanges(this.map)!
    const changed = (count - this.#seen) | 0
    this.#seen = count
    if (changed > 0 && this.#changes.at(-1)?.by !== 'program') this.#add({ by: 'program', lost: 0 })
  }

  #add(change: MapChange): void {
    if (this.#changes.length >= this.#limit) this.#lost++
    else {
      this.#changes.push(this.#lost === 0 ? change : { ...change, lost: this.#lost })
      this.#lost = 0
    }
    this.#waiter.wake()
  }

  /** Takes the changes that are there. */
  take(): MapChange[] {
    const changes = this.#changes
    this.#changes = []
    return changes
  }

  /** Changes that found no room and that none has told of yet. */
  get lost(): number {
    return this.#lost
  }

  get closed(): boolean {
    return this.#waiter.closed
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<MapChange, void, undefined> {
    do {
      for (let change = this.#changes.shift(); change; change = this.#changes.shift()) yield change
    } while (await this.#waiter.wait())
  }

  /** Ends loops over it. Closing twice is fine. */
  close(): void {
    for (const forget of this.#forget.splice(0)) forget()
    this.#waiter.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
