import { memoryModule } from '@skep/memory'
import { decodeBase64, type WasmModuleDef } from '@skep/registry'
import { shared, unshared } from './generated/module.ts'

/** The operations of all map types here, as one wasm module over the arena. */
export const mapsModule: WasmModuleDef = {
  name: 'maps',
  bytes: (isShared) => decodeBase64(isShared ? shared : unshared),
  imports: [memoryModule],
}
