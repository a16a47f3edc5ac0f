import { definePlugin, type PluginDef } from '@skep/registry'
import { cgroupDeviceProgramType } from './cgroup-device.ts'
import { cgroupSkbProgramType } from './cgroup-skb.ts'
import { cgroupSockProgramType } from './cgroup-sock.ts'
import { cgroupSockAddrProgramType } from './cgroup-sock-addr.ts'
import { cgroupSockoptProgramType } from './cgroup-sockopt.ts'
import { cgroupSysctlProgramType } from './cgroup-sysctl.ts'
import { flowDissectorProgramType } from './flow-dissector.ts'
import { skLookupProgramType } from './sk-lookup.ts'
import { skMsgProgramType } from './sk-msg.ts'
import { skReuseportProgramType } from './sk-reuseport.ts'
import { skSkbProgramType } from './sk-skb.ts'
import { sockOpsProgramType } from './sock-ops.ts'
import { socketFilterProgramType } from './socket-filter.ts'

/** Program types about sockets and cgroups. */
export const socketPlugin: PluginDef = definePlugin({
  name: 'hook-socket',
  programTypes: [
    socketFilterProgramType,
    cgroupSkbProgramType,
    cgroupSockProgramType,
    cgroupSockAddrProgramType,
    cgroupSockoptProgramType,
    cgroupDeviceProgramType,
    cgroupSysctlProgramType,
    sockOpsProgramType,
    skSkbProgramType,
    skMsgProgramType,
    skReuseportProgramType,
    skLookupProgramType,
    flowDissectorProgramType,
  ],
})

export {
  type CaptureFilterOptions,
  type CaptureFilterResult,
  type CaptureFilterStats,
  filterCapture,
  type SocketFilterProgram,
} from './capture.ts'
export { cgroupDeviceContext, cgroupDeviceProgramType } from './cgroup-device.ts'
export { cgroupSkbContext, cgroupSkbProgramType } from './cgroup-skb.ts'
export { cgroupSockContext, cgroupSockProgramType } from './cgroup-sock.ts'
export { cgroupSockAddrContext, cgroupSockAddrProgramType } from './cgroup-sock-addr.ts'
export { cgroupSockoptContext, cgroupSockoptProgramType } from './cgroup-sockopt.ts'
export { cgroupSysctlContext, cgroupSysctlProgramType } from './cgroup-sysctl.ts'
export { CaptureFilterError, SocketAttachError, type SocketAttachErrorCode } from './errors.ts'
export { type FilterDeviceOptions, type FilteredDevice, filterDevice } from './filter-device.ts'
export type { SocketFilterStats } from './filter-stats.ts'
export { flowDissectorContext, flowDissectorProgramType } from './flow-dissector.ts'
export { skLookupContext, skLookupProgramType } from './sk-lookup.ts'
export { skMsgContext, skMsgProgramType } from './sk-msg.ts'
export { skReuseportContext, skReuseportProgramType } from './sk-reuseport.ts'
export { skSkbContext, skSkbProgramType } from './sk-skb.ts'
export { sockOpsContext, sockOpsProgramType } from './sock-ops.ts'
export { socketFilterContext, socketFilterProgramType } from './socket-filter.ts'
export { SK_DROP, SK_PASS } from './verdicts.ts'
