import {
  access,
  attachTypeId,
  defineProgramType,
  type ProgramTypeDef,
  type StructContext,
  skBuff,
  withAccess,
} from '@skep/registry'
import { section } from './sections.ts'
import { SK_VERDICTS } from './verdicts.ts'

/** __sk_buff as stream parsers and verdicts see it (sk_skb_is_valid_access). */
export const skSkbContext: StructContext = withAccess(
  skBuff,
  access({
    none: ['mark', 'tc_classid', 'data_meta', 'tstamp', 'wire_len', 'hwtstamp'],
    write: ['tc_index', 'priority'],
  }),
)

/** BPF_PROG_TYPE_SK_SKB: a parser returns the message's length, a verdict SK_DROP or SK_PASS. */
export const skSkbProgramType: ProgramTypeDef = defineProgramType({
  name: 'sk_skb',
  id: 14,
  context: skSkbContext,
  packetAccess: 'write',
  attachTypes: {
    sk_skb_stream_parser: { id: attachTypeId('sk_skb_stream_parser') },
    sk_skb_stream_verdict: { id: attachTypeId('sk_skb_stream_verdict') },
    sk_skb_verdict: { id: attachTypeId('sk_skb_verdict') },
  },
  verdicts: SK_VERDICTS,
  sections: [
    section('sk_skb/stream_parser', 'sk_skb_stream_parser'),
    section('sk_skb/stream_verdict', 'sk_skb_stream_verdict'),
    section('sk_skb/verdict', 'sk_skb_verdict'),
    section('sk_skb'),
  ],
})
