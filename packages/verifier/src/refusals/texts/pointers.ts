import type { PointerCode } from '../pointers.ts'
import type { RefusalTexts } from '../refusal.ts'

/** Registers, and what may be done with pointers in them. */
export const pointers: RefusalTexts<PointerCode> = {
  UNINITIALIZED_REGISTER: {
    title: 'A register without a value',
    sentences: ['r{reg} is read, and on this path nothing has written it.'],
    mend: [
      'Give the register a value on every path.',
      'Calls clear r1 to r5: keep what is needed afterwards in r6 to r9 or on the stack.',
    ],
  },
  POINTER_ARITHMETIC: {
    title: 'Arithmetic on a pointer that takes none',
    sentences: ['r{reg} is {type:kind}, which must stay as it is.'],
    mend: ['Use the offset of the load or store instead of adding to the pointer.'],
  },
  POINTER_ARITHMETIC_OR_NULL: {
    title: 'Arithmetic on a pointer that may be NULL',
    sentences: ['r{reg} is {type:kind} and is added to before it was compared with NULL.'],
    mend: ['Compare the pointer with NULL before adding to it.'],
  },
  POINTER_ARITHMETIC_OPERATOR: {
    title: 'An operation that pointers do not take',
    sentences: [
      'r{reg} holds a pointer, and {op} makes no pointer of it.',
      'r{reg} holds a pointer, and {op} makes no pointer of it.',
      'r{reg} holds a pointer, which is not negated or swapped.',
    ],
    mend: ['Do such arithmetic on numbers, and add the result to the pointer.'],
  },
  POINTER_ARITHMETIC_32BIT: {
    title: '32-bit arithmetic on a pointer',
    sentences: ['r{reg} holds a pointer, of which 32 bits would be lost.'],
    mend: ['Use 64-bit arithmetic; in C, use pointers or long, not int, for addresses.'],
  },
  POINTER_PAIR_ARITHMETIC: {
    title: 'Arithmetic on two pointers',
    sentences: ['r{reg} and the other operand of {op} are both pointers.'],
    mend: ['Subtract an offset, not a pointer; add numbers, not pointers.'],
  },
  POINTER_SUBTRACTION: {
    title: 'A subtraction that gives no pointer',
    sentences: [
      'r{reg} is a number from which a pointer would be subtracted.',
      'r{reg} points to the stack, and a register is subtracted from it.',
    ],
    mend: ['Add a negative number to the pointer instead.', 'Exchange the operands.'],
  },
  POINTER_OFFSET_UNBOUNDED: {
    title: 'An offset without bounds',
    sentences: ['A number without a lower bound is added to {type:kind}.'],
    mend: [
      'Bound the number before adding it: `if (n > MAX) return 0;`, or mask it with `n &= SIZE - 1`.',
      'Compare as unsigned: a signed comparison leaves negative numbers.',
      'Compare the same variable that is added: a copy that the compiler made may not learn of the check.',
    ],
  },
  POINTER_OFFSET_TOO_LARGE: {
    title: 'An offset beyond all bounds',
    sentences: [
      '{off} is added to {type:kind}, which is further than 2^29 bytes.',
      '{type:kind} has come {off} bytes from its start.',
      'A number that may be {off} is added to {type:kind}, which is further than 2^29 bytes.',
    ],
    mend: [
      'Bound the number before adding it.',
      'A shift or a sign may have made it this large: look at its bounds.',
    ],
  },
  POINTER_COMPARISON: {
    title: 'A comparison that would tell an address',
    sentences: ['r{reg} holds a pointer, and this loader may not compare it with other values.'],
    mend: ['Compare pointers with NULL or with the end of the packet only.', 'Load with CAP_PERFMON.'],
  },
  POINTER_CUT: {
    title: 'Part of a pointer',
    sentences: [
      'A copy of 32 bits of r{reg} would show part of an address.',
      'r{reg} holds a pointer, of which a part is sign-extended.',
    ],
    mend: ['Copy pointers whole (64 bits).'],
  },
  POINTER_LEAK: {
    title: 'An address given away',
    sentences: [
      'r{reg} holds a pointer when the program returns it.',
      'r{reg} holds a pointer that would be stored in {where}.',
      'The stack slot at {off} holds a pointer, of which bytes are read.',
    ],
    mend: ['Store or return a number.', 'Load with CAP_PERFMON, where addresses may be seen.'],
  },
  MIXED_POINTERS: {
    title: 'One instruction, different kinds of pointers',
    sentences: [
      'The instruction is reached with a pointer of one kind on one path and of another kind on another.',
    ],
    mend: [
      'Load or store in each branch by itself, before the paths meet.',
      'Compilers merge equal loads: a barrier() or volatile access keeps them apart.',
    ],
  },
  BOUNDS_CONTRADICT: {
    title: 'Bounds that contradict each other',
    sentences: [
      'The bounds of a register contradict each other, and the loader asked for that to be an error.',
    ],
    mend: ['Load without BPF_F_TEST_REG_INVARIANTS: such a path is one that no value takes.'],
  },
  SPECULATIVE_ARITHMETIC: {
    title: 'Arithmetic that a processor may speculate past',
    sentences: [
      'The number added may be negative or not, so its effect on r{reg} cannot be masked against speculation.',
      'The operation on r{reg} cannot be masked against speculation.',
      'The {op} with r{reg} meets other pointers or limits on another path, so one mask does not fit both.',
      'The {op} could take r{reg} beyond its bounds while the processor speculates.',
    ],
    mend: [
      'Bound the number on both sides, as unsigned, right before the addition.',
      'Load with CAP_PERFMON.',
    ],
  },
}
