import type { RefusalLines } from './refusal.ts'

export type ControlFlowCode =
  | 'UNREACHABLE_INSTRUCTION'
  | 'JUMP_OUT_OF_RANGE'
  | 'JUMP_INTO_LD_IMM64'
  | 'NO_EXIT'
  | 'INVALID_CALL_TARGET'
  | 'TOO_MANY_FUNCTIONS'
  | 'INFINITE_LOOP'
  | 'TOO_MANY_INSTRUCTIONS'
  | 'TOO_MANY_BRANCHES'
  | 'CALL_DEPTH'
  | 'STACK_DEPTH'
  | 'TAIL_CALL_STACK_DEPTH'
  | 'LD_ABS_IN_FUNCTION'
  | 'TAIL_CALL_IN_FUNCTION'
  | 'MEMORY_LIMIT'
  | 'TIME_LIMIT'

/** The shape of the program, and what it costs to verify. */
export const controlFlow: RefusalLines<ControlFlowCode> = {
  UNREACHABLE_INSTRUCTION: [/^unreachable insn (?<insn>\d+)$/],
  JUMP_OUT_OF_RANGE: [/^jump out of range from insn (?<from>-?\d+) to (?<to>-?\d+)$/],
  JUMP_INTO_LD_IMM64: [/^jump into the middle of ldimm64 insn (?<insn>\d+)$/],
  NO_EXIT: [/^last insn is not an exit or jmp$/],
  INVALID_CALL_TARGET: [/^call to invalid destination$/],
  TOO_MANY_FUNCTIONS: [/^too many subprograms$/],
  INFINITE_LOOP: [/^infinite loop detected at insn (?<insn>\d+)$/],
  TOO_MANY_INSTRUCTIONS: [/^BPF program is too large\. Processed (?<count>\d+) insn$/],
  TOO_MANY_BRANCHES: [/^The sequence of (?<count>\d+) jumps is too complex(?: for async cb)?\.$/],
  CALL_DEPTH: [/^the call stack of (?<count>\d+) frames is too deep ?!?$/],
  STACK_DEPTH: [
    /^combined stack size of (?<count>\d+) calls is (?<bytes>\d+)\. Too large$/,
    /^stack size of subprog (?<count>\d+) is (?<bytes>\d+)\. Too large$/,
  ],
  TAIL_CALL_STACK_DEPTH: [
    /^tail_calls are not allowed when call stack of previous frames is (?<bytes>\d+) bytes\. Too large$/,
  ],
  LD_ABS_IN_FUNCTION: [
    /^LD_ABS is not allowed in subprogs without BTF$/,
    /^LD_ABS is only allowed in functions that return 'int'\.$/,
  ],
  TAIL_CALL_IN_FUNCTION: [
    /^tail_call is not allowed in subprogs without BTF$/,
    /^tail_call is only allowed in functions that return 'int'\.$/,
  ],
  MEMORY_LIMIT: [/^out of memory: the states of this program need more than (?<bytes>\d+) bytes$/],
  TIME_LIMIT: [/^out of time: verification took more than (?<ms>\d+) ms \(limit\)$/],
}
