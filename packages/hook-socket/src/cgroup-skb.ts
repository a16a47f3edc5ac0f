import {
  access,
  attachTypeId,
  defineProgramType,
  type ProgramTypeDef,
  type StructContext,
  skBuff,
  skbTestRun,
  withAccess,
} from '@skep/registry'
import { section } from './sections.ts'

/** __sk_buff as cgroup filters see it (cg_skb_is_valid_access). */
export const cgroupSkbContext: StructContext = withAccess(
  skBuff,
  access({ none: ['tc_classid', 'data_meta', 'wire_len'], write: ['mark', 'priority', 'cb', 'tstamp'] }),
)

/** BPF_PROG_TYPE_CGROUP_SKB: 0 drops, 1 lets pass; on egress 2 and 3 do the same and tell of congestion. */
export const cgroupSkbProgramType: ProgramTypeDef = defineProgramType({
  name: 'cgroup_skb',
  id: 8,
  context: cgroupSkbContext,
  packetAccess: 'read',
  strictAttachType: true,
  attachTypes: {
    cgroup_inet_ingress: { id: attachTypeId('cgroup_inet_ingress'), returns: { min: 0, max: 1 } },
    cgroup_inet_egress: { id: attachTypeId('cgroup_inet_egress'), returns: { min: 0, max: 3 } },
  },
  verdicts: { 0: 'DROP', 1: 'PASS', 2: 'DROP | CN', 3: 'PASS | CN' },
  unprivileged: true,
  sections: [
    section('cgroup_skb/ingress', 'cgroup_inet_ingress'),
    section('cgroup_skb/egress', 'cgroup_inet_egress'),
    section('cgroup/skb'),
  ],
  testRun: skbTestRun(false),
})
