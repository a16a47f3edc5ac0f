/**
 * Lines that tell where the verifier is, not what is wrong: instructions, register states, source lines, branches,
 * precision tracking, frames of a call, functions in turn, and the statistics at the end.
 */
const narration: readonly RegExp[] = [
  /^\s*$/,
  /^;/,
  /^\s*\d+: /,
  /^\s*(frame\d+: )?(R\d+|fp-?\d+)(_\w+)?=/,
  /^\s*from \d+ to \d+/,
  /^mark_precise: /,
  /^(caller|callee):/,
  /^(returning from callee|to caller at \d+|propagating )/,
  /^func#\d+ @\d+/,
  /^(Validating|Func#\d+) /,
  /^last_idx |^parent /,
  /^func '[^']*' arg\d+ has btf_id /,
  /^(processed \d+ insns|verification time |stack depth )/,
]

/** What the kernel says of a function that it may yet verify by its caller: the reason only when nothing else is said. */
const doubts: readonly RegExp[] = [
  /^Global function /,
  /^arg#\d+ reference type\('UNKNOWN/,
  // Fatal only with BPF_F_TEST_REG_INVARIANTS.
  /^verifier bug: REG INVARIANTS VIOLATION/,
]

/**
 * The line of a verifier log (at level 1) that says why the program was rejected: the first that is no narration. What
 * follows it (`R0 max value is outside of the allowed memory range`) only adds to it.
 */
export const decisiveLine = (log: string): string | undefined => {
  // Some messages lack their line end or begin in an instruction's line.
  const lines = log
    .replace(/(infinite loop detected|verification time \d+ usec|processed \d+ insns \(limit)/, '\n$1')
    .split('\n')
    .filter((line) => !narration.some((pattern) => pattern.test(line)))
  return lines.find((line) => !doubts.some((pattern) => pattern.test(line))) ?? lines.at(-1)
}

/** Instructions that the verifier walked, from the log's last line; 0 when it did not come that far. */
export const processedInsns = (log: string): number =>
  Number(/processed (\d+) insns \(limit/.exec(log)?.[1] ?? 0)
