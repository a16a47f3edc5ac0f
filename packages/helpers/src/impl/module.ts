import { memoryModule } from '@skep/memory'
import type { WasmModuleDef } from '@skep/registry'
import { moduleBytes } from '../generated/module.ts'
import type { HelperProviders } from '../providers.ts'
import { hostFunctions } from './host.ts'

/** The helpers in wasm; those that need JavaScript reach it through imports of their own, not as thunks. */
export const helpersModule: WasmModuleDef = {
  name: 'helpers',
  bytes: moduleBytes,
  imports: [memoryModule],
  host: (env) => hostFunctions(env),
}

/** The same module with a host's providers in place of the runtime's. */
export const helpersModuleWith = (providers: HelperProviders): WasmModuleDef => {
  const { sockets, stacks, task } = providers
  return {
    ...helpersModule,
    host: (env) =>
      hostFunctions(
        {
          ...env,
          ...(sockets ? { sockets } : {}),
          ...(stacks ? { stacks } : {}),
          ...(task ? { task } : {}),
        },
        providers,
      ),
  }
}
