import { createRuntime } from '@skep/runtime'
import { randomExpression } from '../../../../packages/loader-cbpf/test/random-expression.ts'
import { Random } from '../random.ts'
import type { TestCapture } from './captures.ts'
import { compare, Tally } from './compare.ts'
import { type OwnQuestion, ownQuestions } from './own.ts'
import type { Question, Reference } from './reference.ts'

/** Expressions for link types of captures, from a seed. */
export function generated(captures: readonly TestCapture[], seed: number, count: number): Question[] {
  const random = new Random(seed)
  return Array.from({ length: count }, () => {
    // Ethernet has the most to say, and the most packets.
    const capture = random.chance(0.4) ? 0 : random.below(captures.length)
    return { capture, expression: randomExpression(random, captures[capture]!.linkType) }
  })
}

/** Asks libpcap, compares, and counts those of our own and the generated ones. */
export async function compareAll(
  reference: Reference,
  captures: readonly TestCapture[],
  questions: readonly Question[],
): Promise<Tally> {
  const [best, plain] = [true, false].map((optimise) => reference.ask(captures, questions, optimise))
  const tally = new Tally()
  const runtime = await createRuntime()
  for (const [at, question] of questions.entries()) {
    await compare(runtime, captures, question, { best: best![at]!, plain: plain![at]! }, tally)
  }
  runtime.close()
  return tally
}

/** Every so many of our own, for a short run. */
export const thinned = (captures: readonly TestCapture[], step: number): OwnQuestion[] =>
  ownQuestions(captures).filter((_, at) => at % step === 0)
