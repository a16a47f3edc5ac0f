import type { Arena } from '@skep/memory'
import { type TestRunContext, TestRunError, type TestRunInput, xdpLayout } from '@skep/registry'
import { createXdpFrame, packetEnd, XDP_LINEAR_SIZE } from './frame.ts'

const { ETH_HLEN, XDP_MD_SIZE, XDP_FRAG_SIZE } = xdpLayout

/** MAX_SKB_FRAGS. */
const MOST_FRAGS = 17
/** What struct xdp_frame leaves of the head room. */
const MOST_METADATA = xdpLayout.XDP_PACKET_HEADROOM - xdpLayout.XDP_FRAME_STRUCT_SIZE
const LOOPBACK_IFINDEX = 1

const invalid = (field: string, message: string): TestRunError => new TestRunError('EINVAL', field, message)

/** A given xdp_md, checked. */
function contextOf(given: Uint8Array, length: number): (offset: number) => number {
  if (given.subarray(XDP_MD_SIZE).some((byte) => byte !== 0))
    throw new TestRunError('E2BIG', 'ctx', `is not zero after the ${XDP_MD_SIZE} bytes of an xdp_md`)
  const bytes = new Uint8Array(XDP_MD_SIZE)
  bytes.set(given.subarray(0, XDP_MD_SIZE))
  const view = new DataView(bytes.buffer)
  const word = (offset: number): number => view.getUint32(offset, true)
  const [data, end] = [word(xdpLayout.XDP_DATA), word(xdpLayout.XDP_DATA_END)]
  if (word(xdpLayout.XDP_DATA_META) !== 0) throw invalid('ctx.data_meta', 'is not 0, where metadata begins')
  if (end > length || data > end)
    throw invalid('ctx.data_end', `${end} is not from data (${data}) to the ${length} bytes of the input`)
  if (data % 4 !== 0 || data > MOST_METADATA)
    throw invalid('ctx.data', `${data} bytes of metadata; give a multiple of 4 up to ${MOST_METADATA}`)
  if (word(xdpLayout.XDP_EGRESS_IFINDEX) !== 0) throw invalid('ctx.egress_ifindex', 'is not 0')
  if (word(xdpLayout.XDP_RX_QUEUE_INDEX) !== 0 && word(xdpLayout.XDP_INGRESS_IFINDEX) === 0)
    throw invalid('ctx.rx_queue_index', 'is of no device; give ingress_ifindex too')
  return word
}

/**
 * One packet as BPF_PROG_TEST_RUN sets it up (bpf_prog_test_run_xdp, net/bpf/test_run.c): what does not fit a page is in
 * fragments. With a context given, `data` says how much of the input is metadata before the packet, and `data_end` where
 * fragments begin at the latest. Any ingress_ifindex is taken. Throws TestRunError.
 */
export function xdpTestRun(arena: Arena, input: TestRunInput): TestRunContext {
  const { length } = input.data
  const word = input.ctx && contextOf(input.ctx, length)
  const metadata = word?.(xdpLayout.XDP_DATA) ?? 0
  const first = Math.min(word?.(xdpLayout.XDP_DATA_END) ?? length, XDP_LINEAR_SIZE + metadata)
  if (length - metadata < ETH_HLEN || first < ETH_HLEN)
    throw invalid('data', `${length} bytes hold no Ethernet header; give ${ETH_HLEN} at least`)
  if (length - first > MOST_FRAGS * XDP_FRAG_SIZE)
    throw new TestRunError(
      'ENOMEM',
      'data',
      `${length} bytes are more than ${MOST_FRAGS} fragments hold; give ${first + MOST_FRAGS * XDP_FRAG_SIZE} at most`,
    )
  const frame = createXdpFrame(arena, input.data, {
    metadata,
    ingressIfindex: word?.(xdpLayout.XDP_INGRESS_IFINDEX) || LOOPBACK_IFINDEX,
    rxQueueIndex: word?.(xdpLayout.XDP_RX_QUEUE_INDEX) ?? 0,
    frags: true,
    linear: first - metadata,
  })
  return {
    address: frame.context,
    finish: () => {
      const ctx = new Uint8Array(XDP_MD_SIZE)
      ctx.set(input.ctx?.subarray(0, XDP_MD_SIZE) ?? [])
      const of = (offset: number): number => arena.u32[(frame.context + offset) >> 2]!
      const meta = of(xdpLayout.XDP_DATA_META)
      const fields = new DataView(ctx.buffer)
      // Offsets instead of addresses, as the kernel gives them back.
      fields.setUint32(xdpLayout.XDP_DATA, of(xdpLayout.XDP_DATA) - meta, true)
      fields.setUint32(xdpLayout.XDP_DATA_END, of(xdpLayout.XDP_DATA_END) - meta, true)
      // The kernel gives the metadata before the packet too.
      const data = arena.u8.slice(meta, packetEnd(arena.u32, frame.context))
      return { data, ...(input.ctx ? { ctx } : {}) }
    },
    release: frame.release,
  }
}
