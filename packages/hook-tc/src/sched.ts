import {
  access,
  attachTypeId,
  CONNTRACK_WRITES,
  defineProgramType,
  type ProgramTypeDef,
  type SectionDef,
  SK_BUFF_ADDRESSES,
  type StructContext,
  skBuff,
  skbTestRun,
  withAccess,
} from '@skep/registry'

/** __sk_buff as classifiers and actions see it (tc_cls_act_is_valid_access). */
export const tcContext: StructContext = withAccess(skBuff, {
  ...access({
    none: SK_BUFF_ADDRESSES,
    write: ['mark', 'tc_index', 'priority', 'tc_classid', 'cb', 'tstamp', 'queue_mapping'],
  }),
  tstamp_type: { read: true },
})

/** TC_ACT_* (include/uapi/linux/pkt_cls.h). */
export const TC_ACT_UNSPEC: number = -1
export const TC_ACT_OK = 0
export const TC_ACT_RECLASSIFY = 1
export const TC_ACT_SHOT = 2
export const TC_ACT_PIPE = 3
export const TC_ACT_STOLEN = 4
export const TC_ACT_QUEUED = 5
export const TC_ACT_REPEAT = 6
export const TC_ACT_REDIRECT = 7
export const TC_ACT_TRAP = 8

const verdicts: Readonly<Record<number, string>> = {
  [-1]: 'TC_ACT_UNSPEC',
  0: 'TC_ACT_OK',
  1: 'TC_ACT_RECLASSIFY',
  2: 'TC_ACT_SHOT',
  3: 'TC_ACT_PIPE',
  4: 'TC_ACT_STOLEN',
  5: 'TC_ACT_QUEUED',
  6: 'TC_ACT_REPEAT',
  7: 'TC_ACT_REDIRECT',
  8: 'TC_ACT_TRAP',
}

const section = (name: string, attachType?: string): SectionDef => ({
  name,
  prefix: true,
  ...(attachType ? { attachType } : {}),
})

/** BPF_PROG_TYPE_SCHED_CLS: classifiers, tcx and netkit programs. */
export const schedClsProgramType: ProgramTypeDef = defineProgramType({
  name: 'sched_cls',
  id: 3,
  context: tcContext,
  packetAccess: 'write',
  structWrites: [CONNTRACK_WRITES],
  attachTypes: {
    tcx_ingress: { id: attachTypeId('tcx_ingress') },
    tcx_egress: { id: attachTypeId('tcx_egress') },
    netkit_primary: { id: attachTypeId('netkit_primary') },
    netkit_peer: { id: attachTypeId('netkit_peer') },
  },
  verdicts,
  legacyLoads: true,
  sections: [
    section('tc/ingress', 'tcx_ingress'),
    section('tc/egress', 'tcx_egress'),
    section('tcx/ingress', 'tcx_ingress'),
    section('tcx/egress', 'tcx_egress'),
    section('netkit/primary', 'netkit_primary'),
    section('netkit/peer', 'netkit_peer'),
    section('tc'),
    section('classifier'),
  ],
  testRun: skbTestRun(true),
})

/** BPF_PROG_TYPE_SCHED_ACT: actions. */
export const schedActProgramType: ProgramTypeDef = defineProgramType({
  name: 'sched_act',
  id: 4,
  context: tcContext,
  packetAccess: 'write',
  structWrites: [CONNTRACK_WRITES],
  verdicts,
  legacyLoads: true,
  sections: [section('action')],
  testRun: skbTestRun(true),
})
