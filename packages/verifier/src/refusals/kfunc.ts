import type { Refusals } from './refusal.ts'

export type KfuncCode =
  | 'KFUNC_NOT_ALLOWED'
  | 'KFUNC_SIGNATURE'
  | 'KFUNC_ARGUMENT'
  | 'KFUNC_CONTEXT'
  | 'RCU_POINTER_REQUIRED'
  | 'UNMATCHED_UNLOCK'
  | 'IRQ_FLAG'
  | 'ITERATOR_STATE'
  | 'OBJECT_TYPE'
  | 'OBJECT_NOT_OWNED'
  | 'GRAPH_NODE'
  | 'RBTREE_CALLBACK'
  | 'EXCEPTION'
  | 'UNINITIALIZED_VARIABLE'

/** Kernel functions, and the objects that they make and take. */
export const kfunc: Refusals<KfuncCode> = {
  KFUNC_NOT_ALLOWED: {
    title: 'A kernel function that the program may not call',
    lines: [
      [/^calling kernel function (?<name>\S+) is not allowed$/, '{name} is not for programs of this type.'],
      [
        /^calling kernel function (?<name>\S+) needs the kernel's BTF, which is not given$/,
        "To know {name}, the kernel's BTF is needed, which is not given.",
      ],
      [
        /^calling kernel function (?<name>\S+): this kernel has none of that name$/,
        'The kernel has no function {name} for programs.',
      ],
      [
        /^kernel btf_id (?<id>\d+) is not a function$/,
        'The call names BTF id {id}, which is no function of the kernel.',
      ],
      [
        /^negative offset disallowed for kernel module function call$/,
        'The call names a kernel module by a negative number.',
      ],
      [
        /^kfunc offset > 0 without fd_array is invalid$/,
        'The call names a kernel module by an index, and the loader gives no array.',
      ],
      [
        /^invalid kernel function call not eliminated in verifier pass$/,
        'The program calls a kernel function that this kernel does not have.',
      ],
    ],
    mend: [
      'Look up the program types that the function is for.',
      'Declare it __weak and test bpf_ksym_exists before the call.',
      'Give the BTF of the kernel (--kernel-btf).',
    ],
  },
  KFUNC_SIGNATURE: {
    title: 'A kernel function that the verifier cannot check',
    lines: [
      [
        /^Function (?<name>\S+) has (?<count>\d+) > (?<most>\d+) args$/,
        '{name} takes {count} arguments, and calls pass {most} at most.',
      ],
      [
        /^Unrecognized arg#(?<arg>\d+) type (?<type>.+)$/,
        'Argument {arg} is a {type}, which programs cannot pass.',
      ],
      [
        /^release kernel function (?<name>\S+) expects refcounted PTR_TO_BTF_ID$/,
        '{name} releases an object, and gets none that was acquired.',
      ],
      [
        /^2 or more rdonly\/rdwr_buf_size parameters for kfunc$/,
        'The function has two sizes of the memory that it returns.',
      ],
      [
        /^kernel function (?<name>\S+) args#(?<arg>\d+) pointer type (?<type>.+) is not supported$/,
        'Argument {arg} of {name} points to a {type}, which programs cannot pass.',
      ],
      [
        /^kernel function (?<name>\S+) returns pointer type (?<type>.+) is not supported$/,
        '{name} returns a pointer to a {type}, which programs cannot use.',
      ],
      [
        /^acquire kernel function does not return PTR_TO_BTF_ID$/,
        'The function acquires something that it does not return.',
      ],
    ],
    mend: ['Call functions that the kernel offers to programs with such arguments.'],
  },
  KFUNC_ARGUMENT: {
    title: 'An argument that a kernel function does not take',
    lines: [
      [
        /^kernel function (?<name>\S+) args#(?<arg>\d+) expected pointer to (?<want>.+) but R(?<reg>\d+) has a pointer to (?<have>.+)$/,
        '{name} takes a pointer to {want}, and r{reg} points to {have}.',
      ],
      [
        /^arg#(?<arg>\d+) pointer type (?<type>.+) must point to (?<want>.+)$/,
        'Argument {arg} points to {type}, and has to be memory of numbers, or of structs of numbers.',
      ],
      [/^R(?<reg>\d+) is not a const$/, 'r{reg} differs from path to path, and the call takes a constant.'],
      [/^pointer in R(?<reg>\d+) isn't map pointer$/, 'r{reg} has to be a map, and is something else.'],
      [
        /^arg#(?<arg>\d+) (?:doesn't point to a|doesn't point to) (?<want>map value|const string|map value or allocated object)$/,
        'Argument {arg} has to be a {want}, and is something else.',
      ],
      [
        /^arg#(?<arg>\d+) expected pointer to ctx, but got (?<type>.+)$/,
        'Argument {arg} has to be the context, and is {type:kind}.',
      ],
      [
        /^arg#(?<arg>\d+) is (?<type>\S+) expected (?<want>.+) or socket$/,
        'Argument {arg} is {type:kind}, and has to be {want:kind}, or a socket.',
      ],
      [/^arg(?<arg>\d+) expected pointer to func$/, 'Argument {arg} has to be a function.'],
    ],
    mend: [
      'Pass what the declaration of the function in vmlinux.h names; casts in C change nothing here.',
      'Copy data to the stack where memory is wanted.',
    ],
  },
  KFUNC_CONTEXT: {
    title: 'A kernel function called where it must not be',
    lines: [
      [
        /^metadata kfuncs require device-bound program$/,
        'The function reads metadata of a device, and the program is not bound to one.',
      ],
      [
        /^kernel func (?<name>\S+) requires RCU critical section protection$/,
        '{name} is called outside of an RCU section.',
      ],
      [/^expected an RCU CS when using (?<name>\S+)$/, '{name} is used outside of an RCU section.'],
      [
        /^css_task_iter is only allowed in bpf_lsm, bpf_iter and sleepable progs$/,
        'The tasks of a cgroup are walked in lsm, iterator and sleepable programs only.',
      ],
      [
        /^the prog does not allow writes to packet data$/,
        'The function would give write access to a packet that the program may read only.',
      ],
    ],
    mend: [
      'Enter the section that the function needs (bpf_rcu_read_lock) before the call.',
      'Call it from a program type that has it.',
    ],
  },
  RCU_POINTER_REQUIRED: {
    title: 'A pointer that RCU does not protect',
    lines: [
      [
        /^R(?<reg>\d+) must be a rcu pointer$/,
        'r{reg} is neither held nor protected by RCU, so the object may be gone.',
      ],
    ],
    mend: ['Load the pointer inside the RCU section in which it is used.', 'Acquire the object first.'],
  },
  UNMATCHED_UNLOCK: {
    title: 'Sections that do not pair',
    lines: [
      [
        /^nested rcu read lock \(kernel function (?<name>\S+)\)$/,
        '{name} begins an RCU section inside another one.',
      ],
      [
        /^unmatched rcu read unlock \(kernel function (?<name>\S+)\)$/,
        '{name} ends an RCU section, and none is open.',
      ],
      [
        /^unmatched attempt to enable preemption \(kernel function (?<name>\S+)\)$/,
        '{name} enables preemption, which is not disabled.',
      ],
    ],
    mend: ['Pair both calls on every path.'],
  },
  IRQ_FLAG: {
    title: 'A saved IRQ state used wrongly',
    lines: [
      [
        /^arg#(?<arg>\d+) doesn't point to an irq flag on stack$/,
        'Argument {arg} has to be a local variable for the IRQ state.',
      ],
      [
        /^expected uninitialized irq flag as arg#(?<arg>\d+)$/,
        'Argument {arg} holds a saved IRQ state already.',
      ],
      [/^expected an initialized irq flag as arg#(?<arg>\d+)$/, 'Argument {arg} holds no saved IRQ state.'],
      [
        /^irq flag acquired by (?<one>\S+) kfuncs cannot be restored with (?<other>\S+) kfuncs$/,
        'The state was saved by a {one} function, and is restored by a {other} one.',
      ],
      [
        /^cannot restore irq state out of order, expected id=(?<id>\d+) acquired at insn_idx=(?<at>\d+)$/,
        'The state that instruction {at} saved has to be restored first.',
      ],
    ],
    mend: [
      'Restore in the reverse order of saving, each with the function that pairs, into an unsigned long of its own.',
    ],
  },
  ITERATOR_STATE: {
    title: 'An iterator that is not ready, or is ready twice',
    lines: [
      [
        /^arg#(?<arg>\d+) expected pointer to an iterator on stack$/,
        'Argument {arg} has to be an iterator, which lives on the stack.',
      ],
      [
        /^expected uninitialized (?<name>iter_\S+) as arg #(?<arg>\d+)$/,
        'Argument {arg} holds an iterator already, which was not destroyed.',
      ],
      [
        /^expected an initialized (?<name>iter_\S+) as arg #(?<arg>\d+)$/,
        'Argument {arg} holds no iterator: it was not made, or was destroyed, or overwritten.',
      ],
    ],
    mend: [
      'Make an iterator with its _new function, ask _next until it returns NULL, then call _destroy, on every path.',
      'bpf_for and bpf_for_each do all three.',
    ],
  },
  OBJECT_TYPE: {
    title: 'An object of a type that cannot be made',
    lines: [
      [
        /^local type ID argument must be in range \[0, U32_MAX\]$/,
        'The type of the object is not a BTF type id.',
      ],
      [
        /^bpf_obj_new\/bpf_percpu_obj_new requires prog BTF$/,
        'The program makes an object of a type of its own, and has no BTF.',
      ],
      [
        /^bpf_obj_new\/bpf_percpu_obj_new type ID argument must be of a struct$/,
        'The object would be of a type that is no struct.',
      ],
      [
        /^bpf_percpu_obj_new type size \((?<size>\d+)\) is greater than (?<most>\d+)$/,
        'The per-CPU object has {size} bytes, and {most} is the limit.',
      ],
      [
        /^bpf_percpu_obj_new type ID argument must be of a struct of scalars$/,
        'Per-CPU objects consist of numbers, and this one does not.',
      ],
      [
        /^bpf_percpu_obj_new type ID argument must not contain special fields$/,
        'Per-CPU objects have no locks, lists or pointers.',
      ],
      [
        /^Unknown type ID (?<id>-?\d+) passed to kfunc (?<name>\S+)$/,
        '{name} gets {id}, which is no BTF type.',
      ],
      [
        /^kfunc (?<name>\S+) type ID argument must be of a struct or void$/,
        '{name} gets a type that is no struct.',
      ],
      [/^kern ctx type id (?<id>\d+) is not a struct$/, "The kernel's context has a type that is no struct."],
    ],
    mend: ['Pass bpf_core_type_id_local or bpf_core_type_id_kernel of a struct, as the macros do.'],
  },
  OBJECT_NOT_OWNED: {
    title: 'An object that the program does not own',
    lines: [
      [
        /^arg#(?<arg>\d+) expected pointer to (?:map value or )?allocated object$/,
        'Argument {arg} has to be an object that bpf_obj_new made.',
      ],
      [
        /^allocated object must be referenced$/,
        'The object is not owned any more: it was given away, or is in a list or tree.',
      ],
      [
        /^arg#(?<arg>\d+) expected for (?<name>\w+)\(\)$/,
        'Argument {arg} is made by the other kind of allocation; {name} is for it.',
      ],
      [
        /^arg#(?<arg>\d+) is neither owning or non-owning ref$/,
        'Argument {arg} is no reference to an object.',
      ],
      [
        /^arg#(?<arg>\d+) doesn't point to a type with bpf_refcount field$/,
        'Objects of this type have one owner: they have no bpf_refcount.',
      ],
    ],
    mend: ['Use an object before it is pushed, added or dropped.', 'Add a bpf_refcount to share it.'],
  },
  GRAPH_NODE: {
    title: 'A list or tree and a node that do not fit',
    lines: [
      [/^(?<name>\S+) not found at offset=(?<off>\d+)$/, 'There is no {name} at offset {off}.'],
      [
        /^operation on (?<root>\S+) expects arg#(?<arg>\d+) (?<node>\S+) at offset=(?<at>\d+) in struct (?<name>\S*), but arg is at offset=(?<off>\d+) in struct (?<other>\S*)$/,
        'The {root} holds nodes of struct {name}, and argument {arg} is in struct {other}.',
      ],
      [
        /^arg#(?<arg>\d+) offset=(?<off>\d+), but expected (?<node>\S+) at offset=(?<at>\d+) in struct (?<name>\S*)$/,
        'Argument {arg} is at offset {off}, and the {node} of struct {name} is at {at}.',
      ],
    ],
    mend: ['Pass the address of the node that __contains names, in an object of that struct.'],
  },
  RBTREE_CALLBACK: {
    title: 'A call that the order of a tree must not make',
    lines: [
      [
        /^can't spin_\{lock,unlock\} in rbtree cb$/,
        'The function that orders a tree runs under its lock, and locks or unlocks.',
      ],
      [/^(?<name>\S+) not allowed in rbtree cb$/, 'The function that orders a tree changes the tree.'],
      [
        /^(?<name>\S+) can only take non-owning or refcounted bpf_rb_node pointer$/,
        '{name} takes a node that is in the tree, and gets one that is not.',
      ],
      [
        /^Calling bpf_rcu_read_\{lock,unlock\} in unnecessary rbtree callback$/,
        'The function that orders a tree begins or ends an RCU section.',
      ],
    ],
    mend: ['Let the function compare the two nodes, and nothing else.'],
  },
  EXCEPTION: {
    title: 'An exception that cannot be thrown or handled',
    lines: [
      [
        /^bpf_throw kfunc \(insn (?<at>\d+)\) cannot be called from callback subprog (?<func>\d+)$/,
        'Instruction {at} throws in a callback, and exceptions do not pass through helpers.',
      ],
      [
        /^insn (?<at>\d+) cannot call exception cb directly$/,
        'Instruction {at} calls the function that handles exceptions, which only bpf_throw does.',
      ],
      [
        /^exception callback '(?<name>[^']*)' could not be found in BTF$/,
        'The program names {name} to handle its exceptions, and there is no such function.',
      ],
      [
        /^exception callback '(?<name>[^']*)' must have global linkage$/,
        '{name} handles exceptions and is static.',
      ],
      [
        /^invalid exception callback insn_off in func_info: 0$/,
        'The main function itself is named to handle its exceptions.',
      ],
      [
        /^exception callback type id not found in func_info$/,
        'The function that handles exceptions is not part of the program.',
      ],
      [
        /^exception cb only supports single integer argument$/,
        'The function that handles exceptions takes one number, and this one does not.',
      ],
      [
        /^multiple exception callback tags for main subprog(?<name> .*)?$/,
        'The program names two functions that handle its exceptions.',
      ],
    ],
    mend: ['Return from the callback (bpf_loop stops at 1) and throw after the helper.', 'Name one handler.'],
  },
  UNINITIALIZED_VARIABLE: {
    title: 'A variable that was never set',
    lines: [
      [
        /^unexpected __bpf_trap\(\) due to uninitialized variable\?$/,
        'The compiler found a path on which a variable is used without a value, and put a trap there.',
      ],
    ],
    mend: ['Initialise the variable, and compile with -Wuninitialized -Wmaybe-uninitialized.'],
  },
}
