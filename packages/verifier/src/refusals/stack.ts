import type { Refusals } from './refusal.ts'

export type StackCode =
  | 'STACK_OUT_OF_BOUNDS'
  | 'STACK_UNINITIALIZED'
  | 'STACK_OFFSET_UNBOUNDED'
  | 'STACK_VARIABLE_OFFSET'
  | 'SPILLED_POINTER_SIZE'
  | 'STACK_POINTER_ESCAPES'
  | 'EMPTY_READ'

/** The stack. */
export const stack: Refusals<StackCode> = {
  STACK_OUT_OF_BOUNDS: {
    title: 'Outside the stack frame',
    lines: [
      [
        /^invalid (?<how>write to|read from) stack R(?<reg>\d+) off=(?<off>-?\d+) size=(?<size>-?\d+)$/,
        'r{reg} reaches {size} bytes at offset {off} of the frame, which goes from -512 to -1 (or as far as it was written).',
      ],
      [
        /^invalid variable-offset (?<how>write to|read from) stack R(?<reg>\d+) var_off=(?<var>.+) off=(?<off>-?\d+) size=(?<size>-?\d+)$/,
        'r{reg} may reach outside the frame: {size} bytes at offset {off} and more (var_off={var}).',
      ],
    ],
    mend: [
      'Bound the index by the size of the array.',
      'Give the helper the size of the variable, not more.',
    ],
  },
  STACK_UNINITIALIZED: {
    title: 'Stack that nothing has written',
    lines: [
      [
        /^invalid read from stack off (?<off>-?\d+)\+(?<at>-?\d+) size (?<size>\d+)$/,
        'Of the {size} bytes at offset {off} of the frame, byte {at} was never written.',
      ],
      [
        /^invalid read from stack R(?<reg>\d+) (?:var_)?off (?<off>.+)\+(?<at>-?\d+) size (?<size>\d+)$/,
        'Of the {size} bytes that r{reg} points to, byte {at} was never written.',
      ],
    ],
    mend: ['Initialise the variable, with its padding: `struct key k = {};` or __builtin_memset.'],
  },
  STACK_OFFSET_UNBOUNDED: {
    title: 'An offset into the stack without bounds',
    lines: [
      [
        /^invalid unbounded variable-offset (?<how>write to|read from) stack R(?<reg>\d+)$/,
        'r{reg} points to the stack at an offset that has no bounds.',
      ],
    ],
    mend: ['Bound the index by the size of the array before adding it.'],
  },
  STACK_VARIABLE_OFFSET: {
    title: 'A variable offset into the stack',
    lines: [
      [
        /^R(?<reg>\d+) variable (?:offset )?stack access prohibited for !root, var_off=(?<var>.+?)(?: off=(?<off>-?\d+))?$/,
        'r{reg} points to the stack at an offset that is not a constant, which this loader may not do.',
      ],
      [
        /^R(?<reg>\d+) stack pointer arithmetic goes out of range, prohibited for !root; off=(?<off>-?\d+)$/,
        'r{reg} points outside the frame (offset {off}), which this loader may not even compute.',
      ],
      [
        /^variable offset stack pointer cannot be passed into helper function; var_off=(?<var>.+) off=(?<off>-?\d+) size=(?<size>-?\d+)$/,
        'The helper gets the stack at an offset that is not a constant (var_off={var}).',
      ],
      [
        /^spilled ptr in range of var-offset stack write; insn (?<insn>\d+), ptr off: (?<off>-?\d+)$/,
        'The store may hit the pointer that is kept at offset {off} of the frame.',
      ],
      [
        /^uninit stack in range of var-offset write prohibited for !root; insn (?<insn>\d+), off: (?<off>-?\d+)$/,
        'The store goes to one of several places, of which the one at {off} was never written.',
      ],
    ],
    mend: [
      'Use constant indices, or a map value for arrays with variable ones.',
      'Initialise the whole array first.',
    ],
  },
  SPILLED_POINTER_SIZE: {
    title: 'Part of a pointer on the stack',
    lines: [
      [
        /^attempt to corrupt spilled pointer on stack$/,
        'The store would overwrite part of a pointer kept on the stack.',
      ],
      [/^invalid size of register fill$/, 'The load reads part of a pointer that is kept on the stack.'],
      [/^invalid size of register spill$/, 'The store keeps part of a pointer on the stack.'],
    ],
    mend: ['Store and load pointers with 8 bytes at a multiple of 8.'],
  },
  STACK_POINTER_ESCAPES: {
    title: 'A pointer to a frame that ends',
    lines: [
      [
        /^cannot spill pointers to stack into stack frame of the caller$/,
        "A pointer to this function's stack would be stored where its caller can see it.",
      ],
      [/^cannot return stack pointer to the caller$/, 'The function returns a pointer to its own stack.'],
    ],
    mend: ['Let the caller own the variable, and give the function a pointer to it.'],
  },
  EMPTY_READ: {
    title: 'A read of no bytes',
    lines: [
      [
        /^invalid zero-sized read$/,
        'The helper would read 0 bytes from the stack: keys or values of this map have no size.',
      ],
      [
        /^R(?<reg>\d+) invalid zero-sized read: u64=\[(?<min>-?\d+),(?<max>-?\d+)\]$/,
        'r{reg} is a size that may be 0, and this helper needs at least one byte.',
      ],
    ],
    mend: ['Check that the size is above 0.', 'Use a map that has keys and values.'],
  },
}
