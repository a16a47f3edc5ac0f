import { type ArgsContext, attachTypeId, defineProgramType, type ProgramTypeDef } from '@skep/registry'
import { BPF_F_SLEEPABLE, section } from './sections.ts'
import { STRUCT_OPS } from './struct-ops.ts'
import { ITERATOR_ARGS, TRACEPOINT_ARGS } from './target-args.ts'
import { FENTRY, FEXIT, FMOD_RET, LSM_CGROUP, LSM_MAC } from './target-functions.ts'
import { MAX_BPF_FUNC_ARGS } from './tracepoint.ts'

/** Arguments of the function, tracepoint, iterator or hook that a program attaches to, typed by kernel BTF. */
const typedArgs = (name: string): ArgsContext => ({ kind: 'args', name, max: MAX_BPF_FUNC_ARGS, btf: true })

/** Arguments of the attach target (btf_ctx_access, kernel/bpf/btf.c). */
export const tracingContext: ArgsContext = typedArgs('tracing_args')

const zero = { min: 0, max: 0 }

/** BPF_PROG_TYPE_TRACING: typed tracepoints, function entry and exit, iterators. */
export const tracingProgramType: ProgramTypeDef = defineProgramType({
  name: 'tracing',
  id: 26,
  plainContext: true,
  perfmon: true,
  context: tracingContext,
  strictAttachType: true,
  attachTypes: {
    trace_raw_tp: {
      id: attachTypeId('trace_raw_tp'),
      sleepable: false,
      target: 'tracepoint',
      targetPrefix: 'btf_trace_',
      targetArgs: TRACEPOINT_ARGS,
    },
    trace_fentry: {
      id: attachTypeId('trace_fentry'),
      returns: zero,
      target: 'function',
      functions: FENTRY,
    },
    trace_fexit: {
      id: attachTypeId('trace_fexit'),
      returns: zero,
      target: 'function',
      functions: FEXIT,
    },
    modify_return: { id: attachTypeId('modify_return'), target: 'function', functions: FMOD_RET },
    trace_iter: {
      id: attachTypeId('trace_iter'),
      returns: { min: 0, max: 1 },
      target: 'iterator',
      targetPrefix: 'bpf_iter_',
      targetArgs: ITERATOR_ARGS,
    },
  },
  sleepable: 'optional',
  sections: [
    section('fentry.s', 'trace_fentry', BPF_F_SLEEPABLE),
    section('fmod_ret.s', 'modify_return', BPF_F_SLEEPABLE),
    section('fexit.s', 'trace_fexit', BPF_F_SLEEPABLE),
    section('iter.s', 'trace_iter', BPF_F_SLEEPABLE),
    section('tp_btf', 'trace_raw_tp'),
    section('fentry', 'trace_fentry'),
    section('fmod_ret', 'modify_return'),
    section('fexit', 'trace_fexit'),
    section('iter', 'trace_iter'),
  ],
})

const LSM_PREFIX = 'bpf_lsm_'

/** Arguments of a security hook. */
export const lsmContext: ArgsContext = typedArgs('lsm_args')

/** BPF_PROG_TYPE_LSM: security hooks. */
export const lsmProgramType: ProgramTypeDef = defineProgramType({
  name: 'lsm',
  id: 29,
  plainContext: true,
  perfmon: true,
  context: lsmContext,
  strictAttachType: true,
  attachTypes: {
    lsm_mac: {
      id: attachTypeId('lsm_mac'),
      target: 'function',
      targetPrefix: LSM_PREFIX,
      functions: LSM_MAC,
    },
    lsm_cgroup: {
      id: attachTypeId('lsm_cgroup'),
      returns: { min: 0, max: 1 },
      target: 'function',
      targetPrefix: LSM_PREFIX,
      functions: LSM_CGROUP,
    },
  },
  gplOnly: true,
  sleepable: 'optional',
  sections: [
    section('lsm.s', 'lsm_mac', BPF_F_SLEEPABLE),
    section('lsm_cgroup', 'lsm_cgroup'),
    section('lsm', 'lsm_mac'),
  ],
})

/** Arguments of a member of the kernel struct that a program implements. */
export const structOpsContext: ArgsContext = typedArgs('struct_ops_args')

/** BPF_PROG_TYPE_STRUCT_OPS: functions of a kernel struct; the attach type is the member's index. */
export const structOpsProgramType: ProgramTypeDef = defineProgramType({
  name: 'struct_ops',
  id: 27,
  plainContext: true,
  perfmon: true,
  context: structOpsContext,
  gplOnly: true,
  structOps: STRUCT_OPS,
  sleepable: 'optional',
  sections: [section('struct_ops.s', undefined, BPF_F_SLEEPABLE), section('struct_ops')],
})

/** Arguments of the function that a program replaces. */
export const extContext: ArgsContext = typedArgs('ext_args')

/** BPF_PROG_TYPE_EXT: replaces a function of another program, and may do what that one may. */
export const extProgramType: ProgramTypeDef = defineProgramType({
  name: 'ext',
  id: 28,
  plainContext: true,
  perfmon: true,
  context: extContext,
  strictAttachType: true,
  sections: [section('freplace')],
})
