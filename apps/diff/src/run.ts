import type { Row } from '@skep/registry'
import { comparableLine, difference, KINDS, type Kind, template } from './compare.ts'
import type { Judge, Opinion } from './judge.ts'

export interface Difference {
  readonly kind: Kind
  readonly index: number
  readonly row: Row
  readonly theirs: Opinion
  readonly ours: Opinion
}

/** Counts over a run. */
export class Tally {
  programs = 0
  /** Rows that came to no verifier: a map or BTF that the kernel does not make, a type that it does not load. */
  outside = 0
  /** Programs that the kernel was not asked about: it would not have lived through them. */
  spared = 0
  accepted = 0
  sameVerdict = 0
  /** Programs that the kernel's verifier refused with a line, with the same verdict here; those with the same line. */
  lines = 0
  sameLine = 0
  /** Programs with the same verdict that the kernel walked; those with the same count. */
  walked = 0
  sameProcessed = 0
  readonly kinds: Record<Kind, number> = Object.fromEntries(KINDS.map((kind) => [kind, 0])) as Record<
    Kind,
    number
  >
  readonly templates: Map<string, number> = new Map()

  add(theirs: Opinion, ours: Opinion): Kind | undefined {
    if (theirs.outside !== undefined) {
      this.outside++
      return undefined
    }
    this.programs++
    if (theirs.verdict === 'accept') this.accepted++
    if (theirs.line !== undefined && theirs.verdict === 'reject') {
      const key = template(theirs.line)
      this.templates.set(key, (this.templates.get(key) ?? 0) + 1)
    }
    if (theirs.verdict === ours.verdict) {
      this.sameVerdict++
      if (theirs.verdict === 'reject' && theirs.line !== undefined) {
        this.lines++
        if (comparableLine(theirs.line) === comparableLine(ours.line)) this.sameLine++
      }
      if (theirs.processed > 0) {
        this.walked++
        if (theirs.processed === ours.processed) this.sameProcessed++
      }
    }
    const kind = difference(theirs, ours)
    if (kind) this.kinds[kind]++
    return kind
  }

  /** Bar of the project: nothing unsafe, and at least 99.5 % the same verdict. */
  get good(): boolean {
    return this.kinds.unsafe === 0 && this.sameVerdict >= this.programs * 0.995
  }
}

/** Judges each program by both; `differs` hears of every difference. */
export function compareAll(
  judge: Judge,
  programs: Iterable<{ readonly index: number; readonly row: Row }>,
  tally: Tally,
  differs: (difference: Difference) => void,
): void {
  for (const { index, row } of programs) {
    const ours = judge.skep(row)
    if (ours.fatal) {
      tally.spared++
      continue
    }
    const theirs = judge.kernel(row)
    if (theirs.outside !== undefined) {
      tally.add(theirs, theirs)
      continue
    }
    const kind = tally.add(theirs, ours)
    if (kind) differs({ kind, index, row, theirs, ours })
  }
}
