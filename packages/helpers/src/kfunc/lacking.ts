/** What a runtime lacks that does not run a kernel function, by the function's name. */
const groups: readonly (readonly [RegExp, string])[] = [
  [/cpumask/, "masks of the machine's CPUs"],
  [/^bpf_iter_(task|css|kmem|dmabuf)|^bpf_get_kmem|kmem_cache/, "the kernel's lists of its own objects"],
  [/task_work|send_signal|task_from|task_acquire|task_release|copy_from_user_task/, 'processes'],
  [/cgroup|css_rstat/, "the kernel's cgroups"],
  [/_ct_/, 'connection tracking'],
  [/xfrm/, "IPsec's states"],
  [/^(tcp|cubictcp|bbr)_/, "the network stack's congestion control"],
  [/xdp_metadata/, 'what a network card says of a packet'],
  [/sk_assign|sock_destroy|sock_ops|sock_addr/, "the network stack's sockets"],
  [/key/, "the kernel's keyrings"],
  [/file|path|xattr|dentry/, 'file systems'],
  [/kern_ctx|rdonly_cast/, "the kernel's own structs"],
  [/stream/, 'streams of programs'],
  [/_test|memb_release/, "the kernel's own tests"],
]

/** A few words. */
export const kfuncLacking = (name: string): string =>
  groups.find(([pattern]) => pattern.test(name))?.[1] ?? 'the kernel'
