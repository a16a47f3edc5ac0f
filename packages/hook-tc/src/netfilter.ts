import {
  attachTypeId,
  defineProgramType,
  field,
  type ProgramTypeDef,
  type StructContext,
  struct,
} from '@skep/registry'

/** struct bpf_nf_ctx (nf_is_valid_access, net/netfilter/nf_bpf_link.c): the kernel's own hook state and packet. */
export const netfilterContext: StructContext = struct('bpf_nf_ctx', {
  state: field.pointer('btf_id', { btf: 'nf_hook_state', trusted: true }),
  skb: field.pointer('btf_id', { btf: 'sk_buff', trusted: true }),
})

/** BPF_PROG_TYPE_NETFILTER. */
export const netfilterProgramType: ProgramTypeDef = defineProgramType({
  name: 'netfilter',
  id: 32,
  plainContext: true,
  context: netfilterContext,
  strictAttachType: true,
  attachTypes: { netfilter: { id: attachTypeId('netfilter') } },
  returns: { min: 0, max: 1 },
  verdicts: { 0: 'NF_DROP', 1: 'NF_ACCEPT' },
  sections: [{ name: 'netfilter', attachType: 'netfilter', prefix: true }],
})
