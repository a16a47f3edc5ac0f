import { type HelperDef, SLEEPABLE_LSM_HOOKS } from '@skep/registry'
import { btf, helper, OUT, RESULT, SIZE, U64 } from './kinds.ts'

/** bpf_ima_inode_hash_allowed (kernel/bpf/bpf_lsm.c): hooks that may sleep. */
const IMA_PROBES: Readonly<Record<string, readonly string[]>> = { lsm: SLEEPABLE_LSM_HOOKS }

export const lsmHelpers: readonly HelperDef[] = [
  helper(159, 'bpf_bprm_opts_set', { bprm: btf('linux_binprm'), flags: U64 }, RESULT, {
    programTypes: ['lsm'],
  }),
  helper(161, 'bpf_ima_inode_hash', { inode: btf('inode'), dst: OUT, size: SIZE }, RESULT, {
    programTypes: ['lsm'],
    mightSleep: true,
    probe: IMA_PROBES,
  }),
  helper(193, 'bpf_ima_file_hash', { file: btf('file'), dst: OUT, size: SIZE }, RESULT, {
    programTypes: ['lsm'],
    mightSleep: true,
    probe: IMA_PROBES,
  }),
]
