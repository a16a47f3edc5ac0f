import { build } from '../../tsup.base.ts'

export default build(
  { entry: ['src/index.ts', 'src/standalone/index.ts'] },
  // The layouts that the code knows are the registry's; the modules that it calls are the others'.
  { stamp: ['helpers', 'isa', 'jit-wasm', 'maps', 'memory', 'registry', 'wasm'] },
)
