import { defineProgramType, type ProgramTypeDef, plainTestRun, type RawContext } from '@skep/registry'
import { BPF_F_SLEEPABLE, section } from './sections.ts'

/** U16_MAX: the longest context. */
const CONTEXT_LIMIT = 0xffff

/** Bytes that the caller of BPF_PROG_TEST_RUN gives, up to U16_MAX (syscall_prog_is_valid_access). */
export const syscallContext: RawContext = {
  kind: 'raw',
  name: 'syscall_ctx',
  size: CONTEXT_LIMIT,
  writable: true,
}

/** BPF_PROG_TYPE_SYSCALL: runs in the caller's context and may sleep. */
export const syscallProgramType: ProgramTypeDef = defineProgramType({
  name: 'syscall',
  id: 31,
  context: syscallContext,
  plainContext: true,
  strictAttachType: true,
  sleepable: true,
  sections: [section('syscall', undefined, BPF_F_SLEEPABLE)],
  testRun: (arena, input) => plainTestRun(arena, input, { limit: CONTEXT_LIMIT, returned: true }),
})
