import type { Codec } from '@skep/btf'
import type { HostMap, MapChange, WatchOptions } from '@skep/maps'
import { RuntimeError } from './errors.ts'

const round8 = (n: number): number => (n + 7) & ~7

type HostMapChange = Extract<MapChange, { readonly by: 'host' }>

/** A change of a typed map: a host's operation with its key, or something that programs did. */
export type TypedChange<K> =
  | (Omit<HostMapChange, 'key'> & { readonly key?: K })
  | Extract<MapChange, { readonly by: 'program' }>

/** A live map seen through codecs. Values of per-CPU maps are arrays, one element for each CPU. */
export class TypedMap<K, V> implements Iterable<[K, V]> {
  /** The raw map under it. */
  readonly handle: HostMap
  readonly #key: Codec<K>
  readonly #value: Codec<V>

  constructor(handle: HostMap, key: Codec<K>, value: Codec<V>) {
    checkSize(handle, 'key', handle.keySize, key)
    checkSize(handle, 'value', handle.hostValueSize, value)
    this.handle = handle
    this.#key = key
    this.#value = value
  }

  get name(): string {
    return this.handle.name
  }

  /** The value, or undefined when there is none. */
  get(key: K): V | undefined {
    const bytes = this.handle.lookup(encode(this.#key, key))
    return bytes && decode(this.#value, bytes)
  }

  has(key: K): boolean {
    return this.handle.lookup(encode(this.#key, key)) !== undefined
  }

  /** Updates or inserts; `flags` as BPF_ANY, BPF_NOEXIST, BPF_EXIST. Throws MapError with the kernel's errno. */
  set(key: K, value: V, flags?: number): this {
    this.handle.update(encode(this.#key, key), encode(this.#value, value), flags)
    return this
  }

  /** False when there was no such element. */
  delete(key: K): boolean {
    return this.handle.delete(encode(this.#key, key))
  }

  /** Keeps the map under a path after its collection is closed; see the runtime's `pin`. */
  pin(path: string): Promise<void> {
    return this.handle.pin(path)
  }

  /** The map's changes from the first `next` on, with decoded keys; see `MapWatch` of @skep/maps for what it can see. */
  async *watch(options?: WatchOptions): AsyncGenerator<TypedChange<K>, void, undefined> {
    const watch = this.handle.watch(options)
    try {
      for await (const change of watch) {
        if (change.by === 'program') yield change
        else {
          const { key, ...more } = change
          yield { ...more, ...(key ? { key: decode(this.#key, key) } : {}) }
        }
      }
    } finally {
      watch.close()
    }
  }

  *keys(): IterableIterator<K> {
    for (const key of this.handle.keys()) yield decode(this.#key, key)
  }

  *values(): IterableIterator<V> {
    for (const [, value] of this) yield value
  }

  entries(): IterableIterator<[K, V]> {
    return this[Symbol.iterator]()
  }

  /**
   * Elements in the map's own order, each once; those that vanish meanwhile are left out. Deleting what the loop has reached
   * is fine.
   */
  *[Symbol.iterator](): IterableIterator<[K, V]> {
    for (const key of this.handle.keys()) {
      const value = this.handle.lookup(key)
      if (value) yield [decode(this.#key, key), decode(this.#value, value)]
    }
  }
}

function checkSize(handle: HostMap, what: string, size: number, codec: Codec<never> | Codec<unknown>): void {
  if (codec?.size === size) return
  if (typeof codec?.size !== 'number') {
    throw new RuntimeError(
      'CODEC_SIZE',
      handle.name,
      `map ${handle.name}: its ${what} has no codec; give { key, value }, each a codec such as codec.u32`,
    )
  }
  throw new RuntimeError(
    'CODEC_SIZE',
    handle.name,
    `map ${handle.name} has a ${what} of ${size} bytes, but codec ${codec.name} has ${codec.size}; use a codec of ${size} bytes`,
  )
}

function encode<T>(codec: Codec<T>, value: T): Uint8Array {
  const bytes = new Uint8Array(codec.size)
  codec.encode(value, new DataView(bytes.buffer), 0)
  return bytes
}

const decode = <T>(codec: Codec<T>, bytes: Uint8Array): T =>
  codec.decode(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0)

/** The value of a per-CPU map: one element for each CPU, each padded to 8 bytes as bpf(2) lays them out. */
export function perCpu<T>(element: Codec<T>, cpus: number): Codec<T[]> {
  const stride = round8(element.size)
  return {
    name: `${element.name} per CPU`,
    size: stride * cpus,
    align: 8,
    encode(values, view, offset) {
      if (!Array.isArray(values) || values.length !== cpus) {
        const given = Array.isArray(values) ? `an array of ${values.length}` : typeof values
        throw new RuntimeError(
          'CODEC_SIZE',
          element.name,
          `a per-CPU value is an array of ${cpus}, one ${element.name} for each CPU; ${given} was given`,
        )
      }
      for (let cpu = 0; cpu < cpus; cpu++) element.encode(values[cpu]!, view, offset + cpu * stride)
    },
    decode: (view, offset) =>
      Array.from({ length: cpus }, (_, cpu) => element.decode(view, offset + cpu * stride)),
  }
}
