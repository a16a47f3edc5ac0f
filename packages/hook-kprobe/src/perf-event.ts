import {
  attachTypeId,
  defineProgramType,
  field,
  type ProgramTypeDef,
  type StructContext,
  struct,
} from '@skep/registry'
import { PT_REGS_SIZE } from './pt-regs.ts'
import { section } from './sections.ts'

/** struct bpf_perf_event_data (pe_prog_is_valid_access): registers in whole words, then the sample. */
export const perfEventContext: StructContext = struct('bpf_perf_event_data', {
  regs: field.array(field.u64(), PT_REGS_SIZE / 8, { widths: 'exact', c: 'bpf_user_pt_regs_t' }),
  sample_period: field.u64(),
  addr: field.u64(),
})

/** BPF_PROG_TYPE_PERF_EVENT. */
export const perfEventProgramType: ProgramTypeDef = defineProgramType({
  name: 'perf_event',
  id: 7,
  perfmon: true,
  context: perfEventContext,
  attachTypes: { perf_event: { id: attachTypeId('perf_event') } },
  tracing: true,
  sections: [section('perf_event')],
})
