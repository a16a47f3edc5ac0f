export { SocketAttachError, type SocketAttachErrorCode, SocketVerdictError } from './errors.ts'
export type { NodeSocket } from './node/arena-socket.ts'
export {
  attachSocketFilter,
  type SocketFilter,
  type SocketFilterLink,
  type SocketFilterOptions,
  type SocketFilterStats,
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
export type { SocketKey } from './node/sockmap-elements.ts'
