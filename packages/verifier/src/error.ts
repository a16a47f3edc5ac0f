export { VerifierError } from './errors.ts'
