import type { ProgramSpec } from '@skep/registry'
import { createVerifier, type Verdict } from '@skep/verifier'
import type { VerifierFactory } from '../src/core.ts'

/**
 * Makes verifiers that judge a program once, however often it is loaded and on whatever runtime. For tests that only change
 * a program by making another one, with the same maps and options throughout.
 */
export function judgeOnce(): VerifierFactory {
  const verdicts = new WeakMap<ProgramSpec, Verdict>()
  return async (platform, options) => {
    const verifier = await createVerifier(platform, options)
    return {
      platform,
      verify: (input) => {
        const known = verdicts.get(input.program)
        if (known) return known
        const verdict = verifier.verify(input)
        verdicts.set(input.program, verdict)
        return verdict
      },
    }
  }
}
