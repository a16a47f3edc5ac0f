import type { Arena } from '@skep/memory'
import {
  ERRNO,
  errnoName,
  type LinkedMap,
  mapLayout as layout,
  type MapHandle,
  type MapSpec,
  type MapTypeDef,
  programLayout,
  sameFields,
  type ValueField,
} from '@skep/registry'
import { aliveIn } from './alive.ts'
import {
  type BatchParts,
  type BatchResult,
  deleteBatch,
  lookupBatch,
  type MapBatch,
  updateBatch,
} from './batch.ts'
import { copyBytes, wordBytes } from './copy-bytes.ts'
import { MapError } from './errors.ts'
import {
  createBlocks,
  ERRORS,
  lockHolder,
  type MapBlocks,
  openBlocks,
  randomSeed,
  round8,
  writeSlots,
} from './header.ts'
import { Holding } from './holding.ts'
import type { FreeFields, HostMapParts } from './host-map-parts.ts'
import { mismatch } from './inner-mismatch.ts'
import { keysOf } from './keys.ts'
import { type InnerType, innerType, linkMap } from './link-map.ts'
import { MapBase } from './map-base.ts'
import {
  type AnyOp,
  type BoundType,
  bindJs,
  bindWasm,
  bits,
  mapExports,
  type Operation,
  type Operations,
} from './map-operations.ts'
import { type ViewType, viewMap } from './map-view.ts'
import { readEveryCpu, writeEveryCpu } from './percpu-values.ts'
import {
  blankFields,
  checkFields,
  fieldsAt,
  hasSpinLock,
  placeFreeFields,
  withValueLock,
} from './value-fields.ts'

/**
 * Makes a map: its header and data in the arena. Throws MapError with the errno that BPF_MAP_CREATE gives (EINVAL, E2BIG,
 * ENOTSUPP from the type's check, ENOMEM when the arena's limit does not allow it), EOPNOTSUPP for a type that is absent.
 */
export function createHostMap(parts: HostMapParts): HostMap {
  const { def, spec } = parts
  const refusal = def.check(spec) ?? checkFields(spec, parts.fields)
  if (refusal) throw new MapError(refusal.errno, spec.name, 'create', refusal.reason)
  const missing = def.absent ?? `map type ${def.name} has no operations`
  if (!def.wasm && !def.create) throw new MapError('EOPNOTSUPP', spec.name, 'create', missing)
  return new HostMap(parts)
}

