import { type Context, Handle } from './context.ts'
import { errnoText } from './errno.ts'
import { KernelArgumentError, KernelError } from './errors.ts'
import type { KernelBtf } from './kernel-btf.ts'
import { type MapInfo, mapInfo } from './object-info.ts'
import { pinObject } from './objects.ts'
import { type Command, isPerCpuMap, mapTypes, numberOf } from './uapi.ts'

export interface MapOptions {
  readonly name?: string
  /** BPF_MAP_TYPE_* as a lower-case name (`percpu_array`) or a number. */
  readonly type: string | number
  /** Bytes; 0 (the default) for types without a key. */
  readonly keySize?: number
  /** Bytes; for a per-CPU type, of one CPU's value. */
  readonly valueSize?: number
  readonly maxEntries?: number
  /** BPF_F_* creation flags. */
  readonly flags?: number
  readonly mapExtra?: number | bigint
  /** The template of a map of maps; it may be closed afterwards. */
  readonly innerMap?: KernelMap
  readonly numaNode?: number
  readonly btf?: KernelBtf
  readonly btfKeyTypeId?: number
  readonly btfValueTypeId?: number
  /** For struct_ops: the type of the value in the kernel's BTF. */
  readonly btfVmlinuxValueTypeId?: number
}

/** Update flags (uapi: BPF_ANY, BPF_NOEXIST, BPF_EXIST). */
export type UpdateMode = 'any' | 'noexist' | 'exist'
const updateModes: Readonly<Record<UpdateMode, number>> = { any: 0, noexist: 1, exist: 2 }

export interface MapBatch {
  /** Keys one after another. */
  readonly keys: Uint8Array
  /** Values one after another. */
  readonly values: Uint8Array
  readonly count: number
  /** Where the next call goes on; undefined when this was the last part. */
  readonly next: Uint8Array | undefined
}

export const createMap = (context: Context, options: MapOptions): KernelMap => {
  const type = numberOf(mapTypes, options.type)
  if (type === undefined) {
    throw new KernelArgumentError(
      'map.type',
      `no map type is called '${options.type}'; give its BPF_MAP_TYPE_ number`,
    )
  }
  const { attr } = context
  const size = attr.begin('BPF_MAP_CREATE')
  attr.set('map_type', type)
  attr.set('key_size', options.keySize ?? 0)
  attr.set('value_size', options.valueSize ?? 0)
  attr.set('max_entries', options.maxEntries ?? 0)
  attr.set('map_flags', options.flags ?? 0)
  if (options.innerMap) attr.set('inner_map_fd', options.innerMap.fd)
  attr.set('numa_node', options.numaNode ?? 0)
  attr.setName('map_name', options.name ?? '')
  if (options.btf) {
    attr.set('btf_fd', options.btf.fd)
    attr.set('btf_key_type_id', options.btfKeyTypeId ?? 0)
    attr.set('btf_value_type_id', options.btfValueTypeId ?? 0)
  }
  attr.set('btf_vmlinux_value_type_id', options.btfVmlinuxValueTypeId ?? 0)
  attr.set('map_extra', options.mapExtra ?? 0)
  const fd = context.must(
    'BPF_MAP_CREATE',
    size,
    `map '${options.name ?? ''}' of type ${options.type} with key_size=${options.keySize ?? 0} ` +
      `value_size=${options.valueSize ?? 0} max_entries=${options.maxEntries ?? 0} flags=${options.flags ?? 0}`,
    { EINVAL: 'see the sizes and flags that this map type takes' },
  )
  return new KernelMap(context, fd, type, options)
}

/** Pages of a map in this process. */
export interface MappedPages {
  readonly address: number
  readonly bytes: Uint8Array
  close(): void
  [Symbol.dispose](): void
}

/** A map in the kernel. Keys and values are bytes as programs see them: little-endian on both architectures. */
export class KernelMap extends Handle {
  readonly name: string
  /** BPF_MAP_TYPE_* number. */
  readonly type: number
  readonly keySize: number
  /** Bytes of a value as programs see it. */
  readonly valueSize: number
  /** Bytes of a value as system calls pass it: for a per-CPU map all CPUs' values, each padded to 8 bytes. */
  readonly valueBytes: number
  readonly maxEntries: number
  readonly #context: Context

  constructor(context: Context, fd: number, type: number, options: MapOptions) {
    super(context.ffi, fd, `map '${options.name ?? ''}'`)
    this.#context = context
    this.name = options.name ?? ''
    this.type = type
    this.keySize = options.keySize ?? 0
    this.valueSize = options.valueSize ?? 0
    this.valueBytes = isPerCpuMap(type) ? ((this.valueSize + 7) & ~7) * context.possibleCpus : this.valueSize
    this.maxEntries = options.maxEntries ?? 0
  }

