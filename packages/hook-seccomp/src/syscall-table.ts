// Made by syscalls/make-table.mjs: change that.

/** Every system call by name, in an order in which most numbers follow one another. */
// biome-ignore format: a table
export const SYSCALL_NAMES: string =
    'restart_syscall exit fork read write open close waitpid creat link unlink execve chdir time mknod ' +
    'chmod lchown break oldstat lseek getpid mount umount setuid getuid stime ptrace alarm oldfstat pause ' +
    'utime stty gtty access nice ftime sync kill rename mkdir rmdir dup pipe times prof brk setgid getgid ' +
    'signal geteuid getegid acct umount2 lock ioctl fcntl mpx setpgid ulimit oldolduname umask chroot ' +
    'ustat dup2 getppid getpgrp setsid sigaction sgetmask ssetmask setreuid setregid sigsuspend ' +
    'sigpending sethostname setrlimit getrlimit getrusage gettimeofday settimeofday getgroups setgroups ' +
    'select symlink oldlstat readlink uselib swapon reboot readdir mmap munmap truncate ftruncate fchmod ' +
    'fchown getpriority setpriority profil statfs fstatfs ioperm socketcall syslog setitimer getitimer ' +
    'stat lstat fstat olduname iopl vhangup idle vm86old wait4 swapoff sysinfo ipc fsync sigreturn clone ' +
    'setdomainname uname modify_ldt adjtimex mprotect sigprocmask create_module init_module delete_module ' +
    'get_kernel_syms quotactl getpgid fchdir bdflush sysfs personality afs_syscall setfsuid setfsgid ' +
    '_llseek getdents _newselect flock msync readv writev getsid fdatasync _sysctl mlock munlock mlockall ' +
    'munlockall sched_setparam sched_getparam sched_setscheduler sched_getscheduler sched_yield ' +
    'sched_get_priority_max sched_get_priority_min sched_rr_get_interval nanosleep mremap setresuid ' +
    'getresuid vm86 query_module poll nfsservctl setresgid getresgid prctl rt_sigreturn rt_sigaction ' +
    'rt_sigprocmask rt_sigpending rt_sigtimedwait rt_sigqueueinfo rt_sigsuspend pread64 pwrite64 chown ' +
    'getcwd capget capset sigaltstack sendfile getpmsg putpmsg vfork ugetrlimit mmap2 truncate64 ' +
    'ftruncate64 stat64 lstat64 fstat64 lchown32 getuid32 getgid32 geteuid32 getegid32 setreuid32 ' +
    'setregid32 getgroups32 setgroups32 fchown32 setresuid32 getresuid32 setresgid32 getresgid32 chown32 ' +
    'setuid32 setgid32 setfsuid32 setfsgid32 pivot_root mincore madvise getdents64 fcntl64 gettid ' +
    'readahead setxattr lsetxattr fsetxattr getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr ' +
    'removexattr lremovexattr fremovexattr tkill sendfile64 futex sched_setaffinity sched_getaffinity ' +
    'set_thread_area get_thread_area io_setup io_destroy io_getevents io_submit io_cancel fadvise64 ' +
    'exit_group lookup_dcookie epoll_create epoll_ctl epoll_wait remap_file_pages set_tid_address ' +
    'timer_create timer_settime timer_gettime timer_getoverrun timer_delete clock_settime clock_gettime ' +
    'clock_getres clock_nanosleep statfs64 fstatfs64 tgkill utimes fadvise64_64 vserver mbind ' +
    'get_mempolicy set_mempolicy mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr ' +
    'kexec_load waitid add_key request_key keyctl ioprio_set ioprio_get inotify_init inotify_add_watch ' +
    'inotify_rm_watch migrate_pages openat mkdirat mknodat fchownat futimesat fstatat64 unlinkat renameat ' +
    'linkat symlinkat readlinkat fchmodat faccessat pselect6 ppoll unshare set_robust_list ' +
    'get_robust_list splice sync_file_range tee vmsplice move_pages getcpu epoll_pwait utimensat signalfd ' +
    'timerfd_create eventfd fallocate timerfd_settime timerfd_gettime signalfd4 eventfd2 epoll_create1 ' +
    'dup3 pipe2 inotify_init1 preadv pwritev rt_tgsigqueueinfo perf_event_open recvmmsg fanotify_init ' +
    'fanotify_mark prlimit64 name_to_handle_at open_by_handle_at clock_adjtime syncfs sendmmsg setns ' +
    'process_vm_readv process_vm_writev kcmp finit_module sched_setattr sched_getattr renameat2 seccomp ' +
    'getrandom memfd_create bpf execveat socket socketpair bind connect listen accept4 getsockopt ' +
    'setsockopt getsockname getpeername sendto sendmsg recvfrom recvmsg shutdown userfaultfd membarrier ' +
    'mlock2 copy_file_range preadv2 pwritev2 pkey_mprotect pkey_alloc pkey_free statx arch_prctl ' +
    'io_pgetevents rseq semget semctl shmget shmctl shmat shmdt msgget msgsnd msgrcv msgctl ' +
    'clock_gettime64 clock_settime64 clock_adjtime64 clock_getres_time64 clock_nanosleep_time64 ' +
    'timer_gettime64 timer_settime64 timerfd_gettime64 timerfd_settime64 utimensat_time64 pselect6_time64 ' +
    'ppoll_time64 io_pgetevents_time64 recvmmsg_time64 mq_timedsend_time64 mq_timedreceive_time64 ' +
    'semtimedop_time64 rt_sigtimedwait_time64 futex_time64 sched_rr_get_interval_time64 pidfd_send_signal ' +
    'io_uring_setup io_uring_enter io_uring_register open_tree move_mount fsopen fsconfig fsmount fspick ' +
    'pidfd_open clone3 close_range openat2 pidfd_getfd faccessat2 process_madvise epoll_pwait2 ' +
    'mount_setattr quotactl_fd landlock_create_ruleset landlock_add_rule landlock_restrict_self ' +
    'memfd_secret process_mrelease futex_waitv set_mempolicy_home_node cachestat fchmodat2 ' +
    'map_shadow_stack futex_wake futex_wait futex_requeue statmount listmount lsm_get_self_attr ' +
    'lsm_set_self_attr lsm_list_modules mseal setxattrat getxattrat listxattrat removexattrat ' +
    'open_tree_attr file_getattr file_setattr accept semop tuxcall security epoll_ctl_old epoll_wait_old ' +
    'semtimedop newfstatat kexec_file_load uretprobe arm_fadvise64_64 pciconfig_iobase pciconfig_read ' +
    'pciconfig_write send recv arm_sync_file_range breakpoint cacheflush usr26 usr32 set_tls get_tls ' +
    'riscv_flush_icache multiplexer swapcontext rtas sys_debug_setcontext spu_run spu_create ' +
    'sync_file_range2 subpage_prot switch_endian timerfd s390_runtime_instr s390_pci_mmio_write ' +
    's390_pci_mmio_read s390_guarded_storage s390_sthyi syscall cachectl sysmips'

