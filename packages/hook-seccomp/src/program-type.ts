import { SECCOMP_DATA_SIZE } from '@skep/isa'
import { defineProgramType, type ProgramTypeDef, plainTestRun } from '@skep/registry'
import {
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_KILL_PROCESS,
  SECCOMP_RET_KILL_THREAD,
  SECCOMP_RET_LOG,
  SECCOMP_RET_TRACE,
  SECCOMP_RET_TRAP,
  SECCOMP_RET_USER_NOTIF,
} from './actions.ts'
import { seccompDataContext } from './seccomp-data.ts'

/**
 * seccomp filters as programs of a runtime. Linux has no such type, since it takes classic filters alone, so the number is a
 * plugin's; `seccompSpec` makes a program of a filter. The context may be read in words of 32 bits, and no helper called.
 */
export const seccompProgramType: ProgramTypeDef = defineProgramType({
  name: 'seccomp',
  id: 0x1_5ecc,
  context: seccompDataContext,
  unprivileged: true,
  kfuncs: false,
  verdicts: {
    [SECCOMP_RET_KILL_PROCESS]: 'SECCOMP_RET_KILL_PROCESS',
    [SECCOMP_RET_KILL_THREAD]: 'SECCOMP_RET_KILL_THREAD',
    [SECCOMP_RET_TRAP]: 'SECCOMP_RET_TRAP',
    [SECCOMP_RET_ERRNO]: 'SECCOMP_RET_ERRNO',
    [SECCOMP_RET_USER_NOTIF]: 'SECCOMP_RET_USER_NOTIF',
    [SECCOMP_RET_TRACE]: 'SECCOMP_RET_TRACE',
    [SECCOMP_RET_LOG]: 'SECCOMP_RET_LOG',
    [SECCOMP_RET_ALLOW]: 'SECCOMP_RET_ALLOW',
  },
  sections: [{ name: 'seccomp', prefix: true }],
  testRun: (arena, input) =>
    plainTestRun(arena, input, { limit: SECCOMP_DATA_SIZE, size: SECCOMP_DATA_SIZE, returned: false }),
})
