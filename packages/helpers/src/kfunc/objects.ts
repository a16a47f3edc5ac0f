import type { KfuncDef } from '@skep/registry'
import { CGROUP, kfuncs, LSM, SCHED_ACT, SCHED_CLS, STRUCT_OPS, SYSCALL, TRACING, XDP } from './kinds.ts'

/** generic_kfunc_set of kernel/bpf/helpers.c. */
const GENERIC: readonly string[] = [...TRACING, ...SCHED_CLS, ...XDP, ...STRUCT_OPS, ...SYSCALL, ...CGROUP]
const CPUMASK: readonly string[] = [...TRACING, ...STRUCT_OPS, ...SYSCALL]

/** Local objects, lists and trees of them. */
const local: readonly KfuncDef[] = [
  ...kfuncs('bpf_obj_new_impl', ['acquire', 'ret_null'], GENERIC, { verify: { result: 'obj_new' } }),
  ...kfuncs('bpf_percpu_obj_new_impl', ['acquire', 'ret_null'], GENERIC, {
    verify: { result: 'percpu_obj_new' },
  }),
  ...kfuncs('bpf_obj_drop_impl', ['release'], GENERIC),
  ...kfuncs('bpf_percpu_obj_drop_impl', ['release'], GENERIC, { verify: { percpuObject: true } }),
  ...kfuncs('bpf_refcount_acquire_impl', ['acquire', 'ret_null', 'rcu'], GENERIC, {
    verify: { result: 'refcount_acquire', underLock: true },
  }),
  ...kfuncs('bpf_list_push_front_impl bpf_list_push_back_impl', [], GENERIC, {
    verify: { graph: { root: 'bpf_list_head', insert: true }, underLock: true },
  }),
  ...kfuncs('bpf_list_pop_front bpf_list_pop_back', ['acquire', 'ret_null'], GENERIC, {
    verify: { graph: { root: 'bpf_list_head' }, underLock: true },
  }),
  ...kfuncs('bpf_list_front bpf_list_back', ['ret_null'], GENERIC, {
    verify: { graph: { root: 'bpf_list_head' }, underLock: true },
  }),
  ...kfuncs('bpf_rbtree_add_impl', [], GENERIC, {
    verify: { graph: { root: 'bpf_rb_root', insert: true }, callback: 'rbtree_add', underLock: true },
  }),
  ...kfuncs('bpf_rbtree_remove', ['acquire', 'ret_null'], GENERIC, {
    verify: { graph: { root: 'bpf_rb_root' }, underLock: true },
  }),
  ...kfuncs('bpf_rbtree_first bpf_rbtree_root bpf_rbtree_left bpf_rbtree_right', ['ret_null'], GENERIC, {
    verify: { graph: { root: 'bpf_rb_root' }, underLock: true },
  }),
]

const tasks: readonly KfuncDef[] = [
  ...kfuncs('bpf_task_acquire', ['acquire', 'rcu', 'ret_null'], GENERIC),
  ...kfuncs('bpf_task_release', ['release'], GENERIC),
  ...kfuncs('bpf_task_from_pid bpf_task_from_vpid', ['acquire', 'ret_null'], GENERIC),
  ...kfuncs('bpf_send_signal_task', ['trusted_args'], GENERIC),
  ...kfuncs('bpf_task_under_cgroup', ['rcu'], GENERIC),
  ...kfuncs('bpf_task_get_cgroup1', ['acquire', 'rcu', 'ret_null'], GENERIC),
  ...kfuncs('bpf_cgroup_acquire bpf_cgroup_ancestor', ['acquire', 'rcu', 'ret_null'], GENERIC),
  ...kfuncs('bpf_cgroup_release', ['release'], GENERIC),
  ...kfuncs('bpf_cgroup_from_id', ['acquire', 'ret_null'], GENERIC),
  ...kfuncs('bpf_cgroup_read_xattr', ['rcu'], 'all'),
  ...kfuncs('bpf_throw', [], GENERIC, { verify: { effect: 'throw' } }),
]

/** kernel/bpf/cpumask.c. */
const cpumasks: readonly KfuncDef[] = [
  ...kfuncs('bpf_cpumask_create', ['acquire', 'ret_null'], CPUMASK),
  ...kfuncs('bpf_cpumask_release', ['release'], CPUMASK),
  ...kfuncs('bpf_cpumask_acquire', ['acquire', 'trusted_args'], CPUMASK),
  ...kfuncs(
    `bpf_cpumask_first bpf_cpumask_first_zero bpf_cpumask_first_and bpf_cpumask_set_cpu bpf_cpumask_clear_cpu
     bpf_cpumask_test_cpu bpf_cpumask_test_and_set_cpu bpf_cpumask_test_and_clear_cpu bpf_cpumask_setall
     bpf_cpumask_clear bpf_cpumask_and bpf_cpumask_or bpf_cpumask_xor bpf_cpumask_equal bpf_cpumask_intersects
     bpf_cpumask_subset bpf_cpumask_empty bpf_cpumask_full bpf_cpumask_copy bpf_cpumask_any_distribute
     bpf_cpumask_any_and_distribute bpf_cpumask_weight bpf_cpumask_populate`,
    ['rcu'],
    CPUMASK,
  ),
]

/** kernel/bpf/crypto.c, kernel/trace/bpf_trace.c, fs/bpf_fs_kfuncs.c, mm/slab_common.c. */
const others: readonly KfuncDef[] = [
  ...kfuncs('bpf_crypto_ctx_create', ['acquire', 'ret_null', 'sleepable'], SYSCALL),
  ...kfuncs('bpf_crypto_ctx_release', ['release'], SYSCALL),
  ...kfuncs('bpf_crypto_ctx_acquire', ['acquire', 'rcu', 'ret_null'], SYSCALL),
  ...kfuncs('bpf_crypto_decrypt bpf_crypto_encrypt', ['rcu'], [...SCHED_CLS, ...SCHED_ACT, ...XDP]),
  ...kfuncs('bpf_lookup_user_key', ['acquire', 'ret_null', 'sleepable'], GENERIC),
  ...kfuncs('bpf_lookup_system_key', ['acquire', 'ret_null'], GENERIC),
  ...kfuncs('bpf_key_put', ['release'], GENERIC),
  ...kfuncs('bpf_get_task_exe_file', ['acquire', 'trusted_args', 'ret_null'], LSM),
  ...kfuncs('bpf_put_file', ['release'], LSM),
  ...kfuncs('bpf_path_d_path', ['trusted_args'], LSM),
  ...kfuncs(
    'bpf_get_dentry_xattr bpf_get_file_xattr bpf_set_dentry_xattr bpf_remove_dentry_xattr',
    ['sleepable', 'trusted_args'],
    LSM,
  ),
  ...kfuncs('bpf_get_kmem_cache', [], 'all', { verify: { result: 'untrusted' } }),
]

export const objectKfuncs: readonly KfuncDef[] = [...local, ...tasks, ...cpumasks, ...others]
