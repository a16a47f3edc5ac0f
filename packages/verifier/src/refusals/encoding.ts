import type { RefusalLines } from './refusal.ts'

export type EncodingCode =
  | 'RESERVED_FIELD'
  | 'UNKNOWN_OPCODE'
  | 'INVALID_ATOMIC'
  | 'INVALID_MAY_GOTO'
  | 'INVALID_LD_IMM64'
  | 'INVALID_REGISTER'
  | 'FRAME_POINTER_READ_ONLY'
  | 'DIVISION_BY_ZERO'
  | 'INVALID_SHIFT'
  | 'ARENA'
  | 'ADDR_SPACE_CAST'
  | 'NOT_A_MAP'
  | 'TOO_MANY_MAPS'
  | 'UNKNOWN_KERNEL_SYMBOL'
  | 'MAP_VALUE_ADDRESS'
  | 'NO_MAP_VALUE_ADDRESS'
  | 'LD_ABS_NOT_ALLOWED'
  | 'LD_ABS_NEEDS_CONTEXT'

/** What is wrong with an instruction by itself. */
export const encoding: RefusalLines<EncodingCode> = {
  RESERVED_FIELD: [/^(?<op>BPF_\S+) uses reserved fields$/],
  UNKNOWN_OPCODE: [
    /^unknown opcode (?<op>[0-9a-f]+)$/,
    /^invalid BPF_ALU opcode (?<op>[0-9a-f]+)$/,
    /^invalid BPF_JMP\/JMP32 opcode (?<op>[0-9a-f]+)$/,
    /^unknown insn class (?<op>\d+)$/,
    /^invalid BPF_LD mode$/,
  ],
  INVALID_ATOMIC: [
    /^BPF_ATOMIC uses invalid atomic opcode (?<op>[0-9a-f]+)$/,
    /^invalid atomic operand size$/,
  ],
  INVALID_MAY_GOTO: [/^invalid may_goto imm (?<imm>-?\d+)$/],
  INVALID_LD_IMM64: [
    /^invalid bpf_ld_imm64 insn$/,
    /^invalid BPF_LD_IMM insn$/,
    /^unrecognized bpf_ld_imm64 insn$/,
  ],
  INVALID_REGISTER: [/^R(?<reg>\d+) is invalid$/],
  FRAME_POINTER_READ_ONLY: [/^frame pointer is read only$/],
  DIVISION_BY_ZERO: [/^div by zero$/],
  INVALID_SHIFT: [/^invalid shift (?<by>-?\d+)$/],
  ARENA: [
    /^Only one arena per program$/,
    /^CAP_BPF and CAP_PERFMON are required to use arena$/,
    /^arena's user address must be set via map_extra or mmap\(\)$/,
  ],
  ADDR_SPACE_CAST: [
    /^addr_space_cast insn can only convert between address space 1 and 0$/,
    /^addr_space_cast insn can only be used in a program that has an associated arena$/,
  ],
  NOT_A_MAP: [/^fd (?<fd>-?\d+) is not pointing to valid bpf_map$/, /^fd_idx without fd_array is invalid$/],
  TOO_MANY_MAPS: [/^The total number of maps per program has reached the limit of (?<limit>\d+)$/],
  UNKNOWN_KERNEL_SYMBOL: [
    /^ldimm64 failed to find the address for kernel symbol '(?<name>[^']+)'\.$/,
    /^invalid module BTF object FD specified\.$/,
    /^pseudo btf_id (?<id>\d+) in ldimm64 isn't KIND_VAR or KIND_FUNC$/,
    /^ldimm64 unable to resolve the size of type '(?<name>[^']*)': -22$/,
    /^ldimm64 insn specifies invalid btf_id (?<id>-?\d+)\.$/,
  ],
  MAP_VALUE_ADDRESS: [
    /^direct value offset of (?<off>-?\d+) is not allowed$/,
    /^invalid access to map value pointer, value_size=(?<size>-?\d+) off=(?<off>-?\d+)$/,
  ],
  NO_MAP_VALUE_ADDRESS: [/^no direct value access support for this map type$/],
  LD_ABS_NOT_ALLOWED: [/^BPF_LD_\[ABS\|IND\] instructions not allowed for this program type$/],
  LD_ABS_NEEDS_CONTEXT: [/^at the time of BPF_LD_ABS\|IND R6 != pointer to skb$/],
}
