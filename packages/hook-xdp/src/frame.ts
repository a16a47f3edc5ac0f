import type { Arena } from '@skep/memory'
import { control, xdpLayout } from '@skep/registry'

const { RUN_HEADER_SIZE } = control
const { XDP_CONTEXT_SIZE, XDP_FRAG_SIZE, XDP_PACKET_HEADROOM } = xdpLayout

/** Memory of a frame whose packet fits one page in the kernel: PAGE_SIZE less the tail that skb_shared_info takes. */
export const XDP_FRAME_SIZE: number = 4096 - 320

/** Bytes of a packet in several fragments that programs see between `data` and `data_end`. */
export const XDP_LINEAR_SIZE: number = XDP_FRAME_SIZE - XDP_PACKET_HEADROOM

export interface XdpFrameOptions {
  /** Bytes at the start of the data that are metadata, not packet. */
  readonly metadata?: number
  readonly ingressIfindex?: number
  readonly rxQueueIndex?: number
  readonly egressIfindex?: number
  /** What does not fit one page goes into fragments; otherwise the frame is as long as the packet. */
  readonly frags?: boolean
  /** With `frags`: bytes of the packet before its fragments, at most and by default XDP_LINEAR_SIZE. */
  readonly linear?: number
}

/** Writes an xdp_md and clears its run header. */
export function writeXdpContext(
  u32: Uint32Array,
  context: number,
  frame: { start: number; meta: number; data: number; dataEnd: number; end: number; fragsEnd?: number },
  options: XdpFrameOptions,
): void {
  const at = context >> 2
  u32.fill(0, at - RUN_HEADER_SIZE / 4, at)
  u32[at + xdpLayout.XDP_DATA / 4] = frame.data
  u32[at + xdpLayout.XDP_DATA_END / 4] = frame.dataEnd
  u32[at + xdpLayout.XDP_DATA_META / 4] = frame.meta
  u32[at + xdpLayout.XDP_INGRESS_IFINDEX / 4] = options.ingressIfindex ?? 0
  u32[at + xdpLayout.XDP_RX_QUEUE_INDEX / 4] = options.rxQueueIndex ?? 0
  u32[at + xdpLayout.XDP_EGRESS_IFINDEX / 4] = options.egressIfindex ?? 0
  u32[at + xdpLayout.XDP_FRAME_START / 4] = frame.start
  u32[at + xdpLayout.XDP_FRAME_END / 4] = frame.end
  u32[at + xdpLayout.XDP_FRAGS_END / 4] = frame.fragsEnd ?? 0
}

/** Where a packet ends, behind its fragments. */
export const packetEnd = (u32: Uint32Array, context: number): number =>
  u32[(context + xdpLayout.XDP_FRAGS_END) >> 2]! || u32[(context + xdpLayout.XDP_DATA_END) >> 2]!

/** One frame of its own with its context, for single runs. Metadata takes its bytes from the head room. */
export function createXdpFrame(
  arena: Arena,
  packet: Uint8Array,
  options: XdpFrameOptions = {},
): { readonly context: number; release(): void } {
  const { metadata = 0, frags = false } = options
  const length = packet.length - metadata
  const linear = frags ? Math.min(length, options.linear ?? XDP_LINEAR_SIZE) : length
  const beyond = length - linear
  const size = Math.max(XDP_FRAME_SIZE, XDP_PACKET_HEADROOM + linear)
  const pages = Math.ceil(beyond / XDP_FRAG_SIZE) * XDP_FRAG_SIZE
  const before = RUN_HEADER_SIZE + XDP_CONTEXT_SIZE
  const block = arena.alloc(before + size + (pages && pages + XDP_FRAG_SIZE), 64)
  const context = block + RUN_HEADER_SIZE
  // Fragments are pages, and begin where the linear part ends.
  const first = block + before + XDP_PACKET_HEADROOM + linear
  const dataEnd = pages === 0 ? first : Math.ceil(first / XDP_FRAG_SIZE) * XDP_FRAG_SIZE
  const data = dataEnd - linear
  const start = data - XDP_PACKET_HEADROOM
  const fragsEnd = pages === 0 ? 0 : dataEnd + beyond
  arena.u8.set(packet, data - metadata)
  writeXdpContext(
    arena.u32,
    context,
    { start, meta: data - metadata, data, dataEnd, end: start + size, fragsEnd },
    options,
  )
  return { context, release: () => arena.free(block) }
}
