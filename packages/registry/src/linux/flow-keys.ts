import { field, type StructContext, struct } from '../context.ts'

/** struct bpf_flow_keys (include/uapi/linux/bpf.h), which flow dissectors fill; any byte may be read and written. */
export const flowKeys: StructContext = struct('bpf_flow_keys', {
  nhoff: field.u16({ write: true }),
  thoff: field.u16({ write: true }),
  addr_proto: field.u16({ write: true }),
  is_frag: field.u8({ write: true }),
  is_first_frag: field.u8({ write: true }),
  is_encap: field.u8({ write: true }),
  ip_proto: field.u8({ write: true }),
  n_proto: field.u16({ write: true }),
  sport: field.u16({ write: true }),
  dport: field.u16({ write: true }),
  addresses: field.array(field.u32(), 8, { write: true }),
  flags: field.u32({ write: true }),
  flow_label: field.u32({ write: true }),
})
