import { memoryModule } from '@skep/memory'
import { decodeBase64, type WasmModuleDef } from '@skep/registry'
import { shared, unshared } from '../generated/module.ts'
import { hostFunctions } from './host.ts'

/** The helpers in wasm; those that need JavaScript reach it through imports of their own, not as thunks. */
export const helpersModule: WasmModuleDef = {
  name: 'helpers',
  bytes: (isShared) => decodeBase64(isShared ? shared : unshared),
  imports: [memoryModule],
  host: hostFunctions,
}
