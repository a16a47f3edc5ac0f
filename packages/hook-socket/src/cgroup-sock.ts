import {
  attachTypeId,
  defineProgramType,
  field,
  type ProgramTypeDef,
  type StructContext,
  struct,
} from '@skep/registry'
import { section } from './sections.ts'

const create: readonly string[] = ['cgroup_inet_sock_create', 'cgroup_inet_sock_release']
const bind4 = 'cgroup_inet4_post_bind'
const bind6 = 'cgroup_inet6_post_bind'

/** struct bpf_sock as a context (sock_filter_is_valid_access). */
export const cgroupSockContext: StructContext = struct('bpf_sock', {
  bound_dev_if: field.u32({ widths: 'exact', read: create, write: create }),
  family: field.u32({ widths: 'first' }),
  type: field.u32({ widths: 'first' }),
  protocol: field.u32({ widths: 'first' }),
  mark: field.u32({ widths: 'exact', read: create, write: create }),
  priority: field.u32({ widths: 'exact', read: create, write: create }),
  src_ip4: field.u32({ read: [bind4] }),
  src_ip6: field.array(field.u32(), 4, { read: [bind6] }),
  src_port: field.u32({ widths: 'first', read: [bind4, bind6] }),
  /** Big-endian 16 bits and two bytes of padding, which loads of 32 bits may take along. */
  dst_port: field.u32({ narrowTo: 2 }),
  dst_ip4: field.u32(),
  dst_ip6: field.array(field.u32(), 4),
  state: field.u32({ widths: 'first' }),
  rx_queue_mapping: field.u32({ widths: 'first', c: '__s32' }),
})

/** BPF_PROG_TYPE_CGROUP_SOCK: 1 allows, 0 refuses. */
export const cgroupSockProgramType: ProgramTypeDef = defineProgramType({
  name: 'cgroup_sock',
  id: 9,
  context: cgroupSockContext,
  strictAttachType: true,
  zeroAttachType: 'cgroup_inet_sock_create',
  attachTypes: {
    cgroup_inet_sock_create: { id: attachTypeId('cgroup_inet_sock_create') },
    cgroup_inet_sock_release: { id: attachTypeId('cgroup_inet_sock_release') },
    cgroup_inet4_post_bind: { id: attachTypeId(bind4) },
    cgroup_inet6_post_bind: { id: attachTypeId(bind6) },
  },
  returns: { min: 0, max: 1 },
  sections: [
    section('cgroup/sock_create', 'cgroup_inet_sock_create'),
    section('cgroup/sock_release', 'cgroup_inet_sock_release'),
    section('cgroup/sock', 'cgroup_inet_sock_create'),
    section('cgroup/post_bind4', bind4),
    section('cgroup/post_bind6', bind6),
  ],
})
