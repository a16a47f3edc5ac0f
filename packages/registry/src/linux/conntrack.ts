import type { StructWrites } from '../program-type.ts'

/** What packet programs may store to of connections (nf_conntrack_btf_struct_access, net/netfilter/nf_conntrack_bpf.c). */
export const CONNTRACK_WRITES: StructWrites = {
  struct: 'nf_conn',
  also: ['nf_conn___init'],
  fields: ['nf_conn.mark'],
}
