import type { RefusalTexts } from '../refusal.ts'
import type { StackCode } from '../stack.ts'

/** The stack. */
export const stack: RefusalTexts<StackCode> = {
  STACK_OUT_OF_BOUNDS: {
    title: 'Outside the stack frame',
    sentences: [
      'r{reg} reaches {size} bytes at offset {off} of the frame, which goes from -512 to -1 (or as far as it was written).',
      'r{reg} may reach outside the frame: {size} bytes at offset {off} and more (var_off={var}).',
    ],
    mend: [
      'Bound the index by the size of the array.',
      'Give the helper the size of the variable, not more.',
    ],
  },
  STACK_UNINITIALIZED: {
    title: 'Stack that nothing has written',
    sentences: [
      'Of the {size} bytes at offset {off} of the frame, byte {at} was never written.',
      'Of the {size} bytes that r{reg} points to, byte {at} was never written.',
    ],
    mend: ['Initialise the variable, with its padding: `struct key k = {};` or __builtin_memset.'],
  },
  STACK_OFFSET_UNBOUNDED: {
    title: 'An offset into the stack without bounds',
    sentences: ['r{reg} points to the stack at an offset that has no bounds.'],
    mend: ['Bound the index by the size of the array before adding it.'],
  },
  STACK_VARIABLE_OFFSET: {
    title: 'A variable offset into the stack',
    sentences: [
      'r{reg} points to the stack at an offset that is not a constant, which this loader may not do.',
      'r{reg} points outside the frame (offset {off}), which this loader may not even compute.',
      'The helper gets the stack at an offset that is not a constant (var_off={var}).',
      'The store may hit the pointer that is kept at offset {off} of the frame.',
      'The store goes to one of several places, of which the one at {off} was never written.',
    ],
    mend: [
      'Use constant indices, or a map value for arrays with variable ones.',
      'Initialise the whole array first.',
    ],
  },
  SPILLED_POINTER_SIZE: {
    title: 'Part of a pointer on the stack',
    sentences: [
      'The store would overwrite part of a pointer kept on the stack.',
      'The load reads part of a pointer that is kept on the stack.',
      'The store keeps part of a pointer on the stack.',
    ],
    mend: ['Store and load pointers with 8 bytes at a multiple of 8.'],
  },
  STACK_POINTER_ESCAPES: {
    title: 'A pointer to a frame that ends',
    sentences: [
      "A pointer to this function's stack would be stored where its caller can see it.",
      'The function returns a pointer to its own stack.',
    ],
    mend: ['Let the caller own the variable, and give the function a pointer to it.'],
  },
  EMPTY_READ: {
    title: 'A read of no bytes',
    sentences: [
      'The helper would read 0 bytes from the stack: keys or values of this map have no size.',
      'r{reg} is a size that may be 0, and this helper needs at least one byte.',
    ],
    mend: ['Check that the size is above 0.', 'Use a map that has keys and values.'],
  },
}
