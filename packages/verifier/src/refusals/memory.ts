import type { Refusals } from './refusal.ts'

export type MemoryCode =
  | 'NUMBER_AS_POINTER'
  | 'POINTER_MAYBE_NULL'
  | 'POINTER_NOT_DEREFERENCEABLE'
  | 'MEMORY_READ_ONLY'
  | 'MAP_VALUE_OUT_OF_BOUNDS'
  | 'PACKET_OUT_OF_BOUNDS'
  | 'MEMORY_OUT_OF_BOUNDS'
  | 'NEGATIVE_OFFSET'
  | 'UNBOUNDED_OFFSET'
  | 'MISALIGNED_ACCESS'
  | 'INVALID_CONTEXT_ACCESS'
  | 'MODIFIED_POINTER'
  | 'VARIABLE_OFFSET'
  | 'FLOW_KEYS_OUT_OF_BOUNDS'
  | 'SOCKET_FIELD'
  | 'BUFFER_OUT_OF_BOUNDS'
  | 'MAP_ACCESS_FORBIDDEN'
  | 'PACKET_NOT_ACCESSIBLE'
  | 'ATOMIC_POINTER'
  | 'SPECIAL_FIELD_ACCESS'

/** Loads and stores. */
export const memory: Refusals<MemoryCode> = {
  NUMBER_AS_POINTER: {
    title: 'A number used as a pointer',
    lines: [
      [
        /^R(?<reg>\d+) invalid mem access 'scalar'$/,
        'r{reg} is used as an address, and holds a number (or a pointer that is no longer valid).',
      ],
    ],
    mend: [
      'Find on the path where the pointer became a number: arithmetic, a partial copy, a call that clears or invalidates pointers.',
      'Read memory at addresses that are not from the verifier with bpf_probe_read_kernel or bpf_probe_read_user.',
      'Take the packet pointers from the context again after a helper that may move the packet.',
    ],
  },
  POINTER_MAYBE_NULL: {
    title: 'A pointer used before it was compared with NULL',
    lines: [
      [
        /^R(?<reg>\d+) invalid mem access '(?<type>\w*_or_null\w*)'$/,
        'r{reg} is {type:kind} and is used as an address before it was compared with NULL.',
      ],
    ],
    mend: ['Compare the pointer with NULL first: `if (!value) return 0;`.'],
  },
  POINTER_NOT_DEREFERENCEABLE: {
    title: 'A pointer that cannot be read or written through',
    lines: [
      [
        /^R(?<reg>\d+) invalid mem access '(?!scalar'|\w*_or_null)(?<type>[^']*)'$/,
        'r{reg} is {type:kind}, which loads and stores cannot go through.',
      ],
    ],
    mend: [
      'Give the pointer to the helper that takes it; use the pointer that a helper returned for memory.',
    ],
  },
  MEMORY_READ_ONLY: {
    title: 'A store to read-only memory',
    lines: [
      [/^R(?<reg>\d+) cannot write into (?<type>\S+)$/, 'r{reg} is {type:kind}, which is not to be written.'],
      [
        /^(?<name>\w+)\(\) may write into memory pointed by R(?<reg>\d+) type=(?<type>\S+)$/,
        '{name} may write through r{reg}, which is {type:kind} and read-only.',
      ],
      [
        /^write to change key R(?<reg>\d+) not allowed$/,
        'r{reg} points to a key of a map, and keys are not written.',
      ],
    ],
    mend: ['Copy what is to be changed to the stack, and change the copy.'],
  },
  MAP_VALUE_OUT_OF_BOUNDS: {
    title: 'Outside a map value',
    lines: [
      [
        /^invalid access to map value, value_size=(?<limit>-?\d+) off=(?<off>-?\d+) size=(?<size>-?\d+)$/,
        'The access may reach {size} bytes at offset {off} of a map value that has {limit} bytes.',
      ],
      [
        /^invalid access to map key, key_size=(?<limit>-?\d+) off=(?<off>-?\d+) size=(?<size>-?\d+)$/,
        'The access may reach {size} bytes at offset {off} of a map key that has {limit} bytes.',
      ],
    ],
    mend: [
      'Compare the index with the number of elements right before it is used: `if (i >= N) return 0;`.',
      'Let the declared value be as large as what is read.',
    ],
  },
  PACKET_OUT_OF_BOUNDS: {
    title: 'Outside the part of the packet that was checked',
    lines: [
      [
        /^invalid access to packet, off=(?<off>-?\d+) size=(?<size>-?\d+), R(?<reg>\d+)\(id=\d+,off=-?\d+,r=(?<range>-?\d+)\)$/,
        'The access reaches {size} bytes at offset {off} of the packet, and comparisons with data_end have shown {range} bytes.',
      ],
      [/^R(?<reg>\d+) offset is outside of the packet$/, 'r{reg} points to the end of the packet or beyond.'],
    ],
    mend: [
      'Compare with data_end before the access: `if (data + sizeof(*hdr) > data_end) return XDP_PASS;`.',
      'Compare the same pointer that is then used: a pointer with another variable offset has a range of its own.',
      'Bound a variable offset (below 0xffff) before adding it, then compare.',
    ],
  },
  MEMORY_OUT_OF_BOUNDS: {
    title: 'Outside a block of memory',
    lines: [
      [
        /^invalid access to memory, mem_size=(?<limit>-?\d+) off=(?<off>-?\d+) size=(?<size>-?\d+)$/,
        'The access may reach {size} bytes at offset {off} of a block that has {limit} bytes.',
      ],
    ],
    mend: ['Ask for a larger block, or bound the offset by its size.'],
  },
  NEGATIVE_OFFSET: {
    title: 'An offset that may be negative',
    lines: [
      [
        /^R(?<reg>\d+) min value is negative, either use unsigned index or do a if \(index >=0\) check\.$/,
        'r{reg} may lie before the start of its memory: the number added to it may be negative.',
      ],
    ],
    mend: ['Make the index unsigned, or check `if (index < 0) return 0;` too.'],
  },
  UNBOUNDED_OFFSET: {
    title: 'An offset without an upper bound',
    lines: [
      [
        /^R(?<reg>\d+) unbounded memory access, make sure to bounds check any such access$/,
        'r{reg} may lie anywhere after the start of its memory: the number added to it has no upper bound.',
      ],
    ],
    mend: ['Check `if (index >= N) return 0;` right before the access, on the variable that is added.'],
  },
  MISALIGNED_ACCESS: {
    title: 'A misaligned access',
    lines: [
      [
        /^misaligned (?<what>[\w ]*?) ?access off (?<off>.+) size (?<size>\d+)$/,
        'The access of {size} bytes is not at a multiple of {size}.',
      ],
    ],
    mend: ['Align the variable, or read it in smaller pieces.', 'For packed structs use __builtin_memcpy.'],
  },
  INVALID_CONTEXT_ACCESS: {
    title: 'No such field of the context',
    lines: [
      [
        /^invalid bpf_context access off=(?<off>-?\d+) size=(?<size>-?\d+)(?:\. Reason: .+)?$/,
        'The context has no field at offset {off} that programs of this type may access this way with {size} bytes.',
      ],
      [
        /^invalid bpf_context access off=(?<off>-?\d+)\. Reference may already be released$/,
        'The argument at offset {off} is read after the program gave the object away.',
      ],
      [
        /^func '(?<name>\S*)' offset (?<off>-?\d+) is not multiple of 8$/,
        'Arguments of {name} are 8 bytes each, and offset {off} is inside of one.',
      ],
      [
        /^func '(?<name>\S*)' doesn't have (?<number>\d+)-th argument$/,
        '{name} has no argument number {number}.',
      ],
      [
        /^func '(?<name>\S*)' size (?<size>\d+) must be 8$/,
        'An argument of {name} that is a pointer is read whole only: 8 bytes, not {size}.',
      ],
      [
        /^func '(?<name>\S*)' arg(?<arg>\d+) '(?<type>[^']*)' has type (?<kind>\S+)\. Only pointer access is allowed$/,
        'Argument {arg} of {name} is neither number nor pointer ({type}).',
      ],
      [
        /^func '(?<name>\S*)' arg(?<arg>\d+) type (?<kind>\S+) is not a struct$/,
        'Argument {arg} of {name} points to something that is no struct.',
      ],
      [
        /^ret type (?<kind>\S+) not allowed for fmod_ret$/,
        'The result of the function is no integer, so it is not read.',
      ],
    ],
    mend: [
      'Access one whole field at a time, with its own size.',
      'Check that the field is there for the program type and attach type, and may be written.',
    ],
  },
  MODIFIED_POINTER: {
    title: 'A pointer that was moved',
    lines: [
      [
        /^dereference of modified (?<type>\S+) ptr R(?<reg>\d+) off=(?<off>-?\d+) disallowed$/,
        'r{reg} is {type:kind} to which {off} was added, and such pointers are used unchanged.',
      ],
      [
        /^negative offset (?<type>\S+) ptr R(?<reg>\d+) off=(?<off>-?\d+) disallowed$/,
        'r{reg} is {type:kind} moved by {off}, before its start.',
      ],
    ],
    mend: ['Keep the original pointer and put the offset into the load: `*(u32 *)(r1 + 4)`.'],
  },
  VARIABLE_OFFSET: {
    title: 'A variable offset where only constants go',
    lines: [
      [
        /^variable (?<type>\S+) access var_off=(?<off>.+) disallowed$/,
        'The offset into {type:kind} is not a constant (var_off={off}).',
      ],
    ],
    mend: ['Access the field by a constant offset, in a branch for each value if need be.'],
  },
  FLOW_KEYS_OUT_OF_BOUNDS: {
    title: 'Outside the flow keys',
    lines: [
      [
        /^invalid access to flow keys off=(?<off>-?\d+) size=(?<size>-?\d+)$/,
        'struct bpf_flow_keys has no {size} bytes at offset {off}.',
      ],
    ],
    mend: ['Access the fields of struct bpf_flow_keys, which has 56 bytes.'],
  },
  SOCKET_FIELD: {
    title: 'No such field of the socket',
    lines: [
      [
        /^R(?<reg>\d+) invalid (?<type>sock|sock_common|tcp_sock|xdp_sock|1) access off=(?<off>-?\d+) size=(?<size>-?\d+)$/,
        '{type:kind} has no field at offset {off} that is read with {size} bytes.',
      ],
    ],
    mend: [
      'Access one field with its own size.',
      'Get the full socket with bpf_sk_fullsock or bpf_tcp_sock first.',
    ],
  },
  BUFFER_OUT_OF_BOUNDS: {
    title: 'Outside a buffer',
    lines: [
      [
        /^R(?<reg>\d+) invalid (?<what>\w+) buffer access: off=(?<off>-?\d+), size=(?<size>-?\d+)$/,
        'The access of {size} bytes at offset {off} of a {what} buffer is not possible.',
      ],
      [
        /^R(?<reg>\d+) invalid variable buffer offset: off=(?<off>-?\d+), var_off=(?<var>.+)$/,
        'The offset into the buffer is not a constant (var_off={var}).',
      ],
    ],
    mend: ['Use a constant offset that is not negative.'],
  },
  MAP_ACCESS_FORBIDDEN: {
    title: 'A map that must not be accessed so',
    lines: [
      [
        /^(?<how>write into|read from) map forbidden(?:, value_size=-?\d+ off=(?<off>-?\d+) size=-?\d+)?$/,
        'To {how} this map is forbidden to programs by its flags, or by its contents being constants.',
      ],
    ],
    mend: [
      'Create the map without BPF_F_RDONLY_PROG or BPF_F_WRONLY_PROG.',
      'Constants (`const volatile`, .rodata) are set by the loader, not by the program.',
    ],
  },
  PACKET_NOT_ACCESSIBLE: {
    title: 'A packet that cannot be written or given to helpers',
    lines: [
      [/^cannot write into packet$/, 'Programs of this type may read the packet only.'],
      [
        /^helper access to the packet is not allowed$/,
        'This helper cannot take a pointer into the packet in programs of this type.',
      ],
    ],
    mend: [
      'Copy the bytes to the stack first.',
      'Change packets with helpers such as bpf_skb_store_bytes, where the type has them.',
    ],
  },
  ATOMIC_POINTER: {
    title: 'An atomic operation on memory that has none',
    lines: [
      [
        /^BPF_ATOMIC loads from R(?<reg>\d+) (?<type>\S+) is not allowed$/,
        'r{reg} is {type:kind}, on which there are no atomic operations.',
      ],
      [
        /^BPF_ATOMIC stores into R(?<reg>\d+) (?<type>\S+) is not allowed$/,
        'r{reg} is {type:kind}, on which there are no atomic operations.',
      ],
    ],
    mend: ['Do atomic operations on map values, the stack or an arena.'],
  },
  SPECIAL_FIELD_ACCESS: {
    title: 'A load or store at a field that the kernel owns',
    lines: [
      [
        /^(?<name>\w+) cannot be accessed directly by load\/store$/,
        'The access touches a {name}, which only its helpers may touch.',
      ],
      [
        /^(?<name>\w+) cannot be accessed indirectly by helper$/,
        'The helper would touch a {name}, which only its own helpers may touch.',
      ],
      [/^(?<name>\w+) access cannot have variable offset$/, 'The offset of the {name} is not a constant.'],
      [
        /^(?<name>\w+) access misaligned expected=(?<want>\d+) off=(?<off>\d+)$/,
        'The access is at {off}, and the {name} is at {want}.',
      ],
      [/^(?<name>\w+) access size must be BPF_DW$/, 'A {name} is accessed with 8 bytes only.'],
    ],
    mend: ['Leave such fields to their helpers; copy structs field by field around them.'],
  },
}
