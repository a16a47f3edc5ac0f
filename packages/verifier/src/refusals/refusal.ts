/**
 * The decisive lines of kinds of refusals, by code. The kernel's words are the interface, so a log of a running kernel can
 * be explained by the same table. A verdict needs these alone; what is said to people about them is in `texts/`, which is
 * loaded when it is asked for.
 */
export type RefusalLines<Code extends string> = Readonly<Record<Code, readonly RegExp[]>>

/** How to say a kind of refusal to people. */
export interface RefusalText {
  /** A few words, as a heading. */
  readonly title: string
  /**
   * For each of the decisive lines, one sentence that says the same plainly. `{name}` stands for a named group of the
   * pattern, `{name:kind}` for a pointer type spelled out.
   */
  readonly sentences: readonly string[]
  /** What usually mends it, the likeliest first. */
  readonly mend: readonly string[]
}

/** Texts of one subject, by code. */
export type RefusalTexts<Code extends string> = Readonly<Record<Code, RefusalText>>