  /** The value of a key, or undefined when there is none. A queue or stack takes an empty key and peeks. Flags: BPF_F_LOCK. */
  lookup(key: Uint8Array, flags = 0): Uint8Array | undefined {
    return this.#take('BPF_MAP_LOOKUP_ELEM', key, flags)
  }

  /** As `lookup`, and deletes the element: pops, for a queue or stack. */
  lookupAndDelete(key: Uint8Array, flags = 0): Uint8Array | undefined {
    return this.#take('BPF_MAP_LOOKUP_AND_DELETE_ELEM', key, flags)
  }

  /** Bloom filters: false when the value was surely never pushed. */
  includes(value: Uint8Array): boolean {
    return this.#take('BPF_MAP_LOOKUP_ELEM', undefined, 0, value.slice()) !== undefined
  }

  #take(
    command: Command,
    key: Uint8Array | undefined,
    flags: number,
    value: Uint8Array = new Uint8Array(this.valueBytes),
  ): Uint8Array | undefined {
    const result = this.#element(command, key, value, flags)
    if (result === 0) return value
    if (errnoText(result) === 'ENOENT') return undefined
    throw this.#error(result, command)
  }

  /** Writes an element. `value` has `valueBytes` bytes; for a map of maps or programs it is a file descriptor. */
  update(key: Uint8Array, value: Uint8Array, mode: UpdateMode | number = 'any'): void {
    if (value.length !== this.valueBytes) {
      throw new KernelArgumentError(
        'map.value',
        `has ${value.length} bytes, and map '${this.name}' takes ${this.valueBytes}`,
      )
    }
    const flags = typeof mode === 'number' ? mode : updateModes[mode]
    const result = this.#element('BPF_MAP_UPDATE_ELEM', key, value, flags)
    if (result < 0) throw this.#error(result, 'BPF_MAP_UPDATE_ELEM')
  }

  /** Deletes an element; false when there was none. */
  delete(key: Uint8Array): boolean {
    const result = this.#element('BPF_MAP_DELETE_ELEM', key, undefined, 0)
    if (result === 0) return true
    if (errnoText(result) === 'ENOENT') return false
    throw this.#error(result, 'BPF_MAP_DELETE_ELEM')
  }

  /** The key after `key` in the kernel's order, the first one without `key`; undefined at the end. */
  getNextKey(key?: Uint8Array): Uint8Array | undefined {
    const next = new Uint8Array(this.keySize)
    const result = this.#element('BPF_MAP_GET_NEXT_KEY', key, next, 0)
    if (result === 0) return next
    if (errnoText(result) === 'ENOENT') return undefined
    throw this.#error(result, 'BPF_MAP_GET_NEXT_KEY')
  }

  /** Every key and value, as far as others leave the map alone meanwhile. */
  *entries(): Generator<[key: Uint8Array, value: Uint8Array]> {
    for (let key = this.getNextKey(); key; key = this.getNextKey(key)) {
      const value = this.lookup(key)
      if (value) yield [key, value]
    }
  }

  /**
   * Maps `bytes` of the map from `offset` on into this process, shared with the kernel: an array with BPF_F_MMAPABLE, a ring,
   * an arena. The memory must not be touched after `close`. Throws KernelError.
   */
  mapPages(bytes: number, offset = 0, writable = true): MappedPages {
    const { ffi } = this.#context
    const at = ffi.map(this.fd, bytes, offset, writable)
    if (at < 0) throw new KernelError(errnoText(at), 'mmap', `pages of map '${this.name}'`)
    const close = (): void => ffi.unmap(at, bytes)
    return { address: at, bytes: ffi.view(at, bytes), close, [Symbol.dispose]: close }
  }

  /** BPF_OBJ_GET_INFO_BY_FD: `struct bpf_map_info`. */
  info(): MapInfo {
    return mapInfo(this.#context, this, `map '${this.name}'`)
  }

  /** BPF_OBJ_PIN: keeps it under a path of a bpf file system until that is unlinked. Throws `KernelError`. */
  pin(path: string): void {
    pinObject(this.#context, this.fd, path)
  }

  /** From now on user space cannot write the map, and the verifier takes a BPF_F_RDONLY_PROG map's bytes as constants. */
  freeze(): void {
    const { attr } = this.#context
    const size = attr.begin('BPF_MAP_FREEZE')
    attr.set('map_fd', this.fd)
    this.#context.must('BPF_MAP_FREEZE', size, `map '${this.name}'`)
  }

  /** Up to `count` elements, from `from` (the `next` of the call before). */
  lookupBatch(count: number, from?: Uint8Array, options: { readonly delete?: boolean } = {}): MapBatch {
    const command = options.delete ? 'BPF_MAP_LOOKUP_AND_DELETE_BATCH' : 'BPF_MAP_LOOKUP_BATCH'
    const keys = new Uint8Array(count * this.keySize)
    const values = new Uint8Array(count * this.valueBytes)
    // The token is a u32 for arrays and hashes, a key for LPM tries.
    const next = new Uint8Array(Math.max(4, this.keySize))
    const { attr } = this.#context
    const size = attr.begin(command)
    if (from) attr.set('in_batch', this.#context.address(from))
    attr.set('out_batch', this.#context.address(next))
    attr.set('keys', this.#context.address(keys))
    attr.set('values', this.#context.address(values))
    attr.set('count', count)
    attr.set('map_fd', this.fd)
    const result = this.#context.call(command, size)
    const done = result < 0 && errnoText(result) === 'ENOENT'
    if (result < 0 && !done)
      throw this.#error(result, command, { ENOSPC: 'a bucket has more elements than count; ask for more' })
    const got = attr.get('count')
    return {
      keys: keys.subarray(0, got * this.keySize),
      values: values.subarray(0, got * this.valueBytes),
      count: got,
      next: done ? undefined : next,
    }
  }

  /** Writes elements: keys and values one after another. Returns how many were written when the kernel stopped at one. */
  updateBatch(keys: Uint8Array, values: Uint8Array, mode: UpdateMode | number = 'any'): number {
    const count = keys.length / this.keySize
    if (!Number.isInteger(count) || values.length !== count * this.valueBytes) {
      throw new KernelArgumentError(
        'map.values',
        `${keys.length} bytes of keys and ${values.length} of values are not equally many elements of ` +
          `${this.keySize} and ${this.valueBytes}`,
      )
    }
    const flags = typeof mode === 'number' ? mode : updateModes[mode]
    return this.#writeBatch('BPF_MAP_UPDATE_BATCH', keys, values, count, flags)
  }

  /** Deletes elements by key. Returns how many there were up to the first missing one. */
  deleteBatch(keys: Uint8Array): number {
    const count = keys.length / this.keySize
    if (!Number.isInteger(count)) {
      throw new KernelArgumentError(
        'map.keys',
        `${keys.length} bytes are not a whole number of keys of ${this.keySize}`,
      )
    }
    return this.#writeBatch('BPF_MAP_DELETE_BATCH', keys, undefined, count, 0)
  }

  #writeBatch(
    command: Command,
    keys: Uint8Array,
    values: Uint8Array | undefined,
    count: number,
    flags: number,
  ): number {
    const { attr } = this.#context
    const size = attr.begin(command)
    attr.set('keys', this.#context.address(keys))
    attr.set('values', this.#context.address(values))
    attr.set('count', count)
    attr.set('map_fd', this.fd)
    attr.set('elem_flags', flags)
    const result = this.#context.call(command, size)
    const stopped = result < 0 && ['ENOENT', 'EEXIST', 'E2BIG'].includes(errnoText(result))
    if (result < 0 && !stopped) throw this.#error(result, command)
    return attr.get('count')
  }

  #element(
    command: Command,
    key: Uint8Array | undefined,
    value: Uint8Array | undefined,
    flags: number,
  ): number {
    if (key && key.length !== this.keySize) {
      throw new KernelArgumentError(
        'map.key',
        `has ${key.length} bytes, and map '${this.name}' takes ${this.keySize}`,
      )
    }
    const { attr } = this.#context
    const size = attr.begin(command)
    attr.set('map_fd', this.fd)
    attr.set('key', this.#context.address(key))
    attr.set('value', this.#context.address(value))
    attr.set('flags', flags)
    return this.#context.call(command, size)
  }

  #error(result: number, command: Command, mends: Readonly<Record<string, string>> = {}): KernelError {
    const errno = errnoText(result)
    const mend = mends[errno] ?? elementMends[errno]
    return new KernelError(errno, command, `map '${this.name}' of type ${this.type}`, mend)
  }
}

const elementMends: Readonly<Record<string, string>> = {
  E2BIG: 'the map is full, or the index is past max_entries',
  EPERM: 'the map is frozen, or its flags do not let user space do this',
  EEXIST: "there is an element of this key; use mode 'any' or 'exist'",
  ENOENT: "there is no element of this key; use mode 'any' or 'noexist'",
  ENOTSUPP: 'this map type has no such operation',
  EOPNOTSUPP: 'this map type has no such operation',
}

/** The map of a descriptor, which it takes over. Throws `KernelError`. */
export function mapOfFd(context: Context, fd: number): KernelMap {
  const info = mapInfo(context, { fd }, `descriptor ${fd}`)
  return new KernelMap(context, fd, mapTypes[info.type] ?? Number(info.type), info)
}
