import { attachTypeId, defineProgramType, type ProgramTypeDef, type RawContext } from '@skep/registry'
import { PT_REGS, PT_REGS_SIZE } from './pt-regs.ts'
import { BPF_F_SLEEPABLE, section } from './sections.ts'

/** struct pt_regs, read-only (kprobe_prog_is_valid_access, kernel/trace/bpf_trace.c). */
export const kprobeContext: RawContext = {
  kind: 'raw',
  name: 'pt_regs',
  size: PT_REGS_SIZE,
  words: Object.keys(PT_REGS),
}

const yesNo = { min: 0, max: 1 }

/** BPF_PROG_TYPE_KPROBE: kernel and user probes, at entry and return. */
export const kprobeProgramType: ProgramTypeDef = defineProgramType({
  name: 'kprobe',
  id: 2,
  plainContext: true,
  perfmon: true,
  context: kprobeContext,
  attachTypes: {
    trace_kprobe_multi: { id: attachTypeId('trace_kprobe_multi') },
    trace_kprobe_session: { id: attachTypeId('trace_kprobe_session'), returns: yesNo },
    trace_uprobe_multi: { id: attachTypeId('trace_uprobe_multi') },
    trace_uprobe_session: { id: attachTypeId('trace_uprobe_session'), returns: yesNo },
  },
  sleepable: 'optional',
  tracing: true,
  sections: [
    section('uprobe.multi.s', 'trace_uprobe_multi', BPF_F_SLEEPABLE),
    section('uretprobe.multi.s', 'trace_uprobe_multi', BPF_F_SLEEPABLE),
    section('uprobe.session.s', 'trace_uprobe_session', BPF_F_SLEEPABLE),
    section('kprobe.multi', 'trace_kprobe_multi'),
    section('kretprobe.multi', 'trace_kprobe_multi'),
    section('kprobe.session', 'trace_kprobe_session'),
    section('uprobe.multi', 'trace_uprobe_multi'),
    section('uretprobe.multi', 'trace_uprobe_multi'),
    section('uprobe.session', 'trace_uprobe_session'),
    section('uprobe.s', undefined, BPF_F_SLEEPABLE),
    section('uretprobe.s', undefined, BPF_F_SLEEPABLE),
    section('usdt.s', undefined, BPF_F_SLEEPABLE),
    section('kprobe'),
    section('uprobe'),
    section('kretprobe'),
    section('uretprobe'),
    section('ksyscall'),
    section('kretsyscall'),
    section('usdt'),
  ],
})
