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
  [
    'src/stack-liveness.ts',
    /\b(?:at|MUST_WRITE) . MAY_READ|at \+ MAY_READ/,
    /^ArithmeticOperator \w+ - MAY_READ$/,
    'MAY_READ is 0: added or taken away',
  ],
  [
    'src/stack-liveness.ts',
    /subprog\.end - subprog\.start|instance\.to - instance\.from/,
    /^(?:ArithmeticOperator .* \+ |BitwiseOperator .* << 5)/,
    'room for more than is needed',
  ],
  [
    'src/stack-liveness.ts',
    /#anyWrite = false|if \(this\.#anyWrite\)/,
    /^(?:BooleanLiteral true|StatementDeletion|ConditionalExpression true)/,
    'a shortcut: what is zero is set to zero once more',
  ],
  [
    'src/stack-liveness.ts',
    /before === NOT_SEEN && !this\.#anyWrite/,
    /^(?:ConditionalExpression false|BlockStatement)/,
    'a shortcut: the loop after it finds no write either',
  ],
  [
    'src/stack-liveness.ts',
    /newLo === masks\[at \+ MAY_READ\] &&/,
    /^ConditionalExpression false/,
    'a shortcut: what is stored is what was there',
  ],
  [
    undefined,
    /earlyExit\[insn\]! >= 0/,
    /^EqualityOperator .* > 0$/,
    'an exit that ends a function early is never at 0: what came after it would not be reached',
  ],
  [
    'src/walk.ts',
    /insnProcessed & 1023\) === 0/,
    /^(?:ConditionalExpression true|EqualityOperator)/,
    'the clock is asked more often',
  ],
  [
    'src/refs.ts',
    /for \(let i = at; i < last; i\+\+\)/,
    /^EqualityOperator i <= last/,
    'what lies past the count is not read',
  ],
  [
    undefined,
    /offOf\(env, reg\) \+ env\.domain\.constLo\(reg\)|off \+ \(constant \? env\.domain\.constLo\(reg\) : 0\)|BigInt\(off\) \+ value64\(env, reg\)/,
    /^ArithmeticOperator .* - /,
    'a known offset is in the fixed part of a pointer: the part that is subtracted here is 0',
  ],
  [
    'src/memory-access.ts',
    /if \(size === 1\) return|if \(size < 8 && loads/,
    /^(?:ConditionalExpression (?:false|true)|EqualityOperator size <= 8)$/,
    'a shortcut: a byte is aligned anywhere, and eight bytes of a register are all of it',
  ],
]

/** Why a mutant is equivalent; undefined where it is not known to be. */
export const reasonOf = ({ file, mutator, replacement }, line) =>
  EQUIVALENT.find(
    ([name, text, change]) =>
      (!name || name === file) && text.test(line) && (!change || change.test(`${mutator} ${replacement}`)),
  )?.[3]
