import type { RefusalLines } from './refusal.ts'

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
export const memory: RefusalLines<MemoryCode> = {
  NUMBER_AS_POINTER: [/^R(?<reg>\d+) invalid mem access 'scalar'$/],
  POINTER_MAYBE_NULL: [/^R(?<reg>\d+) invalid mem access '(?<type>\w*_or_null\w*)'$/],
  POINTER_NOT_DEREFERENCEABLE: [/^R(?<reg>\d+) invalid mem access '(?!scalar'|\w*_or_null)(?<type>[^']*)'$/],
  MEMORY_READ_ONLY: [
    /^R(?<reg>\d+) cannot write into (?<type>\S+)$/,
    /^(?<name>\w+)\(\) may write into memory pointed by R(?<reg>\d+) type=(?<type>\S+)$/,
    /^write to change key R(?<reg>\d+) not allowed$/,
  ],
  MAP_VALUE_OUT_OF_BOUNDS: [
    /^invalid access to map value, value_size=(?<limit>-?\d+) off=(?<off>-?\d+) size=(?<size>-?\d+)$/,
    /^invalid access to map key, key_size=(?<limit>-?\d+) off=(?<off>-?\d+) size=(?<size>-?\d+)$/,
  ],
  PACKET_OUT_OF_BOUNDS: [
    /^invalid access to packet, off=(?<off>-?\d+) size=(?<size>-?\d+), R(?<reg>\d+)\(id=\d+,off=-?\d+,r=(?<range>-?\d+)\)$/,
    /^R(?<reg>\d+) offset is outside of the packet$/,
  ],
  MEMORY_OUT_OF_BOUNDS: [
    /^invalid access to memory, mem_size=(?<limit>-?\d+) off=(?<off>-?\d+) size=(?<size>-?\d+)$/,
  ],
  NEGATIVE_OFFSET: [
    /^R(?<reg>\d+) min value is negative, either use unsigned index or do a if \(index >=0\) check\.$/,
  ],
  UNBOUNDED_OFFSET: [/^R(?<reg>\d+) unbounded memory access, make sure to bounds check any such access$/],
  MISALIGNED_ACCESS: [/^misaligned (?<what>[\w ]*?) ?access off (?<off>.+) size (?<size>\d+)$/],
  INVALID_CONTEXT_ACCESS: [
    /^invalid bpf_context access off=(?<off>-?\d+) size=(?<size>-?\d+)(?:\. Reason: .+)?$/,
    /^invalid bpf_context access off=(?<off>-?\d+)\. Reference may already be released$/,
    /^func '(?<name>\S*)' offset (?<off>-?\d+) is not multiple of 8$/,
    /^func '(?<name>\S*)' doesn't have (?<number>\d+)-th argument$/,
    /^func '(?<name>\S*)' size (?<size>\d+) must be 8$/,
    /^func '(?<name>\S*)' arg(?<arg>\d+) '(?<type>[^']*)' has type (?<kind>\S+)\. Only pointer access is allowed$/,
    /^func '(?<name>\S*)' arg(?<arg>\d+) type (?<kind>\S+) is not a struct$/,
    /^ret type (?<kind>\S+) not allowed for fmod_ret$/,
  ],
  MODIFIED_POINTER: [
    /^dereference of modified (?<type>\S+) ptr R(?<reg>\d+) off=(?<off>-?\d+) disallowed$/,
    /^negative offset (?<type>\S+) ptr R(?<reg>\d+) off=(?<off>-?\d+) disallowed$/,
  ],
  VARIABLE_OFFSET: [/^variable (?<type>\S+) access var_off=(?<off>.+) disallowed$/],
  FLOW_KEYS_OUT_OF_BOUNDS: [/^invalid access to flow keys off=(?<off>-?\d+) size=(?<size>-?\d+)$/],
  SOCKET_FIELD: [
    /^R(?<reg>\d+) invalid (?<type>sock|sock_common|tcp_sock|xdp_sock|1) access off=(?<off>-?\d+) size=(?<size>-?\d+)$/,
  ],
  BUFFER_OUT_OF_BOUNDS: [
    /^R(?<reg>\d+) invalid (?<what>\w+) buffer access: off=(?<off>-?\d+), size=(?<size>-?\d+)$/,
    /^R(?<reg>\d+) invalid variable buffer offset: off=(?<off>-?\d+), var_off=(?<var>.+)$/,
  ],
  MAP_ACCESS_FORBIDDEN: [
    /^(?<how>write into|read from) map forbidden(?:, value_size=-?\d+ off=(?<off>-?\d+) size=-?\d+)?$/,
  ],
  PACKET_NOT_ACCESSIBLE: [/^cannot write into packet$/, /^helper access to the packet is not allowed$/],
  ATOMIC_POINTER: [
    /^BPF_ATOMIC loads from R(?<reg>\d+) (?<type>\S+) is not allowed$/,
    /^BPF_ATOMIC stores into R(?<reg>\d+) (?<type>\S+) is not allowed$/,
  ],
  SPECIAL_FIELD_ACCESS: [
    /^(?<name>\w+) cannot be accessed directly by load\/store$/,
    /^(?<name>\w+) cannot be accessed indirectly by helper$/,
    /^(?<name>\w+) access cannot have variable offset$/,
    /^(?<name>\w+) access misaligned expected=(?<want>\d+) off=(?<off>\d+)$/,
    /^(?<name>\w+) access size must be BPF_DW$/,
  ],
}
