import { readSync } from 'node:fs'
import { type Context, Handle } from './context.ts'
import { errnoText } from './errno.ts'
import { KernelArgumentError, KernelError } from './errors.ts'
import type { KernelBtf } from './kernel-btf.ts'
import type { KernelMap } from './kernel-map.ts'
import { type ProgramCode, type ProgramInfo, programCode, programInfo } from './object-info.ts'
import { pinObject } from './objects.ts'
import { attachTypes, numberOf, programTypes } from './uapi.ts'

export interface ProgramOptions {
  readonly name?: string
  /** BPF_PROG_TYPE_* as a lower-case name (`xdp`) or a number. */
  readonly type: string | number
  /** expected_attach_type: BPF_* as a lower-case name (`cgroup_inet_ingress`) or a number. */
  readonly attachType?: string | number
  /** BPF_F_* load flags. */
  readonly flags?: number
  /** Default `GPL`. */
  readonly license?: string
  /** 8-byte little-endian instructions; map references hold file descriptors, kfunc calls BTF ids. */
  readonly insns: Uint8Array
  readonly btf?: KernelBtf
  /** Records of `struct bpf_func_info` (u32 insn_off, u32 type_id); needs `btf`. */
  readonly funcInfo?: Uint8Array
  /** Records of `struct bpf_line_info` (four u32: insn_off, file_name_off, line_off, line_col); needs `btf`. */
  readonly lineInfo?: Uint8Array
  /** The type in the kernel's BTF (or in `attachProgFd`'s) that the program attaches to. */
  readonly attachBtfId?: number
  /** The program that an `ext` or tracing program attaches to. */
  readonly attachProgFd?: number
  /** KERNEL_VERSION(a,b,c). */
  readonly kernVersion?: number
  /** File descriptors that instructions name by index: i32 each. */
  readonly fdArray?: Int32Array
  /** How many of `fdArray` the kernel takes a reference on; 0 for none. */
  readonly fdArrayCount?: number
  /** BPF_LOG_LEVEL1 = 1 (the path that fails), 2 (every path), 4 (statistics); may be added. Default 1. */
  readonly logLevel?: number
  /**
   * Ask for the log only when the program is rejected, by a second load; its last 4 MiB are enough for that. The log of
   * an accepted program then has just the statistics. This is the fast way to a verdict. By default the whole log is
   * kept (the last 256 MiB of it); one longer than 4 MiB costs another load.
   */
  readonly lazyLog?: boolean
}

export interface RejectedProgram {
  readonly ok: false
  /** `EACCES`, `EINVAL`, … */
  readonly errno: string
  /** The kernel was not asked: it lacks what the program refers to, as `log` says. */
  readonly beforeKernel?: true
  /** The verifier's log; empty when the kernel refused before verification. */
  readonly log: string
}

export interface TestRunOptions {
  /** The packet: at least 14 bytes for network types. */
  readonly dataIn?: Uint8Array
  /** Bytes to make room for; by default 64 KiB where there is `dataIn`, else none. */
  readonly dataOutSize?: number
  readonly ctxIn?: Uint8Array
  /** By default the size of `ctxIn`, for types whose context comes back that way. */
  readonly ctxOutSize?: number
  /** Runs of the program; the kernel's time is the average. Default: one. */
  readonly repeat?: number
  /** BPF_F_TEST_*. BPF_F_TEST_XDP_LIVE_FRAMES sends packets through this machine's real interfaces. */
  readonly flags?: number
  /** The CPU to run on, with BPF_F_TEST_RUN_ON_CPU. */
  readonly cpu?: number
  readonly batchSize?: number
}

export interface TestRunResult {
  /** What the program returned: an unsigned 32-bit number. */
  readonly retval: number
  readonly dataOut: Uint8Array
  readonly ctxOut: Uint8Array
  /** Average of a run in nanoseconds, as the kernel measured it. */
  readonly durationNs: number
}

/** Past this the log's end is enough. */
const maxLog = 1 << 28
/** Kernels before 5.2 take no longer log. */
const oldKernelsMaxLog = 1 << 24
/** The kernel gives up a load with EAGAIN when a signal arrives while it verifies. */
const loadTries = 5

