// Sets of security hooks that the kernel treats apart (kernel/bpf/bpf_lsm.c at Linux 6.18), as `bpf_lsm_` functions.

const hooks = (list: string): readonly string[] =>
  list
    .trim()
    .split(/\s+/)
    .map((name) => `bpf_lsm_${name}`)

/** sleepable_lsm_hooks: programs that may sleep attach to these. */
export const SLEEPABLE_LSM_HOOKS: readonly string[] = hooks(`
  bpf bpf_map bpf_map_create bpf_map_free bpf_prog bpf_prog_free bpf_prog_load bpf_token_capable bpf_token_cmd
  bpf_token_create bpf_token_free bprm_check_security bprm_committed_creds bprm_committing_creds bprm_creds_for_exec
  bprm_creds_from_file capget capset cred_prepare file_ioctl file_lock file_open file_post_open file_receive
  inode_create inode_free_security inode_getattr inode_getxattr inode_mknod inode_need_killpriv inode_post_removexattr
  inode_post_setxattr inode_readlink inode_removexattr inode_rename inode_rmdir inode_setattr inode_setxattr
  inode_symlink inode_unlink kernel_module_request kernel_read_file kernfs_init_security mmap_file netlink_send
  path_chmod path_chown path_link path_mkdir path_notify path_rename path_rmdir path_symlink path_truncate path_unlink
  release_secctx sb_alloc_security sb_eat_lsm_opts sb_kern_mount sb_mount sb_remount sb_set_mnt_opts sb_show_options
  sb_statfs sb_umount settime socket_accept socket_bind socket_connect socket_create socket_getpeername
  socket_getpeersec_dgram socket_getsockname socket_getsockopt socket_listen socket_post_create socket_recvmsg
  socket_sendmsg socket_shutdown socket_socketpair syslog task_alloc task_prctl task_setscheduler userns_create`)

/** bpf_lsm_disabled_hooks: no program attaches to these. */
export const DISABLED_LSM_HOOKS: readonly string[] = hooks(`
  audit_rule_match getprocattr getselfattr inode_copy_up_xattr inode_getsecurity inode_listsecurity
  inode_need_killpriv ismaclabel key_getsecurity setprocattr vm_enough_memory xfrm_decode_session`)

/** untrusted_lsm_hooks: their arguments are not trusted pointers. */
export const UNTRUSTED_LSM_HOOKS: readonly string[] = hooks(`
  bpf_map_free bpf_prog_free file_alloc_security file_free_security sk_alloc_security sk_free_security task_free`)

/** bool_lsm_hooks: return 0 or 1 rather than 0 or a negative errno. */
export const BOOL_LSM_HOOKS: readonly string[] = hooks(
  'audit_rule_known inode_xattr_skipcap xfrm_state_pol_flow_match',
)

/** bpf_lsm_locked_sockopt_hooks and bpf_lsm_unlocked_sockopt_hooks: may call bpf_setsockopt and bpf_getsockopt. */
export const SOCKOPT_LSM_HOOKS: readonly string[] = hooks(
  'inet_conn_established inet_csk_clone sock_graft socket_post_create socket_socketpair',
)
