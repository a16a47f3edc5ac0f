// Mutants that no test can find, because they change nothing that a program or its loader could see: by file and by the
// text of the line, so that a change of the line puts them in question again.

/** `[file, or any, line, operator and replacement (both optional), reason]`, the middle ones as regular expressions. */
const EQUIVALENT = [
  [
    'assembly/compare.ts',
    /hash|rotl|\* 0x/,
    undefined,
    'a hash only decides where states are looked for first',
  ],
  [
    undefined,
    /[+-] (?:REG_TYPE|HISTORY_INSN|REG_VAR_OFF)\b/,
    /^ArithmeticOperator .*[+-] (?:REG_TYPE|HISTORY_INSN)$/,
    'an offset of 0, added or subtracted',
  ],
  [
    'src/precision.ts',
    /hasSlots\(bt\.frame\) \|\| bt\.frame === 0|bt\.frame === MAX_CALL_FRAMES - 1|insn < 0 \|\| insn >= env\.program\.length|backtracking misuse/,
    undefined,
    'a bug of the verifier itself, as the kernel checks it: no program gets there',
  ],
  [
    'assembly/alu.ts',
    /^\s*if \((?:fits32\(a\) && fits32\(b\)|a == 0 \|\| b == 0)\) return false|!!\(\(a \| b\) >> 32\)/,
    undefined,
    'a shortcut: the division after it tells the same',
  ],
  [
    'assembly/bounds.ts',
    /if \(isSyncedConst\(r\)\) return|if \(!changed\) return false/,
    undefined,
    'a shortcut: another round changes nothing',
  ],
]

/** Why a mutant is equivalent; undefined where it is not known to be. */
export const reasonOf = ({ file, mutator, replacement }, line) =>
  EQUIVALENT.find(
    ([name, text, change]) =>
      (!name || name === file) && text.test(line) && (!change || change.test(`${mutator} ${replacement}`)),
  )?.[3]
