import {
  attachTypeId,
  defineProgramType,
  field,
  type ProgramTypeDef,
  type StructContext,
  struct,
} from '@skep/registry'
import { section } from './sections.ts'

/** struct bpf_sysctl (sysctl_is_valid_access, kernel/bpf/cgroup.c): an access to a file of /proc/sys. */
export const cgroupSysctlContext: StructContext = struct('bpf_sysctl', {
  write: field.u32(),
  file_pos: field.u32({ write: true, writeExact: true }),
})

/** BPF_PROG_TYPE_CGROUP_SYSCTL: 1 allows, 0 refuses. */
export const cgroupSysctlProgramType: ProgramTypeDef = defineProgramType({
  name: 'cgroup_sysctl',
  id: 23,
  context: cgroupSysctlContext,
  attachTypes: { cgroup_sysctl: { id: attachTypeId('cgroup_sysctl') } },
  returns: { min: 0, max: 1 },
  sections: [section('cgroup/sysctl', 'cgroup_sysctl')],
})
