export * from './arena'
export {
  timer_cancel,
  timer_init,
  timer_set_callback,
  timer_start,
  wq_init,
  wq_set_callback,
  wq_start,
} from './async'
export { csum_diff } from './checksum'
export * from './control'
export { dynptr_data, dynptr_from_mem, dynptr_read, dynptr_write } from './dynptr'
export { free_fields } from './fields'
export { fib_lookup } from './fib'
export * from './host'
export * from './kfunc'
export { list_back, list_front, list_pop_back, list_pop_front, list_push_back, list_push_front } from './list'
export * from './map'
export { kptr_xchg, obj_drop, obj_new, per_cpu_ptr, percpu_obj_new, refcount_acquire, this_cpu_ptr } from './objects'
export * from './perf'
export * from './probe'
export { rbtree_add, rbtree_first, rbtree_left, rbtree_remove, rbtree_right, rbtree_root } from './rbtree'
export * from './redirect'
export * from './ringbuf'
export * from './skb'
export { skb_adjust_room, skb_change_proto } from './skb-room'
export { csum_level, get_hash_recalc, skb_ecn_set_ce, skb_set_tstamp } from './skb-state'
export * from './skb-tunnel'
export * from './sock'
export * from './sock-redirect'
export * from './stack'
export * from './storage'
export * from './string'
export * from './syncookie'
export * from './time'
export * from './user-ringbuf'
export * from './vlan'
export * from './xdp'
