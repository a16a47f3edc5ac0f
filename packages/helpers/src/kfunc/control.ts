import type { KfuncDef } from '@skep/registry'
import { KPROBE, kfuncs, TRACING } from './kinds.ts'

/** Sections, locks and ways to end a program: kernel/bpf/helpers.c, kernel/bpf/rqspinlock.c, kernel/trace/bpf_trace.c. */
export const controlKfuncs: readonly KfuncDef[] = [
  ...kfuncs('bpf_rcu_read_lock', [], 'all', { verify: { effect: 'rcu_read_lock' } }),
  ...kfuncs('bpf_rcu_read_unlock', [], 'all', { verify: { effect: 'rcu_read_unlock' } }),
  ...kfuncs('bpf_preempt_disable', [], 'all', { verify: { effect: 'preempt_disable' } }),
  ...kfuncs('bpf_preempt_enable', [], 'all', { verify: { effect: 'preempt_enable' } }),
  ...kfuncs('bpf_local_irq_save', [], 'all', { verify: { irq: 'save' } }),
  ...kfuncs('bpf_local_irq_restore', [], 'all', { verify: { irq: 'restore' } }),
  ...kfuncs('bpf_res_spin_lock', ['ret_null'], 'all', { verify: { lock: 'acquire', underLock: true } }),
  ...kfuncs('bpf_res_spin_unlock', [], 'all', { verify: { lock: 'release', underLock: true } }),
  ...kfuncs('bpf_res_spin_lock_irqsave', ['ret_null'], 'all', {
    verify: { lock: 'acquire', irq: 'save', underLock: true },
  }),
  ...kfuncs('bpf_res_spin_unlock_irqrestore', [], 'all', {
    verify: { lock: 'release', irq: 'restore', underLock: true },
  }),
  ...kfuncs('__bpf_trap', [], 'all', { verify: { effect: 'trap' } }),
  ...kfuncs('bpf_session_is_return', [], KPROBE, {
    attachTypes: { kprobe: ['trace_kprobe_session', 'trace_uprobe_session'] },
    verify: { context: true },
  }),
  ...kfuncs('bpf_session_cookie', [], KPROBE, {
    attachTypes: { kprobe: ['trace_kprobe_session', 'trace_uprobe_session'] },
    verify: { context: true, resultSize: 8 },
  }),
  ...kfuncs('bpf_wq_init bpf_wq_start', [], 'all'),
  ...kfuncs('bpf_wq_set_callback_impl', [], 'all', { verify: { callback: 'workqueue' } }),
  ...kfuncs(
    'bpf_task_work_schedule_signal_impl bpf_task_work_schedule_resume_impl',
    ['trusted_args'],
    'all',
    {
      verify: { callback: 'task_work' },
    },
  ),
  ...kfuncs('bpf_stream_vprintk_impl', ['trusted_args'], 'all'),
  ...kfuncs('bpf_map_sum_elem_count', ['trusted_args'], 'all'),
  ...kfuncs('css_rstat_updated', [], TRACING),
  ...kfuncs('css_rstat_flush', ['sleepable'], TRACING),
  ...kfuncs('bpf_modify_return_test_tp', [], 'all'),
]
