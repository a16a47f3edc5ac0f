/**
 * A WebAssembly module over the arena (see scripts/assemble.mjs): instantiated once for each CPU of a runtime with
 * imports `env.memory`, `env.table`, `env.control` (i32 global: address of the control block), and the exports of
 * the modules named in `imports`, each under its module's name.
 */
export interface WasmModuleDef {
  /** Unique in the platform; other modules import it under this name. */
  readonly name: string
  /** The module's bytes for unshared or shared memory. */
  readonly bytes: (shared: boolean) => Uint8Array
  /** Modules whose exports this one imports; instantiated before. */
  readonly imports?: readonly WasmModuleDef[]
  /** JS functions that the module imports under `host`; made per runtime. */
  readonly host?: (env: HostEnv) => Readonly<Record<string, (...args: number[]) => number | void>>
}

/** Who runs a program, as bpf_get_current_pid_tgid, _uid_gid and _comm tell it. */
export interface TaskInfo {
  /** The thread's id, and its process's. */
  readonly pid: number
  readonly tgid: number
  readonly uid: number
  readonly gid: number
  /** At most 15 bytes count. */
  readonly comm: string
  /** The net_cls class of its cgroup; 0 when absent. */
  readonly classid?: number
}

/** Callbacks of programs that run later, named by the address of their record (ASYNC_* of layout/fields.ts). */
export interface DeferredCalls {
  /** Has it run once after so many nanoseconds, from now or (`absolute`) from its clock's zero, instead of when it would have. */
  start(work: number, nanoseconds: bigint, absolute: boolean): void
  /** Has it run as soon as no program does, unless it waits for that already. */
  queue(work: number): void
  /** Whether it waited. */
  cancel(work: number): boolean
  /** The one that runs now, or 0. */
  running(): number
}

/** What a JS implementation may reach: the runtime that it works for. */
export interface HostEnv {
  readonly memory: WebAssembly.Memory
  /** Address of this CPU's control block. */
  readonly control: number
  readonly cpu: number
  /** Raises a runtime event (`printk`, `exception`, …). */
  readonly emit: (event: string, ...args: unknown[]) => void
  /** Nanoseconds since boot; from the seed in deterministic mode. */
  readonly now: () => bigint
  /** Nanoseconds since 1970 at which `now` was 0; from the host's clock when absent. */
  readonly epoch?: bigint
  /** The task that a program runs in now; the host's own process when absent. */
  readonly task?: () => TaskInfo
  /**
   * Addresses of the frames on which a program was called, the innermost first, of the kernel or (`user`) of the process; the
   * context is an arena address. Undefined where there is no such stack: the helpers give -EFAULT, as they do when absent.
   */
  readonly stacks?: (context: number, user: boolean) => readonly bigint[] | undefined
  /** The network stack's sockets; none when absent. */
  readonly sockets?: import('./sockets.ts').SocketProvider
  /** What timers and work queues of programs run by; absent: programs cannot start any here. */
  readonly deferred?: DeferredCalls
  /** Runs `step` now, or when the runs under way have returned; at once when absent. */
  readonly whenIdle?: (step: () => void) => void
  /** The live map whose header is at an address. */
  readonly mapAt: (address: number) => import('./handles.ts').MapHandle | undefined
}

/** A function exported by a module. */
export interface WasmExport {
  readonly module: WasmModuleDef
  readonly export: string
}

/**
 * Compiles without a detour over other threads, whose answer a start would wait for: the modules here are small. Hosts that
 * refuse that on their main thread are asked in their own way.
 */
export async function compileWasm(bytes: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module> {
  try {
    return new WebAssembly.Module(bytes)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return WebAssembly.compile(bytes)
  }
}

/** The bytes that a text in base64 stands for. Throws InvalidCharacterError where it is none. */
export function decodeBase64(text: string): Uint8Array {
  const binary = atob(text)
  const bytes = new Uint8Array(binary.length)
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i)
  return bytes
}
