import { createHelpersPlugin, type HelperProviders, helpersPlugin } from '@skep/helpers'
import {
  type CollectionSpec,
  createPlatform,
  type ParseOptions,
  type Platform,
  type PluginDef,
} from '@skep/registry'
import { createVerifier } from '@skep/verifier'
import { checkOptions } from './check-options.ts'
import type { Clock } from './clock.ts'
import { type CacheStore, createRuntime as composeRuntime, type PinStore, type Runtime } from './core.ts'
import { RuntimeError } from './errors.ts'
import { defaultPreset } from './preset.ts'

export { type Codec, CodecError, codec } from '@skep/btf'
export type {
  BlockCipher,
  CgroupProvider,
  CryptoProvider,
  HelperProviders,
  PidNamespace,
  SocketIdentityProvider,
  TraceProvider,
} from '@skep/helpers'
export { type ParseElfOptions, parseElf } from '@skep/loader-elf'
export * from '@skep/registry'
export { VerifierError } from '@skep/verifier'
export { completeMaps, type RefusedMap, refusedMap } from './complete-maps.ts'
export {
  type CacheStore,
  type Clock,
  Collection,
  createMemoryCache,
  createVirtualClock,
  type FaultCode,
  flowHash,
  type GlobalValue,
  type LoadOptions,
  type MapCodecs,
  PinError,
  type PinErrorCode,
  type PinInfo,
  type Pinnable,
  type PinStore,
  type PrintkEvent,
  Program,
  ProgramFault,
  type ProgramVerdict,
  perCpu,
  Runtime,
  RuntimeError,
  type RuntimeErrorCode,
  type RuntimeEvents,
  type SharedCollection,
  type SharedRuntime,
  Spread,
  type SpreadOptions,
  type SpreadStats,
  setGlobals,
  type TestRunResult,
  TypedMap,
  type VirtualClock,
  type WarmupInput,
} from './core.ts'
export { runIterator } from './iterator.ts'
export { defaultPreset } from './preset.ts'

export interface RuntimeOptions {
  /** Added to the default preset. */
  readonly plugins?: readonly PluginDef[]
  /** `jit` (the default), `interpreter`, or a plugin's. */
  readonly engine?: string
  /** Raw BTF of the kernel that the verifier takes for the host's (`/sys/kernel/btf/vmlinux`). */
  readonly kernelBtf?: Uint8Array
  /** Most bytes of arena memory. Default 256 MiB. */
  readonly limit?: number
  /** Workers that may join, with a CPU for each beside this thread's, which is CPU 0; see `share`. Default none. */
  readonly workers?: number
  /** Shared memory, without a say how many workers; `workers` implies it. */
  readonly shared?: boolean
  /** CPUs that per-CPU values are laid out for. Default 1 and the workers. */
  readonly cpus?: number
  /** Where compiled collections are kept, so that the next load of the same need not compile. */
  readonly cache?: CacheStore
  /**
   * The first packets do not wait for the engine: programs run at once on one that needs not compile (the interpreter), and
   * change over when theirs is ready. Without effect where workers share the memory.
   */
  readonly tierUp?: boolean
  /** Keeps the contents of pinned maps beyond the process; absent: pins are in memory. */
  readonly pins?: PinStore
  /**
   * What programs take for time, and what runs their timers. Default: the host's; with a seed, one that only readings move,
   * so that timers wait for a `createVirtualClock` that the host advances.
   */
  readonly clock?: Clock
  /** Deterministic mode: random numbers and time come from this seed. */
  readonly seed?: bigint
  /** What helpers ask the host, of this thread: sockets, tasks, cgroups, traced functions. */
  readonly providers?: HelperProviders
}

/** The default preset, whose helpers ask these providers. */
const presetWith = (providers: HelperProviders | undefined): readonly PluginDef[] =>
  providers === undefined
    ? defaultPreset
    : defaultPreset.map((plugin) => (plugin === helpersPlugin ? createHelpersPlugin({}, providers) : plugin))

/** A runtime with the default preset and the host's plugins. Throws RuntimeError BAD_OPTION and NO_SUCH_ENGINE. */
export async function createRuntime(options: RuntimeOptions = {}): Promise<Runtime> {
  const { plugins = [], providers, ...rest } = options
  checkOptions(plugins, rest)
  return composeRuntime({
    ...rest,
    plugins: [...presetWith(providers), ...plugins],
    verifier: createVerifier,
  })
}

/** The platform of the default preset and the given plugins, without a runtime: for tools that only read and verify. */
export const createDefaultPlatform = (plugins: readonly PluginDef[] = []): Platform =>
  createPlatform([...defaultPreset, ...plugins])

/** Reads bytes with the loader that knows their format. Throws that loader's error, or RuntimeError UNKNOWN_FORMAT. */
export function parseObject(
  bytes: Uint8Array,
  platform: Platform,
  options: ParseOptions = {},
): CollectionSpec {
  for (const loader of platform.loaders) {
    if (loader.detect(bytes)) return loader.parse(bytes, platform, options)
  }
  const known = [...platform.loaders].map((l) => l.name).join(', ')
  throw new RuntimeError(
    'UNKNOWN_FORMAT',
    'object',
    `no loader knows this format (${bytes.length} bytes; loaders: ${known}); give an object made by clang -target bpf -c`,
  )
}
