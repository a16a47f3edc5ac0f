import type { CollectionSpec, ProgramSpec } from '@skep/registry'
import { type Verdict, type Verifier, VerifierError } from '@skep/verifier'

interface VerifyOptions {
  readonly unprivileged?: boolean
}

export function verifyProgram(
  verifier: Verifier,
  spec: CollectionSpec,
  program: ProgramSpec,
  options: VerifyOptions = {},
  logLevel = 0,
): Verdict {
  return verifier.verify({
    program,
    maps: spec.maps,
    ...(spec.btf ? { btf: spec.btf } : {}),
    logLevel,
    unprivileged: options.unprivileged ?? false,
  })
}

export function verifyOrThrow(
  verifier: Verifier,
  spec: CollectionSpec,
  program: ProgramSpec,
  options: VerifyOptions,
): Extract<Verdict, { verdict: 'accept' }> {
  const verdict = verifyProgram(verifier, spec, program, options)
  if (verdict.verdict === 'accept') return verdict
  // Log text costs more than the verdict: it is made by a second walk, when someone wants it.
  const log = (): string => verifyProgram(verifier, spec, program, options, 1).log()
  throw new VerifierError(program.name, { ...verdict, log })
}
