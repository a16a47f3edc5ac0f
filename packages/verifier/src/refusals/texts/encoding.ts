import type { EncodingCode } from '../encoding.ts'
import type { RefusalTexts } from '../refusal.ts'

/** What is wrong with an instruction by itself. */
export const encoding: RefusalTexts<EncodingCode> = {
  RESERVED_FIELD: {
    title: 'A field that the instruction does not use is not zero',
    sentences: ['A field that {op} does not use is set, or an operand is one that {op} does not take.'],
    mend: [
      'Zero the fields that the instruction does not use.',
      'Emit code with an assembler or a compiler.',
    ],
  },
  UNKNOWN_OPCODE: {
    title: 'No such instruction',
    sentences: [
      'Opcode 0x{op} is no BPF instruction.',
      'Arithmetic operation 0x{op} does not exist.',
      'Jump operation 0x{op} does not exist.',
      'Instruction class {op} does not exist.',
      'The load has a mode that does not exist.',
    ],
    mend: [
      'Compile for a BPF version that the target has (clang -mcpu=v3).',
      'Check that data was not taken for code: an instruction is eight bytes, ld_imm64 sixteen.',
    ],
  },
  INVALID_ATOMIC: {
    title: 'No such atomic operation',
    sentences: ['Atomic operation 0x{op} does not exist.', 'Atomic operations work on 4 or 8 bytes only.'],
    mend: ['Use a 32-bit or 64-bit variable with the __sync or __atomic builtins.'],
  },
  INVALID_MAY_GOTO: {
    title: 'A may_goto with an immediate',
    sentences: ['may_goto takes no immediate, and has {imm}.'],
    mend: ['Zero the immediate: the target is in the offset.'],
  },
  INVALID_LD_IMM64: {
    title: 'Half an ld_imm64',
    sentences: [
      'ld_imm64 takes two slots, and the second is missing or not empty.',
      'Loads of constants have 64 bits, and this one does not.',
      'The source field of ld_imm64 names a kind of value that does not exist.',
    ],
    mend: [
      'Write both slots: the second has opcode, registers and offset zero, and the upper half of the value.',
    ],
  },
  INVALID_REGISTER: {
    title: 'A register above r10',
    sentences: ['There is no register r{reg}: they end at r10.'],
    mend: ['Use r0 to r9, and r10 for the frame.'],
  },
  FRAME_POINTER_READ_ONLY: {
    title: 'A write to r10',
    sentences: ['r10 points to the stack frame and cannot be written.'],
    mend: ['Copy r10 into another register and change that.'],
  },
  DIVISION_BY_ZERO: {
    title: 'A division by the constant 0',
    sentences: ['The divisor is the constant 0.'],
    mend: ['Divide by something else; a division by a register that holds 0 gives 0 and is accepted.'],
  },
  INVALID_SHIFT: {
    title: 'A shift by more than the width',
    sentences: ['A shift by {by} is as wide as the register, or wider, or negative.'],
    mend: ['Shift by 0 to 63, and by 0 to 31 in 32-bit arithmetic.'],
  },
  ARENA: {
    title: 'An arena that cannot be used',
    sentences: [
      'The program uses two arenas.',
      'Arenas may be used with CAP_PERFMON only.',
      'The arena has no address in the process yet.',
    ],
    mend: [
      'Map the arena (mmap) or give its address (map_extra) before the program is loaded.',
      'Use one arena.',
    ],
  },
  ADDR_SPACE_CAST: {
    title: 'A cast between address spaces that cannot be',
    sentences: [
      'The cast names address spaces other than 0 and 1.',
      'The program casts an arena pointer and uses no arena map.',
    ],
    mend: ['Refer to an arena map in the program.', 'Cast between address spaces 1 (arena) and 0 only.'],
  },
  NOT_A_MAP: {
    title: 'A reference that is no map',
    sentences: [
      'The program loads {fd} as a map, and it is none.',
      'The program names a map by index, and no maps were given with it.',
    ],
    mend: ['Load the object with its maps: the loader puts the map in place of the reference.'],
  },
  TOO_MANY_MAPS: {
    title: 'More maps than a program may use',
    sentences: ['The program uses more than {limit} maps.'],
    mend: ['Put several values into one map.', 'Split the program by tail calls.'],
  },
  UNKNOWN_KERNEL_SYMBOL: {
    title: 'A kernel symbol that is not there',
    sentences: [
      'The kernel has no variable {name}, or its address is not known.',
      'The load names a symbol of a kernel module that is not given.',
      'BTF id {id} of the kernel is neither variable nor function.',
      'The variable of the kernel is of a type without size.',
      'The kernel has no variable with the BTF id {id}.',
    ],
    mend: [
      'Give the BTF of the kernel that the program is for (--kernel-btf).',
      'Declare the variable __weak and test its address.',
    ],
  },
  MAP_VALUE_ADDRESS: {
    title: "An address outside a map's value",
    sentences: [
      'The address is {off} bytes into a map value, which is more than any value has.',
      'The address is {off} bytes into a map value of {size} bytes.',
    ],
    mend: ["Take the address of something inside the map's value."],
  },
  NO_MAP_VALUE_ADDRESS: {
    title: 'A map without addresses of values',
    sentences: ['The program takes the address of a value in a map whose values have no fixed address.'],
    mend: ['Use an array map for global variables.', 'Look the value up with bpf_map_lookup_elem.'],
  },
  LD_ABS_NOT_ALLOWED: {
    title: 'A classic packet load in the wrong program type',
    sentences: ['Programs of this type have no skb that LD_ABS and LD_IND could read.'],
    mend: ['Read the packet through pointers or with bpf_skb_load_bytes.'],
  },
  LD_ABS_NEEDS_CONTEXT: {
    title: 'A classic packet load without the context in r6',
    sentences: ['LD_ABS and LD_IND read the packet of the context in r6, and r6 holds something else.'],
    mend: ['Copy the context into r6 at the start (r6 = r1) and keep it there.'],
  },
}
