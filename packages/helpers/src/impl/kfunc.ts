/** How kernel functions run here: exports of the module, by name. All others are absent. */
export const kfuncExports: Readonly<Record<string, string>> = {
  bpf_iter_num_new: 'iter_num_new',
  bpf_iter_num_next: 'iter_num_next',
  bpf_iter_num_destroy: 'iter_num_destroy',
  bpf_rcu_read_lock: 'nothing',
  bpf_rcu_read_unlock: 'nothing',
  bpf_preempt_disable: 'nothing',
  bpf_preempt_enable: 'nothing',
  bpf_local_irq_save: 'local_irq_save',
  bpf_local_irq_restore: 'nothing',
}
