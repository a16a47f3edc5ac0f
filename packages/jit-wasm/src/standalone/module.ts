import { memoryModule } from '@skep/memory'
import { decodeBase64, type WasmModuleDef } from '@skep/registry'
import { shared, unshared } from '../generated/module.ts'

/** What a standalone module has of its own in wasm: assembly/. Its imports `skep` may become the module's. */
export const standaloneModule: WasmModuleDef = {
  name: 'standalone',
  bytes: (isShared) => decodeBase64(isShared ? shared : unshared),
  imports: [memoryModule],
}
