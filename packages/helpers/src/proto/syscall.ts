import type { HelperDef } from '@skep/registry'
import { helper, I32, READ, RESULT, SIZE, U32 } from './kinds.ts'

export const syscallHelpers: readonly HelperDef[] = [
  helper(166, 'bpf_sys_bpf', { cmd: U32, attr: READ, attr_size: SIZE }, RESULT, {
    programTypes: ['syscall'],
    capability: 'perfmon',
  }),
  helper(167, 'bpf_btf_find_by_name_kind', { name: READ, name_sz: SIZE, kind: U32, flags: I32 }, RESULT, {
    programTypes: ['syscall'],
  }),
  helper(168, 'bpf_sys_close', { fd: U32 }, RESULT, { programTypes: ['syscall'] }),
]
