import {
  BOOL_LSM_HOOKS,
  DISABLED_LSM_HOOKS,
  type ReturnRange,
  SLEEPABLE_LSM_HOOKS,
  type TargetFunctions,
  UNTRUSTED_LSM_HOOKS,
} from '@skep/registry'

// Functions of the kernel that programs attach to (bpf_check_attach_target, kernel/bpf/verifier.c at Linux 6.18). What a
// kernel was built without is not in its BTF, so the tables hold the functions of every configuration.

/** btf_id_deny: what the code around a program calls itself. */
const DENIED: readonly string[] = [
  '___migrate_enable',
  'migrate_disable',
  'migrate_enable',
  'rcu_read_unlock_strict',
  'preempt_count_add',
  'preempt_count_sub',
  '__rcu_read_lock',
  '__rcu_read_unlock',
]

/** noreturn_deny: functions that have no exit. */
const NEVER_RETURN: readonly string[] = [
  '__ia32_sys_exit',
  '__ia32_sys_exit_group',
  '__kunit_abort',
  'kunit_try_catch_throw',
  '__module_put_and_kthread_exit',
  '__x64_sys_exit',
  '__x64_sys_exit_group',
  'do_exit',
  'do_group_exit',
  'kthread_complete_and_exit',
  'make_task_dead',
]

/** ALLOW_ERROR_INJECTION: functions whose results may be replaced, and that may sleep. */
const ERROR_INJECTION: readonly string[] = [
  '__x64_sys_*',
  '__ia32_sys_*',
  '__ia32_compat_sys_*',
  'btrfs_check_leaf',
  'btrfs_check_node',
  'btrfs_cow_block',
  'io_ctl_init',
  'open_ctree',
  'should_fail_bio',
]

/** Of the same list, those that may be called where nothing sleeps (btf_non_sleepable_error_inject). */
const NON_SLEEPABLE_ERROR_INJECTION: readonly string[] = [
  '__filemap_add_folio',
  'should_fail_alloc_page',
  'should_failslab',
]

/** Registered as functions whose results may be replaced (register_btf_fmodret_id_set). */
const MODIFIABLE: readonly string[] = [
  'bpf_fentry_test1',
  'bpf_modify_return_test',
  'bpf_modify_return_test2',
  'update_socket_protocol',
]

const sleepable = [...ERROR_INJECTION, 'bpf_fentry_test1']

/** Entry of functions. */
export const FENTRY: TargetFunctions = { sleepable, denied: DENIED }

/** Exit of functions. */
export const FEXIT: TargetFunctions = {
  sleepable,
  denied: DENIED,
  neverReturn: NEVER_RETURN,
  result: 'any',
}

/** Functions whose result a program may replace. */
export const FMOD_RET: TargetFunctions = {
  sleepable,
  denied: DENIED,
  neverReturn: NEVER_RETURN,
  result: 'int',
  only: ['security_*', ...ERROR_INJECTION, ...NON_SLEEPABLE_ERROR_INJECTION, ...MODIFIABLE],
}

const boolean: ReturnRange = { min: 0, max: 1 }
const MAX_ERRNO = 4095

const LSM_HOOKS: TargetFunctions = {
  union: 'security_list_options',
  untrusted: UNTRUSTED_LSM_HOOKS,
  result: 'any',
  sleepable: SLEEPABLE_LSM_HOOKS,
  disabled: DISABLED_LSM_HOOKS,
}

/** Security hooks: 0 or a negative errno. */
export const LSM_MAC: TargetFunctions = {
  ...LSM_HOOKS,
  returns: { min: -MAX_ERRNO, max: 0 },
  returnsOf: Object.fromEntries(BOOL_LSM_HOOKS.map((name) => [name, boolean])),
}

/** Security hooks by cgroup: 1 lets what is asked for happen. */
export const LSM_CGROUP: TargetFunctions = {
  ...LSM_HOOKS,
  returnsOfVoid: { min: 1, max: 1 },
  voidNote: "Note, BPF_LSM_CGROUP that attach to void LSM hooks can't modify return value!",
}
