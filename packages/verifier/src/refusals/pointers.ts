import type { Refusals } from './refusal.ts'

export type PointerCode =
  | 'UNINITIALIZED_REGISTER'
  | 'POINTER_ARITHMETIC'
  | 'POINTER_ARITHMETIC_OR_NULL'
  | 'POINTER_ARITHMETIC_OPERATOR'
  | 'POINTER_ARITHMETIC_32BIT'
  | 'POINTER_PAIR_ARITHMETIC'
  | 'POINTER_SUBTRACTION'
  | 'POINTER_OFFSET_UNBOUNDED'
  | 'POINTER_OFFSET_TOO_LARGE'
  | 'POINTER_COMPARISON'
  | 'POINTER_CUT'
  | 'POINTER_LEAK'
  | 'MIXED_POINTERS'
  | 'BOUNDS_CONTRADICT'
  | 'SPECULATIVE_ARITHMETIC'

/** Registers, and what may be done with pointers in them. */
export const pointers: Refusals<PointerCode> = {
  UNINITIALIZED_REGISTER: {
    title: 'A register without a value',
    lines: [[/^R(?<reg>\d+) !read_ok$/, 'r{reg} is read, and on this path nothing has written it.']],
    mend: [
      'Give the register a value on every path.',
      'Calls clear r1 to r5: keep what is needed afterwards in r6 to r9 or on the stack.',
    ],
  },
  POINTER_ARITHMETIC: {
    title: 'Arithmetic on a pointer that takes none',
    lines: [
      [
        /^R(?<reg>\d+) pointer arithmetic on (?<type>[^ ,]+) prohibited$/,
        'r{reg} is {type:kind}, which must stay as it is.',
      ],
    ],
    mend: ['Use the offset of the load or store instead of adding to the pointer.'],
  },
  POINTER_ARITHMETIC_OR_NULL: {
    title: 'Arithmetic on a pointer that may be NULL',
    lines: [
      [
        /^R(?<reg>\d+) pointer arithmetic on (?<type>[^ ,]+) prohibited, null-check it first$/,
        'r{reg} is {type:kind} and is added to before it was compared with NULL.',
      ],
    ],
    mend: ['Compare the pointer with NULL before adding to it.'],
  },
  POINTER_ARITHMETIC_OPERATOR: {
    title: 'An operation that pointers do not take',
    lines: [
      [
        /^R(?<reg>\d+) pointer arithmetic with (?<op>\S+) operator prohibited$/,
        'r{reg} holds a pointer, and {op} makes no pointer of it.',
      ],
      [
        /^R(?<reg>\d+) bitwise operator (?<op>\S+) on pointer prohibited$/,
        'r{reg} holds a pointer, and {op} makes no pointer of it.',
      ],
      [
        /^R(?<reg>\d+) pointer arithmetic prohibited$/,
        'r{reg} holds a pointer, which is not negated or swapped.',
      ],
    ],
    mend: ['Do such arithmetic on numbers, and add the result to the pointer.'],
  },
  POINTER_ARITHMETIC_32BIT: {
    title: '32-bit arithmetic on a pointer',
    lines: [
      [
        /^R(?<reg>\d+) 32-bit pointer arithmetic prohibited$/,
        'r{reg} holds a pointer, of which 32 bits would be lost.',
      ],
    ],
    mend: ['Use 64-bit arithmetic; in C, use pointers or long, not int, for addresses.'],
  },
  POINTER_PAIR_ARITHMETIC: {
    title: 'Arithmetic on two pointers',
    lines: [
      [
        /^R(?<reg>\d+) pointer (?<op>\S+) pointer prohibited$/,
        'r{reg} and the other operand of {op} are both pointers.',
      ],
    ],
    mend: ['Subtract an offset, not a pointer; add numbers, not pointers.'],
  },
  POINTER_SUBTRACTION: {
    title: 'A subtraction that gives no pointer',
    lines: [
      [
        /^R(?<reg>\d+) tried to subtract pointer from scalar$/,
        'r{reg} is a number from which a pointer would be subtracted.',
      ],
      [
        /^R(?<reg>\d+) subtraction from stack pointer prohibited$/,
        'r{reg} points to the stack, and a register is subtracted from it.',
      ],
    ],
    mend: ['Add a negative number to the pointer instead.', 'Exchange the operands.'],
  },
  POINTER_OFFSET_UNBOUNDED: {
    title: 'An offset without bounds',
    lines: [
      [
        /^math between (?<type>\S+) pointer and register with unbounded min value is not allowed$/,
        'A number without a lower bound is added to {type:kind}.',
      ],
    ],
    mend: [
      'Bound the number before adding it: `if (n > MAX) return 0;`, or mask it with `n &= SIZE - 1`.',
      'Compare as unsigned: a signed comparison leaves negative numbers.',
      'Compare the same variable that is added: a copy that the compiler made may not learn of the check.',
    ],
  },
  POINTER_OFFSET_TOO_LARGE: {
    title: 'An offset beyond all bounds',
    lines: [
      [
        /^math between (?<type>\S+) pointer and (?<off>-?\d+) is not allowed$/,
        '{off} is added to {type:kind}, which is further than 2^29 bytes.',
      ],
      [
        /^(?<type>\S+) pointer offset (?<off>-?\d+) is not allowed$/,
        '{type:kind} has come {off} bytes from its start.',
      ],
      [
        /^value (?<off>-?\d+) makes (?<type>\S+) pointer be out of bounds$/,
        'A number that may be {off} is added to {type:kind}, which is further than 2^29 bytes.',
      ],
    ],
    mend: [
      'Bound the number before adding it.',
      'A shift or a sign may have made it this large: look at its bounds.',
    ],
  },
  POINTER_COMPARISON: {
    title: 'A comparison that would tell an address',
    lines: [
      [
        /^R(?<reg>\d+) pointer comparison prohibited$/,
        'r{reg} holds a pointer, and this loader may not compare it with other values.',
      ],
    ],
    mend: ['Compare pointers with NULL or with the end of the packet only.', 'Load with CAP_PERFMON.'],
  },
  POINTER_CUT: {
    title: 'Part of a pointer',
    lines: [
      [
        /^R(?<reg>\d+) partial copy of pointer$/,
        'A copy of 32 bits of r{reg} would show part of an address.',
      ],
      [
        /^R(?<reg>\d+) sign-extension part of pointer$/,
        'r{reg} holds a pointer, of which a part is sign-extended.',
      ],
    ],
    mend: ['Copy pointers whole (64 bits).'],
  },
  POINTER_LEAK: {
    title: 'An address given away',
    lines: [
      [/^R(?<reg>\d+) leaks addr as return value$/, 'r{reg} holds a pointer when the program returns it.'],
      [
        /^R(?<reg>\d+) leaks addr into (?<where>.+)$/,
        'r{reg} holds a pointer that would be stored in {where}.',
      ],
      [
        /^leaking pointer from stack off (?<off>-?\d+)$/,
        'The stack slot at {off} holds a pointer, of which bytes are read.',
      ],
    ],
    mend: ['Store or return a number.', 'Load with CAP_PERFMON, where addresses may be seen.'],
  },
  MIXED_POINTERS: {
    title: 'One instruction, different kinds of pointers',
    lines: [
      [
        /^same insn cannot be used with different pointers$/,
        'The instruction is reached with a pointer of one kind on one path and of another kind on another.',
      ],
    ],
    mend: [
      'Load or store in each branch by itself, before the paths meet.',
      'Compilers merge equal loads: a barrier() or volatile access keeps them apart.',
    ],
  },
  BOUNDS_CONTRADICT: {
    title: 'Bounds that contradict each other',
    lines: [
      [
        /^REG INVARIANTS VIOLATION \((?<where>\w+)\)$/,
        'The bounds of a register contradict each other, and the loader asked for that to be an error.',
      ],
    ],
    mend: ['Load without BPF_F_TEST_REG_INVARIANTS: such a path is one that no value takes.'],
  },
  SPECULATIVE_ARITHMETIC: {
    title: 'Arithmetic that a processor may speculate past',
    lines: [
      [
        /^R(?<reg>\d+) has unknown scalar with mixed signed bounds, .+$/,
        'The number added may be negative or not, so its effect on r{reg} cannot be masked against speculation.',
      ],
      [
        /^R(?<reg>\d+) has pointer with unsupported alu operation, .+$/,
        'The operation on r{reg} cannot be masked against speculation.',
      ],
      [
        /^R(?<reg>\d+) tried to (?<op>\w+) from different maps, paths or scalars, .+$/,
        'The {op} with r{reg} meets other pointers or limits on another path, so one mask does not fit both.',
      ],
      [
        /^R(?<reg>\d+) tried to (?<op>\w+) beyond pointer bounds, .+$/,
        'The {op} could take r{reg} beyond its bounds while the processor speculates.',
      ],
    ],
    mend: [
      'Bound the number on both sides, as unsigned, right before the addition.',
      'Load with CAP_PERFMON.',
    ],
  },
}