/** BPF_PROG_LOAD. A refusal is data; only arguments that make no sense throw (`KernelArgumentError`). */
export const loadProgram = (context: Context, options: ProgramOptions): KernelProgram | RejectedProgram => {
  if (options.insns.length % 8) {
    throw new KernelArgumentError(
      'program.insns',
      `${options.insns.length} bytes are not a whole number of 8-byte instructions`,
    )
  }
  const loader = new ProgramLoader(context, options)
  const level = options.logLevel ?? 1
  const result = options.lazyLog ? loadLazily(loader, level) : loadWhole(loader, level)
  const log = loader.log
  return result < 0
    ? { ok: false, errno: errnoText(result), log }
    : new KernelProgram(context, result, log, options.name ?? '', loader.type)
}

const loadLazily = (loader: ProgramLoader, level: number): number => {
  const first = loader.load(BPF_LOG_STATS)
  // Without a log the kernel refused the arguments and verified nothing.
  if (first >= 0 || !loader.log) return first
  const second = loader.load(level)
  // A log that does not fit makes the result ENOSPC, whatever the verdict.
  return second < 0 ? first : second
}

const loadWhole = (loader: ProgramLoader, level: number): number => {
  let result = loader.load(level)
  while (loader.cut && loader.room < maxLog) {
    loader.room = Math.min(maxLog, Math.max(loader.room * 4, loader.trueSize))
    result = loader.load(level)
  }
  return loader.cut ? loader.load(0) : result
}

/** One program's blocks, kept reachable over repeated loads. */
class ProgramLoader {
  readonly #context: Context
  readonly #options: ProgramOptions
  readonly type: number
  readonly #attachType: number
  readonly #license: Uint8Array
  readonly #fdArray: Uint8Array | undefined
  #buffer: Uint8Array
  /** What the last load that asked for a log got. */
  log = ''
  /** Bytes for the log. */
  room: number
  /** Bytes that the whole log takes; 0 from kernels before 6.4, which do not say. */
  trueSize = 0
  /** The log of the last load is not whole, so its result is ENOSPC. */
  cut = false

  constructor(context: Context, options: ProgramOptions) {
    this.#context = context
    this.#options = options
    this.type = required('program.type', 'program type', programTypes, options.type)
    this.#attachType = required('program.attachType', 'attach type', attachTypes, options.attachType ?? 0)
    this.#license = new TextEncoder().encode(`${options.license ?? 'GPL'}\0`)
    const fds = options.fdArray
    this.#fdArray = fds && new Uint8Array(fds.buffer, fds.byteOffset, fds.byteLength)
    this.#buffer = context.scratch
    this.room = this.#buffer.length
  }

  /** The file descriptor, or minus errno. Level 0 asks for no log. */
  load(level: number): number {
    for (let tries = 1; ; tries++) {
      const result = this.#once(level)
      if (result !== -EAGAIN || tries === loadTries) return result
    }
  }

