export { VerifierError } from './errors.ts'
export type {
  ExplainedPlace,
  ExplainedStep,
  Explanation,
  RegisterChange,
} from './explain/explanation.ts'
export type { StepKind } from './explain/slice.ts'
export { parseKallsyms } from './ksyms.ts'
export { type RefusalCode, UNCLASSIFIED } from './refusals/table.ts'
export { specFromRow } from './row.ts'
export {
  type Acceptance,
  createVerifier,
  isGplCompatible,
  type Rejection,
  type Verdict,
  type Verifier,
  type VerifierOptions,
  type VerifyInput,
  type VerifyStats,
} from './verify.ts'
