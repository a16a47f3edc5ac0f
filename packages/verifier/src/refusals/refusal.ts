/**
 * A kind of refusal: what its decisive log line looks like, and how to say it to people. The kernel's words are the
 * interface, so a log of a running kernel can be explained by the same table.
 */
export interface Refusal {
  /** A few words, as a heading. */
  readonly title: string
  /**
   * The decisive lines of this kind, each with one sentence that says the same plainly. `{name}` in the sentence stands for
   * a named group of the pattern, `{name:kind}` for a pointer type spelled out.
   */
  readonly lines: readonly (readonly [line: RegExp, sentence: string])[]
  /** What usually mends it, the likeliest first. */
  readonly mend: readonly string[]
}

/** Refusals of one subject, by code. */
export type Refusals<Code extends string> = Readonly<Record<Code, Refusal>>
