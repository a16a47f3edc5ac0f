export {
  attachXdp,
  type XdpAttachOptions,
  type XdpLink,
  type XdpProgram,
  xdpAttachPoint,
} from './attach.ts'
export { movesPackets, runXdpCapture, type XdpCaptureOptions, type XdpCaptureResult } from './capture.ts'
export { XdpAbortedError, XdpAttachError, type XdpAttachErrorCode } from './errors.ts'
export { createXdpFrame, XDP_FRAME_SIZE, XDP_LINEAR_SIZE, type XdpFrameOptions } from './frame.ts'
export type { XdpBatchView } from './hook.ts'
export { xdpPlugin } from './plugin.ts'
export {
  BPF_F_XDP_HAS_FRAGS,
  XDP_ABORTED,
  XDP_DROP,
  XDP_PASS,
  XDP_REDIRECT,
  XDP_TX,
  xdpMd,
  xdpProgramType,
} from './program-type.ts'
export type { XdpStats } from './stats.ts'
export {
  createXskSocket,
  setXsk,
  type XskSocket,
  type XskSocketOptions,
  type XskStats,
} from './xsk-socket.ts'
