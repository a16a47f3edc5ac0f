import {
  type AttachTypeName,
  type AttachTypeRules,
  attachTypeId,
  defineProgramType,
  field,
  type ProgramTypeDef,
  type ReturnRange,
  type StructContext,
  struct,
} from '@skep/registry'
import { section } from './sections.ts'

const inet4: readonly AttachTypeName[] = [
  'cgroup_inet4_bind',
  'cgroup_inet4_connect',
  'cgroup_inet4_getpeername',
  'cgroup_inet4_getsockname',
  'cgroup_udp4_sendmsg',
  'cgroup_udp4_recvmsg',
]
const inet6: readonly AttachTypeName[] = [
  'cgroup_inet6_bind',
  'cgroup_inet6_connect',
  'cgroup_inet6_getpeername',
  'cgroup_inet6_getsockname',
  'cgroup_udp6_sendmsg',
  'cgroup_udp6_recvmsg',
]
const unix: readonly AttachTypeName[] = [
  'cgroup_unix_connect',
  'cgroup_unix_getpeername',
  'cgroup_unix_getsockname',
  'cgroup_unix_sendmsg',
  'cgroup_unix_recvmsg',
]

/** IPv6 addresses may be taken 64 bits at a time, and stores are 32 or 64 bits wide. */
const address6 = (attachTypes: readonly string[]) =>
  field.array(field.u32(), 4, { widths: 'any', minWriteWidth: 4, read: attachTypes, write: attachTypes })

/** struct bpf_sock_addr (sock_addr_is_valid_access): an address that a process gives to a system call. */
export const cgroupSockAddrContext: StructContext = struct('bpf_sock_addr', {
  user_family: field.u32({ widths: 'exact' }),
  user_ip4: field.u32({ read: inet4, write: inet4, writeExact: true }),
  user_ip6: address6(inet6),
  user_port: field.u32({ write: true, writeExact: true }),
  family: field.u32({ widths: 'exact' }),
  type: field.u32({ widths: 'exact' }),
  protocol: field.u32({ widths: 'exact' }),
  msg_src_ip4: field.u32({
    read: ['cgroup_udp4_sendmsg'],
    write: ['cgroup_udp4_sendmsg'],
    writeExact: true,
  }),
  msg_src_ip6: address6(['cgroup_udp6_sendmsg']),
  sk: field.pointer('socket', { c: 'struct bpf_sock *' }),
})

/** Nothing can be refused after the fact: these return 1. Binds may also skip the check of privileged ports (2, 3). */
const returns = (name: string): ReturnRange =>
  /recvmsg|getpeername|getsockname/.test(name)
    ? { min: 1, max: 1 }
    : /_bind/.test(name)
      ? { min: 0, max: 3 }
      : { min: 0, max: 1 }

const attachTypes: Readonly<Record<string, AttachTypeRules>> = Object.fromEntries(
  [...inet4, ...inet6, ...unix].map((name) => [name, { id: attachTypeId(name), returns: returns(name) }]),
)

/** BPF_PROG_TYPE_CGROUP_SOCK_ADDR: 1 allows, 0 refuses. */
export const cgroupSockAddrProgramType: ProgramTypeDef = defineProgramType({
  name: 'cgroup_sock_addr',
  id: 18,
  context: cgroupSockAddrContext,
  strictAttachType: true,
  attachTypes,
  sections: [
    section('cgroup/bind4', 'cgroup_inet4_bind'),
    section('cgroup/bind6', 'cgroup_inet6_bind'),
    section('cgroup/connect4', 'cgroup_inet4_connect'),
    section('cgroup/connect6', 'cgroup_inet6_connect'),
    section('cgroup/connect_unix', 'cgroup_unix_connect'),
    section('cgroup/sendmsg4', 'cgroup_udp4_sendmsg'),
    section('cgroup/sendmsg6', 'cgroup_udp6_sendmsg'),
    section('cgroup/sendmsg_unix', 'cgroup_unix_sendmsg'),
    section('cgroup/recvmsg4', 'cgroup_udp4_recvmsg'),
    section('cgroup/recvmsg6', 'cgroup_udp6_recvmsg'),
    section('cgroup/recvmsg_unix', 'cgroup_unix_recvmsg'),
    section('cgroup/getpeername4', 'cgroup_inet4_getpeername'),
    section('cgroup/getpeername6', 'cgroup_inet6_getpeername'),
    section('cgroup/getpeername_unix', 'cgroup_unix_getpeername'),
    section('cgroup/getsockname4', 'cgroup_inet4_getsockname'),
    section('cgroup/getsockname6', 'cgroup_inet6_getsockname'),
    section('cgroup/getsockname_unix', 'cgroup_unix_getsockname'),
  ],
})
