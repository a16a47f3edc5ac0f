import type { ControlFlowCode } from '../control-flow.ts'
import type { RefusalTexts } from '../refusal.ts'

/** The shape of the program, and what it costs to verify. */
export const controlFlow: RefusalTexts<ControlFlowCode> = {
  UNREACHABLE_INSTRUCTION: {
    title: 'Code that nothing reaches',
    sentences: ['No path leads to instruction {insn}.'],
    mend: ['Remove the dead code; a compiler with optimisation does.'],
  },
  JUMP_OUT_OF_RANGE: {
    title: 'A jump out of the function',
    sentences: ['Instruction {from} jumps to {to}, outside its function.'],
    mend: ['Jump inside the function only; end it with exit, or call another function.'],
  },
  JUMP_INTO_LD_IMM64: {
    title: 'A jump into the middle of an instruction',
    sentences: ['A jump goes to slot {insn}, the second half of an ld_imm64.'],
    mend: ['Count ld_imm64 as two slots, or let an assembler count labels.'],
  },
  NO_EXIT: {
    title: 'A function that runs off its end',
    sentences: ['A function ends with an instruction that is neither exit nor a jump.'],
    mend: [
      'End each function with exit.',
      'In C, return a value on every path: a path without one ends nowhere.',
    ],
  },
  INVALID_CALL_TARGET: {
    title: 'A call to somewhere that is no function',
    sentences: ['The target of a call lies outside the program.'],
    mend: ['Call the first instruction of a function of the program.'],
  },
  TOO_MANY_FUNCTIONS: {
    title: 'Too many functions',
    sentences: ['The program has more than 256 functions.'],
    mend: ['Mark small functions __always_inline.'],
  },
  INFINITE_LOOP: {
    title: 'A loop that makes no progress',
    sentences: ['The loop came back to instruction {insn} with nothing changed, so it need never end.'],
    mend: [
      'Count the rounds and compare the counter with a constant.',
      'Use bpf_for, bpf_loop or may_goto (can_loop), which end by themselves.',
    ],
  },
  TOO_MANY_INSTRUCTIONS: {
    title: 'More instructions to walk than the limit',
    sentences: ['The verifier gave up after walking {count} instructions (the limit `complexityLimit`).'],
    mend: [
      'Turn long loops into bpf_for, bpf_loop or may_goto: their bodies are walked a few times only.',
      'Move parts into global functions, which are verified once.',
      'Branch less inside loops: each branch may double the paths.',
    ],
  },
  TOO_MANY_BRANCHES: {
    title: 'Too many branches waiting',
    sentences: ['More than 8192 branches of the program wait to be explored.'],
    mend: ['Split the program by global functions or tail calls.', 'Turn an unrolled loop back into a loop.'],
  },
  CALL_DEPTH: {
    title: 'Calls nested too deep',
    sentences: ['Functions call each other {count} deep, and at most 8 frames are allowed.'],
    mend: ['Inline functions (__always_inline).', 'Replace recursion by a loop.'],
  },
  STACK_DEPTH: {
    title: 'More than 512 bytes of stack',
    sentences: [
      'A chain of {count} functions uses {bytes} bytes of stack together, and 512 is the limit.',
      'Function {count} uses {bytes} bytes of stack, and 512 is the limit.',
    ],
    mend: [
      'Move large variables into a per-CPU array map.',
      'Make buffers smaller, or share one along the chain.',
    ],
  },
  TAIL_CALL_STACK_DEPTH: {
    title: 'A tail call below too much stack',
    sentences: ['A tail call is made below frames of {bytes} bytes, and with tail calls the limit is 256.'],
    mend: ['Make the tail call from a function with less stack above it.'],
  },
  LD_ABS_IN_FUNCTION: {
    title: 'LD_ABS in a function that does not return int',
    sentences: [
      'A function uses LD_ABS, which may end it, and has no BTF.',
      'LD_ABS may end the function with 0, so the function has to return int.',
    ],
    mend: ['Let the function return int, and compile with -g.', 'Use bpf_skb_load_bytes.'],
  },
  TAIL_CALL_IN_FUNCTION: {
    title: 'A tail call in a function that does not return int',
    sentences: [
      'A function makes a tail call and has no BTF.',
      'What the tail call returns is returned by the function, so it has to return int.',
    ],
    mend: ['Let the function return int, and compile with -g.'],
  },
  MEMORY_LIMIT: {
    title: 'More memory for states than the limit',
    sentences: ['The states to remember need more than {bytes} bytes (the limit `memoryLimit`).'],
    mend: [
      'Branch less and keep less on the stack across branches.',
      'Raise `memoryLimit` for programs that you trust.',
    ],
  },
  TIME_LIMIT: {
    title: 'More time than the limit',
    sentences: ['Verification took more than {ms} ms (the limit `timeLimit`).'],
    mend: ['Branch less inside loops.', 'Raise `timeLimit` for programs that you trust.'],
  },
}