/**
 * By architecture the number of each name, separated by commas: base 36; nothing for one more than the last number; `-` where
 * the architecture has no such call, `-5` for five such names.
 */
// biome-ignore format: a table
export const SYSCALL_NUMBERS: Readonly<Record<string, string>> = {
  x86:
    ',,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,' +
    ',,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,' +
    ',,,,,,,,,,,,,,,,,,,,68,,,,,,,,,,,,,,,,,,,,,,,,,,,70,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,7y,,,,,,,,,,,,,,,' +
    ',,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,ax,,,,,,,,,,,,,' +
    ',,,,,,,,,bk,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,-41,-',
  x86_64:
    '63,1o,1l,0,,,,-,2d,,,1n,28,5l,3p,2i,2m,-,-,8,13,4l,-,2x,2u,-,2t,11,-,y,3o,-,-,l,-,-,4i,1q,2a,,,w,m,' +
    '2s,-,c,2y,2w,-,2z,,4j,4m,-,g,20,-,31,-,-,2n,4h,3s,x,32,,,-,-,-,,,-,-,4q,4g,2p,,2o,4k,37,,n,2g,-,,3q,' +
    '4n,4p,-,9,b,24,,2j,2l,3w,,-,3t,,4t,-,2v,12,10,4,6,5,-,4s,49,-,-,1p,4o,2r,-,22,-,1k,4r,1r,4a,4f,a,-,' +
    '4u,,,,4z,3d,29,-,3v,3r,53,3e,,-,26,-,21,q,j,,3g,23,4c,45,,,,3y,,,,o,42,,,z,p,39,,-,4y,7,50,3b,,4d,f,' +
    'd,,3j,,,,h,,2k,27,3h,,3n,14,51,,1m,-26,4b,r,,61,-,56,,,,,,,,,,,,,,,-,5m,,,,5v,5q,,,,,65,6f,5w,,6h,6g,' +
    '60,62,66,,,,,,,,,-,-,6i,,-,,,6n,6m,6o,,,,,,,,,,,,,,,,,,,,,,-,7b,,,,,,,,,,,,,7p,7o,7q,,8l,7t,7s,7u,,,,' +
    ',,81,,,,,,,,,,,,,,,,,,,,8m,,,,,,,,,,8x,,15,1h,1d,16,1e,80,1j,1i,1f,,18,1a,19,1b,,8z,,,,,,,,,,4e,99,,' +
    '1s,1u,t,v,u,1v,,,,,-20,bs,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,17,1t,54,,5y,,64,7a,8w,9b,-31,' +
    '-',
  x32:
    '63,1o,1l,0,,,,-,2d,,,eg,28,5l,3p,2i,2m,-,-,8,13,4l,-,2x,2u,-,eh,11,-,y,3o,-,-,l,-,-,4i,1q,2a,,,w,m,' +
    '2s,-,c,2y,2w,-,2z,,4j,4m,-,ea,20,-,31,-,-,2n,4h,3s,x,32,,,-,-,-,,,-,-,4q,4g,2p,,2o,4k,37,,n,2g,-,,-,' +
    '4n,4p,-,9,b,24,,2j,2l,3w,,-,3t,,4t,-,2v,12,10,4,6,5,-,4s,49,-,-,1p,4o,2r,-,22,-,1k,4r,1r,4a,4f,a,-,-,' +
    '4v,,-,4z,3d,29,-,3v,3r,53,3e,,-,26,-,21,q,eb,,3g,23,-,45,,,,3y,,,,o,42,,,z,p,39,,-,-,7,-,3b,,4d,e9,' +
    'e8,e,ei,,,3m,h,,2k,27,3h,,el,14,51,,1m,-26,4b,r,,61,-,56,,,,,,,,,,,,,,,-,5m,,,-,-,f3,5r,,f4,5u,65,6f,' +
    '5w,,6h,6g,60,62,em,67,,,,,,,,-,-,6i,,-,-,6l,6n,6m,6o,,,,en,6t,eo,,6w,,,,,,,,,,,,,,-,7b,,,,,,,,,,eq,,' +
    '7n,7p,7o,es,,8l,7t,7s,7u,,,,,,81,,,,,,eu,,,8a,ex,8c,,,,,,,ey,8k,ez,,8o,,,,,,,,8x,f5,15,1h,1d,16,1e,' +
    '80,f2,f1,1f,,18,ee,ed,ef,1c,8z,,,,f6,,95,,,,4e,99,,1s,1u,t,v,u,1v,,,,,-20,bs,,,,,,,,,,,,,,,,,,,,,,,,,' +
    ',,,,-,cm,,,,,,,,,,,,,,,,17,1t,54,,-,-,64,7a,8w,-32,-',
  arm:
    ',,,,,,,-,8,,,,,-,e,,,-,-,j,,,-,n,,-,q,-,-,t,-,-,-,x,,-,10,,,,,,,,-,19,,,-,1d,,,,-,1i,,-,1l,-,-,1o,,,,' +
    ',,,,-,-,1y,,,,,,-,25,,,,,-,2b,-,2d,,,,-,-,2j,,,,,,,-,2r,,-,-,2v,,,,,,-,-,33,-,-,36,,,-,3a,,,,,-,3g,,,' +
    '-,3k,,-,3n,,,,,,-,3u,,,,,,,,,,,,,,,,,,,,,,,,,,,,-,-,4o,,,,,,,,,,,,,,,,,,,,-,-,5a,,,,,,,,,,,,,,,,,,,,,' +
    ',,,,,,62,,,61,65,68,,,,,,,,,,,,,,,,,,,-,-,,,,,,-,,,,,,,74,,,,,,,,,,,,,,-,8p,8v,,,7m,,,,,,9n,7s,8l,,,' +
    '8q,,,,,b4,8y,,,,,,,,,,,,,,,,,,,-,9i,,,,,9o,,,,,,,,,,,,,,,,,,a7,,,,,,,,,,,,,,,,,,,,,7t,80,7u,,,a6,87,' +
    '86,7y,,82,88,84,89,85,as,,,,,,,,,,-,b3,b2,8b,,8j,,8h,,8f,8d,,8g,b7,,,,,,,,,,,,bk,,,,,,,,,,,,,,,,,,,,,' +
    ',,,,,,,,,,-,cg,,,,,,,,,,,,,,,,,,,,,,7x,8a,-4,8o,-,b5,-,7i,,,,81,83,9h,l2ip,,,,,,-18,-',
  aarch64:
    '3k,2l,-,1r,,-,1l,-4,65,1d,-6,1q,4s,14,-,42,4u,-,39,-9,29,3l,-,-,-,n,-,49,-,5y,40,4w,-,4v,4x,2h,13,-,' +
    't,p,-,4a,-,-,4m,1f,-,-,4t,-,4d,-,-,-,41,3z,-,-,4h,4k,4j,4l,4p,,4e,,-5,68,3y,-,66,5z,19,,1g,1j,3x,3w,' +
    '-,17,,-,-,38,2v,2u,-,-,28,-,-,1m,-,-,78,69,4z,-,2a,-,64,4i,4g,-,4r,6a,-,-,2x,,-,1o,4b,1e,-,-,2k,-,47,' +
    ',-,-,-,w,6b,1t,,4c,2b,-,6c,,,,3a,3d,3b,,3g,,,,2t,60,43,,-,-,-,16,45,,4n,3v,3q,,,,,3p,1v,,-,h,2i,,3o,' +
    '1z,-29,15,6g,,1p,-,4y,5x,5,,,,,,,,,,,,3m,-,2q,3e,,-,-,0,,4,2,,67,2m,i,-,l,-,6i,2o,2z,32,30,,33,,,,,-,' +
    '-,3n,-,-,-,6j,,,50,,,,,,2w,2n,61,,,u,,-,r,,6m,1k,y,x,1i,-,-,z,12,11,10,26,1h,1c,20,,2p,2r,,24,2c,25,' +
    '23,6n,4o,m,2g,-,2d,-,1b,2e,,22,j,,o,1n,q,1x,,6o,,6r,7a,,79,7c,,,,7h,7g,7i,,,,,,,,,,,,5i,,,5n,5l,6q,' +
    '5t,5s,5o,,,5v,5r,5w,5u,7u,,,,,,,,,,-,,,5a,,5e,,,,56,59,58,57,-20,bs,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,' +
    ',,,,,,,,,,,,5m,5d,-4,5c,27,86,-32,-',
  riscv64:
    '3k,2l,-,1r,,-,1l,-4,65,1d,-6,1q,4s,14,-,42,4u,-,39,-9,29,3l,-,-,-,n,-,49,-,5y,40,4w,-,4v,4x,2h,13,-,' +
    't,p,-,4a,-,-,4m,1f,-,-,4t,-,4d,-,-,-,41,3z,-,-,4h,4k,4j,4l,4p,,4e,,-5,68,3y,-,66,5z,19,,1g,1j,3x,3w,' +
    '-,17,,-,-,38,2v,2u,-,-,28,-,-,1m,-,-,78,69,4z,-,2a,-,64,4i,4g,-,4r,6a,-,-,2x,,-,1o,4b,1e,-,-,2k,-,47,' +
    ',-,-,-,w,6b,1t,,4c,2b,-,6c,,,,3a,3d,3b,,3g,,,,2t,60,43,,-,-,-,16,45,,4n,3v,3q,,,,,3p,1v,,-,h,2i,,3o,' +
    '1z,-29,15,6g,,1p,-,4y,5x,5,,,,,,,,,,,,3m,-,2q,3e,,-,-,0,,4,2,,67,2m,i,-,l,-,6i,2o,2z,32,30,,33,,,,,-,' +
    '-,3n,-,-,-,6j,,,50,,,,,,2w,2n,61,,,u,,-,r,,6m,1k,y,x,1i,-,-,z,-,11,10,26,1h,1c,20,,2p,2r,,24,2c,25,' +
    '23,6n,4o,m,2g,-,2d,-,1b,2e,,22,j,,o,1n,q,1x,,6o,,6r,7a,,79,7c,,,,7h,7g,7i,,,,,,,,,,,,5i,,,5n,5l,6q,' +
    '5t,5s,5o,,,5v,5r,5w,5u,7u,,,,,,,,,,-,,,5a,,5e,,,,56,59,58,57,-20,bs,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,' +
    ',,,,,,,,,,,,5m,5d,-4,5c,27,86,-14,77,-17,-',
  ppc:
    ',,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,' +
    ',,,,,,,,,,,,-,36,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,35,4m,,,,,,,,,,,,,,,,,,,,,,,,,5c,' +
    ',,,,,-19,5n,5q,5p,5m,5o,5r,5b,5t,,,,,,,,,,,,5s,6a,65,,,-,-,6b,,,,,6h,,,,,,,6g,6o,,,,,,,,,70,,6y,,72,' +
    '-,77,,,,,,,,,,7k,7h,,,7l,,,,,76,7y,,,,,,,,,,,,,7s,,,8c,8b,7v,-,,,8d,,,,,,,8l,8n,,,,,,,,8w,,,8v,9j,8z,' +
    ',,9l,,,,,,,,9u,9t,9v,,,,,,,,92,99,93,,,9k,9g,9f,97,,9b,9h,9d,9i,9e,a4,,ai,,,,aq,ao,,an,-,as,ar,ax,,,,' +
    ',,,,,,,,,,,,,,,,,,bk,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,-,cg,,,,,,,,,,,,,,,,,,,,,,96,-,69,-5,am,-,-,5k,5i,' +
    ',9a,9c,-8,5l,6x,73,,7q,,8k,8m,a3,-8,-',
  ppc64:
    ',,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,' +
    ',,,,,,,,,,,,-,36,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,35,4m,,,,,,,,,,,,,,,,,,,,,,,,,' +
    '-25,5n,5q,5p,5m,-,5r,5b,5t,,,,,,,,,,,,5s,-,65,,,-,-,6b,,,,,6h,,,,,,,6g,6o,,,,,,,,,70,,6y,,-,-,77,,,,,' +
    ',,,,,7k,7h,,,7l,,,,,76,7y,,,,,-,84,,,,,,,7s,,,8c,8b,7v,-,,,8d,,,,,,,8l,8n,,,,,,,,8w,,,8v,9j,8z,,,9l,,' +
    ',,,,,,9u,9t,9v,,,,,,,,92,99,93,,,9k,9g,9f,97,,9b,9h,9d,9i,9e,a4,,ai,,,,aq,ao,,an,-,as,ar,ax,,,,,,,,,,' +
    '-20,bs,,,,,,,,,,,,,,,,,,,,,,,-,cg,,,,,,,,,,,,,,,,,,,,,,96,-,69,-,-,-,aw,83,am,-,-,5k,5i,,9a,9c,-8,5l,' +
    '6x,73,,7q,,8k,8m,a3,-8,-',
  s390:
    '7,1,,,,,,-,8,,,,,,,,,-,-,j,,,,,,,,,-,t,,-,-,x,,-,10,,,,,,,,-,19,,,,,,,,-,1i,,-,1l,-,-,1o,,,,,,,,-,-,' +
    '1y,,,,,,,,,,,,-,2b,-,2d,,,,,,,,,,,,,-,2r,,,,,,,,,,-,-,33,,-,36,,,,,,,,,-,3g,,,,,,,,,,,,,,,,,,,,,,,,,,' +
    ',,,,,,,,,,,,,,,,-,4n,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,6k,66,68,,,,,,,,,,,,6l,67,' +
    '6m,,,-,-,6r,,,,,71,6w,32,6x,,,7f,70,72,,,,,,,,,7d,,6p,8p,7c,-,7g,,,,,,,,,,7t,7q,,,7u,,,,,,,,,,,,,,,,,' +
    ',,,,,,,,,,,,,,8r,,8v,8u,8q,8w,,,,93,92,91,90,94,,,,9x,98,,,,,,,9y,9f,,,9j,,,,,,,,,9u,9z,,,,,,,,,,,,,,' +
    ',9v,,ae,,,,ao,,,aj,-,am,,ax,,,,,,,,,,,,,,,,,,,,,,bk,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,' +
    ',,,,-8,al,-24,8t,9i,9s,,ai,ak,-,-,-',
  s390x:
    '7,1,,,,,,-,8,,,,,-,e,,5i,-,-,j,,,,5x,5j,-,q,,-,t,,-,-,x,,-,10,,,,,,,,-,19,5y,5k,1c,5l,,1f,,-,1i,,-,' +
    '1l,-,-,1o,,,,,,,,-,-,5n,,20,,,,5b,25,,,5p,,3y,2b,-,2d,,,,,,,,,,5r,2o,,-,2r,,-,2u,,,,,,,-,-,33,,-,36,,' +
    ',,,,,,,-,3g,,,,,,,,,,,,,,5z,,-,3x,-,3z,,,,,,,,,,,,,,,,,,,,,5s,,-,4n,,,5u,,4s,,,,,,,,,,5w,53,,,,,,,,' +
    '-26,61,,,,-,6k,66,68,,,,,,,,,,,,6l,-,,,,-,-,6r,,,,,71,6w,32,6x,,,7f,70,72,,,,,,,,,7d,,6p,8p,-,-,7g,,,' +
    ',,,,,,,7t,7q,,,7u,,,,,,,,,,,-,86,,,,,,,,,,,,,,,,,,,8r,,8v,8u,8q,8w,,,,93,92,91,90,94,,,,9x,98,,,,,,,' +
    '9y,9f,,,9j,,,,,,,,,9u,9z,,,,,,,,,,,,,,,9v,,ae,,,,ao,,,aj,-,am,,ax,,,,,,,,,,-20,bs,,,,,,,,,,,,,,,,,,,,' +
    ',,,,,,,,,,,,,,,,,,,,,,,,,,-6,aw,85,al,-24,8t,9i,9s,,ai,ak,-,-,-',
  mips:
    '71,1,,,,,,,,,,,,,,,,,-,j,,,,,,,,,-,t,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,-,1o,,,,,,,,,,,,,,,,,,,,,,-,2b,-,' +
    '2d,,,,,,,,,,,,,,,,,,,,,,,,-,32,,,-,36,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,47,,,,,,,,,,,,,,,,,55,,35,57,,,' +
    ',,,,,,,,,,,,,,,,,,,,-,-,,,,,,,-19,,,,,,66,,,,,,,,,,,,,,,,,,,7v,-,6p,,,,,72,6u,,,,,,,75,,,,,,,,,73,,' +
    '7e,,-,7p,7g,,,,,,,,,8n,7q,7s,,,8q,,7w,,,,,,,,,,,,,,,,,,,,8l,,8g,,,,,8o,,8s,,8x,8v,,8z,8y,90,,,,,,,,,,' +
    '9b,,,,,,,,,,,,,,,,,,,,,,53,,4p,,4u,9a,4t,51,4s,4r,50,4z,4w,,52,9x,,,,,,,,,,-,a8,a7,ax,,,,,,,,,,,,,,,,' +
    ',,,,,,bk,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,-,cg,,,,,,,,,,,,,,,,,,,,,,4o,-13,4y,4v,-,-,43,-14,8u,-5,0,44,',
  mips64:
    '5x,1m,1k,0,,,,-,2b,,,1l,26,-,3n,2g,2k,-,-,8,12,4g,-,2v,2s,-,2r,11,-,x,3m,-,-,k,-,-,4d,1o,28,,,v,l,2q,' +
    '-,c,2w,2u,-,2x,,4e,4h,-,f,1y,-,2z,-,-,2l,4c,3p,w,30,,,-,-,-,,,-,-,4l,4b,2n,,2m,4f,35,,-,2e,-,,-,4i,' +
    '4k,-,9,b,22,,2h,2j,3t,,-,3q,,-,-,2t,10,z,4,6,5,-,-,46,-,-,1n,4j,2p,-,20,-,1j,4m,1p,-,4a,a,-,4n,,,,4s,' +
    '3b,27,-,3s,3o,4w,3c,,-,24,m,1z,p,i,,3e,21,48,42,,,,3v,,,,n,3z,,,y,o,37,,-,4r,7,4t,39,,49,5v,d,,3h,,,,' +
    'g,,2i,25,3f,,3l,13,4u,,-27,47,q,,8k,-,4y,,,,,,,,,,,,,,,-,5e,,,6q,-,5k,,,,,5z,5p,,,,,,5w,60,,,,,,,,,-,' +
    '-,,,-,6k,6b,,,,,,,,,7i,6l,6n,,,7l,,6r,,,,,,,,,-,71,,,,,,,,,,7g,,7b,,,,,7j,,7n,,7s,7q,,7u,7t,7v,,,,,,,' +
    ',,,86,,,,,,,,,,,,,,8l,,,,,,,,14,1g,1c,15,1d,85,1i,1h,1e,,17,19,18,1a,,8t,,,,,,,,,,-,94,93,1q,1s,s,u,' +
    't,1t,,,,,-20,bs,,,,,,,,,,,,,,,,,,,,,,,-,cg,,,,,,,,,,,,,,,,,,,,,,16,1r,-4,5y,70,-10,5h,-14,7p,-6,5i,',
  mips64n32:
    '5y,1m,1k,0,,,,-,2b,,,1l,26,-,3n,2g,2k,-,-,8,12,4g,-,2v,2s,-,2r,11,-,x,3m,-,-,k,-,-,4d,1o,28,,,v,l,2q,' +
    '-,c,2w,2u,-,2x,,4e,4h,-,f,1y,-,2z,-,-,2l,4c,3p,w,30,,,-,-,-,,,-,-,4l,4b,2n,,2m,4f,35,,-,2e,-,,-,4i,' +
    '4k,-,9,b,22,,2h,2j,3t,,-,3q,,-,-,2t,10,z,4,6,5,-,-,46,-,-,1n,4j,2p,-,20,-,1j,4m,1p,-,4a,a,-,4n,,,,4s,' +
    '3b,27,-,3s,3o,4w,3c,,-,24,m,1z,p,i,,3e,21,48,42,,,,3v,,,,n,3z,,,y,o,37,,-,4r,7,4t,39,,49,5v,d,,3h,,,,' +
    'g,,2i,25,3f,,3l,13,4u,,-27,47,q,,8b,5w,4y,,,,,,,,,,,,,,,63,5e,,,6u,-,5k,,,,,60,5p,,,,,,5x,64,,,,,,,,,' +
    '61,,6d,,-,6o,6f,,,,,,,,,7m,6p,6r,,,7p,,6v,,,,,,,,,-,75,,,,,,,,,,7k,,7f,,,,,7n,,7r,,7w,7u,,7y,7x,7z,,,' +
    ',,,,,,,8a,8c,,,,,,,,,,,,,,,,,,,,,14,1g,1c,15,1d,89,1i,1h,1e,,17,19,18,1a,,8x,,,,,,,,,,-,98,97,1q,1s,' +
    's,u,t,1t,,,,,b7,,,,,,,,,,,,bk,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,-,cg,,,,,,,,,,,,,,,,,,,,,,16,1r,-4,5z,74,' +
    '-10,5h,-14,7t,-6,5i,',
  parisc:
    ',,,,,,,,,,,,,,,,,-,-,j,,,-,n,,,,,-,t,,-,-,x,,-,10,,,,,,,,-,19,,,,,,,,-,1i,,-,1l,-,-,1o,,,,,,,-,1w,,,,' +
    '-,21,,,,,,,,,-,2b,-,2d,,,,-,2i,,,,,,,,-,2r,,-,-,2v,,,i,2c,s,-,-,33,-,-,36,,,-,3a,-,3c,,1n,-,3g,,,-,' +
    '3k,,-,3n,,,,,,-,3u,,,,,,,,,,,,,,,,,,,,,,,,,,,,-,-,4o,-,4q,,,,,,,,,,30,,50,32,2y,,4m,3e,-,-,35,-,2h,' +
    '5j,,2t,5i,34,-19,1v,20,3b,5l,,5q,,6m,,,,,,,,,,,,5s,,,,,-,-,5z,,,,,-,66,,,,,,6l,6y,,,,,,,,,8a,,77,9c,' +
    '6k,-,78,,,6d,,,,,,8c,6j,7c,,,,,,,,,7n,,,,,,,,,,,,,7l,,80,,,,,,,,,,8d,,8i,8g,,8j,,,,,,,,,,,,,8y,,8x,' +
    '91,,90,93,95,94,96,,,,,,9d,,,,,,h,1k,m,v,,8w,52,51,18,1h,2a,53,3f,54,39,9k,9j,9l,,,,9r,,,9p,-,,9u,56,' +
    ',5e,,5c,,5a,58,,5b,b7,,,,,,,,,,,,bk,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,-,cg,,,,,,,,,,,,,,,,,,,,,,z,55,-4,' +
    '6c,-,9v,-5,1m,2q,-,-,9w,-22,-',
}
