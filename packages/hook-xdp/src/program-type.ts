import {
  CONNTRACK_WRITES,
  defineProgramType,
  field,
  type ProgramTypeDef,
  type StructContext,
  struct,
} from '@skep/registry'
import { xdpTestRun } from './test-run.ts'

/** struct xdp_md (include/uapi/linux/bpf.h); every field is 32 bits wide, and only that width may be accessed. */
export const xdpMd: StructContext = struct(
  'xdp_md',
  {
    data: field.packet(),
    data_end: field.packetEnd(),
    data_meta: field.packetMeta(),
    ingress_ifindex: field.u32({ widths: 'exact' }),
    rx_queue_index: field.u32({ widths: 'exact' }),
    egress_ifindex: field.u32({ widths: 'exact', read: ['xdp_devmap'] }),
  },
  { packet: { data: 'data', end: 'data_end', meta: 'data_meta' } },
)

/** enum xdp_action. Any other value counts as XDP_ABORTED. */
export const XDP_ABORTED = 0
export const XDP_DROP = 1
export const XDP_PASS = 2
export const XDP_TX = 3
export const XDP_REDIRECT = 4

/** Load flag of programs that take packets in several fragments. */
export const BPF_F_XDP_HAS_FRAGS = 0x20

const section = (name: string, attachType: string, flags?: number) =>
  flags === undefined ? { name, attachType, prefix: true } : { name, attachType, flags, prefix: true }

/** BPF_PROG_TYPE_XDP. */
export const xdpProgramType: ProgramTypeDef = defineProgramType({
  name: 'xdp',
  id: 6,
  context: xdpMd,
  packetAccess: 'write',
  structWrites: [CONNTRACK_WRITES],
  attachTypes: { xdp: { id: 37 }, xdp_devmap: { id: 33 }, xdp_cpumap: { id: 35 } },
  verdicts: { 0: 'XDP_ABORTED', 1: 'XDP_DROP', 2: 'XDP_PASS', 3: 'XDP_TX', 4: 'XDP_REDIRECT' },
  sections: [
    section('xdp.frags/devmap', 'xdp_devmap', BPF_F_XDP_HAS_FRAGS),
    section('xdp/devmap', 'xdp_devmap'),
    section('xdp.frags/cpumap', 'xdp_cpumap', BPF_F_XDP_HAS_FRAGS),
    section('xdp/cpumap', 'xdp_cpumap'),
    section('xdp.frags', 'xdp', BPF_F_XDP_HAS_FRAGS),
    section('xdp', 'xdp'),
  ],
  testRun: xdpTestRun,
})
