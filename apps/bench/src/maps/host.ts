import type { HostMap } from '@skep/maps'
import type { HostOperation } from './calls.ts'
import { FRESH, type MapRow } from './rows.ts'

const KEYS = 4096
const BATCH = 4096

/** Key `n`; that of an LPM trie has its length first. */
export function keyOf({ map }: MapRow, n: number): Uint8Array {
  if (map.keySize === 0) return new Uint8Array(0)
  return new Uint8Array((map.keySize === 8 ? Uint32Array.of(32, n) : Uint32Array.of(n)).buffer)
}

/** The same keys in the same order as those of the programs and of `syscalls.c`. */
function scattered(row: MapRow): Uint8Array[] {
  let state = 1
  return Array.from({ length: KEYS }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return keyOf(row, Math.floor(((state >>> 8) * row.entries) / 2 ** 24))
  })
}

const join = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))

/** What a map of Skep's takes for an operation of the host: nanoseconds of one. */
export class HostSide {
  readonly #map: HostMap
  readonly #keys: readonly Uint8Array[]
  readonly #fresh: readonly Uint8Array[]
  readonly #value: Uint8Array
  /** The scattered keys, fresh ones and values in one piece. */
  readonly #all: { readonly keys: Uint8Array; readonly fresh: Uint8Array; readonly values: Uint8Array }
  #kept: unknown

  constructor(map: HostMap, row: MapRow) {
    this.#map = map
    this.#keys = scattered(row)
    this.#fresh = Array.from({ length: FRESH }, (_, n) => keyOf(row, row.entries + n))
    this.#value = new Uint8Array(map.hostValueSize)
    const values = new Uint8Array(BATCH * map.hostValueSize)
    this.#all = { keys: join(this.#keys), fresh: join(this.#fresh), values }
  }

  time(operation: HostOperation, count: number): number {
    const fresh = this.#fresh.slice(0, count)
    if (operation === 'delete' || operation === 'batch_delete')
      for (const key of fresh) this.#map.update(key, this.#value)
    const start = process.hrtime.bigint()
    const done = this.#run(operation, count)
    const elapsed = Number(process.hrtime.bigint() - start)
    if (operation === 'insert') for (const key of fresh) this.#map.delete(key)
    return elapsed / done
  }

  /** Returns how many there were. */
  #run(operation: HostOperation, count: number): number {
    const map = this.#map
    const keys = this.#keys
    const value = this.#value
    switch (operation) {
      case 'lookup':
        for (let n = 0; n < count; n++) this.#kept = map.lookup(keys[n & (KEYS - 1)]!)
        return count
      case 'update':
        for (let n = 0; n < count; n++) map.update(keys[n & (KEYS - 1)]!, value)
        return count
      case 'insert':
        for (let n = 0; n < count; n++) map.update(this.#fresh[n]!, value)
        return count
      case 'delete':
        for (let n = 0; n < count; n++) map.delete(this.#fresh[n]!)
        return count
      case 'push':
        for (let n = 0; n < count; n++) {
          map.update(keys[0]!, value)
          this.#kept = map.lookupAndDelete(keys[0]!)
        }
        return count
      case 'member':
        for (let n = 0; n < count; n++) {
          value[n & 7] = n
          map.push(value)
          this.#kept = map.includes(value)
        }
        return count
      case 'batch_update':
        for (let n = 0; n < count; n += BATCH) this.#updateSome(Math.min(BATCH, count - n))
        return count
      case 'batch_delete':
        this.#kept = map.deleteBatch(this.#all.fresh.subarray(0, count * map.keySize))
        return count
      case 'iterate':
        return this.#iterate(count)
      case 'batch':
        return this.#batch(count)
    }
  }

  #updateSome(count: number): void {
    const { keySize, hostValueSize } = this.#map
    const { keys, values } = this.#all
    this.#kept = this.#map.updateBatch(
      keys.subarray(0, count * keySize),
      values.subarray(0, count * hostValueSize),
    )
  }

  #iterate(count: number): number {
    for (let done = 0; ; ) {
      for (const element of this.#map.entries()) {
        this.#kept = element
        if (++done === count) return done
      }
    }
  }

  #batch(count: number): number {
    let done = 0
    let from: Uint8Array | undefined
    while (done < count) {
      const part = this.#map.lookupBatch(BATCH, from)
      this.#kept = part
      from = part.next
      done += part.count
    }
    return done
  }

  /** What came last, so that no call is in vain. */
  get kept(): unknown {
    return this.#kept
  }
}
