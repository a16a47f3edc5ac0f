import { definePlugin, type PluginDef } from '@skep/registry'
import { kprobeAttachPoint } from './attach.ts'
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
  attachPoints: [kprobeAttachPoint],
})

export {
  attachKprobe,
  attachKprobeMulti,
  attachKretprobe,
  attachUprobe,
  attachUprobeMulti,
  type KprobeLink,
  type KprobeMultiOptions,
  type KprobeOptions,
  type KprobeProgram,
  type KprobeTarget,
  kprobeAttachPoint,
  type ProbedFunction,
  type UprobeOptions,
} from './attach.ts'
export { checkProgram, type ProgramOf } from './check-program.ts'
export { KprobeAttachError, type KprobeAttachErrorCode } from './errors.ts'
export {
  attachRawTracepointSource,
  attachTracepointSource,
  attachUsdtSource,
  type EventOptions,
  type RawTracepointProgram,
  type TracepointProgram,
} from './event-probe.ts'
export {
  type EventSource,
  type FieldType,
  type RecordField,
  recordFields,
  type Tracepoint,
  tracepointHeader,
} from './event-source.ts'
export type { FunctionProbeOptions } from './function-probe.ts'
export { addressOf } from './handles.ts'
export { kprobeContext, kprobeProgramType } from './kprobe.ts'
export type { ProbeLink } from './link.ts'
export { overridePlugin } from './override-return.ts'
export { perfEventContext, perfEventProgramType } from './perf-event.ts'
export { KPROBE_ARGS, PT_REGS, PT_REGS_PARMS, PT_REGS_RC, PT_REGS_SIZE } from './pt-regs.ts'
export type { ProbeStats } from './run-context.ts'
export { frameAddress, frameAt, probeProviders, type StackFrame } from './stacks.ts'
export { syscallContext, syscallProgramType } from './syscall.ts'
export { resolvePath } from './target.ts'
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
