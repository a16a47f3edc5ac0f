import {
  attachTypeId,
  defineProgramType,
  field,
  type ProgramTypeDef,
  type StructContext,
  struct,
} from '@skep/registry'
import { section } from './sections.ts'

const get: readonly string[] = ['cgroup_getsockopt']
const set: readonly string[] = ['cgroup_setsockopt']

/** struct bpf_sockopt (cg_sockopt_is_valid_access, kernel/bpf/cgroup.c): a call of getsockopt or setsockopt. */
export const cgroupSockoptContext: StructContext = struct(
  'bpf_sockopt',
  {
    sk: field.pointer('socket', { c: 'struct bpf_sock *' }),
    optval: field.pointer('packet', { c: 'void *' }),
    optval_end: field.pointer('packet_end', { c: 'void *' }),
    level: field.u32({ widths: 'exact', write: set, c: '__s32' }),
    optname: field.u32({ widths: 'exact', write: set, c: '__s32' }),
    optlen: field.u32({ widths: 'exact', write: true, c: '__s32' }),
    retval: field.u32({ widths: 'exact', read: get, write: get, c: '__s32' }),
  },
  { packet: { data: 'optval', end: 'optval_end' } },
)

/** BPF_PROG_TYPE_CGROUP_SOCKOPT: 1 allows, 0 refuses. */
export const cgroupSockoptProgramType: ProgramTypeDef = defineProgramType({
  name: 'cgroup_sockopt',
  id: 25,
  context: cgroupSockoptContext,
  packetAccess: 'write',
  packetToAnyHelper: true,
  strictAttachType: true,
  attachTypes: {
    cgroup_getsockopt: { id: attachTypeId('cgroup_getsockopt') },
    cgroup_setsockopt: { id: attachTypeId('cgroup_setsockopt') },
  },
  returns: { min: 0, max: 1 },
  sections: [
    section('cgroup/getsockopt', 'cgroup_getsockopt'),
    section('cgroup/setsockopt', 'cgroup_setsockopt'),
  ],
})
