/**
 * How C declares the kernel functions that need none of the kernel's own structs, as Linux 6.18 has them: the names of
 * parameters count (Documentation/bpf/kfuncs.rst). With these they are verified where no kernel's BTF is given.
 */
const DECLARATIONS = `
  void bpf_rcu_read_lock(void);
  void bpf_rcu_read_unlock(void);
  void bpf_preempt_disable(void);
  void bpf_preempt_enable(void);
  void bpf_local_irq_save(unsigned long *flags__irq_flag);
  void bpf_local_irq_restore(unsigned long *flags__irq_flag);
  int bpf_res_spin_lock(struct bpf_res_spin_lock *lock);
  void bpf_res_spin_unlock(struct bpf_res_spin_lock *lock);
  int bpf_res_spin_lock_irqsave(struct bpf_res_spin_lock *lock, unsigned long *flags__irq_flag);
  void bpf_res_spin_unlock_irqrestore(struct bpf_res_spin_lock *lock, unsigned long *flags__irq_flag);
  void __bpf_trap(void);
  void bpf_throw(u64 cookie);
  bool bpf_session_is_return(void);
  u64 *bpf_session_cookie(void);

  int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end);
  int *bpf_iter_num_next(struct bpf_iter_num *it);
  void bpf_iter_num_destroy(struct bpf_iter_num *it);
  int bpf_iter_bits_new(struct bpf_iter_bits *it, const u64 *unsafe_ptr__ign, u32 nr_words);
  int *bpf_iter_bits_next(struct bpf_iter_bits *it);
  void bpf_iter_bits_destroy(struct bpf_iter_bits *it);

  void *bpf_obj_new_impl(u64 local_type_id__k, void *meta__ign);
  void bpf_obj_drop_impl(void *p__alloc, void *meta__ign);
  void *bpf_percpu_obj_new_impl(u64 local_type_id__k, void *meta__ign);
  void bpf_percpu_obj_drop_impl(void *p__alloc, void *meta__ign);
  void *bpf_refcount_acquire_impl(void *p__refcounted_kptr, void *meta__ign);
  int bpf_list_push_front_impl(struct bpf_list_head *head, struct bpf_list_node *node, void *meta__ign, u64 off);
  int bpf_list_push_back_impl(struct bpf_list_head *head, struct bpf_list_node *node, void *meta__ign, u64 off);
  struct bpf_list_node *bpf_list_pop_front(struct bpf_list_head *head);
  struct bpf_list_node *bpf_list_pop_back(struct bpf_list_head *head);
  struct bpf_list_node *bpf_list_front(struct bpf_list_head *head);
  struct bpf_list_node *bpf_list_back(struct bpf_list_head *head);
  struct bpf_rb_node *bpf_rbtree_remove(struct bpf_rb_root *root, struct bpf_rb_node *node);
  int bpf_rbtree_add_impl(struct bpf_rb_root *root, struct bpf_rb_node *node,
    bool (*less)(struct bpf_rb_node *a, const struct bpf_rb_node *b), void *meta__ign, u64 off);
  struct bpf_rb_node *bpf_rbtree_first(struct bpf_rb_root *root);
  struct bpf_rb_node *bpf_rbtree_root(struct bpf_rb_root *root);
  struct bpf_rb_node *bpf_rbtree_left(struct bpf_rb_root *root, struct bpf_rb_node *node);
  struct bpf_rb_node *bpf_rbtree_right(struct bpf_rb_root *root, struct bpf_rb_node *node);

  int bpf_dynptr_from_skb(struct __sk_buff *s, u64 flags, struct bpf_dynptr *ptr__uninit);
  int bpf_dynptr_from_skb_meta(struct __sk_buff *skb_, u64 flags, struct bpf_dynptr *ptr__uninit);
  int bpf_dynptr_from_xdp(struct xdp_md *x, u64 flags, struct bpf_dynptr *ptr__uninit);
  void *bpf_dynptr_slice(const struct bpf_dynptr *p, u32 offset, void *buffer__opt, u32 buffer__szk);
  void *bpf_dynptr_slice_rdwr(const struct bpf_dynptr *p, u32 offset, void *buffer__opt, u32 buffer__szk);
  int bpf_dynptr_adjust(const struct bpf_dynptr *p, u32 start, u32 end);
  bool bpf_dynptr_is_null(const struct bpf_dynptr *p);
  bool bpf_dynptr_is_rdonly(const struct bpf_dynptr *p);
  u32 bpf_dynptr_size(const struct bpf_dynptr *p);
  int bpf_dynptr_clone(const struct bpf_dynptr *p, struct bpf_dynptr *clone__uninit);
  int bpf_dynptr_copy(struct bpf_dynptr *dst_ptr, u32 dst_off, struct bpf_dynptr *src_ptr, u32 src_off, u32 size);
  int bpf_dynptr_memset(struct bpf_dynptr *p, u32 offset, u32 size, u8 val);
  int bpf_probe_read_user_dynptr(struct bpf_dynptr *dptr, u32 off, u32 size, const void *unsafe_ptr__ign);
  int bpf_probe_read_kernel_dynptr(struct bpf_dynptr *dptr, u32 off, u32 size, const void *unsafe_ptr__ign);
  int bpf_probe_read_user_str_dynptr(struct bpf_dynptr *dptr, u32 off, u32 size, const void *unsafe_ptr__ign);
  int bpf_probe_read_kernel_str_dynptr(struct bpf_dynptr *dptr, u32 off, u32 size, const void *unsafe_ptr__ign);
  int bpf_copy_from_user_dynptr(struct bpf_dynptr *dptr, u32 off, u32 size, const void *unsafe_ptr__ign);
  int bpf_copy_from_user_str_dynptr(struct bpf_dynptr *dptr, u32 off, u32 size, const void *unsafe_ptr__ign);

  int bpf_wq_init(struct bpf_wq *wq, void *p__map, unsigned int flags);
  int bpf_wq_start(struct bpf_wq *wq, unsigned int flags);
  int bpf_wq_set_callback_impl(struct bpf_wq *wq, int (*callback_fn)(void *map, int *key, void *value),
    unsigned int flags, void *aux__prog);
  s64 bpf_map_sum_elem_count(const struct bpf_map *map);
  int bpf_stream_vprintk_impl(int stream_id, const char *fmt__str, const void *args, u32 len__sz, void *aux__prog);
  int bpf_copy_from_user_str(void *dst, u32 dst__sz, const void *unsafe_ptr__ign, u64 flags);
  void *bpf_arena_alloc_pages(void *p__map, void *addr__ign, u32 page_cnt, int node_id, u64 flags);
  void bpf_arena_free_pages(void *p__map, void *ptr__ign, u32 page_cnt);
  int bpf_arena_reserve_pages(void *p__map, void *ptr__ign, u32 page_cnt);
  int bpf_xdp_pull_data(struct xdp_md *x, u32 len);

  int bpf_strcmp(const char *s1__ign, const char *s2__ign);
  int bpf_strcasecmp(const char *s1__ign, const char *s2__ign);
  int bpf_strchr(const char *s__ign, char c);
  int bpf_strchrnul(const char *s__ign, char c);
  int bpf_strnchr(const char *s__ign, size_t count, char c);
  int bpf_strrchr(const char *s__ign, int c);
  int bpf_strlen(const char *s__ign);
  int bpf_strnlen(const char *s__ign, size_t count);
  int bpf_strspn(const char *s__ign, const char *accept__ign);
  int bpf_strcspn(const char *s__ign, const char *reject__ign);
  int bpf_strstr(const char *s1__ign, const char *s2__ign);
  int bpf_strnstr(const char *s1__ign, const char *s2__ign, size_t len);
`

/** Bytes of the structs of which programs keep some on the stack, in map values or in objects. */
const STRUCTS: Readonly<Record<string, number>> = {
  bpf_iter_num: 8,
  bpf_iter_bits: 16,
  bpf_dynptr: 16,
  bpf_list_head: 16,
  bpf_list_node: 24,
  bpf_rb_root: 16,
  bpf_rb_node: 32,
  bpf_wq: 16,
  bpf_res_spin_lock: 4,
}

/** Declarations by the function's name. */
export const prototypes: ReadonlyMap<
  string,
  { readonly prototype: string; readonly structs: Readonly<Record<string, number>> }
> = new Map(
  DECLARATIONS.split(';')
    .map((text) => text.replaceAll(/\s+/g, ' ').trim())
    .filter((text) => text !== '')
    .map((prototype) => {
      const name = /(\w+)\(/.exec(prototype)![1]!
      const named = Object.entries(STRUCTS).filter(([struct]) => prototype.includes(`struct ${struct} `))
      return [name, { prototype, structs: Object.fromEntries(named) }]
    }),
)
