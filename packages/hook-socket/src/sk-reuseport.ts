import {
  attachTypeId,
  defineProgramType,
  field,
  type ProgramTypeDef,
  type StructContext,
  struct,
} from '@skep/registry'
import { section } from './sections.ts'
import { SK_VERDICTS } from './verdicts.ts'

/** struct sk_reuseport_md (sk_reuseport_is_valid_access): a packet for one of several sockets of a port. */
export const skReuseportContext: StructContext = struct(
  'sk_reuseport_md',
  {
    data: field.pointer('packet', { c: 'void *' }),
    data_end: field.pointer('packet_end', { c: 'void *' }),
    len: field.u32(),
    eth_protocol: field.u32({ minWidth: 2 }),
    ip_protocol: field.u32(),
    bind_inany: field.u32(),
    hash: field.u32({ widths: 'exact' }),
    sk: field.pointer('socket', { c: 'struct bpf_sock *' }),
    migrating_sk: field.pointer('sock_common', { nullable: true, c: 'struct bpf_sock *' }),
  },
  { packet: { data: 'data', end: 'data_end' } },
)

/** BPF_PROG_TYPE_SK_REUSEPORT. */
export const skReuseportProgramType: ProgramTypeDef = defineProgramType({
  name: 'sk_reuseport',
  id: 21,
  context: skReuseportContext,
  packetAccess: 'read',
  attachTypes: {
    sk_reuseport_select: { id: attachTypeId('sk_reuseport_select') },
    sk_reuseport_select_or_migrate: { id: attachTypeId('sk_reuseport_select_or_migrate') },
  },
  zeroAttachType: 'sk_reuseport_select',
  strictAttachType: true,
  verdicts: SK_VERDICTS,
  sections: [
    section('sk_reuseport/migrate', 'sk_reuseport_select_or_migrate'),
    section('sk_reuseport', 'sk_reuseport_select'),
  ],
})
