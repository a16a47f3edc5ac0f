import type { Decision, DecisionGraph, Operand } from './decision-graph.ts'

/** What is decided for numbers from `first` up to the next segment's. */
export interface Segment {
  readonly first: number
  readonly decision: Decision
}

const NUMBER: Operand = { offset: 0 }
const NUMBERS = 2 ** 32

/** Single numbers that are told apart one after another where a search ends. */
const CHAIN = 4

/**
 * A search for the number of a system call among all of 32 bits: by halves, and by single numbers where few remain.
 *
 * @param base what is decided for numbers that are not single ones, in order, from 0 on
 */
export function searchNumbers(
  graph: DecisionGraph,
  base: readonly Segment[],
  singles: ReadonlyMap<number, Decision>,
): Decision {
  const all = base.filter(({ first }) => !singles.has(first))
  for (const [first, decision] of singles) {
    all.push({ first, decision })
    const next = first + 1
    if (next === NUMBERS || singles.has(next) || base.some((segment) => segment.first === next)) continue
    all.push({ first: next, decision: base.findLast((segment) => segment.first < next)!.decision })
  }
  all.sort((a, b) => a.first - b.first)
  const merged = all.filter((segment, n) => segment.decision !== all[n - 1]?.decision)
  return search(graph, merged, NUMBERS)
}

function search(graph: DecisionGraph, segments: readonly Segment[], end: number): Decision {
  const [only] = segments
  if (segments.length === 1) return only!.decision
  const others = exceptions(segments, end)
  if (others !== undefined)
    return others.singles.reduceRight(
      (rest, { first, decision }) => graph.test(NUMBER, 'eq', first, decision, rest),
      others.rest,
    )
  const middle = segments.length >> 1
  const { first } = segments[middle]!
  const below = search(graph, segments.slice(0, middle), first)
  return graph.test(NUMBER, 'ge', first, search(graph, segments.slice(middle), end), below)
}

/** The single numbers among segments of which all others decide the same, where they are few. */
function exceptions(
  segments: readonly Segment[],
  end: number,
): { readonly singles: readonly Segment[]; readonly rest: Decision } | undefined {
  if (segments.length > 2 * CHAIN + 1) return undefined
  const isSingle = ({ first }: Segment, n: number): boolean => (segments[n + 1]?.first ?? end) - first === 1
  const wide = segments.find((segment, n) => !isSingle(segment, n)) ?? segments[0]!
  const singles = segments.filter(({ decision }) => decision !== wide.decision)
  if (singles.length > CHAIN) return undefined
  if (segments.some((segment, n) => segment.decision !== wide.decision && !isSingle(segment, n)))
    return undefined
  return { singles, rest: wide.decision }
}
