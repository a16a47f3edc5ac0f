export { VerifierError } from './errors.ts'
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
