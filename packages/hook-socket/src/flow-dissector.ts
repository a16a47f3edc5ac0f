import {
  access,
  attachTypeId,
  defineProgramType,
  type ProgramTypeDef,
  type StructContext,
  skBuff,
  withAccess,
} from '@skep/registry'
import { flowDissectorTestRun } from './flow-dissector-test-run.ts'
import { section } from './sections.ts'

const visible: ReadonlySet<string> = new Set(['data', 'data_end', 'flow_keys'])

/** __sk_buff as flow dissectors see it (flow_dissector_is_valid_access): the packet and the keys to fill. */
export const flowDissectorContext: StructContext = withAccess(skBuff, {
  ...access({ none: skBuff.fields.map((f) => f.name).filter((name) => !visible.has(name)) }),
  flow_keys: { read: true },
})

/** BPF_PROG_TYPE_FLOW_DISSECTOR. */
export const flowDissectorProgramType: ProgramTypeDef = defineProgramType({
  name: 'flow_dissector',
  id: 22,
  context: flowDissectorContext,
  packetAccess: 'read',
  attachTypes: { flow_dissector: { id: attachTypeId('flow_dissector') } },
  verdicts: { 0: 'BPF_OK', 2: 'BPF_DROP', 129: 'BPF_FLOW_DISSECTOR_CONTINUE' },
  sections: [section('flow_dissector', 'flow_dissector')],
  testRun: flowDissectorTestRun,
})
