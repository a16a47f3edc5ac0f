import { MapError } from './errors.ts'
import type { HostMap } from './host-map.ts'
import { MapWatch, type Observer, type WatchOptions } from './map-watch.ts'

/** What the host did to an element; `key` is absent for maps without keys. */
export interface HostChange {
  readonly operation: 'update' | 'delete' | 'push' | 'pop'
  /** A copy. */
  readonly key?: Uint8Array
}

type Pin = (path: string) => Promise<void>

const pins = new WeakMap<MapBase, Pin>()

/** What `map.pin` does: for whoever makes maps that can outlive their collection. */
export const setPin = (map: MapBase, pin: Pin): void => void pins.set(map, pin)

const observers = new WeakMap<MapBase, Observer>()

/** How `map.watch` hears of runs: for whoever runs programs. */
export const setObserver = (map: MapBase, observer: Observer): void => void observers.set(map, observer)

/** What a live map has besides its elements: who waits for it, and where it is pinned. */
export abstract class MapBase {
  abstract readonly name: string
  readonly #waiting = new Set<() => void>()
  readonly #watching = new Set<(change: HostChange) => void>()

  /** Calls `listener` whenever a program wakes the readers of the map's rings; returns a function that ends it. */
  onWake(listener: () => void): () => void {
    this.#waiting.add(listener)
    return () => void this.#waiting.delete(listener)
  }

  /** Wakes the readers of the map's rings: what bpf_ringbuf_submit and its kin do. */
  wake(): void {
    for (const listener of this.#waiting) listener()
  }

  /** Calls `listener` after each operation of this handle that changed the map; returns a function that ends it. */
  onChange(listener: (change: HostChange) => void): () => void {
    this.#watching.add(listener)
    return () => void this.#watching.delete(listener)
  }

  protected changed(operation: HostChange['operation'], key?: Uint8Array): void {
    if (this.#watching.size === 0) return
    const change = key && key.length > 0 ? { operation, key: key.slice() } : { operation }
    for (const listener of this.#watching) listener(change)
  }

  /** `changed` for each of keys that follow one another. */
  protected changedAll(operation: HostChange['operation'], keys: Uint8Array, keySize: number): void {
    if (this.#watching.size === 0) return
    for (let at = 0; at < keys.length; at += keySize) this.changed(operation, keys.subarray(at, at + keySize))
  }

  /** The map's changes as they come; see `MapWatch` for what it can see. */
  watch(options: WatchOptions = {}): MapWatch {
    return new MapWatch(this as unknown as HostMap, observers.get(this), options)
  }

  /** Keeps the map under a path after its collection is closed (BPF_OBJ_PIN); see the runtime's `pin`. */
  async pin(path: string): Promise<void> {
    const pin = pins.get(this)
    if (!pin) throw new MapError('EOPNOTSUPP', this.name, 'pin', 'no runtime made the map: nothing keeps it')
    await pin(path)
  }

  /** The map is closed: nobody waits any more. */
  protected forgetListeners(): void {
    this.wake()
    this.#waiting.clear()
    this.#watching.clear()
  }
}
