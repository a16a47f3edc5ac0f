import { ArenaError } from './errors.ts'
import { type MemoryExports, memoryModule } from './module.ts'

/** The one address space of a runtime: a WebAssembly memory and its allocator. Addresses and sizes are in bytes. */
export interface Arena {
  readonly memory: WebAssembly.Memory
  readonly shared: boolean
  /** How many CPUs (workers) per-CPU data is laid out for. */
  readonly cpus: number
  /** Views of the whole memory; read them anew after anything that may allocate (growing detaches old ones). */
  readonly u8: Uint8Array
  readonly u32: Uint32Array
  readonly i32: Int32Array
  readonly view: DataView
  /** Bytes handed out now with their headers, the highest that was, and the limit that ENOMEM guards. */
  readonly used: number
  readonly peak: number
  readonly limit: number
  /** Allocations that live now. */
  readonly count: number
  /** The allocator's own functions, for instances of wasm modules that import `memory`. */
  readonly exports: MemoryExports
  /**
   * Zeroed bytes, aligned to `align` (a power of two; 16 at least). Throws ArenaError ENOMEM past the limit and EINVAL
   * for a size or alignment that means nothing. Both it and `free` throw EDEADLK when a worker died inside the allocator.
   */
  alloc(size: number, align?: number): number
  /** Throws ArenaError BAD_FREE when no live allocation begins at the address. */
  free(address: number): void
  /** The bytes of an allocation as asked for, or 0 when the address begins none. */
  sizeOf(address: number): number
  /** Whether [address, address + size) lies in one live allocation, in bytes that programs may touch. */
  contains(address: number, size: number): boolean
}

export interface ArenaOptions {
  /** Several workers use the memory at once: a SharedArrayBuffer, and atomics in every module. Default false. */
  readonly shared?: boolean
  /** Most bytes that may be handed out together. Default 256 MiB. */
  readonly limit?: number
  /** How many CPUs (workers) per-CPU data is laid out for. Default 1. */
  readonly cpus?: number
}

const PAGE = 65536
/** Where the allocator's tables begin: behind the null page and one page of fixed state (assembly/layout.ts). */
const TABLES = 0x1_1000
const LARGEST_LIMIT = 0xe000_0000

/** Bytes of the tree of live addresses for an arena that ends at `end` (assembly/live.ts). */
function treeBytes(end: number): number {
  let total = 0
  for (let entries = end / 16, level = 0; level < 5; level++) {
    entries = Math.ceil(entries / 64)
    total += entries * 8
  }
  return total
}

const compiled = new Map<boolean, WebAssembly.Module>()

function instantiate(memory: WebAssembly.Memory, shared: boolean): MemoryExports {
  let module = compiled.get(shared)
  if (!module) {
    module = new WebAssembly.Module(memoryModule.bytes(shared))
    compiled.set(shared, module)
  }
  const table = new WebAssembly.Table({ initial: 1, element: 'anyfunc' })
  return new WebAssembly.Instance(module, { env: { memory, table } }).exports as unknown as MemoryExports
}

class WasmArena implements Arena {
  readonly memory: WebAssembly.Memory
  readonly shared: boolean
  readonly exports: MemoryExports
  readonly cpus: number
  readonly limit: number
  #u8!: Uint8Array
  #u32!: Uint32Array
  #i32!: Int32Array
  #view!: DataView

  constructor(memory: WebAssembly.Memory, shared: boolean, exports: MemoryExports) {
    this.memory = memory
    this.shared = shared
    this.exports = exports
    this.cpus = exports.cpus()
    this.limit = exports.limit() >>> 0
    this.#refresh()
  }