  #once(level: number): number {
    const context = this.#context
    const o = this.#options
    const { attr } = context
    const size = attr.begin('BPF_PROG_LOAD')
    attr.set('prog_type', this.type)
    attr.set('expected_attach_type', this.#attachType)
    attr.set('insn_cnt', o.insns.length / 8)
    attr.set('insns', context.address(o.insns))
    attr.set('license', context.address(this.#license))
    attr.set('kern_version', o.kernVersion ?? 0)
    attr.set('prog_flags', o.flags ?? 0)
    attr.setName('prog_name', o.name ?? '')
    if (o.btf) {
      attr.set('prog_btf_fd', o.btf.fd)
      if (o.funcInfo?.length) {
        attr.set('func_info_rec_size', 8)
        attr.set('func_info', context.address(o.funcInfo))
        attr.set('func_info_cnt', Math.floor(o.funcInfo.length / 8))
      }
      if (o.lineInfo?.length) {
        attr.set('line_info_rec_size', 16)
        attr.set('line_info', context.address(o.lineInfo))
        attr.set('line_info_cnt', Math.floor(o.lineInfo.length / 16))
      }
    }
    attr.set('attach_btf_id', o.attachBtfId ?? 0)
    attr.set('attach_prog_fd', o.attachProgFd ?? 0)
    attr.set('fd_array', context.address(this.#fdArray))
    attr.set('fd_array_cnt', o.fdArrayCount ?? 0)
    const room = level ? this.room : 0
    if (room) {
      if (this.#buffer.length < room) this.#buffer = new Uint8Array(room)
      this.#buffer[0] = 0
      attr.set('log_level', level)
      attr.set('log_size', room)
      attr.set('log_buf', context.address(this.#buffer))
    }
    const result = context.call('BPF_PROG_LOAD', size)
    if (room) {
      this.trueSize = attr.get('log_true_size')
      this.cut = this.trueSize ? this.trueSize > room : result === -ENOSPC && room < oldKernelsMaxLog
      const end = this.#buffer.indexOf(0)
      this.log = decoder.decode(this.#buffer.subarray(0, end < 0 || end > room ? room : end))
    }
    return result
  }
}

const decoder = new TextDecoder()
/** BPF_LOG_STATS: the statistics alone. */
const BPF_LOG_STATS = 4
const EAGAIN = 11
const ENOSPC = 28

const required = (
  argument: string,
  what: string,
  table: Readonly<Record<string, number>>,
  type: string | number,
): number => {
  const n = numberOf(table, type)
  if (n === undefined)
    throw new KernelArgumentError(argument, `no ${what} is called '${type}'; give its number`)
  return n
}

/** A program that the kernel accepted. */
export class KernelProgram extends Handle {
  readonly ok = true
  /** The verifier's log at the level that was asked for. */
  readonly log: string
  readonly name: string
  /** BPF_PROG_TYPE_* number. */
  readonly type: number
  readonly #context: Context

  constructor(context: Context, fd: number, log: string, name: string, type: number) {
    super(context.ffi, fd, `program '${name}'`)
    this.#context = context
    this.log = log
    this.name = name
    this.type = type
  }

  /** Instructions that the verifier walked. */
  get verifiedInsns(): number {
    return this.info().verifiedInsns
  }

  /** BPF_OBJ_GET_INFO_BY_FD: `struct bpf_prog_info`. */
  info(): ProgramInfo {
    return programInfo(this.#context, this, `program '${this.name}'`)
  }

  /** Its instructions after the verifier's rewriting, and its machine code. Throws `KernelError`. */
  code(): ProgramCode {
    return programCode(this.#context, this, `program '${this.name}'`)
  }

  /** BPF_OBJ_PIN: keeps it under a path of a bpf file system until that is unlinked. Throws `KernelError`. */
  pin(path: string): void {
    pinObject(this.#context, this.fd, path)
  }

  /** BPF_PROG_ATTACH to a map of sockets, for as long as the map is there. Throws `KernelError`. */
  attachToMap(map: KernelMap, attachType: string): void {
    const { attr } = this.#context
    const size = attr.begin('BPF_PROG_ATTACH')
    attr.set('target_fd', map.fd)
    attr.set('attach_bpf_fd', this.fd)
    attr.set('attach_type', required('attachType', 'attach type', attachTypes, attachType))
    this.#context.must('BPF_PROG_ATTACH', size, `program '${this.name}'`)
  }

  /** What reading an iterator program's file gives, of a map for those over its elements. Throws `KernelError`. */
  readIterator(map?: KernelMap): Uint8Array {
    const context = this.#context
    const { attr } = context
    const what = `program '${this.name}'`
    // union bpf_iter_link_info
    const info = new Uint8Array(16)
    if (map) new DataView(info.buffer).setUint32(0, map.fd, true)
    const size = attr.begin('BPF_LINK_CREATE')
    attr.set('prog_fd', this.fd)
    attr.set('attach_type', attachTypes['trace_iter']!)
    if (map) {
      attr.set('iter_info', context.address(info))
      attr.set('iter_info_len', info.length)
    }
    using link = new Handle(context.ffi, context.must('BPF_LINK_CREATE', size, what), `link of ${what}`)
    const iterSize = attr.begin('BPF_ITER_CREATE')
    attr.set('link_fd', link.fd)
    using file = new Handle(
      context.ffi,
      context.must('BPF_ITER_CREATE', iterSize, what),
      `iterator of ${what}`,
    )
    const chunks: Uint8Array[] = []
    for (let count = 1; count > 0; ) {
      const chunk = new Uint8Array(1 << 16)
      count = readSync(file.fd, chunk)
      chunks.push(chunk.subarray(0, count))
    }
    return Buffer.concat(chunks)
  }

  /** BPF_PROG_TEST_RUN. Throws `KernelError`: ENOTSUPP for a type that has no test run, EINVAL for data it does not take. */
  testRun(options: TestRunOptions = {}): TestRunResult {
    const { dataIn } = options
    const inPlace = contextInPlace.has(this.type)
    const ctxIn = inPlace ? options.ctxIn?.slice() : options.ctxIn
    const context = this.#context
    const dataRoom = options.dataOutSize ?? (dataIn ? Math.max(dataIn.length, 1 << 16) : 0)
    const ctxRoom = options.ctxOutSize ?? (contextKept.has(this.type) ? 0 : (ctxIn?.length ?? 0))
    const fits = dataRoom + ctxRoom <= context.scratch.length
    const room = fits ? context.scratch : new Uint8Array(dataRoom + ctxRoom)
    const dataOut = room.subarray(0, dataRoom)
    const ctxOut = room.subarray(dataRoom, dataRoom + ctxRoom)
    const { attr } = context
    const size = attr.begin('BPF_PROG_TEST_RUN')
    attr.set('prog_fd', this.fd)
    attr.set('data_size_in', dataIn?.length ?? 0)
    attr.set('data_in', context.address(dataIn))
    attr.set('data_size_out', dataOut.length)
    attr.set('data_out', context.address(dataOut))
    attr.set('ctx_size_in', ctxIn?.length ?? 0)
    attr.set('ctx_in', context.address(ctxIn))
    attr.set('ctx_size_out', ctxOut.length)
    attr.set('ctx_out', context.address(ctxOut))
    attr.set('repeat', options.repeat ?? 0)
    attr.set('flags', options.flags ?? 0)
    attr.set('cpu', options.cpu ?? 0)
    attr.set('batch_size', options.batchSize ?? 0)
    const result = context.call('BPF_PROG_TEST_RUN', size)
    if (result < 0) {
      const errno = errnoText(result)
      throw new KernelError(errno, 'BPF_PROG_TEST_RUN', `program '${this.name}'`, runMends[errno])
    }
    return {
      retval: attr.get('retval'),
      dataOut: dataOut.slice(0, attr.get('data_size_out')),
      ctxOut: inPlace && ctxIn ? ctxIn : ctxOut.slice(0, attr.get('ctx_size_out')),
      durationNs: attr.get('duration'),
    }
  }
}

const numbers = (...names: string[]): ReadonlySet<number> =>
  new Set(names.map((name) => programTypes[name] ?? -1))
/** Types whose test run writes the context back to where it was read (kernel/bpf/syscall.c: bpf_prog_test_run_syscall). */
const contextInPlace = numbers('syscall')
/** Types whose test run takes a context but no room for one. */
const contextKept = numbers('syscall', 'raw_tracepoint', 'raw_tracepoint_writable', 'tracing', 'struct_ops')

const runMends: Readonly<Record<string, string>> = {
  ENOTSUPP: 'the kernel has no test run for this program type',
  EINVAL:
    'network types need at least 14 bytes of data, and each type takes only some of data, ctx, repeat and flags',
  ENOSPC: 'dataOutSize or ctxOutSize is too small',
  EINTR: 'a signal arrived; run it again',
}

/** The program of a descriptor, which it takes over. Throws `KernelError`. */
export function programOfFd(context: Context, fd: number): KernelProgram {
  const { name, type } = programInfo(context, { fd }, `descriptor ${fd}`)
  return new KernelProgram(context, fd, '', name, programTypes[type] ?? Number(type))
}
