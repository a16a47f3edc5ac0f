export {
  ABI_VERSION,
  type Features,
  type MapMetadata,
  METADATA_SECTION,
  type ProgramMetadata,
  type StandaloneMetadata,
  type VariableMetadata,
} from './abi.ts'
export { buildStandalone, type StandaloneModule } from './build.ts'
export { createStandaloneCompiler, type LoadedCollection, type StandaloneCompiler } from './compiler.ts'
export { StandaloneError, type StandaloneErrorCode } from './errors.ts'
export type { StandaloneInput, StandaloneMap, StandaloneOptions, StandaloneProgram } from './input.ts'
