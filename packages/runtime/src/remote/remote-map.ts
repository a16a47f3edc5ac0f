import {
  type BatchResult,
  type HostMap,
  MapBase,
  type MapBatch,
  MapError,
  type PerfBufferOptions,
  type ViewType,
} from '@skep/maps'
import type { Arena } from '@skep/memory'
import {
  ERRNO,
  type ErrnoName,
  type LinkedMap,
  type MapHandle,
  type MapSpec,
  type MapTypeDef,
  mapLayout,
  type RemoteMap,
} from '@skep/registry'
import { RemotePerfBuffer } from './remote-perf-buffer.ts'
import { RemoteRingBuffer } from './remote-ring-buffer.ts'

/** All that hosts may ask of a map of the arena. */
type HostMapFace = Pick<HostMap, keyof HostMap>

const round8 = (n: number): number => (n + 7) & ~7

const errnoOf = (cause: unknown): ErrnoName | undefined => {
  const { errno } = (cause ?? {}) as { readonly errno?: unknown }
  return typeof errno === 'string' && Object.hasOwn(ERRNO, errno) ? (errno as ErrnoName) : undefined
}

/** A map that an engine of its own has: the methods of one in the arena, each a call of that engine. */
export class RemoteHostMap extends MapBase implements HostMapFace {
  readonly arena: Arena
  readonly name: string
  readonly id: number
  readonly type: string
  readonly def: MapTypeDef
  readonly spec: MapSpec
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number
  readonly flags: number
  readonly hostValueSize: number
  /** What the engine knows it by. */
  readonly address: number
  readonly #map: RemoteMap
  readonly #closing = new Set<() => void>()
  #frozen: boolean
  #closed = false

  constructor(map: RemoteMap, parts: { arena: Arena; spec: MapSpec; def: MapTypeDef; cpus: number }) {
    super()
    const { arena, spec, def, cpus } = parts
    this.#map = map
    this.arena = arena
    this.spec = spec
    // Changes by programs are counted where nobody looks.
    this.def = { ...def, countsChanges: false }
    this.name = spec.name
    this.id = map.id
    this.type = def.name
    this.keySize = spec.keySize
    this.valueSize = spec.valueSize
    this.maxEntries = map.maxEntries
    this.flags = spec.flags ?? 0
    this.hostValueSize = def.value === 'percpu' ? round8(spec.valueSize) * cpus : spec.valueSize
    this.address = map.handle
    this.#frozen = spec.frozen ?? false
  }

  /** Calls the engine; what it throws is a MapError. */
  #ask<T>(operation: string, act: (map: RemoteMap) => T): T {
    if (this.#closed) throw new MapError('EBADF', this.name, operation, 'the map is closed')
    try {
      return act(this.#map)
    } catch (cause) {
      const code = errnoOf(cause)
      if (code === undefined) throw cause
      throw Object.assign(new MapError(code, this.name, operation), { cause })
    }
  }

  #check(what: string, bytes: Uint8Array, size: number, operation: string): void {
    if (bytes.length === size) return
    const detail = `the ${what} has ${bytes.length} bytes, and the map takes ${size}`
    throw new MapError('EINVAL', this.name, operation, detail)
  }

