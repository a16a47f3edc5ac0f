// Mutants that no test can find, because they change nothing that a program or its loader could see: by file and by the
// text of the line, so that a change of the line puts them in question again.

/** `[file, line, operator and replacement (both optional), reason]`, the middle ones as regular expressions. */
const EQUIVALENT = [
  [
    'assembly/compare.ts',
    /hash|rotl|\* 0x/,
    undefined,
    'a hash only decides where states are looked for first',
  ],
]

/** Why a mutant is equivalent; undefined where it is not known to be. */
export const reasonOf = ({ file, mutator, replacement }, line) =>
  EQUIVALENT.find(
    ([name, text, change]) =>
      name === file && text.test(line) && (!change || change.test(`${mutator} ${replacement}`)),
  )?.[3]
