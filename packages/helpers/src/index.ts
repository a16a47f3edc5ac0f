import { definePlugin, type HelperDef, type PluginDef } from '@skep/registry'
import { cryptoKfuncs } from './impl/host-crypto.ts'
import { typeHelpersWith } from './impl/host-types.ts'
import { implementations } from './impl/index.ts'
import { kfuncExports } from './impl/kfunc.ts'
import { helpersModule, helpersModuleWith } from './impl/module.ts'
import { helpersProvidedBy } from './impl/provided.ts'
import { type HelperImplementation, joinHelpers, joinKfuncs } from './join.ts'
import { kernelFunctions } from './kfunc/index.ts'
import { prototypes } from './proto/index.ts'
import type { HelperProviders } from './providers.ts'

/** Linux's helpers: prototypes of all, implementations of those that mean something here. */
export const helpers: readonly HelperDef[] = joinHelpers(prototypes, implementations)

export const helpersPlugin: PluginDef = definePlugin({
  name: 'helpers',
  helpers,
  kfuncs: joinKfuncs(kernelFunctions, kfuncExports, helpersModule),
  freeFields: { module: helpersModule, export: 'free_fields' },
})

/**
 * The same with implementations of a host's own, by helper name, added or in place of Skep's: what a route lookup gives, the
 * host may know. `call` gets its arguments as the prototype describes them. `providers` answer what Skep's own ask: which
 * sockets there are, which task runs, in which cgroup, what is traced.
 */
export const createHelpersPlugin = (
  own: Readonly<Record<string, HelperImplementation>>,
  providers: HelperProviders = {},
): PluginDef => {
  const module = helpersModuleWith(providers)
  const provided = Object.fromEntries(
    Object.entries(implementations).map(([name, { wasm, ...rest }]) => [
      name,
      { ...rest, ...(wasm ? { wasm: { ...wasm, module } } : {}) },
    ]),
  )
  return definePlugin({
    name: 'helpers',
    helpers: joinHelpers(prototypes, {
      ...provided,
      ...helpersProvidedBy(providers),
      ...typeHelpersWith(providers, module),
      ...own,
    }),
    kfuncs: joinKfuncs(
      kernelFunctions,
      providers.crypto ? { ...kfuncExports, ...cryptoKfuncs } : kfuncExports,
      module,
    ),
    freeFields: { module, export: 'free_fields' },
  })
}

export { type FormatMemory, type FormatResult, formatText } from './impl/format.ts'
export { implementations } from './impl/index.ts'
export { helpersModule } from './impl/module.ts'
export { type HelperImplementation, joinHelpers } from './join.ts'
export { kernelFunctions } from './kfunc/index.ts'
export { prototypes } from './proto/index.ts'
export type {
  BlockCipher,
  CgroupProvider,
  CryptoProvider,
  HelperProviders,
  PidNamespace,
  SocketIdentityProvider,
  TraceProvider,
  TypeProvider,
} from './providers.ts'
