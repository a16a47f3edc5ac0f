import type { MemoryCode } from '../memory.ts'
import type { RefusalTexts } from '../refusal.ts'

/** Loads and stores. */
export const memory: RefusalTexts<MemoryCode> = {
  NUMBER_AS_POINTER: {
    title: 'A number used as a pointer',
    sentences: ['r{reg} is used as an address, and holds a number (or a pointer that is no longer valid).'],
    mend: [
      'Find on the path where the pointer became a number: arithmetic, a partial copy, a call that clears or invalidates pointers.',
      'Read memory at addresses that are not from the verifier with bpf_probe_read_kernel or bpf_probe_read_user.',
      'Take the packet pointers from the context again after a helper that may move the packet.',
    ],
  },
  POINTER_MAYBE_NULL: {
    title: 'A pointer used before it was compared with NULL',
    sentences: ['r{reg} is {type:kind} and is used as an address before it was compared with NULL.'],
    mend: ['Compare the pointer with NULL first: `if (!value) return 0;`.'],
  },
  POINTER_NOT_DEREFERENCEABLE: {
    title: 'A pointer that cannot be read or written through',
    sentences: ['r{reg} is {type:kind}, which loads and stores cannot go through.'],
    mend: [
      'Give the pointer to the helper that takes it; use the pointer that a helper returned for memory.',
    ],
  },
  MEMORY_READ_ONLY: {
    title: 'A store to read-only memory',
    sentences: [
      'r{reg} is {type:kind}, which is not to be written.',
      '{name} may write through r{reg}, which is {type:kind} and read-only.',
      'r{reg} points to a key of a map, and keys are not written.',
    ],
    mend: ['Copy what is to be changed to the stack, and change the copy.'],
  },
  MAP_VALUE_OUT_OF_BOUNDS: {
    title: 'Outside a map value',
    sentences: [
      'The access may reach {size} bytes at offset {off} of a map value that has {limit} bytes.',
      'The access may reach {size} bytes at offset {off} of a map key that has {limit} bytes.',
    ],
    mend: [
      'Compare the index with the number of elements right before it is used: `if (i >= N) return 0;`.',
      'Let the declared value be as large as what is read.',
    ],
  },
  PACKET_OUT_OF_BOUNDS: {
    title: 'Outside the part of the packet that was checked',
    sentences: [
      'The access reaches {size} bytes at offset {off} of the packet, and comparisons with data_end have shown {range} bytes.',
      'r{reg} points to the end of the packet or beyond.',
    ],
    mend: [
      'Compare with data_end before the access: `if (data + sizeof(*hdr) > data_end) return XDP_PASS;`.',
      'Compare the same pointer that is then used: a pointer with another variable offset has a range of its own.',
      'Bound a variable offset (below 0xffff) before adding it, then compare.',
    ],
  },
  MEMORY_OUT_OF_BOUNDS: {
    title: 'Outside a block of memory',
    sentences: ['The access may reach {size} bytes at offset {off} of a block that has {limit} bytes.'],
    mend: ['Ask for a larger block, or bound the offset by its size.'],
  },
  NEGATIVE_OFFSET: {
    title: 'An offset that may be negative',
    sentences: ['r{reg} may lie before the start of its memory: the number added to it may be negative.'],
    mend: ['Make the index unsigned, or check `if (index < 0) return 0;` too.'],
  },
  UNBOUNDED_OFFSET: {
    title: 'An offset without an upper bound',
    sentences: [
      'r{reg} may lie anywhere after the start of its memory: the number added to it has no upper bound.',
    ],
    mend: ['Check `if (index >= N) return 0;` right before the access, on the variable that is added.'],
  },
  MISALIGNED_ACCESS: {
    title: 'A misaligned access',
    sentences: ['The access of {size} bytes is not at a multiple of {size}.'],
    mend: ['Align the variable, or read it in smaller pieces.', 'For packed structs use __builtin_memcpy.'],
  },
  INVALID_CONTEXT_ACCESS: {
    title: 'No such field of the context',
    sentences: [
      'The context has no field at offset {off} that programs of this type may access this way with {size} bytes.',
      'The argument at offset {off} is read after the program gave the object away.',
      'Arguments of {name} are 8 bytes each, and offset {off} is inside of one.',
      '{name} has no argument number {number}.',
      'An argument of {name} that is a pointer is read whole only: 8 bytes, not {size}.',
      'Argument {arg} of {name} is neither number nor pointer ({type}).',
      'Argument {arg} of {name} points to something that is no struct.',
      'The result of the function is no integer, so it is not read.',
    ],
    mend: [
      'Access one whole field at a time, with its own size.',
      'Check that the field is there for the program type and attach type, and may be written.',
    ],
  },
  MODIFIED_POINTER: {
    title: 'A pointer that was moved',
    sentences: [
      'r{reg} is {type:kind} to which {off} was added, and such pointers are used unchanged.',
      'r{reg} is {type:kind} moved by {off}, before its start.',
    ],
    mend: ['Keep the original pointer and put the offset into the load: `*(u32 *)(r1 + 4)`.'],
  },
  VARIABLE_OFFSET: {
    title: 'A variable offset where only constants go',
    sentences: ['The offset into {type:kind} is not a constant (var_off={off}).'],
    mend: ['Access the field by a constant offset, in a branch for each value if need be.'],
  },
  FLOW_KEYS_OUT_OF_BOUNDS: {
    title: 'Outside the flow keys',
    sentences: ['struct bpf_flow_keys has no {size} bytes at offset {off}.'],
    mend: ['Access the fields of struct bpf_flow_keys, which has 56 bytes.'],
  },
  SOCKET_FIELD: {
    title: 'No such field of the socket',
    sentences: ['{type:kind} has no field at offset {off} that is read with {size} bytes.'],
    mend: [
      'Access one field with its own size.',
      'Get the full socket with bpf_sk_fullsock or bpf_tcp_sock first.',
    ],
  },
  BUFFER_OUT_OF_BOUNDS: {
    title: 'Outside a buffer',
    sentences: [
      'The access of {size} bytes at offset {off} of a {what} buffer is not possible.',
      'The offset into the buffer is not a constant (var_off={var}).',
    ],
    mend: ['Use a constant offset that is not negative.'],
  },
  MAP_ACCESS_FORBIDDEN: {
    title: 'A map that must not be accessed so',
    sentences: [
      'To {how} this map is forbidden to programs by its flags, or by its contents being constants.',
    ],
    mend: [
      'Create the map without BPF_F_RDONLY_PROG or BPF_F_WRONLY_PROG.',
      'Constants (`const volatile`, .rodata) are set by the loader, not by the program.',
    ],
  },
  PACKET_NOT_ACCESSIBLE: {
    title: 'A packet that cannot be written or given to helpers',
    sentences: [
      'Programs of this type may read the packet only.',
      'This helper cannot take a pointer into the packet in programs of this type.',
    ],
    mend: [
      'Copy the bytes to the stack first.',
      'Change packets with helpers such as bpf_skb_store_bytes, where the type has them.',
    ],
  },
  ATOMIC_POINTER: {
    title: 'An atomic operation on memory that has none',
    sentences: [
      'r{reg} is {type:kind}, on which there are no atomic operations.',
      'r{reg} is {type:kind}, on which there are no atomic operations.',
    ],
    mend: ['Do atomic operations on map values, the stack or an arena.'],
  },
  SPECIAL_FIELD_ACCESS: {
    title: 'A load or store at a field that the kernel owns',
    sentences: [
      'The access touches a {name}, which only its helpers may touch.',
      'The helper would touch a {name}, which only its own helpers may touch.',
      'The offset of the {name} is not a constant.',
      'The access is at {off}, and the {name} is at {want}.',
      'A {name} is accessed with 8 bytes only.',
    ],
    mend: ['Leave such fields to their helpers; copy structs field by field around them.'],
  },
}
