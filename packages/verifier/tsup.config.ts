import { build } from '../../tsup.base.ts'

// A verdict is kept from process to process as long as these are the same.
export default build(
  { entry: ['src/index.ts', 'src/error.ts', 'src/explain.ts'] },
  { stamp: ['btf', 'isa', 'registry', 'verifier'] },
)
