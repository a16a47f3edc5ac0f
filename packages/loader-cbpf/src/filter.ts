export {
  type CodeOptions,
  type CompileClassicFilterOptions,
  type CompileFilterOptions,
  compileClassicFilter,
  compileClassicProgram,
  compileFilter,
  compileFilterProgram,
  type FilterTargetOptions,
  readyGraph,
} from './filter/compile.ts'
export { evaluateFilter, type FilterPacketInfo } from './filter/evaluate.ts'
export {
  FilterError,
  type FilterErrorCode,
  type FilterErrorDetails,
  type Span,
} from './filter/filter-error.ts'
export { type GenerateFilterOptions, generateFilter } from './filter/generate.ts'
export { filterDot } from './filter/graph-dot.ts'
export type {
  ArithmeticOperator,
  FilterCondition,
  FilterExtension,
  FilterProgram,
  FilterValue,
} from './filter/ir.ts'
export { linkTypeByName } from './filter/link-types.ts'
export type { FilterResolver } from './filter/names.ts'
