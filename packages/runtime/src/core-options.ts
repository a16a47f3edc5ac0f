import type { EngineDef, Platform, PluginDef, ProgramSpec } from '@skep/registry'
import type { Verdict, Verifier } from '@skep/verifier'
import type { Clock } from './clock.ts'
import type { GlobalValue } from './globals.ts'
import type { CacheStore } from './load-cache.ts'
import type { PinStore } from './pin-store.ts'

/** Makes a verifier for a platform; `createVerifier` of @skep/verifier is one. */
export type VerifierFactory = (
  platform: Platform,
  options: { readonly kernelBtf?: Uint8Array; readonly cpus: number },
) => Promise<Verifier>

export interface CoreOptions {
  /** Everything that the runtime knows: helpers, map types, program types, engines. */
  readonly plugins: readonly PluginDef[]
  /** The engine that runs verified programs, or the name of one of the plugins'; their first one when absent. */
  readonly engine?: string | EngineDef
  /** Absent: only engines with a checked mode may run programs. */
  readonly verifier?: VerifierFactory
  /** Raw BTF of the kernel that the verifier takes for the host's: what types tracing programs and kfuncs. */
  readonly kernelBtf?: Uint8Array
  /** Most bytes of arena memory. Default 256 MiB. */
  readonly limit?: number
  /** Workers that may join, with a CPU for each beside this thread's, which is CPU 0; see `share`. Default none. */
  readonly workers?: number
  /** Shared memory, without a say how many workers; `workers` implies it. */
  readonly shared?: boolean
  /** CPUs that per-CPU values are laid out for. Default 1 and the workers. */
  readonly cpus?: number
  /** Where proofs and compiled collections are kept: the next load of the same need not verify and compile again. */
  readonly cache?: CacheStore
  /**
   * The first packets do not wait for the engine: programs run at once on one that needs not compile (the first with a
   * checked mode), and change over when theirs is ready. Without effect where workers share the memory.
   */
  readonly tierUp?: boolean
  /** Keeps the contents of pinned maps beyond the process; absent: pins are in memory. */
  readonly pins?: PinStore
  /**
   * What programs take for time, and what runs their timers. Default: the host's; with a seed, one that only readings move,
   * so that timers wait for a `createVirtualClock` that the host advances.
   */
  readonly clock?: Clock
  /**
   * All packets of a batch have one time, that at which it began: `bpf_ktime_get_ns` need not ask the host for each. Default
   * false.
   */
  readonly batchTime?: boolean
  /** Deterministic mode: random numbers and time come from this seed. */
  readonly seed?: bigint
}

export interface LoadOptions {
  /** First values of global variables, by name. */
  readonly globals?: Readonly<Record<string, GlobalValue>>
  /** Another engine than the runtime's. */
  readonly engine?: string
  /** False: no verification; the engine must have a checked mode. */
  readonly verify?: boolean
  /** Only these programs. */
  readonly programs?: readonly string[]
  /** Verify as for a loader without CAP_PERFMON. */
  readonly unprivileged?: boolean
  /** Path under which maps with LIBBPF_PIN_BY_NAME are pinned, by their names. Default: none. */
  readonly pinRoot?: string
}

/** One program's verdict. */
export interface ProgramVerdict {
  readonly program: ProgramSpec
  readonly verdict: Verdict
}
