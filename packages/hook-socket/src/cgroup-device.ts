import {
  attachTypeId,
  defineProgramType,
  field,
  type ProgramTypeDef,
  type StructContext,
  struct,
} from '@skep/registry'
import { section } from './sections.ts'

/** struct bpf_cgroup_dev_ctx (cgroup_dev_is_valid_access, kernel/bpf/cgroup.c): an access to a device. */
export const cgroupDeviceContext: StructContext = struct('bpf_cgroup_dev_ctx', {
  /** BPF_DEVCG_ACC_* in the upper half, BPF_DEVCG_DEV_* in the lower. */
  access_type: field.u32(),
  major: field.u32({ widths: 'exact' }),
  minor: field.u32({ widths: 'exact' }),
})

/** BPF_PROG_TYPE_CGROUP_DEVICE: 1 allows, 0 refuses. */
export const cgroupDeviceProgramType: ProgramTypeDef = defineProgramType({
  name: 'cgroup_device',
  id: 15,
  plainContext: true,
  context: cgroupDeviceContext,
  attachTypes: { cgroup_device: { id: attachTypeId('cgroup_device') } },
  returns: { min: 0, max: 1 },
  sections: [section('cgroup/dev', 'cgroup_device')],
})