  #refresh(): void {
    const buffer = this.memory.buffer
    this.#u8 = new Uint8Array(buffer)
    this.#u32 = new Uint32Array(buffer)
    this.#i32 = new Int32Array(buffer)
    this.#view = new DataView(buffer)
  }

  /** An unshared buffer is detached when the memory grows; a shared one stays valid and too short. */
  #stale(): boolean {
    return this.#u8.length === 0 || (this.shared && this.#u8.buffer !== this.memory.buffer)
  }

  get u8(): Uint8Array {
    if (this.#stale()) this.#refresh()
    return this.#u8
  }

  get u32(): Uint32Array {
    if (this.#stale()) this.#refresh()
    return this.#u32
  }

  get i32(): Int32Array {
    if (this.#stale()) this.#refresh()
    return this.#i32
  }

  get view(): DataView {
    if (this.#stale()) this.#refresh()
    return this.#view
  }

  get used(): number {
    return this.exports.used() >>> 0
  }

  get peak(): number {
    return this.exports.peak() >>> 0
  }

  get count(): number {
    return this.exports.count() >>> 0
  }

  alloc(size: number, align = 16): number {
    if (
      !Number.isInteger(size) ||
      size < 0 ||
      !(align > 0 && align <= 0x100_0000 && (align & (align - 1)) === 0)
    ) {
      throw new ArenaError(
        'EINVAL',
        `cannot allocate ${size} bytes aligned to ${align}; give a size of 0 or more and a power of two up to 16 MiB`,
        { size, align },
      )
    }
    const address = size > 0xffff_ffff ? 0 : this.exports.alloc(size, align) >>> 0
    if (address === 0) {
      if (this.shared) this.#checkLock()
      const { used, limit } = this
      throw new ArenaError(
        'ENOMEM',
        `${size} bytes (aligned to ${align}) do not fit: ${used} of ${limit} bytes are in use; raise the arena's limit or make maps smaller`,
        { size, align, used, limit },
      )
    }
    return address
  }

  free(address: number): void {
    const result = this.exports.free(address)
    if (result !== 0) {
      if (result === 2) this.#checkLock()
      throw new ArenaError(
        'BAD_FREE',
        `no live allocation begins at 0x${address.toString(16)}; it was freed before, or it is not what alloc returned`,
        { address },
      )
    }
  }

  /** Why the allocator's lock could not be had. */
  #checkLock(): void {
    const holder = this.exports.lockHolder() >>> 0
    if (holder === 0) return
    const gone = this.exports.isGone(holder) !== 0
    const cpu = holder & 0xfff
    throw new ArenaError(
      'EDEADLK',
      `the worker of CPU ${cpu} ${gone ? 'ended while it held' : 'does not give back'} the allocator's lock; make a new runtime`,
      { cpu },
    )
  }

  sizeOf(address: number): number {
    return this.exports.sizeOf(address) >>> 0
  }

  contains(address: number, size: number): boolean {
    return this.exports.contains(address, size) !== 0
  }
}

function integer(name: string, value: number, least: number, most: number): number {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new ArenaError('EINVAL', `${name} is ${value}; give an integer from ${least} to ${most}`)
  }
  return value
}

/**
 * Makes an arena: its memory, empty, with the first 64 KiB never handed out. The memory grows as blocks are asked for.
 * Throws ArenaError EINVAL for bad options, ENOMEM when the engine has no address space for the limit.
 */
export function createArena(options: ArenaOptions = {}): Arena {
  const shared = options.shared ?? false
  const limit = integer('limit', options.limit ?? 256 * 1024 * 1024, PAGE, LARGEST_LIMIT)
  const cpus = integer('cpus', options.cpus ?? 1, 1, 4096)
  // Size classes round up by a sixteenth at most; that much more address space lets one block take the whole limit.
  const end = Math.min(
    Math.ceil((limit * 1.0625 + treeBytes(2 ** 32) + TABLES) / PAGE + 2) * PAGE,
    65535 * PAGE,
  )
  const initial = Math.ceil((TABLES + treeBytes(end)) / PAGE) + 4
  let memory: WebAssembly.Memory
  try {
    memory = new WebAssembly.Memory({ initial, maximum: end / PAGE, shared })
  } catch (error) {
    throw new ArenaError('ENOMEM', `no memory for a limit of ${limit} bytes: ${(error as Error).message}`, {
      size: end,
      limit,
    })
  }
  const exports = instantiate(memory, shared)
  if (exports.init(limit, end, cpus) !== 0) {
    throw new ArenaError('ENOMEM', `a limit of ${limit} bytes leaves no room for the allocator's tables`, {
      limit,
    })
  }
  return new WasmArena(memory, shared, exports)
}

/** The arena in a shared memory that another thread made with `createArena`. */
export function openArena(memory: WebAssembly.Memory): Arena {
  const shared = typeof SharedArrayBuffer !== 'undefined' && memory.buffer instanceof SharedArrayBuffer
  const magic = memory.buffer.byteLength > TABLES ? new DataView(memory.buffer).getUint32(PAGE, true) : 0
  if (magic !== 0x70656b53) {
    throw new ArenaError('EINVAL', 'the memory holds no arena; make it with createArena')
  }
  return new WasmArena(memory, shared, instantiate(memory, shared))
}
