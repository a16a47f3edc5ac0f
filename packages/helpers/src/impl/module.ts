import { memoryModule } from '@skep/memory'
import type { HostEnv, WasmModuleDef } from '@skep/registry'
import { moduleBytes } from '../generated/module.ts'
import { hostFunctions } from './host.ts'

/** The helpers in wasm; those that need JavaScript reach it through imports of their own, not as thunks. */
export const helpersModule: WasmModuleDef = {
  name: 'helpers',
  bytes: moduleBytes,
  imports: [memoryModule],
  host: hostFunctions,
}

/** What a host knows that a runtime does not: who runs a program, and the sockets around it. */
export type HelperProviders = Pick<HostEnv, 'sockets' | 'task'>

/** The same module with a host's providers in place of the runtime's. */
export const helpersModuleWith = (providers: HelperProviders): WasmModuleDef => ({
  ...helpersModule,
  host: (env) => hostFunctions({ ...env, ...providers }),
})
