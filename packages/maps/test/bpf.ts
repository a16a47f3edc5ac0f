import { errnoName, type MapSpec } from '@skep/registry'
import koffi from 'koffi'

/** System calls, by Node's name of the architecture. */
const numbers: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  x64: {
    bpf: 321,
    close: 3,
    socket: 41,
    bind: 49,
    listen: 50,
    getsockname: 51,
    setsockopt: 54,
    getsockopt: 55,
    sched_setaffinity: 203,
    sched_getaffinity: 204,
    perf_event_open: 298,
    pidfd_open: 434,
  },
  arm64: {
    bpf: 280,
    close: 57,
    socket: 198,
    bind: 200,
    listen: 201,
    getsockname: 204,
    setsockopt: 208,
    getsockopt: 209,
    sched_setaffinity: 122,
    sched_getaffinity: 123,
    perf_event_open: 241,
    pidfd_open: 434,
  },
}
const nr = numbers[process.arch]!

/** enum bpf_cmd. */
export const command = {
  create: 0,
  lookup: 1,
  update: 2,
  delete: 3,
  next: 4,
  progLoad: 5,
  testRun: 10,
  info: 15,
  btfLoad: 18,
  lookupAndDelete: 21,
  freeze: 22,
  lookupBatch: 24,
  lookupAndDeleteBatch: 25,
  updateBatch: 26,
  deleteBatch: 27,
} as const

/** An errno as results spell it. */
export const refused = (result: number): string => `!${errnoName(result) ?? -result}`

export const isRefused = (result: string): boolean => result.startsWith('!')

type Bytes = Uint8Array | undefined

// Where the parts of a call lie in its block.
const KEYS = 1024
const VALUES = 4096
const NEXT = 512
const SIZE = 1 << 16
/** Behind them, for `page`. */
const PAGES = 4 * 4096

type SystemCall = {
  (...args: number[]): number
  async(...args: unknown[]): void
}

function bind() {
  const libc = koffi.load(null)
  const longs = (count: number): string[] => Array(count).fill('long')
  return {
    /** With the number and six arguments. */
    long: libc.func('syscall', 'long', longs(7)) as unknown as SystemCall,
    /** With three: what bpf(2) takes. */
    short: libc.func('syscall', 'long', longs(4)) as unknown as SystemCall,
  }
}

let bound: ReturnType<typeof bind> | undefined
const libc = (): ReturnType<typeof bind> => (bound ??= bind())

/** A system call of those above: its result, or minus errno. Arguments that are absent are 0. */
export function systemCall(name: string, ...args: number[]): number {
  const result = libc().long(nr[name]!, ...args, ...Array(6 - args.length).fill(0))
  return result === -1 ? -koffi.errno() : result
}

/**
 * bpf(2) with the arguments of one call in one block whose address is known, and results as they are. Calls are generators:
 * where `waits`, each is made in another thread, and yields a promise of its result.
 */
export class Bpf {
  readonly #u8 = new Uint8Array(new ArrayBuffer(SIZE + PAGES))
  readonly #u32 = new Uint32Array(this.#u8.buffer)
  readonly #address = Number(koffi.address(this.#u8))
  readonly #system = libc().short
  readonly #waits: boolean

  constructor(waits = false) {
    this.#waits = waits
  }

