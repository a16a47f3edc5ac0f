import type { KfuncDef, KfuncFlag, KfuncTraits } from '@skep/registry'
import { kfuncs } from './kinds.ts'

/** bpf_iter_NAME_new, _next and _destroy: open-coded iterators. */
const iterator = (
  name: string,
  flags: { readonly all?: readonly KfuncFlag[]; readonly new?: readonly KfuncFlag[] } = {},
  verify?: KfuncTraits,
): readonly KfuncDef[] => {
  const all = flags.all ?? []
  const rest = verify ? { verify } : {}
  return [
    ...kfuncs(`bpf_iter_${name}_new`, ['iter_new', ...all, ...(flags.new ?? [])], 'all', rest),
    ...kfuncs(
      `bpf_iter_${name}_next`,
      ['iter_next', 'ret_null', ...all],
      'all',
      verify?.underLock ? rest : {},
    ),
    ...kfuncs(`bpf_iter_${name}_destroy`, ['iter_destroy', ...all], 'all', verify?.underLock ? rest : {}),
  ]
}

export const iteratorKfuncs: readonly KfuncDef[] = [
  ...iterator('num', {}, { underLock: true }),
  ...iterator('bits'),
  ...iterator('task', { new: ['trusted_args', 'rcu_protected'] }),
  ...iterator('task_vma', { new: ['rcu'] }),
  ...iterator('css', { new: ['trusted_args', 'rcu_protected'] }),
  ...iterator('css_task', { new: ['trusted_args'] }, { lsmIterOrSleepable: true }),
  ...iterator('kmem_cache', { all: ['sleepable'] }),
  ...iterator('dmabuf', { all: ['sleepable'] }),
]
