import {
  access,
  defineProgramType,
  type ProgramTypeDef,
  SK_BUFF_ADDRESSES,
  type StructContext,
  skBuff,
  skbTestRun,
  withAccess,
} from '@skep/registry'

/** __sk_buff as programs of lightweight tunnels see it (lwt_is_valid_access). */
export const lwtContext: StructContext = withAccess(
  skBuff,
  access({
    none: ['tc_classid', ...SK_BUFF_ADDRESSES, 'data_meta', 'tstamp', 'wire_len', 'hwtstamp'],
    write: ['mark', 'priority', 'cb'],
  }),
)

/** BPF_OK and the like (enum bpf_ret_code). */
const verdicts: Readonly<Record<number, string>> = {
  0: 'BPF_OK',
  2: 'BPF_DROP',
  7: 'BPF_REDIRECT',
  128: 'BPF_LWT_REROUTE',
}

const lwt = (name: string, id: number, packetAccess: 'read' | 'write'): ProgramTypeDef =>
  defineProgramType({
    name,
    id,
    context: lwtContext,
    packetAccess,
    verdicts,
    sections: [{ name, prefix: true }],
    // Linux has none for seg6local.
    ...(name === 'lwt_seg6local' ? {} : { testRun: skbTestRun(false) }),
  })

/** BPF_PROG_TYPE_LWT_IN: packets that arrive through a route. */
export const lwtInProgramType: ProgramTypeDef = lwt('lwt_in', 10, 'read')
/** BPF_PROG_TYPE_LWT_OUT: packets that leave through a route. */
export const lwtOutProgramType: ProgramTypeDef = lwt('lwt_out', 11, 'read')
/** BPF_PROG_TYPE_LWT_XMIT: packets about to be sent; may be rewritten. */
export const lwtXmitProgramType: ProgramTypeDef = lwt('lwt_xmit', 12, 'write')
/** BPF_PROG_TYPE_LWT_SEG6LOCAL: actions of a segment routing endpoint. */
export const lwtSeg6localProgramType: ProgramTypeDef = lwt('lwt_seg6local', 19, 'read')
