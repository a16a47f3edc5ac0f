import { createHelpersPlugin, type HelperProviders, helpersPlugin } from '@skep/helpers'
import {
  type CollectionSpec,
  createPlatform,
  type ParseOptions,
  type Platform,
  type PluginDef,
} from '@skep/registry'
import { createVerifier } from '@skep/verifier'
import * as btfTools from './btf-tools.ts'
import { checkOptions } from './check-options.ts'
import { type CoreOptions, createRuntime as composeRuntime, type Runtime } from './core.ts'
import { RuntimeError } from './errors.ts'
import * as jsHelpers from './js-helper.ts'
import { provideJsHelpers } from './link-function.ts'
import { provideBtf } from './load-btf.ts'
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
  TypeProvider,
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
  type GlobalValue,
  type LoadOptions,
  type MapCodecs,
  PinError,
  type PinErrorCode,
  type PinInfo,
  type Pinnable,
  type PinStore,
  type PreparedRun,
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
  type Spread,
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
export { openStructOps, type StructArgument, type StructMethod, type StructOps } from './struct-ops.ts'
export { flowHash } from './workers/flow-hash.ts'

/** Of a runtime with the default preset: engine `jit` (the default) or `interpreter`, or a plugin's. */
export interface RuntimeOptions extends Omit<CoreOptions, 'plugins' | 'verifier'> {
  /** Added to the default preset. */
  readonly plugins?: readonly PluginDef[]
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
  provideBtf(btfTools)
  provideJsHelpers(jsHelpers)
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
