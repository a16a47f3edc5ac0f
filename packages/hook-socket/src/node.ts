export { SocketAttachError, type SocketAttachErrorCode, SocketVerdictError } from './errors.ts'
export type { SocketFilterStats } from './filter-stats.ts'
export type { NodeSocket } from './node/arena-socket.ts'
export {
  attachCgroup,
  type CgroupLink,
  type CgroupStats,
  type CgroupTarget,
  type SockAddrProgram,
} from './node/attach-cgroup.ts'
export {
  attachReuseport,
  type ReuseportLink,
  type ReuseportMember,
  type ReuseportOptions,
  type ReuseportProgram,
  type ReuseportStats,
} from './node/attach-reuseport.ts'
export {
  attachSocketFilter,
  type SocketFilter,
  type SocketFilterLink,
  type SocketFilterOptions,
} from './node/attach-socket-filter.ts'
export {
  attachSockmap,
  deleteSocket,
  type SkMsgProgram,
  type SkSkbProgram,
  type SockmapLink,
  type SockmapOptions,
  type SockmapPrograms,
  type SockmapStats,
  setSocket,
} from './node/attach-sockmap.ts'
export { socketHelpers } from './node/bind-helper.ts'
export { openReuseport, type ReuseportEnd, type ReuseportTarget } from './node/reuseport-member.ts'
export type { SocketKey } from './node/sockmap-elements.ts'
