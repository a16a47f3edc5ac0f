export { VerifierError } from './errors.ts'
export type {
  ExplainedPlace,
  ExplainedStep,
  Explanation,
  RegisterChange,
} from './explain/explanation.ts'
export { type ExplanationStyle, renderExplanation } from './explain/render.ts'
export type { StepKind } from './explain/slice.ts'
export { parseKallsyms } from './ksyms.ts'
export { type FoundRefusal, findRefusal, UNCLASSIFIED } from './refusals/find-refusal.ts'
export type { RefusalCode } from './refusals/table.ts'
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
