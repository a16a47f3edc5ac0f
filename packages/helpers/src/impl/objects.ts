/** Timers and objects: exports of the module, by the names of the helpers. */
export const objectHelpers: Readonly<Record<string, string>> = {
  bpf_timer_init: 'timer_init',
  bpf_timer_set_callback: 'timer_set_callback',
  bpf_timer_start: 'timer_start',
  bpf_timer_cancel: 'timer_cancel',
  bpf_kptr_xchg: 'kptr_xchg',
  bpf_per_cpu_ptr: 'per_cpu_ptr',
  bpf_this_cpu_ptr: 'this_cpu_ptr',
}

/** Work queues, objects, lists and trees of them: exports of the module, by the names of the kernel functions. */
export const objectKfuncs: Readonly<Record<string, string>> = {
  bpf_wq_init: 'wq_init',
  bpf_wq_set_callback_impl: 'wq_set_callback',
  bpf_wq_start: 'wq_start',
  bpf_obj_new_impl: 'obj_new',
  bpf_obj_drop_impl: 'obj_drop',
  bpf_percpu_obj_new_impl: 'percpu_obj_new',
  bpf_percpu_obj_drop_impl: 'obj_drop',
  bpf_refcount_acquire_impl: 'refcount_acquire',
  bpf_list_push_front_impl: 'list_push_front',
  bpf_list_push_back_impl: 'list_push_back',
  bpf_list_pop_front: 'list_pop_front',
  bpf_list_pop_back: 'list_pop_back',
  bpf_list_front: 'list_front',
  bpf_list_back: 'list_back',
  bpf_rbtree_add_impl: 'rbtree_add',
  bpf_rbtree_remove: 'rbtree_remove',
  bpf_rbtree_first: 'rbtree_first',
  bpf_rbtree_root: 'rbtree_root',
  bpf_rbtree_left: 'rbtree_left',
  bpf_rbtree_right: 'rbtree_right',
}
