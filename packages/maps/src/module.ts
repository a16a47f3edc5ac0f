import { memoryModule } from '@skep/memory'
import type { WasmModuleDef } from '@skep/registry'
import { moduleBytes } from './generated/module.ts'

/** The operations of all map types here, as one wasm module over the arena. */
export const mapsModule: WasmModuleDef = {
  name: 'maps',
  bytes: moduleBytes,
  imports: [memoryModule],
}
