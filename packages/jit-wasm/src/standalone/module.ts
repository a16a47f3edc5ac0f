import { memoryModule } from '@skep/memory'
import type { WasmModuleDef } from '@skep/registry'
import { moduleBytes } from '../generated/module.ts'

/** What a standalone module has of its own in wasm: assembly/. Its imports `skep` may become the module's. */
export const standaloneModule: WasmModuleDef = {
  name: 'standalone',
  bytes: moduleBytes,
  imports: [memoryModule],
}