  #key(key: Uint8Array, operation: string): Uint8Array {
    this.#check('key', key, this.keySize, operation)
    return key
  }

  #value(value: Uint8Array, operation: string): Uint8Array {
    this.#check('value', value, this.hostValueSize, operation)
    return value
  }

  #elsewhere(operation: string): MapError {
    return new MapError('EOPNOTSUPP', this.name, operation, 'the map does not lie in the runtime’s memory')
  }

  /** Counts the keys. */
  get size(): number {
    let size = 0
    for (const _ of this.keys()) size++
    return size
  }

  get frozen(): boolean {
    return this.#frozen
  }

  get closed(): boolean {
    return this.#closed
  }

  lookup(key: Uint8Array, flags = 0): Uint8Array | undefined {
    this.#key(key, 'lookup')
    return this.#ask('lookup', (map) => map.lookup(key, flags))
  }

  update(key: Uint8Array, value: Uint8Array, flags = 0): void {
    this.#key(key, 'update')
    this.#value(value, 'update')
    this.#ask('update', (map) => map.update(key, value, flags))
    this.changed(this.keySize === 0 ? 'push' : 'update', key)
  }

  setMap(key: Uint8Array, inner: MapHandle, flags = 0): void {
    if (this.def.value !== 'map')
      throw new MapError('EINVAL', this.name, 'setMap', `the map is of type ${this.type}`)
    this.update(key, new Uint8Array(Uint32Array.of(inner.address).buffer), flags)
  }

  delete(key: Uint8Array): boolean {
    this.#key(key, 'delete')
    const deleted = this.#ask('delete', (map) => map.delete(key))
    if (deleted) this.changed('delete', key)
    return deleted
  }

  nextKey(key?: Uint8Array): Uint8Array | undefined {
    if (key) this.#key(key, 'nextKey')
    return this.#ask('nextKey', (map) => map.nextKey(key))
  }

  lookupAndDelete(key: Uint8Array, flags = 0): Uint8Array | undefined {
    this.#key(key, 'lookupAndDelete')
    const value = this.#ask('lookupAndDelete', (map) => map.lookupAndDelete(key, flags))
    if (value) this.changed(this.keySize === 0 ? 'pop' : 'delete', key)
    return value
  }

  push(value: Uint8Array, flags = 0): void {
    this.update(new Uint8Array(0), value, flags)
  }

  pop(): Uint8Array | undefined {
    return this.lookupAndDelete(new Uint8Array(0))
  }

  peek(): Uint8Array | undefined {
    return this.lookup(new Uint8Array(0))
  }

  includes(value: Uint8Array): boolean {
    this.#value(value, 'includes')
    return this.#ask('includes', (map) => map.includes(value))
  }

  freeze(): void {
    this.#ask('freeze', (map) => map.freeze())
    this.#frozen = true
  }

  /** Each once, even where elements that are deleted meanwhile let the kernel begin anew. */
  *keys(): Generator<Uint8Array> {
    if (this.keySize === 0) return
    const seen = new Set<string>()
    for (let key = this.nextKey(); key; key = this.nextKey(key)) {
      const text = key.join()
      if (seen.has(text)) return
      seen.add(text)
      yield key
    }
  }

  *entries(): Generator<[key: Uint8Array, value: Uint8Array]> {
    for (const key of this.keys()) {
      const value = this.lookup(key)
      if (value) yield [key, value]
    }
  }

  [Symbol.iterator](): Generator<[key: Uint8Array, value: Uint8Array]> {
    return this.entries()
  }

  lookupBatch(count: number, from?: Uint8Array, options: { readonly delete?: boolean } = {}): MapBatch {
    return this.#ask('lookupBatch', (map) => map.lookupBatch(count, from, options.delete ?? false))
  }

  updateBatch(keys: Uint8Array, values: Uint8Array, flags = 0): BatchResult {
    return this.#batch('update', keys, 'ENOENT', (map) => map.updateBatch(keys, values, flags))
  }

  deleteBatch(keys: Uint8Array): BatchResult {
    return this.#batch('delete', keys, 'ENOENT', (map) => map.deleteBatch(keys))
  }

  #batch(
    operation: 'update' | 'delete',
    keys: Uint8Array,
    stopped: ErrnoName,
    act: (map: RemoteMap) => number,
  ): BatchResult {
    const called = `${operation}Batch`
    const count = this.#ask(called, act)
    this.changedAll(operation, keys.subarray(0, count * this.keySize), this.keySize)
    if (count * this.keySize === keys.length) return { count }
    return { count, error: new MapError(stopped, this.name, called) }
  }

  view<T = Uint8Array>(type: ViewType<T> = Uint8Array as unknown as ViewType<T>): T {
    if ((this.flags & mapLayout.BPF_F_MMAPABLE) === 0)
      throw new MapError('EINVAL', this.name, 'view', 'the map has not BPF_F_MMAPABLE among its flags')
    const bytes = this.#ask('view', (map) => map.pages(round8(this.valueSize) * this.maxEntries))
    return new type(bytes.buffer, bytes.byteOffset, bytes.length / type.BYTES_PER_ELEMENT)
  }

  /** The readers that `openRingBuffer` and `openPerfBuffer` give. */
  openRing(options: PerfBufferOptions = {}): RemoteRingBuffer | RemotePerfBuffer {
    const close = this.#ask('openRing', (map) => {
      const { bytes = 65_536 } = options
      return this.type === 'ringbuf'
        ? new RemoteRingBuffer(this as unknown as HostMap, map.ring())
        : new RemotePerfBuffer(this as unknown as HostMap, map.perf(bytes))
    })
    this.#closing.add(() => close.close())
    return close
  }

  lookupAddress(): number {
    throw this.#elsewhere('lookupAddress')
  }

  lookupView(): Uint8Array | undefined {
    throw this.#elsewhere('lookupView')
  }

  readonly operation = (): undefined => undefined

  /** Nothing of it waits here. */
  quiesce(): void {}

  link(): LinkedMap {
    throw this.#elsewhere('link')
  }

  /** The engine closes the map itself. Closing twice is fine. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const close of this.#closing) close()
    this.forgetListeners()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
