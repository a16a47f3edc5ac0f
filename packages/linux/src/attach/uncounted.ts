/** Counters that links of Skep's own hooks have and the kernel does not: no numbers. */
export const uncounted = (names: string): Readonly<Record<string, number>> =>
  Object.freeze(Object.fromEntries(names.split(' ').map((name) => [name, Number.NaN])))
