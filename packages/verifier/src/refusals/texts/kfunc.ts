import type { KfuncCode } from '../kfunc.ts'
import type { RefusalTexts } from '../refusal.ts'

/** Kernel functions, and the objects that they make and take. */
export const kfunc: RefusalTexts<KfuncCode> = {
  KFUNC_NOT_ALLOWED: {
    title: 'A kernel function that the program may not call',
    sentences: [
      '{name} is not for programs of this type.',
      "To know {name}, the kernel's BTF is needed, which is not given.",
      'The kernel has no function {name} for programs.',
      'The call names BTF id {id}, which is no function of the kernel.',
      'The call names a kernel module by a negative number.',
      'The call names a kernel module by an index, and the loader gives no array.',
      'The program calls a kernel function that this kernel does not have.',
    ],
    mend: [
      'Look up the program types that the function is for.',
      'Declare it __weak and test bpf_ksym_exists before the call.',
      'Give the BTF of the kernel (--kernel-btf).',
    ],
  },
  KFUNC_SIGNATURE: {
    title: 'A kernel function that the verifier cannot check',
    sentences: [
      '{name} takes {count} arguments, and calls pass {most} at most.',
      'Argument {arg} is a {type}, which programs cannot pass.',
      '{name} releases an object, and gets none that was acquired.',
      'The function has two sizes of the memory that it returns.',
      'Argument {arg} of {name} points to a {type}, which programs cannot pass.',
      '{name} returns a pointer to a {type}, which programs cannot use.',
      'The function acquires something that it does not return.',
    ],
    mend: ['Call functions that the kernel offers to programs with such arguments.'],
  },
  KFUNC_ARGUMENT: {
    title: 'An argument that a kernel function does not take',
    sentences: [
      '{name} takes a pointer to {want}, and r{reg} points to {have}.',
      'Argument {arg} points to {type}, and has to be memory of numbers, or of structs of numbers.',
      'r{reg} differs from path to path, and the call takes a constant.',
      'r{reg} has to be a map, and is something else.',
      'Argument {arg} has to be a {want}, and is something else.',
      'Argument {arg} has to be the context, and is {type:kind}.',
      'Argument {arg} is {type:kind}, and has to be {want:kind}, or a socket.',
      'Argument {arg} has to be a function.',
    ],
    mend: [
      'Pass what the declaration of the function in vmlinux.h names; casts in C change nothing here.',
      'Copy data to the stack where memory is wanted.',
    ],
  },
  KFUNC_CONTEXT: {
    title: 'A kernel function called where it must not be',
    sentences: [
      'The function reads metadata of a device, and the program is not bound to one.',
      '{name} is called outside of an RCU section.',
      '{name} is used outside of an RCU section.',
      'The tasks of a cgroup are walked in lsm, iterator and sleepable programs only.',
      'The function would give write access to a packet that the program may read only.',
    ],
    mend: [
      'Enter the section that the function needs (bpf_rcu_read_lock) before the call.',
      'Call it from a program type that has it.',
    ],
  },
  RCU_POINTER_REQUIRED: {
    title: 'A pointer that RCU does not protect',
    sentences: ['r{reg} is neither held nor protected by RCU, so the object may be gone.'],
    mend: ['Load the pointer inside the RCU section in which it is used.', 'Acquire the object first.'],
  },
  UNMATCHED_UNLOCK: {
    title: 'Sections that do not pair',
    sentences: [
      '{name} begins an RCU section inside another one.',
      '{name} ends an RCU section, and none is open.',
      '{name} enables preemption, which is not disabled.',
    ],
    mend: ['Pair both calls on every path.'],
  },
  IRQ_FLAG: {
    title: 'A saved IRQ state used wrongly',
    sentences: [
      'Argument {arg} has to be a local variable for the IRQ state.',
      'Argument {arg} holds a saved IRQ state already.',
      'Argument {arg} holds no saved IRQ state.',
      'The state was saved by a {one} function, and is restored by a {other} one.',
      'The state that instruction {at} saved has to be restored first.',
    ],
    mend: [
      'Restore in the reverse order of saving, each with the function that pairs, into an unsigned long of its own.',
    ],
  },
  ITERATOR_STATE: {
    title: 'An iterator that is not ready, or is ready twice',
    sentences: [
      'Argument {arg} has to be an iterator, which lives on the stack.',
      'Argument {arg} holds an iterator already, which was not destroyed.',
      'Argument {arg} holds no iterator: it was not made, or was destroyed, or overwritten.',
    ],
    mend: [
      'Make an iterator with its _new function, ask _next until it returns NULL, then call _destroy, on every path.',
      'bpf_for and bpf_for_each do all three.',
    ],
  },
  OBJECT_TYPE: {
    title: 'An object of a type that cannot be made',
    sentences: [
      'The type of the object is not a BTF type id.',
      'The program makes an object of a type of its own, and has no BTF.',
      'The object would be of a type that is no struct.',
      'The per-CPU object has {size} bytes, and {most} is the limit.',
      'Per-CPU objects consist of numbers, and this one does not.',
      'Per-CPU objects have no locks, lists or pointers.',
      '{name} gets {id}, which is no BTF type.',
      '{name} gets a type that is no struct.',
      "The kernel's context has a type that is no struct.",
    ],
    mend: ['Pass bpf_core_type_id_local or bpf_core_type_id_kernel of a struct, as the macros do.'],
  },
  OBJECT_NOT_OWNED: {
    title: 'An object that the program does not own',
    sentences: [
      'Argument {arg} has to be an object that bpf_obj_new made.',
      'The object is not owned any more: it was given away, or is in a list or tree.',
      'Argument {arg} is made by the other kind of allocation; {name} is for it.',
      'Argument {arg} is no reference to an object.',
      'Objects of this type have one owner: they have no bpf_refcount.',
    ],
    mend: ['Use an object before it is pushed, added or dropped.', 'Add a bpf_refcount to share it.'],
  },
  GRAPH_NODE: {
    title: 'A list or tree and a node that do not fit',
    sentences: [
      'There is no {name} at offset {off}.',
      'The {root} holds nodes of struct {name}, and argument {arg} is in struct {other}.',
      'Argument {arg} is at offset {off}, and the {node} of struct {name} is at {at}.',
    ],
    mend: ['Pass the address of the node that __contains names, in an object of that struct.'],
  },
  RBTREE_CALLBACK: {
    title: 'A call that the order of a tree must not make',
    sentences: [
      'The function that orders a tree runs under its lock, and locks or unlocks.',
      'The function that orders a tree changes the tree.',
      '{name} takes a node that is in the tree, and gets one that is not.',
      'The function that orders a tree begins or ends an RCU section.',
    ],
    mend: ['Let the function compare the two nodes, and nothing else.'],
  },
  EXCEPTION: {
    title: 'An exception that cannot be thrown or handled',
    sentences: [
      'Instruction {at} throws in a callback, and exceptions do not pass through helpers.',
      'Instruction {at} calls the function that handles exceptions, which only bpf_throw does.',
      'The program names {name} to handle its exceptions, and there is no such function.',
      '{name} handles exceptions and is static.',
      'The main function itself is named to handle its exceptions.',
      'The function that handles exceptions is not part of the program.',
      'The function that handles exceptions takes one number, and this one does not.',
      'The program names two functions that handle its exceptions.',
    ],
    mend: ['Return from the callback (bpf_loop stops at 1) and throw after the helper.', 'Name one handler.'],
  },
  UNINITIALIZED_VARIABLE: {
    title: 'A variable that was never set',
    sentences: [
      'The compiler found a path on which a variable is used without a value, and put a trap there.',
    ],
    mend: ['Initialise the variable, and compile with -Wuninitialized -Wmaybe-uninitialized.'],
  },
}
