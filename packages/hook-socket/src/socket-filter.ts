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
import { section } from './sections.ts'

/** __sk_buff as socket filters see it (sk_filter_is_valid_access): no packet pointers, only `cb` may be written. */
export const socketFilterContext: StructContext = withAccess(
  skBuff,
  access({
    none: [
      'tc_classid',
      'data',
      'data_meta',
      'data_end',
      ...SK_BUFF_ADDRESSES,
      'tstamp',
      'wire_len',
      'hwtstamp',
    ],
    write: ['cb'],
  }),
)

/** BPF_PROG_TYPE_SOCKET_FILTER: returns how many bytes of the packet to keep. */
export const socketFilterProgramType: ProgramTypeDef = defineProgramType({
  name: 'socket_filter',
  id: 1,
  context: socketFilterContext,
  legacyLoads: true,
  unprivileged: true,
  noSpinLock: true,
  sections: [section('socket')],
  testRun: skbTestRun(false),
})
