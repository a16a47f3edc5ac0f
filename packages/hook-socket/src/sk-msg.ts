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

/** struct sk_msg_md (sk_msg_is_valid_access): a message that a socket sends. */
export const skMsgContext: StructContext = struct(
  'sk_msg_md',
  {
    data: field.pointer('packet', { c: 'void *' }),
    data_end: field.pointer('packet_end', { c: 'void *' }),
    family: field.u32({ widths: 'exact' }),
    remote_ip4: field.u32({ widths: 'exact' }),
    local_ip4: field.u32({ widths: 'exact' }),
    remote_ip6: field.array(field.u32(), 4, { widths: 'exact' }),
    local_ip6: field.array(field.u32(), 4, { widths: 'exact' }),
    remote_port: field.u32({ widths: 'exact' }),
    local_port: field.u32({ widths: 'exact' }),
    size: field.u32({ widths: 'exact' }),
    sk: field.pointer('socket', { c: 'struct bpf_sock *' }),
  },
  { packet: { data: 'data', end: 'data_end' } },
)

/** BPF_PROG_TYPE_SK_MSG. */
export const skMsgProgramType: ProgramTypeDef = defineProgramType({
  name: 'sk_msg',
  id: 16,
  context: skMsgContext,
  packetAccess: 'write',
  attachTypes: { sk_msg_verdict: { id: attachTypeId('sk_msg_verdict') } },
  verdicts: SK_VERDICTS,
  sections: [section('sk_msg', 'sk_msg_verdict')],
})
