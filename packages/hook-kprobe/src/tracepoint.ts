import {
  type ArgsContext,
  defineProgramType,
  type ProgramTypeDef,
  plainTestRun,
  type RawContext,
  type StructContext,
} from '@skep/registry'
import { section } from './sections.ts'

/** PERF_MAX_TRACE_SIZE: the longest record. */
const PERF_MAX_TRACE_SIZE = 8192

/** A tracepoint's record, without the 8 bytes of common fields (tp_prog_is_valid_access). */
export const tracepointContext: RawContext = {
  kind: 'raw',
  name: 'trace_entry',
  size: PERF_MAX_TRACE_SIZE,
  start: 8,
}

/** BPF_PROG_TYPE_TRACEPOINT. */
export const tracepointProgramType: ProgramTypeDef = defineProgramType({
  name: 'tracepoint',
  id: 5,
  plainContext: true,
  perfmon: true,
  context: tracepointContext,
  tracing: true,
  sections: [section('tracepoint'), section('tp')],
})

/** MAX_BPF_FUNC_ARGS (include/linux/bpf.h). */
export const MAX_BPF_FUNC_ARGS = 12

const ARGS_SIZE = MAX_BPF_FUNC_ARGS * 8

/** struct bpf_raw_tracepoint_args: the tracepoint's arguments as u64 each (raw_tp_prog_is_valid_access). */
export const rawTracepointContext: ArgsContext = {
  kind: 'args',
  name: 'bpf_raw_tracepoint_args',
  max: MAX_BPF_FUNC_ARGS,
  btf: false,
}

/** BPF_PROG_TYPE_RAW_TRACEPOINT. */
export const rawTracepointProgramType: ProgramTypeDef = defineProgramType({
  name: 'raw_tracepoint',
  id: 17,
  plainContext: true,
  perfmon: true,
  context: rawTracepointContext,
  tracing: true,
  sections: [section('raw_tracepoint'), section('raw_tp')],
  testRun: (arena, input) =>
    plainTestRun(arena, input, { limit: ARGS_SIZE, size: ARGS_SIZE, returned: false }),
})

/** The same with a buffer behind the first argument (raw_tp_writable_prog_is_valid_access). */
export const rawTracepointWritableContext: StructContext = {
  kind: 'struct',
  name: 'bpf_raw_tracepoint_args',
  size: ARGS_SIZE,
  fields: [
    // Before the buffer, since it overlaps: from its second byte on the first argument is a number.
    { name: 'args', offset: 1, size: ARGS_SIZE - 1, unit: 1, widths: 'any' },
    { name: 'buffer', offset: 0, size: 8, widths: 'exact', pointer: 'tp_buffer' },
  ],
}

/** BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE. */
export const rawTracepointWritableProgramType: ProgramTypeDef = defineProgramType({
  name: 'raw_tracepoint_writable',
  id: 24,
  plainContext: true,
  perfmon: true,
  context: rawTracepointWritableContext,
  tracing: true,
  sections: [section('raw_tracepoint.w'), section('raw_tp.w')],
})
