import type { Platform, Row } from '@skep/registry'
import { type Draft, parseDraft, rowOf } from './draft.ts'
import { grammarProgram } from './grammar/program.ts'
import { mutate } from './mutate.ts'
import type { Generator } from './options.ts'
import { Random, seedOf } from './random.ts'

export interface GenerateOptions {
  readonly platform: Platform
  readonly seeds: readonly Row[]
  readonly generator: Generator
  readonly seed: number
  readonly from: number
  readonly count: number
}

/** A program of the grammar, one in four with a change. */
function fromGrammar(platform: Platform, random: Random): Draft {
  const draft = grammarProgram(platform, random)
  return random.chance(0.25) ? mutate(draft, draft, random) : draft
}

const fromSeeds = (drafts: readonly Draft[], random: Random): Draft =>
  mutate(random.pick(drafts), random.pick(drafts), random)

export interface Generated {
  readonly index: number
  readonly row: Row
}

/** Longer programs are not mutated: the kernel's time goes into few of them. */
const MAX_SEED_NODES = 1200

/** The run's programs, each from a seed of its own, so that any can be made again alone. */
export function* generate(options: GenerateOptions): Iterable<Generated> {
  const drafts: readonly Draft[] = options.seeds
    .map(parseDraft)
    .filter(({ nodes }) => nodes.length > 0 && nodes.length < MAX_SEED_NODES)
  for (let index = options.from; index < options.from + options.count; index++) {
    const random = new Random(seedOf(options.seed, index))
    const kind = options.generator === 'all' ? random.pick(['grammar', 'mutation']) : options.generator
    const draft = kind === 'grammar' ? fromGrammar(options.platform, random) : fromSeeds(drafts, random)
    yield { index, row: { ...rowOf(draft), name: `p${index}` } }
  }
}
