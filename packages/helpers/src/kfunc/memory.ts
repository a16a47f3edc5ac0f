import type { KfuncDef } from '@skep/registry'
import { kfuncs } from './kinds.ts'

/** Casts, strings, memory of user space and of arenas: kernel/bpf/helpers.c, kernel/bpf/arena.c. */
export const memoryKfuncs: readonly KfuncDef[] = [
  ...kfuncs('bpf_cast_to_kern_ctx', ['fastcall'], 'all', { verify: { context: true, result: 'kern_ctx' } }),
  ...kfuncs('bpf_rdonly_cast', ['fastcall'], 'all', { verify: { result: 'rdonly_cast' } }),
  ...kfuncs('bpf_copy_from_user_str bpf_copy_from_user_task_str', ['sleepable'], 'all'),
  ...kfuncs(
    `bpf_strcmp bpf_strcasecmp bpf_strchr bpf_strchrnul bpf_strnchr bpf_strrchr bpf_strlen bpf_strnlen bpf_strspn
     bpf_strcspn bpf_strstr bpf_strnstr`,
    [],
    'all',
  ),
  ...kfuncs(
    'bpf_arena_alloc_pages bpf_arena_free_pages bpf_arena_reserve_pages',
    ['trusted_args', 'sleepable'],
    'all',
  ),
]
