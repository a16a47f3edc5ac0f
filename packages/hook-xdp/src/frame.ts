import type { Arena } from '@skep/memory'
import { control, xdpLayout } from '@skep/registry'

const { RUN_HEADER_SIZE } = control
const { XDP_CONTEXT_SIZE, XDP_PACKET_HEADROOM } = xdpLayout

/** Memory of a frame whose packet fits one page in the kernel: PAGE_SIZE less the tail that skb_shared_info takes. */
export const XDP_FRAME_SIZE: number = 4096 - 320

export interface XdpFrameOptions {
  /** Bytes at the start of the data that are metadata, not packet. */
  readonly metadata?: number
  readonly ingressIfindex?: number
  readonly rxQueueIndex?: number
  readonly egressIfindex?: number
}

/** Writes an xdp_md and clears its run header. */
export function writeXdpContext(
  u32: Uint32Array,
  context: number,
  frame: { start: number; meta: number; data: number; dataEnd: number; end: number },
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
}

/** One frame of its own with its context, for single runs. */
export function createXdpFrame(
  arena: Arena,
  packet: Uint8Array,
  options: XdpFrameOptions = {},
): { readonly context: number; release(): void } {
  const size = Math.max(XDP_FRAME_SIZE, XDP_PACKET_HEADROOM + packet.length)
  const block = arena.alloc(RUN_HEADER_SIZE + XDP_CONTEXT_SIZE + size, 64)
  const context = block + RUN_HEADER_SIZE
  const start = context + XDP_CONTEXT_SIZE
  const meta = start + XDP_PACKET_HEADROOM
  arena.u8.set(packet, meta)
  const data = meta + (options.metadata ?? 0)
  writeXdpContext(
    arena.u32,
    context,
    { start, meta, data, dataEnd: meta + packet.length, end: start + size },
    options,
  )
  return { context, release: () => arena.free(block) }
}
