import type { RefusalLines } from './refusal.ts'

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
export const pointers: RefusalLines<PointerCode> = {
  UNINITIALIZED_REGISTER: [/^R(?<reg>\d+) !read_ok$/],
  POINTER_ARITHMETIC: [/^R(?<reg>\d+) pointer arithmetic on (?<type>[^ ,]+) prohibited$/],
  POINTER_ARITHMETIC_OR_NULL: [
    /^R(?<reg>\d+) pointer arithmetic on (?<type>[^ ,]+) prohibited, null-check it first$/,
  ],
  POINTER_ARITHMETIC_OPERATOR: [
    /^R(?<reg>\d+) pointer arithmetic with (?<op>\S+) operator prohibited$/,
    /^R(?<reg>\d+) bitwise operator (?<op>\S+) on pointer prohibited$/,
    /^R(?<reg>\d+) pointer arithmetic prohibited$/,
  ],
  POINTER_ARITHMETIC_32BIT: [/^R(?<reg>\d+) 32-bit pointer arithmetic prohibited$/],
  POINTER_PAIR_ARITHMETIC: [/^R(?<reg>\d+) pointer (?<op>\S+) pointer prohibited$/],
  POINTER_SUBTRACTION: [
    /^R(?<reg>\d+) tried to subtract pointer from scalar$/,
    /^R(?<reg>\d+) subtraction from stack pointer prohibited$/,
  ],
  POINTER_OFFSET_UNBOUNDED: [
    /^math between (?<type>\S+) pointer and register with unbounded min value is not allowed$/,
  ],
  POINTER_OFFSET_TOO_LARGE: [
    /^math between (?<type>\S+) pointer and (?<off>-?\d+) is not allowed$/,
    /^(?<type>\S+) pointer offset (?<off>-?\d+) is not allowed$/,
    /^value (?<off>-?\d+) makes (?<type>\S+) pointer be out of bounds$/,
  ],
  POINTER_COMPARISON: [/^R(?<reg>\d+) pointer comparison prohibited$/],
  POINTER_CUT: [/^R(?<reg>\d+) partial copy of pointer$/, /^R(?<reg>\d+) sign-extension part of pointer$/],
  POINTER_LEAK: [
    /^R(?<reg>\d+) leaks addr as return value$/,
    /^R(?<reg>\d+) leaks addr into (?<where>.+)$/,
    /^leaking pointer from stack off (?<off>-?\d+)$/,
  ],
  MIXED_POINTERS: [/^same insn cannot be used with different pointers$/],
  BOUNDS_CONTRADICT: [/^REG INVARIANTS VIOLATION \((?<where>\w+)\)$/],
  SPECULATIVE_ARITHMETIC: [
    /^R(?<reg>\d+) has unknown scalar with mixed signed bounds, .+$/,
    /^R(?<reg>\d+) has pointer with unsupported alu operation, .+$/,
    /^R(?<reg>\d+) tried to (?<op>\w+) from different maps, paths or scalars, .+$/,
    /^R(?<reg>\d+) tried to (?<op>\w+) beyond pointer bounds, .+$/,
  ],
}
