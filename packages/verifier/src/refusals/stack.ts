import type { RefusalLines } from './refusal.ts'

export type StackCode =
  | 'STACK_OUT_OF_BOUNDS'
  | 'STACK_UNINITIALIZED'
  | 'STACK_OFFSET_UNBOUNDED'
  | 'STACK_VARIABLE_OFFSET'
  | 'SPILLED_POINTER_SIZE'
  | 'STACK_POINTER_ESCAPES'
  | 'EMPTY_READ'

/** The stack. */
export const stack: RefusalLines<StackCode> = {
  STACK_OUT_OF_BOUNDS: [
    /^invalid (?<how>write to|read from) stack R(?<reg>\d+) off=(?<off>-?\d+) size=(?<size>-?\d+)$/,
    /^invalid variable-offset (?<how>write to|read from) stack R(?<reg>\d+) var_off=(?<var>.+) off=(?<off>-?\d+) size=(?<size>-?\d+)$/,
  ],
  STACK_UNINITIALIZED: [
    /^invalid read from stack off (?<off>-?\d+)\+(?<at>-?\d+) size (?<size>\d+)$/,
    /^invalid read from stack R(?<reg>\d+) (?:var_)?off (?<off>.+)\+(?<at>-?\d+) size (?<size>\d+)$/,
  ],
  STACK_OFFSET_UNBOUNDED: [
    /^invalid unbounded variable-offset (?<how>write to|read from) stack R(?<reg>\d+)$/,
  ],
  STACK_VARIABLE_OFFSET: [
    /^R(?<reg>\d+) variable (?:offset )?stack access prohibited for !root, var_off=(?<var>.+?)(?: off=(?<off>-?\d+))?$/,
    /^R(?<reg>\d+) stack pointer arithmetic goes out of range, prohibited for !root; off=(?<off>-?\d+)$/,
    /^variable offset stack pointer cannot be passed into helper function; var_off=(?<var>.+) off=(?<off>-?\d+) size=(?<size>-?\d+)$/,
    /^spilled ptr in range of var-offset stack write; insn (?<insn>\d+), ptr off: (?<off>-?\d+)$/,
    /^uninit stack in range of var-offset write prohibited for !root; insn (?<insn>\d+), off: (?<off>-?\d+)$/,
  ],
  SPILLED_POINTER_SIZE: [
    /^attempt to corrupt spilled pointer on stack$/,
    /^invalid size of register fill$/,
    /^invalid size of register spill$/,
  ],
  STACK_POINTER_ESCAPES: [
    /^cannot spill pointers to stack into stack frame of the caller$/,
    /^cannot return stack pointer to the caller$/,
  ],
  EMPTY_READ: [
    /^invalid zero-sized read$/,
    /^R(?<reg>\d+) invalid zero-sized read: u64=\[(?<min>-?\d+),(?<max>-?\d+)\]$/,
  ],
}
