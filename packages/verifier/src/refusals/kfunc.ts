import type { RefusalLines } from './refusal.ts'

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
export const kfunc: RefusalLines<KfuncCode> = {
  KFUNC_NOT_ALLOWED: [
    /^calling kernel function (?<name>\S+) is not allowed$/,
    /^calling kernel function (?<name>\S+) needs the kernel's BTF, which is not given$/,
    /^calling kernel function (?<name>\S+): this kernel has none of that name$/,
    /^kernel btf_id (?<id>\d+) is not a function$/,
    /^negative offset disallowed for kernel module function call$/,
    /^kfunc offset > 0 without fd_array is invalid$/,
    /^invalid kernel function call not eliminated in verifier pass$/,
  ],
  KFUNC_SIGNATURE: [
    /^Function (?<name>\S+) has (?<count>\d+) > (?<most>\d+) args$/,
    /^Unrecognized arg#(?<arg>\d+) type (?<type>.+)$/,
    /^release kernel function (?<name>\S+) expects refcounted PTR_TO_BTF_ID$/,
    /^2 or more rdonly\/rdwr_buf_size parameters for kfunc$/,
    /^kernel function (?<name>\S+) args#(?<arg>\d+) pointer type (?<type>.+) is not supported$/,
    /^kernel function (?<name>\S+) returns pointer type (?<type>.+) is not supported$/,
    /^acquire kernel function does not return PTR_TO_BTF_ID$/,
  ],
  KFUNC_ARGUMENT: [
    /^kernel function (?<name>\S+) args#(?<arg>\d+) expected pointer to (?<want>.+) but R(?<reg>\d+) has a pointer to (?<have>.+)$/,
    /^arg#(?<arg>\d+) pointer type (?<type>.+) must point to (?<want>.+)$/,
    /^R(?<reg>\d+) is not a const$/,
    /^pointer in R(?<reg>\d+) isn't map pointer$/,
    /^arg#(?<arg>\d+) (?:doesn't point to a|doesn't point to) (?<want>map value|const string|map value or allocated object)$/,
    /^arg#(?<arg>\d+) expected pointer to ctx, but got (?<type>.+)$/,
    /^arg#(?<arg>\d+) is (?<type>\S+) expected (?<want>.+) or socket$/,
    /^arg(?<arg>\d+) expected pointer to func$/,
  ],
  KFUNC_CONTEXT: [
    /^metadata kfuncs require device-bound program$/,
    /^kernel func (?<name>\S+) requires RCU critical section protection$/,
    /^expected an RCU CS when using (?<name>\S+)$/,
    /^css_task_iter is only allowed in bpf_lsm, bpf_iter and sleepable progs$/,
    /^the prog does not allow writes to packet data$/,
  ],
  RCU_POINTER_REQUIRED: [/^R(?<reg>\d+) must be a rcu pointer$/],
  UNMATCHED_UNLOCK: [
    /^nested rcu read lock \(kernel function (?<name>\S+)\)$/,
    /^unmatched rcu read unlock \(kernel function (?<name>\S+)\)$/,
    /^unmatched attempt to enable preemption \(kernel function (?<name>\S+)\)$/,
  ],
  IRQ_FLAG: [
    /^arg#(?<arg>\d+) doesn't point to an irq flag on stack$/,
    /^expected uninitialized irq flag as arg#(?<arg>\d+)$/,
    /^expected an initialized irq flag as arg#(?<arg>\d+)$/,
    /^irq flag acquired by (?<one>\S+) kfuncs cannot be restored with (?<other>\S+) kfuncs$/,
    /^cannot restore irq state out of order, expected id=(?<id>\d+) acquired at insn_idx=(?<at>\d+)$/,
  ],
  ITERATOR_STATE: [
    /^arg#(?<arg>\d+) expected pointer to an iterator on stack$/,
    /^expected uninitialized (?<name>iter_\S+) as arg #(?<arg>\d+)$/,
    /^expected an initialized (?<name>iter_\S+) as arg #(?<arg>\d+)$/,
  ],
  OBJECT_TYPE: [
    /^local type ID argument must be in range \[0, U32_MAX\]$/,
    /^bpf_obj_new\/bpf_percpu_obj_new requires prog BTF$/,
    /^bpf_obj_new\/bpf_percpu_obj_new type ID argument must be of a struct$/,
    /^bpf_percpu_obj_new type size \((?<size>\d+)\) is greater than (?<most>\d+)$/,
    /^bpf_percpu_obj_new type ID argument must be of a struct of scalars$/,
    /^bpf_percpu_obj_new type ID argument must not contain special fields$/,
    /^Unknown type ID (?<id>-?\d+) passed to kfunc (?<name>\S+)$/,
    /^kfunc (?<name>\S+) type ID argument must be of a struct or void$/,
    /^kern ctx type id (?<id>\d+) is not a struct$/,
  ],
  OBJECT_NOT_OWNED: [
    /^arg#(?<arg>\d+) expected pointer to (?:map value or )?allocated object$/,
    /^allocated object must be referenced$/,
    /^arg#(?<arg>\d+) expected for (?<name>\w+)\(\)$/,
    /^arg#(?<arg>\d+) is neither owning or non-owning ref$/,
    /^arg#(?<arg>\d+) doesn't point to a type with bpf_refcount field$/,
  ],
  GRAPH_NODE: [
    /^(?<name>\S+) not found at offset=(?<off>\d+)$/,
    /^operation on (?<root>\S+) expects arg#(?<arg>\d+) (?<node>\S+) at offset=(?<at>\d+) in struct (?<name>\S*), but arg is at offset=(?<off>\d+) in struct (?<other>\S*)$/,
    /^arg#(?<arg>\d+) offset=(?<off>\d+), but expected (?<node>\S+) at offset=(?<at>\d+) in struct (?<name>\S*)$/,
  ],
  RBTREE_CALLBACK: [
    /^can't spin_\{lock,unlock\} in rbtree cb$/,
    /^(?<name>\S+) not allowed in rbtree cb$/,
    /^(?<name>\S+) can only take non-owning or refcounted bpf_rb_node pointer$/,
    /^Calling bpf_rcu_read_\{lock,unlock\} in unnecessary rbtree callback$/,
  ],
  EXCEPTION: [
    /^bpf_throw kfunc \(insn (?<at>\d+)\) cannot be called from callback subprog (?<func>\d+)$/,
    /^insn (?<at>\d+) cannot call exception cb directly$/,
    /^exception callback '(?<name>[^']*)' could not be found in BTF$/,
    /^exception callback '(?<name>[^']*)' must have global linkage$/,
    /^invalid exception callback insn_off in func_info: 0$/,
    /^exception callback type id not found in func_info$/,
    /^exception cb only supports single integer argument$/,
    /^multiple exception callback tags for main subprog(?<name> .*)?$/,
  ],
  UNINITIALIZED_VARIABLE: [/^unexpected __bpf_trap\(\) due to uninitialized variable\?$/],
}