  #call(cmd: number, size: number): number {
    const result = this.#system(nr['bpf']!, cmd, this.#address, size)
    return result === -1 ? -koffi.errno() : result
  }

  *#later(cmd: number, size: number): Generator<Promise<number>, number, number> {
    if (!this.#waits) return this.#call(cmd, size)
    return yield new Promise((resolve) => {
      const done = (_: unknown, result: number): void => resolve(result === -1 ? -koffi.errno() : result)
      this.#system.async(nr['bpf']!, cmd, this.#address, size, done)
    })
  }

  /** A pointer of the attributes; 0 for none. */
  #point(at: number, to: number): void {
    const address = to === 0 ? 0 : this.#address + to
    this.#u32[at >> 2] = address
    this.#u32[(at >> 2) + 1] = address / 2 ** 32
  }

  #begin(size: number): void {
    this.#u32.fill(0, 0, size >> 2)
  }

  /** A call about bytes: `fill` writes the attributes, with `at` for the address of these bytes; `read` what came back. */
  withBytes(
    cmd: number,
    size: number,
    bytes: Uint8Array,
    fill: (attr: DataView, at: bigint) => void,
    read?: (attr: DataView) => void,
  ): number {
    this.#begin(size)
    if (bytes.length > SIZE - VALUES) throw new RangeError(`${bytes.length} bytes are too many`)
    this.#u8.set(bytes, VALUES)
    const attr = new DataView(this.#u8.buffer)
    fill(attr, BigInt(this.#address + VALUES))
    const result = this.#call(cmd, size)
    read?.(attr)
    return result
  }

  /** Keeps this thread on one CPU, whose lists the kernel's LRU maps then use; gives what ends that. */
  pin(cpu: number): () => void {
    const at = this.#address + VALUES
    const bytes = systemCall('sched_getaffinity', 0, 128, at)
    if (bytes < 0) throw new Error(`sched_getaffinity: ${refused(bytes)}`)
    const before = this.take(bytes)
    const set = (mask: Uint8Array): void => {
      this.#u8.set(mask, VALUES)
      systemCall('sched_setaffinity', 0, mask.length, at)
    }
    set(before.map((_, n) => (n === cpu >> 3 ? 1 << (cpu & 7) : 0)))
    return () => set(before)
  }

  /** perf_event_open(bytes, ...rest). */
  openEvent(attr: Uint8Array): number {
    this.#u8.set(attr, VALUES)
    return systemCall('perf_event_open', this.#address + VALUES, -1, 0, -1, 0)
  }

  /** bind(fd, name); the port that it got, or minus errno. */
  bind(fd: number, name: Uint8Array): number {
    const at = this.#address + VALUES
    this.#u8.set(name, VALUES)
    const result = systemCall('bind', fd, at, name.length)
    if (result < 0) return result
    this.#u32[NEXT >> 2] = name.length
    const named = systemCall('getsockname', fd, at, this.#address + NEXT)
    return named < 0 ? named : this.#u8[VALUES + 2]! * 256 + this.#u8[VALUES + 3]!
  }

  setOption(fd: number, level: number, name: number, value: Uint8Array): number {
    this.#u8.set(value, VALUES)
    return systemCall('setsockopt', fd, level, name, this.#address + VALUES, value.length)
  }

  /** The address of page `n` of memory that nobody else uses, as long as this object is there. */
  page(n: number): number {
    return Math.ceil(this.#address / 4096 + n) * 4096 + SIZE
  }

  /** The low word of an option of 8 bytes. */
  option(fd: number, level: number, name: number): number {
    this.#u32[NEXT >> 2] = 8
    const result = systemCall('getsockopt', fd, level, name, this.#address + VALUES, this.#address + NEXT)
    return result < 0 ? result : this.#u32[VALUES >> 2]!
  }

  /** The map's file descriptor, or minus errno. */
  create(spec: MapToCreate): number {
    this.#begin(80)
    const words = [spec.id, spec.keySize, spec.valueSize, spec.maxEntries, spec.flags ?? 0, spec.innerFd ?? 0]
    this.#u32.set(words)
    this.#u8[28] = 109
    if (spec.btf) this.#u32.set([spec.btf.fd, spec.btf.key, spec.btf.value], 12)
    this.#u32[16] = spec.mapExtra ?? 0
    return this.#call(command.create, 80)
  }

  /** struct bpf_map_info: type, id, key_size, value_size, max_entries, map_flags; and map_extra. */
  info(fd: number): { readonly words: readonly number[]; readonly id: number; readonly mapExtra: number } {
    this.#begin(16)
    this.#u32[0] = fd
    this.#u32[1] = 88
    this.#point(8, VALUES)
    this.#u32.fill(0, VALUES >> 2, (VALUES + 88) >> 2)
    const result = this.#call(command.info, 16)
    if (result < 0) throw new Error(`BPF_OBJ_GET_INFO_BY_FD: ${refused(result)}`)
    const [type, id, ...rest] = this.#u32.slice(VALUES >> 2, (VALUES >> 2) + 6)
    return { id: id!, words: [type!, ...rest], mapExtra: this.#u32[(VALUES + 80) >> 2]! }
  }

  *freeze(fd: number): Generator<Promise<number>, number, number> {
    this.#begin(4)
    this.#u32[0] = fd
    return yield* this.#later(command.freeze, 4)
  }

  /** A command on one element; `value` goes in, and what `take` then gives comes out. */
  *element(
    cmd: number,
    fd: number,
    key: Bytes,
    value: Bytes,
    flags: number,
  ): Generator<Promise<number>, number, number> {
    this.#begin(32)
    this.#u32[0] = fd
    if (key?.length) {
      this.#u8.set(key, KEYS)
      this.#point(8, KEYS)
    }
    if (value) this.#u8.set(value, VALUES)
    if (cmd !== command.delete) this.#point(16, VALUES)
    this.#u32[6] = flags
    this.#u32[7] = flags / 2 ** 32
    return yield* this.#later(cmd, 32)
  }

  /** The value that the last call gave. */
  take(bytes: number): Uint8Array {
    return this.#u8.slice(VALUES, VALUES + bytes)
  }

  /** A batch that goes on at `from`; the result, and how many elements there were. */
  *batch(
    cmd: number,
    fd: number,
    parts: {
      count: number
      keys?: Uint8Array
      values?: Uint8Array
      from?: Uint8Array | undefined
      flags?: number
    },
  ): Generator<Promise<number>, { result: number; count: number }, number> {
    this.#begin(56)
    if (parts.from) {
      this.#u8.set(parts.from, NEXT - 64)
      this.#point(0, NEXT - 64)
    }
    this.#point(8, NEXT)
    if (parts.keys) this.#u8.set(parts.keys, KEYS)
    this.#point(16, KEYS)
    if (parts.values) this.#u8.set(parts.values, VALUES)
    this.#point(24, VALUES)
    this.#u32[8] = parts.count
    this.#u32[9] = fd
    this.#u32[10] = parts.flags ?? 0
    this.#u32[11] = (parts.flags ?? 0) / 2 ** 32
    const result = yield* this.#later(cmd, 56)
    return { result, count: this.#u32[8]! }
  }

  /** Keys that the last batch gave, and where the next goes on. */
  keys(bytes: number): Uint8Array {
    return this.#u8.slice(KEYS, KEYS + bytes)
  }

  next(bytes: number): Uint8Array {
    return this.#u8.slice(NEXT, NEXT + bytes)
  }
}

export interface MapToCreate
  extends Pick<MapSpec, 'keySize' | 'valueSize' | 'maxEntries' | 'flags' | 'mapExtra'> {
  readonly id: number
  readonly innerFd?: number
  readonly btf?: { readonly fd: number; readonly key: number; readonly value: number }
}

export const closeFd = (fd: number): void => void systemCall('close', fd)
