import type { RefusalLines } from './refusal.ts'

export type KernelCode =
  | 'KERNEL_MEMORY'
  | 'KERNEL_MEMORY_READ_ONLY'
  | 'KERNEL_STRUCT_BOUNDS'
  | 'KERNEL_TYPE_MISMATCH'
  | 'CAPABILITY_REQUIRED'
  | 'ATTACH_TARGET'
  | 'NOT_SLEEPABLE'
  | 'FUNC_INFO'
  | 'BAD_INPUT'
  | 'VERIFIER_BUG'

/** The kernel that the program is for, and what comes with the program. */
export const kernel: RefusalLines<KernelCode> = {
  KERNEL_MEMORY: [
    /^R(?<reg>\d+) is (?:ptr_)?(?<name>\S+) invalid negative access: off=(?<off>-?\d+)$/,
    /^R(?<reg>\d+) is ptr_(?<name>\S*) invalid variable offset: off=(?<off>-?\d+), var_off=(?<var>.+)$/,
    /^direct access to (?<name>\S+) is disallowed$/,
    /^R(?<reg>\d+) is ptr_(?<name>\S*) access (?<what>user|percpu) memory: off=(?<off>-?\d+)$/,
  ],
  KERNEL_MEMORY_READ_ONLY: [
    /^only read is supported$/,
    /^only access to (?<name>\S+) is supported$/,
    /^no write support to (?<name>\S+) at off (?<off>\d+)$/,
    /^write access at off (?<off>\d+) with size (?<size>\d+)$/,
    /^write access at off (?<off>\d+) with size (?<size>\d+) beyond the member of (?<name>\S+) ended at (?<end>\d+)$/,
    /^only read from (?<name>\S+) is supported$/,
  ],
  KERNEL_STRUCT_BOUNDS: [
    /^access beyond struct (?<name>\S*) at off (?<off>-?\d+) size (?<size>-?\d+)$/,
    /^access beyond the end of member (?<name>\S+) \(mend:(?<end>\d+)\) in struct (?<in>\S*) with off (?<off>-?\d+) size (?<size>-?\d+)$/,
    /^cannot access ptr member (?<name>\S+) with moff (?<at>\d+) in struct (?<in>\S*) with off (?<off>-?\d+) size (?<size>-?\d+)$/,
    /^struct (?<name>\S*) doesn't have field at offset (?<off>-?\d+)$/,
    /^field (?<name>\S*) doesn't have size$/,
    /^Type '(?<name>[^']*)' is not a struct$/,
    /^struct (?<name>\S*) is nested too deeply$/,
    /^structs are nested too deeply$/,
  ],
  KERNEL_TYPE_MISMATCH: [/^R(?<reg>\d+) is of type (?<name>\S*) but (?<want>\S*) is expected$/],
  CAPABILITY_REQUIRED: [
    /^'struct (?<name>[^']*)' access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN$/,
    /^only loaders with CAP_PERFMON load programs of type (?<type>\S+)$/,
  ],
  ATTACH_TARGET: [
    /^Tracing programs must provide btf_id$/,
    /^(?<name>\S+) has no btf_id: programs of type (?<type>\S+) need the kernel's BTF, which is not given$/,
    /^(?<name>\S+) is not found in the kernel's BTF$/,
    /^(?<name>\S+) is no tracepoint$/,
    /^(?<name>\S+) is no iterator of the kernel$/,
    /^(?:function|struct) (?<name>\S+) is not found in the kernel's BTF$/,
    /^(?<name>\S+)\(\) is not modifiable$/,
    /^attach_btf_id (?<id>\d+) points to wrong type name (?<name>\S+)$/,
    /^attach_btf_id (?<id>\d+) points to disabled hook (?<name>\S+)$/,
    /^Attaching tracing programs to function '(?<name>\S+)' is rejected\.$/,
    /^Attaching fexit\/fmod_ret to __noreturn function '(?<name>\S+)' is rejected\.$/,
    /^unable to resolve the size of type '(?<name>[^']*)': -22$/,
    /^The address of function (?<name>\S+) cannot be found$/,
    /^The function (?<name>\S+) has (?<count>\d+) arguments\. Too many\.$/,
    /^The function (?<name>\S+) return type (?<kind>\S+) is unsupported\.$/,
    /^The function (?<name>\S+) with variable args is unsupported\.$/,
    /^The function (?<name>\S+) arg(?<arg>\d+) type (?<kind>\S+) is unsupported\.$/,
    /^The function (?<name>\S+) has malformed void argument\.$/,
    /^struct_ops programs must say which struct:member they implement$/,
    /^Cannot replace kernel functions: the program that (?<name>\S+) is a function of is not known here$/,
    /^attach_btf_id (?<id>\d+) is not a supported struct$/,
    /^attach to (?:invalid|unsupported) member (?<name>.+) of struct (?<struct>\S+)$/,
    /^program with __ref argument cannot tail call$/,
  ],
  NOT_SLEEPABLE: [
    /^Syscall programs can only be sleepable$/,
    /^(?<name>\S+) is not sleepable$/,
    /^Only fentry\/fexit\/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be sleepable$/,
  ],
  FUNC_INFO: [
    /^nonzero insn_off (?<off>\d+) for the first func info record$/,
    /^same or smaller insn offset \((?<off>\d+)\) than previous func info record \((?<previous>\d+)\)$/,
    /^invalid type id (?<id>\d+) in func info$/,
    /^invalid func info$/,
    /^number of funcs in func_info doesn't match number of subprogs$/,
    /^func_info BTF section doesn't match subprog layout in BPF program$/,
  ],
  BAD_INPUT: [
    /^a program needs whole instructions$/,
    /^no program type (?<type>.+)$/,
    /^program type (?<type>\S+) has no attach type (?<attach>.+)$/,
    /^the BTF cannot be used: (?<why>.+)$/,
    /^invalid input: (?<why>.+)$/,
  ],
  VERIFIER_BUG: [
    /^verifier bug: (?<why>[\s\S]+)$/,
    /^invalid insn idx (?<at>\d+) insn_cnt (?<count>\d+)$/,
    /^the iterator does not lie on the stack$/,
    /^rbtree callback without a tree$/,
  ],
}