/** A live map: header and data in the arena, and what the host does with it. Keys and values are raw bytes. */
export class HostMap extends MapBase implements MapHandle {
  /** The memory that the map lies in. */
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
  readonly address: number
  readonly #arena: Arena
  readonly #blocks: MapBlocks
  readonly #keyAt: number
  readonly #type: BoundType
  readonly #operations: Operations
  readonly #lookup: Operation | undefined
  readonly #fields: readonly ValueField[]
  readonly #innerFields: readonly ValueField[]
  readonly #inner: InnerType | undefined
  readonly #control: number | undefined
  readonly #freeFields: FreeFields | undefined
  readonly #batchParts: BatchParts
  readonly #opened: boolean
  #readable: boolean
  #closed = false
  readonly #holding = new Holding(() => {
    if (this.#closed) this.#free()
  })
  /** For scratch only: it lies inside every view that is not detached, however old. */
  #scratch: Uint8Array
  #scratch32: Uint32Array

  /** Use `createHostMap`, which checks the spec first. */
  constructor(parts: HostMapParts) {
    super()
    const { arena, def, spec, id, fields = [], seed = randomSeed() } = parts
    this.arena = arena
    this.#arena = arena
    this.def = def
    this.spec = spec
    this.name = spec.name
    this.id = id
    this.type = def.name
    this.keySize = spec.keySize
    this.valueSize = spec.valueSize
    this.maxEntries = spec.maxEntries
    this.flags = spec.flags ?? 0
    this.hostValueSize = def.value === 'percpu' ? round8(spec.valueSize) * arena.cpus : spec.valueSize
    this.#fields = parts.address === undefined ? fields : fieldsAt(arena, parts.address)
    this.#innerFields = parts.innerFields ?? []
    this.#inner = innerType(parts)
    this.#control = parts.env?.control

    const { address, slot } = parts
    this.#opened = address !== undefined
    const blocks =
      address === undefined
        ? createBlocks(arena, { def, spec, id, hostValueSize: this.hostValueSize, seed, fields })
        : openBlocks(arena, address, spec, this.hostValueSize)
    if (!blocks) throw this.#error('ENOMEM', 'create')
    this.#blocks = blocks
    this.#keyAt = blocks.key
    this.address = blocks.header
    try {
      this.#type = this.#bind(parts)
      const result = this.#opened ? 0 : this.#type.init()
      if (result < 0) throw this.#failed(result, 'create')
    } catch (error) {
      blocks.free()
      throw error
    }
    aliveIn(arena).set(this.address, this)
    this.#readable = (this.flags & layout.BPF_F_WRONLY) === 0
    this.#scratch = arena.u8
    this.#scratch32 = arena.u32
    this.#operations = this.#type.operations
    this.#lookup = this.#operations.lookup_host ?? this.#operations.lookup
    const names = mapExports(def, spec)
    const place = (fn: unknown, op: AnyOp, at?: number): number => slot(fn, names[op] ?? op, at)
    writeSlots(arena.view, this.address, this.#type.inTable, place, this.#opened)
    this.#batchParts = this.#partsOfBatches()
    this.#freeFields = placeFreeFields(this, fields, parts.freeFields, slot, this.#opened)
  }

  #partsOfBatches(): BatchParts {
    return {
      operations: this.#operations,
      fields: this.#fields,
      failed: (result, operation) => this.#failed(result, operation),
      changed: (operation, keys) => this.changedAll(operation, keys, this.keySize),
    }
  }

  #bind({ def, spec, exports, env }: HostMapParts): BoundType {
    if (def.wasm) return bindWasm(def, spec, exports ?? {}, this.address)
    if (!env) throw this.#error('EINVAL', 'create', 'a map type in JavaScript needs the runtime’s HostEnv')
    return bindJs(def, env, this)
  }

  #error(code: ConstructorParameters<typeof MapError>[0], operation: string, detail?: string): MapError {
    return new MapError(code, this.name, operation, detail)
  }

  #failed(result: number, operation: string): MapError {
    const code = errnoName(result) ?? 'EINVAL'
    const locked = code === 'ETIMEDOUT' || code === 'EBUSY'
    return this.#error(code, operation, locked ? lockHolder(this.#arena, this.address) : undefined)
  }

  #operation(op: AnyOp, called: string): Operation {
    const fn = this.#operations[op]
    if (!fn) throw this.#error('ENOTSUPP', called)
    return fn
  }

  #mayRead(operation: string): void {
    if (this.#readable) return
    if (this.#closed) throw this.#error('EBADF', operation, 'the map is closed')
    throw this.#error('EPERM', operation, 'the map has BPF_F_WRONLY: the host cannot read it')
  }

  #mayWrite(operation: string): void {
    if (this.#closed) throw this.#error('EBADF', operation, 'the map is closed')
    if (this.flags & layout.BPF_F_RDONLY)
      throw this.#error('EPERM', operation, 'the map has BPF_F_RDONLY: the host cannot write it')
    // Which maps are elements of which is known to one thread.
    if (this.#opened && this.def.value === 'map')
      throw this.#error('EOPNOTSUPP', operation, 'only the thread that loaded the map changes a map of maps')
    if (this.#arena.u8[this.address + layout.MAP_FROZEN] !== 0)
      throw this.#error('EPERM', operation, 'the map is frozen: the host cannot write it')
  }

  #checkFlags(flags: number, operation: string): void {
    if (flags !== layout.BPF_F_LOCK)
      throw this.#error('EINVAL', operation, 'the one flag is BPF_F_LOCK, for a value with a bpf_spin_lock')
  }

  #mayLock(operation: string): void {
    if (!hasSpinLock(this.#fields))
      throw this.#error('EINVAL', operation, 'BPF_F_LOCK needs a bpf_spin_lock in the value')
  }

  #put(what: string, bytes: Uint8Array, size: number, at: number, operation: string): void {
    if (bytes.length !== size)
      throw this.#error(
        'EINVAL',
        operation,
        `the ${what} has ${bytes.length} bytes, and the map takes ${size}`,
      )
    if (this.#scratch.byteLength === 0) this.#renew()
    const u8 = this.#scratch
    if (size > 64) u8.set(bytes, at)
    else for (let i = 0; i < size; i++) u8[at + i] = bytes[i]!
  }

  #renew(): void {
    this.#scratch = this.#arena.u8
    this.#scratch32 = this.#arena.u32
  }

  #putKey(key: Uint8Array | number, operation: string): number {
    if (typeof key === 'number') {
      if (this.keySize !== 4)
        throw this.#error('EINVAL', operation, `the key is a number, and the map takes ${this.keySize} bytes`)
      if (this.#scratch.byteLength === 0) this.#renew()
      this.#scratch32[this.#keyAt >> 2] = key
    } else {
      this.#put('key', key, this.keySize, this.#keyAt, operation)
    }
    return this.#keyAt
  }

  /** Elements present now. */
  get size(): number {
    return this.#arena.u32[(this.address + layout.MAP_COUNT) >> 2]!
  }

  get frozen(): boolean {
    return this.#arena.u8[this.address + layout.MAP_FROZEN] !== 0
  }

  /**
   * Arena address of the value (of CPU 0's for per-CPU types), or 0; makes no objects. A number is a u32 key. The value
   * stays where it is as long as its element lives.
   */
  lookupAddress(key: Uint8Array | number): number {
    this.#mayRead('lookup')
    const at = this.#putKey(key, 'lookup')
    if (this.def.value === 'percpu')
      return this.#operation('lookup_percpu', 'lookup')(this.address, at, 0) >>> 0
    const lookup = this.#lookup ?? this.#operation('lookup', 'lookup')
    return lookup(this.address, at) >>> 0
  }

  /** The value's own bytes in the arena, to read and write in place, until the memory grows; undefined when there is none. */
  lookupView(key: Uint8Array | number): Uint8Array | undefined {
    const address = this.lookupAddress(key)
    return address === 0 ? undefined : this.#arena.u8.subarray(address, address + this.valueSize)
  }

  /** A copy of the value; with BPF_F_LOCK made under its bpf_spin_lock (EINVAL where it has none). */
  lookup(key: Uint8Array, flags = 0): Uint8Array | undefined {
    if (flags !== 0) this.#checkFlags(flags, 'lookup')
    this.#mayRead('lookup')
    if (flags !== 0) this.#mayLock('lookup')
    if (this.keySize === 0) {
      this.#putKey(key, 'lookup')
      return this.peek()
    }
    switch (this.def.value) {
      case 'percpu':
        return readEveryCpu(
          this,
          this.#operation('lookup_percpu', 'lookup'),
          this.#putKey(key, 'lookup'),
          this.#fields,
        )
      case 'program':
        return this.#lookupProgram(key)
      case 'map': {
        const inner = this.#innerAt(this.lookupAddress(key))
        return inner && wordBytes(inner.id)
      }
      default: {
        const address = this.lookupAddress(key)
        if (address >= ERRORS) throw this.#failed(address | 0, 'lookup')
        if (flags === 0 || address === 0) return address === 0 ? undefined : this.#copy(address)
        const bytes = withValueLock(this, address, this.#control, () => this.#copy(address))
        if (!bytes) throw this.#error('ETIMEDOUT', 'lookup', 'the bpf_spin_lock of the value is not let go')
        return bytes
      }
    }
  }

  #copy(address: number): Uint8Array {
    const { u8 } = this.#arena
    const size = this.valueSize
    let bytes: Uint8Array
    // Of shared memory in whole words: a worker may write them at once.
    if (size > 64 || this.#arena.shared) {
      bytes = u8.slice(address, address + size)
    } else {
      bytes = new Uint8Array(size)
      for (let i = 0; i < size; i++) bytes[i] = u8[address + i]!
    }
    return this.#fields.length === 0 ? bytes : blankFields(bytes, this.#fields, size)
  }

  /** The id of the program in a slot. */
  #lookupProgram(key: Uint8Array): Uint8Array | undefined {
    const slot = this.lookupAddress(key)
    if (slot === 0) return undefined
    const { u32 } = this.#arena
    return wordBytes(u32[(u32[slot >> 2]! + programLayout.PROG_ID) >> 2]!)
  }

  update(key: Uint8Array, value: Uint8Array, flags = 0): void {
    this.#mayWrite('update')
    if (flags & layout.BPF_F_LOCK) this.#mayLock('update')
    const at = this.#putKey(key, 'update')
    if (this.keySize === 0) {
      this.push(value, flags)
      return
    }
    this.#putValue(value, 'update')
    if (this.def.value === 'map') {
      this.#updateInner(at, flags)
      this.changed('update', key)
      return
    }
    const result = this.#updateAt(at, this.#blocks.value, flags)
    if (result < 0) throw this.#failed(result, 'update')
    if (this.def.value === 'percpu') {
      const lookup = this.#operation('lookup_percpu', 'update')
      writeEveryCpu(this, lookup, at, value, this.#fields, this.#freeFields)
    }
    this.changed('update', key)
  }

  #putValue(value: Uint8Array, operation: string): void {
    if (this.def.value !== 'percpu') {
      this.#put('value', value, this.valueSize, this.#blocks.value, operation)
      if (this.def.value === 'program') this.#checkProgram()
      return
    }
    if (value.length !== this.hostValueSize) {
      throw this.#error(
        'EINVAL',
        operation,
        `the value has ${value.length} bytes, and the map takes ${this.hostValueSize}: each of ${this.#arena.cpus} CPUs' values padded to 8 bytes`,
      )
    }
    copyBytes(this.#arena.u8, this.#blocks.value, value, 0, this.valueSize)
  }

  #updateAt(key: number, value: number, flags: number): number {
    return this.#operation('update', 'update')(this.address, key, value, bits(flags))
  }

  /** The map whose address is at an address; undefined for 0. */
  #innerAt(slot: number): HostMap | undefined {
    return slot === 0 ? undefined : aliveIn(this.#arena).get(this.#arena.u32[slot >> 2]!)
  }

  /** Puts the map whose address is the value into an element; the map that was there is let go. */
  #updateInner(key: number, flags: number): void {
    const { value } = this.#blocks
    const inner = aliveIn(this.#arena).get(this.#arena.u32[value >> 2]!)
    const same = !inner || sameFields(inner.#fields, this.#innerFields)
    const odd = same ? undefined : 'the inner map has other special fields than its template'
    const wrong = inner && (mismatch(this.spec.inner!, inner.def, inner.spec) ?? odd)
    const bad = !inner || inner.#closed || wrong !== undefined
    // The type knows what else comes before a bad value.
    if (bad) this.#arena.u32[value >> 2] = 0
    const before = this.#innerAt(this.#lookup!(this.address, key) >>> 0)
    const result = this.#updateAt(key, value, flags)
    if (result < 0) {
      if (wrong !== undefined && errnoName(result) === 'EBADF') throw this.#error('EINVAL', 'update', wrong)
      throw this.#failed(result, 'update')
    }
    this.#holding.add(inner!.#holding)
    if (before) this.#holding.remove(before.#holding)
  }

  /** Makes `inner` an element of a map of maps. Throws MapError EINVAL when it is not as the template says. */
  setMap(key: Uint8Array, inner: MapHandle, flags = 0): void {
    if (this.def.value !== 'map') throw this.#error('EINVAL', 'setMap', `the map is of type ${this.type}`)
    this.update(key, new Uint8Array(Uint32Array.of(inner.address).buffer), flags)
  }

  /** No program's record: 0 stands for it, as the type knows what else comes before a bad value. */
  #checkProgram(): void {
    const at = this.#blocks.value >> 2
    if (this.#arena.sizeOf(this.#arena.u32[at]!) < programLayout.PROG_RECORD_SIZE) this.#arena.u32[at] = 0
  }

  delete(key: Uint8Array): boolean {
    this.#mayWrite('delete')
    const at = this.#putKey(key, 'delete')
    const remove = this.#operation('delete', 'delete')
    const inner = this.def.value === 'map' ? this.#innerAt(this.#lookup!(this.address, at) >>> 0) : undefined
    const result = remove(this.address, at)
    if (result < 0) this.#absent(result, 'delete')
    else if (inner) this.#holding.remove(inner.#holding)
    if (result === 0) this.changed('delete', key)
    return result === 0
  }

  nextKey(key?: Uint8Array): Uint8Array | undefined {
    this.#mayRead('nextKey')
    const at = key ? this.#putKey(key, 'nextKey') : 0
    const result = this.#operation('next_key', 'nextKey')(this.address, at, this.#blocks.otherKey)
    if (result === 0) return this.#arena.u8.slice(this.#blocks.otherKey, this.#blocks.otherKey + this.keySize)
    return this.#absent(result, 'nextKey')
  }

  /** As `lookup`, and deletes the element in the same step; a queue or stack pops. Not every type can. */
  lookupAndDelete(key: Uint8Array, flags = 0): Uint8Array | undefined {
    if (flags !== 0) this.#checkFlags(flags, 'lookupAndDelete')
    this.#mayRead('lookupAndDelete')
    this.#mayWrite('lookupAndDelete')
    if (flags !== 0) this.#mayLock('lookupAndDelete')
    const at = this.#putKey(key, 'lookupAndDelete')
    if (this.keySize === 0) return this.pop()
    const result = this.#operation('lookup_and_delete', 'lookupAndDelete')(
      this.address,
      at,
      this.#blocks.value,
    )
    if (result < 0) return this.#absent(result, 'lookupAndDelete')
    const bytes = this.#arena.u8.slice(this.#blocks.value, this.#blocks.value + this.hostValueSize)
    blankFields(bytes, this.#fields, this.def.value === 'percpu' ? round8(this.valueSize) : this.valueSize)
    this.changed('delete', key)
    return bytes
  }

  /** undefined for ENOENT; throws any other errno. */
  #absent(result: number, operation: string): undefined {
    if (result === -ERRNO.ENOENT) return undefined
    throw this.#failed(result, operation)
  }

  /** Adds a value without a key (queue, stack, bloom filter). Throws MapError E2BIG when the map is full. */
  push(value: Uint8Array, flags = 0): void {
    this.#mayWrite('push')
    this.#put('value', value, this.valueSize, this.#blocks.value, 'push')
    const push = this.#operation('push', 'push')
    const result = push(this.address, this.#blocks.value, bits(flags))
    if (result < 0) throw this.#failed(result, 'push')
    this.changed('push')
  }

  /** Takes the oldest (queue) or newest (stack) value; undefined when there is none. */
  pop(): Uint8Array | undefined {
    this.#mayWrite('pop')
    const value = this.#take('pop')
    if (value) this.changed('pop')
    return value
  }

  /** The value that `pop` would take. */
  peek(): Uint8Array | undefined {
    this.#mayRead('peek')
    if (this.def.verify?.peekReadsValue) throw this.#error('EINVAL', 'peek', 'ask `includes` for a value')
    return this.#take('peek')
  }

  #take(op: 'pop' | 'peek'): Uint8Array | undefined {
    const result = this.#operation(op, op)(this.address, this.#blocks.value)
    if (result === 0) return this.#copy(this.#blocks.value)
    return this.#absent(result, op)
  }

  /** Bloom filters: false when the value was surely never pushed. */
  includes(value: Uint8Array): boolean {
    this.#mayRead('includes')
    this.#put('value', value, this.valueSize, this.#blocks.value, 'includes')
    const result = this.#operation('peek', 'includes')(this.address, this.#blocks.value)
    if (result < 0) this.#absent(result, 'includes')
    return result === 0
  }

  /** From now on the host cannot write; programs can. Throws MapError EPERM where it cannot anyway: the second time, too. */
  freeze(): void {
    if (this.#fields.length > 0)
      throw this.#error('ENOTSUPP', 'freeze', 'values with locks, timers or kernel pointers cannot be frozen')
    this.#mayWrite('freeze')
    this.#arena.u8[this.address + layout.MAP_FROZEN] = 1
  }

  /** Keys in the map's own order, each once, as long as nobody inserts or deletes meanwhile; never without end. */
  *keys(): Generator<Uint8Array> {
    this.#mayRead('keys')
    yield* keysOf(this, this.#operations, (result) => this.#failed(result, 'keys'))
  }

  /** Keys with their values; those that vanish meanwhile are left out. */
  *entries(): Generator<[key: Uint8Array, value: Uint8Array]> {
    for (const key of this.keys()) {
      const value = this.lookup(key)
      if (value) yield [key, value]
    }
  }

  [Symbol.iterator](): Generator<[key: Uint8Array, value: Uint8Array]> {
    return this.entries()
  }

  /**
   * Up to `count` elements, from `from` (the `next` of the call before); deletes them if asked. Throws MapError: ENOSPC when
   * keys that belong together are more than `count`, ENOTSUPP for types whose elements bpf(2) does not give in batches.
   */
  lookupBatch(count: number, from?: Uint8Array, options: { readonly delete?: boolean } = {}): MapBatch {
    this.#mayRead('lookupBatch')
    if (options.delete) this.#mayWrite('lookupBatch')
    return lookupBatch(this, this.#batchParts, count, from, options.delete ?? false)
  }

  /**
   * Writes elements whose keys and values follow one another; flags are 0 or BPF_F_LOCK. Returns how many: all, or those
   * before the first that the map refused, with its errno in `error`.
   */
  updateBatch(keys: Uint8Array, values: Uint8Array, flags = 0): BatchResult {
    this.#mayWrite('updateBatch')
    return updateBatch(this, this.#batchParts, keys, values, flags)
  }

  /** Deletes elements; stops at the first that is not there. */
  deleteBatch(keys: Uint8Array): BatchResult {
    this.#mayWrite('deleteBatch')
    return deleteBatch(this, this.#batchParts, keys)
  }

  /** All values of an array with BPF_F_MMAPABLE, in place, until the memory grows: `view(BigUint64Array)`. See `viewMap`. */
  view<T = Uint8Array>(type?: ViewType<T>): T {
    return viewMap(this, type)
  }

  /** An operation of the type that no method performs. */
  readonly operation = (op: AnyOp): Operation | undefined => this.#operations[op]

  get closed(): boolean {
    return this.#closed
  }

  /** Gives memory of deleted elements back. No program may run, or hold a pointer to a value, meanwhile. */
  quiesce(): void {
    this.#operations.quiesce?.(this.address)
  }

  /** The map as engines see it. */
  link(): LinkedMap {
    return linkMap(this, this.#operations, this.#inner)
  }

  /**
   * Frees everything in the arena; as an element of a map of maps, when it is none any more. No program that knows the map may run
   * afterwards. Closing twice is fine.
   */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#readable = false
    this.forgetListeners()
    if (!this.#holding.held) this.#free()
  }

  #free(): void {
    this.#holding.clear()
    aliveIn(this.#arena).delete(this.address)
    if (!this.#opened) this.#type.free()
    this.#blocks.free()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
