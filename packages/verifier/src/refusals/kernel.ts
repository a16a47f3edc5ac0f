import type { Refusals } from './refusal.ts'

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
export const kernel: Refusals<KernelCode> = {
  KERNEL_MEMORY: {
    title: 'Kernel memory that is not read so',
    lines: [
      [
        /^R(?<reg>\d+) is (?:ptr_)?(?<name>\S+) invalid negative access: off=(?<off>-?\d+)$/,
        'r{reg} would be read before the start of struct {name}.',
      ],
      [
        /^R(?<reg>\d+) is ptr_(?<name>\S*) invalid variable offset: off=(?<off>-?\d+), var_off=(?<var>.+)$/,
        'struct {name} is read at an offset that is not a constant (var_off={var}).',
      ],
      [/^direct access to (?<name>\S+) is disallowed$/, 'struct {name} is not read through this pointer.'],
      [
        /^R(?<reg>\d+) is ptr_(?<name>\S*) access (?<what>user|percpu) memory: off=(?<off>-?\d+)$/,
        'r{reg} points to {what} memory, which loads do not reach.',
      ],
    ],
    mend: [
      'Read user memory with bpf_probe_read_user, per-CPU memory after bpf_per_cpu_ptr or bpf_this_cpu_ptr.',
      'Read fields by name, without arithmetic on the pointer.',
    ],
  },
  KERNEL_MEMORY_READ_ONLY: {
    title: 'A store into a kernel struct',
    lines: [
      [/^only read is supported$/, 'Kernel structs are read, not written.'],
      [/^only access to (?<name>\S+) is supported$/, 'Programs of this kind store to struct {name} only.'],
      [
        /^no write support to (?<name>\S+) at off (?<off>\d+)$/,
        'Programs may not store to what struct {name} has at offset {off}.',
      ],
      [
        /^write access at off (?<off>\d+) with size (?<size>\d+)$/,
        'The store of {size} bytes at {off} goes beyond the end of the struct.',
      ],
      [
        /^write access at off (?<off>\d+) with size (?<size>\d+) beyond the member of (?<name>\S+) ended at (?<end>\d+)$/,
        'The store of {size} bytes at {off} goes beyond the end of the field of struct {name}, which is {end}.',
      ],
      [/^only read from (?<name>\S+) is supported$/, 'struct {name} is read, not written.'],
    ],
    mend: ['Change kernel objects with the helpers and kernel functions that are for it.'],
  },
  KERNEL_STRUCT_BOUNDS: {
    title: 'No such field of the kernel struct',
    lines: [
      [
        /^access beyond struct (?<name>\S*) at off (?<off>-?\d+) size (?<size>-?\d+)$/,
        'struct {name} has no {size} bytes at offset {off}.',
      ],
      [
        /^access beyond the end of member (?<name>\S+) \(mend:(?<end>\d+)\) in struct (?<in>\S*) with off (?<off>-?\d+) size (?<size>-?\d+)$/,
        'The access goes beyond the end of {name} of struct {in}.',
      ],
      [
        /^cannot access ptr member (?<name>\S+) with moff (?<at>\d+) in struct (?<in>\S*) with off (?<off>-?\d+) size (?<size>-?\d+)$/,
        '{name} of struct {in} is a pointer, and is read whole only.',
      ],
      [
        /^struct (?<name>\S*) doesn't have field at offset (?<off>-?\d+)$/,
        'struct {name} has no field at offset {off}.',
      ],
      [/^field (?<name>\S*) doesn't have size$/, 'The size of {name} is not known.'],
      [/^Type '(?<name>[^']*)' is not a struct$/, '{name} is no struct.'],
      [/^struct (?<name>\S*) is nested too deeply$/, 'The structs in struct {name} are nested too deep.'],
      [/^structs are nested too deeply$/, 'The structs are nested too deep.'],
    ],
    mend: [
      'Read fields with their own size.',
      'Build with CO-RE (vmlinux.h), so that offsets fit the kernel.',
    ],
  },
  KERNEL_TYPE_MISMATCH: {
    title: 'A pointer to another kernel struct',
    lines: [
      [
        /^R(?<reg>\d+) is of type (?<name>\S*) but (?<want>\S*) is expected$/,
        'r{reg} points to struct {name}, and the call takes struct {want}.',
      ],
    ],
    mend: ['Pass a pointer to that struct; casts in C change nothing here.'],
  },
  CAPABILITY_REQUIRED: {
    title: 'A capability that the loader lacks',
    lines: [
      [
        /^'struct (?<name>[^']*)' access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN$/,
        'Kernel structs may be read with CAP_PERFMON only.',
      ],
      [
        /^only loaders with CAP_PERFMON load programs of type (?<type>\S+)$/,
        'Programs of type {type} may be loaded with CAP_PERFMON only.',
      ],
    ],
    mend: ['Load with CAP_PERFMON.'],
  },
  ATTACH_TARGET: {
    title: 'Nothing to attach to',
    lines: [
      [
        /^Tracing programs must provide btf_id$/,
        'The program attaches to a kernel function, and none is named.',
      ],
      [
        /^(?<name>\S+) has no btf_id: programs of type (?<type>\S+) need the kernel's BTF, which is not given$/,
        "To know {name}, the kernel's BTF is needed, which is not given.",
      ],
      [/^(?<name>\S+) is not found in the kernel's BTF$/, 'The kernel has no {name}.'],
      [/^(?<name>\S+) is no tracepoint$/, '{name} is no tracepoint.'],
      [/^(?<name>\S+) is no iterator of the kernel$/, 'The kernel has no iterator {name}.'],
      [/^(?:function|struct) (?<name>\S+) is not found in the kernel's BTF$/, 'The kernel has no {name}.'],
      [/^(?<name>\S+)\(\) is not modifiable$/, 'The kernel lets no program change what {name} returns.'],
      [/^attach_btf_id (?<id>\d+) points to wrong type name (?<name>\S+)$/, '{name} is no security hook.'],
      [
        /^attach_btf_id (?<id>\d+) points to disabled hook (?<name>\S+)$/,
        'The kernel lets no program attach to the security hook {name}.',
      ],
      [
        /^Attaching tracing programs to function '(?<name>\S+)' is rejected\.$/,
        'The kernel calls {name} around programs, so none attaches to it.',
      ],
      [
        /^Attaching fexit\/fmod_ret to __noreturn function '(?<name>\S+)' is rejected\.$/,
        '{name} never returns.',
      ],
      [
        /^unable to resolve the size of type '(?<name>[^']*)': -22$/,
        'The variable of the kernel is of a type without size.',
      ],
      [/^The address of function (?<name>\S+) cannot be found$/, '{name} has no address in the kernel.'],
      [
        /^The function (?<name>\S+) has (?<count>\d+) arguments\. Too many\.$/,
        '{name} has {count} arguments; programs attach to functions of 12 at most.',
      ],
      [
        /^The function (?<name>\S+) return type (?<kind>\S+) is unsupported\.$/,
        'Programs do not attach to functions that return what {name} returns.',
      ],
      [
        /^The function (?<name>\S+) with variable args is unsupported\.$/,
        'Programs do not attach to functions with variable arguments, as {name} has.',
      ],
      [
        /^The function (?<name>\S+) arg(?<arg>\d+) type (?<kind>\S+) is unsupported\.$/,
        'Argument {arg} of {name} is of a type that programs are not given.',
      ],
      [/^The function (?<name>\S+) has malformed void argument\.$/, '{name} has an argument of no type.'],
      [
        /^struct_ops programs must say which struct:member they implement$/,
        'The program implements a function of a kernel struct, and none is named.',
      ],
      [
        /^Cannot replace kernel functions: the program that (?<name>\S+) is a function of is not known here$/,
        'To replace {name}, the program that it is a function of has to be known.',
      ],
      [
        /^attach_btf_id (?<id>\d+) is not a supported struct$/,
        'Programs implement no functions of this kernel struct.',
      ],
      [
        /^attach to (?:invalid|unsupported) member (?<name>.+) of struct (?<struct>\S+)$/,
        'Programs do not implement {name} of struct {struct}.',
      ],
      [
        /^program with __ref argument cannot tail call$/,
        'The program owns one of its arguments, and a tail call would lose it.',
      ],
    ],
    mend: [
      'Name the target in the section: SEC("tp_btf/sched_switch"), SEC("fentry/vfs_read"), SEC("lsm/file_open").',
      'Give the BTF of the kernel (--kernel-btf).',
    ],
  },
  NOT_SLEEPABLE: {
    title: 'A program type that cannot sleep',
    lines: [
      [
        /^Syscall programs can only be sleepable$/,
        'Programs of type syscall are always sleepable, and this one is not loaded so.',
      ],
      [/^(?<name>\S+) is not sleepable$/, 'Programs that may sleep do not attach to {name}.'],
      [
        /^Only fentry\/fexit\/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be sleepable$/,
        'Programs of this type cannot be loaded as sleepable.',
      ],
    ],
    mend: ['Load without BPF_F_SLEEPABLE (a section without ".s"); syscall programs with it.'],
  },
  FUNC_INFO: {
    title: 'Function information that does not fit',
    lines: [
      [
        /^nonzero insn_off (?<off>\d+) for the first func info record$/,
        'The first function begins at {off} by its information, and not at 0.',
      ],
      [
        /^same or smaller insn offset \((?<off>\d+)\) than previous func info record \((?<previous>\d+)\)$/,
        'The information of functions is not in order: {off} comes after {previous}.',
      ],
      [
        /^invalid type id (?<id>\d+) in func info$/,
        'The information of a function names BTF type {id}, which is no function.',
      ],
      [/^invalid func info$/, 'The information of a function names a BTF type that is no function.'],
      [
        /^number of funcs in func_info doesn't match number of subprogs$/,
        'There is information for more or fewer functions than the program has.',
      ],
      [
        /^func_info BTF section doesn't match subprog layout in BPF program$/,
        'The functions begin elsewhere than their information says.',
      ],
    ],
    mend: ['Load .BTF.ext as the compiler wrote it, moved together with the instructions.'],
  },
  BAD_INPUT: {
    title: 'No program to verify',
    lines: [
      [/^a program needs whole instructions$/, 'The program is empty, or its last instruction is cut.'],
      [/^no program type (?<type>.+)$/, 'There is no program type {type}.'],
      [
        /^program type (?<type>\S+) has no attach type (?<attach>.+)$/,
        'Programs of type {type} are not attached as {attach}.',
      ],
      [/^the BTF cannot be used: (?<why>.+)$/, 'The BTF of the program is damaged: {why}.'],
      [/^invalid input: (?<why>.+)$/, 'What was given with the program is damaged: {why}.'],
    ],
    mend: [
      'Check the type, the attach type and the bytes that are given.',
      'Add the plugin that has the program type.',
    ],
  },
  VERIFIER_BUG: {
    title: 'A defect of the verifier',
    lines: [
      [/^verifier bug: (?<why>[\s\S]+)$/, 'The verifier met a state that cannot be: {why}'],
      [
        /^invalid insn idx (?<at>\d+) insn_cnt (?<count>\d+)$/,
        'The verifier went to instruction {at} of {count}.',
      ],
      [/^the iterator does not lie on the stack$/, 'The verifier lost the place of an iterator.'],
      [/^rbtree callback without a tree$/, 'The verifier lost the tree of a callback.'],
    ],
    mend: ['Please report the program: it is refused, as it must be, and the reason is wrong.'],
  },
}
