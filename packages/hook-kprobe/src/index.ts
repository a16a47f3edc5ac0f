import { definePlugin, type PluginDef } from '@skep/registry'
import { kprobeProgramType } from './kprobe.ts'
import { perfEventProgramType } from './perf-event.ts'
import { syscallProgramType } from './syscall.ts'
import {
  rawTracepointProgramType,
  rawTracepointWritableProgramType,
  tracepointProgramType,
} from './tracepoint.ts'
import { extProgramType, lsmProgramType, structOpsProgramType, tracingProgramType } from './tracing.ts'

/** Program types of tracing, security hooks and kernel structs. */
export const kprobePlugin: PluginDef = definePlugin({
  name: 'hook-kprobe',
  programTypes: [
    kprobeProgramType,
    tracepointProgramType,
    rawTracepointProgramType,
    rawTracepointWritableProgramType,
    perfEventProgramType,
    tracingProgramType,
    lsmProgramType,
    structOpsProgramType,
    extProgramType,
    syscallProgramType,
  ],
})

export { kprobeContext, kprobeProgramType } from './kprobe.ts'
export { perfEventContext, perfEventProgramType } from './perf-event.ts'
export { PT_REGS, PT_REGS_PARMS, PT_REGS_RC, PT_REGS_SIZE } from './pt-regs.ts'
export { syscallContext, syscallProgramType } from './syscall.ts'
export {
  MAX_BPF_FUNC_ARGS,
  rawTracepointContext,
  rawTracepointProgramType,
  rawTracepointWritableContext,
  rawTracepointWritableProgramType,
  tracepointContext,
  tracepointProgramType,
} from './tracepoint.ts'
export {
  extContext,
  extProgramType,
  lsmContext,
  lsmProgramType,
  structOpsContext,
  structOpsProgramType,
  tracingContext,
  tracingProgramType,
} from './tracing.ts'
