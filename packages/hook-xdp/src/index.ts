export {
  attachXdp,
  type XdpAttachOptions,
  type XdpBatchView,
  type XdpLink,
  type XdpProgram,
  type XdpStats,
  xdpAttachPoint,
} from './attach.ts'
export { movesPackets, runXdpCapture, type XdpCaptureOptions, type XdpCaptureResult } from './capture.ts'
export { XdpAbortedError, XdpAttachError, type XdpAttachErrorCode } from './errors.ts'
export { createXdpFrame, XDP_FRAME_SIZE, type XdpFrameOptions } from './frame.ts'
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
