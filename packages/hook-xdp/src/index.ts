export { createXdpFrame, XDP_FRAME_SIZE, type XdpFrameOptions } from './frame.ts'
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
