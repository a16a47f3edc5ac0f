import type { KernelCode } from '../kernel.ts'
import type { RefusalTexts } from '../refusal.ts'

/** The kernel that the program is for, and what comes with the program. */
export const kernel: RefusalTexts<KernelCode> = {
  KERNEL_MEMORY: {
    title: 'Kernel memory that is not read so',
    sentences: [
      'r{reg} would be read before the start of struct {name}.',
      'struct {name} is read at an offset that is not a constant (var_off={var}).',
      'struct {name} is not read through this pointer.',
      'r{reg} points to {what} memory, which loads do not reach.',
    ],
    mend: [
      'Read user memory with bpf_probe_read_user, per-CPU memory after bpf_per_cpu_ptr or bpf_this_cpu_ptr.',
      'Read fields by name, without arithmetic on the pointer.',
    ],
  },
  KERNEL_MEMORY_READ_ONLY: {
    title: 'A store into a kernel struct',
    sentences: [
      'Kernel structs are read, not written.',
      'Programs of this kind store to struct {name} only.',
      'Programs may not store to what struct {name} has at offset {off}.',
      'The store of {size} bytes at {off} goes beyond the end of the struct.',
      'The store of {size} bytes at {off} goes beyond the end of the field of struct {name}, which is {end}.',
      'struct {name} is read, not written.',
    ],
    mend: ['Change kernel objects with the helpers and kernel functions that are for it.'],
  },
  KERNEL_STRUCT_BOUNDS: {
    title: 'No such field of the kernel struct',
    sentences: [
      'struct {name} has no {size} bytes at offset {off}.',
      'The access goes beyond the end of {name} of struct {in}.',
      '{name} of struct {in} is a pointer, and is read whole only.',
      'struct {name} has no field at offset {off}.',
      'The size of {name} is not known.',
      '{name} is no struct.',
      'The structs in struct {name} are nested too deep.',
      'The structs are nested too deep.',
    ],
    mend: [
      'Read fields with their own size.',
      'Build with CO-RE (vmlinux.h), so that offsets fit the kernel.',
    ],
  },
  KERNEL_TYPE_MISMATCH: {
    title: 'A pointer to another kernel struct',
    sentences: ['r{reg} points to struct {name}, and the call takes struct {want}.'],
    mend: ['Pass a pointer to that struct; casts in C change nothing here.'],
  },
  CAPABILITY_REQUIRED: {
    title: 'A capability that the loader lacks',
    sentences: [
      'Kernel structs may be read with CAP_PERFMON only.',
      'Programs of type {type} may be loaded with CAP_PERFMON only.',
    ],
    mend: ['Load with CAP_PERFMON.'],
  },
  ATTACH_TARGET: {
    title: 'Nothing to attach to',
    sentences: [
      'The program attaches to a kernel function, and none is named.',
      "To know {name}, the kernel's BTF is needed, which is not given.",
      'The kernel has no {name}.',
      '{name} is no tracepoint.',
      'The kernel has no iterator {name}.',
      'The kernel has no {name}.',
      'The kernel lets no program change what {name} returns.',
      '{name} is no security hook.',
      'The kernel lets no program attach to the security hook {name}.',
      'The kernel calls {name} around programs, so none attaches to it.',
      '{name} never returns.',
      'The variable of the kernel is of a type without size.',
      '{name} has no address in the kernel.',
      '{name} has {count} arguments; programs attach to functions of 12 at most.',
      'Programs do not attach to functions that return what {name} returns.',
      'Programs do not attach to functions with variable arguments, as {name} has.',
      'Argument {arg} of {name} is of a type that programs are not given.',
      '{name} has an argument of no type.',
      'The program implements a function of a kernel struct, and none is named.',
      'To replace {name}, the program that it is a function of has to be known.',
      'Programs implement no functions of this kernel struct.',
      'Programs do not implement {name} of struct {struct}.',
      'The program owns one of its arguments, and a tail call would lose it.',
    ],
    mend: [
      'Name the target in the section: SEC("tp_btf/sched_switch"), SEC("fentry/vfs_read"), SEC("lsm/file_open").',
      'Give the BTF of the kernel (--kernel-btf).',
    ],
  },
  NOT_SLEEPABLE: {
    title: 'A program type that cannot sleep',
    sentences: [
      'Programs of type syscall are always sleepable, and this one is not loaded so.',
      'Programs that may sleep do not attach to {name}.',
      'Programs of this type cannot be loaded as sleepable.',
    ],
    mend: ['Load without BPF_F_SLEEPABLE (a section without ".s"); syscall programs with it.'],
  },
  FUNC_INFO: {
    title: 'Function information that does not fit',
    sentences: [
      'The first function begins at {off} by its information, and not at 0.',
      'The information of functions is not in order: {off} comes after {previous}.',
      'The information of a function names BTF type {id}, which is no function.',
      'The information of a function names a BTF type that is no function.',
      'There is information for more or fewer functions than the program has.',
      'The functions begin elsewhere than their information says.',
    ],
    mend: ['Load .BTF.ext as the compiler wrote it, moved together with the instructions.'],
  },
  BAD_INPUT: {
    title: 'No program to verify',
    sentences: [
      'The program is empty, or its last instruction is cut.',
      'There is no program type {type}.',
      'Programs of type {type} are not attached as {attach}.',
      'The BTF of the program is damaged: {why}.',
      'What was given with the program is damaged: {why}.',
    ],
    mend: [
      'Check the type, the attach type and the bytes that are given.',
      'Add the plugin that has the program type.',
    ],
  },
  VERIFIER_BUG: {
    title: 'A defect of the verifier',
    sentences: [
      'The verifier met a state that cannot be: {why}',
      'The verifier went to instruction {at} of {count}.',
      'The verifier lost the place of an iterator.',
      'The verifier lost the tree of a callback.',
    ],
    mend: ['Please report the program: it is refused, as it must be, and the reason is wrong.'],
  },
}
