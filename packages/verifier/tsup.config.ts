import { build } from '../../tsup.base.ts'

// A verdict is kept from process to process as long as these are the same.
export default build({}, { stamp: ['btf', 'isa', 'registry', 'verifier'] })
