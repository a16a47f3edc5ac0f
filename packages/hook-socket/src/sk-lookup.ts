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

/** struct bpf_sk_lookup (sk_lookup_is_valid_access): the search for a listening socket. */
export const skLookupContext: StructContext = struct('bpf_sk_lookup', {
  sk: field.pointer('socket', { nullable: true, c: 'struct bpf_sock *' }),
  family: field.u32(),
  protocol: field.u32(),
  remote_ip4: field.u32(),
  remote_ip6: field.array(field.u32(), 4),
  /** Big-endian 16 bits and two bytes of padding, which loads of 32 bits may take along. */
  remote_port: field.u32(),
  local_ip4: field.u32(),
  local_ip6: field.array(field.u32(), 4),
  local_port: field.u32(),
  ingress_ifindex: field.u32(),
})

/** BPF_PROG_TYPE_SK_LOOKUP. */
export const skLookupProgramType: ProgramTypeDef = defineProgramType({
  name: 'sk_lookup',
  id: 30,
  context: skLookupContext,
  strictAttachType: true,
  attachTypes: { sk_lookup: { id: attachTypeId('sk_lookup') } },
  returns: { min: 0, max: 1 },
  verdicts: SK_VERDICTS,
  sections: [section('sk_lookup', 'sk_lookup')],
})
