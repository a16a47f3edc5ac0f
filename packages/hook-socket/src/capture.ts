import { type ByteSink, CapturePump, type CaptureSource, type ContextShape } from '@skep/packet'
import { control, type ProgramHandle, skbLayout } from '@skep/registry'
import { CaptureFilterError } from './errors.ts'
import { socketFilterProgramType } from './socket-filter.ts'

const { RUN_HEADER_SIZE } = control

/** A program that filters: `collection.program(name, 'socket_filter')`. */
export type SocketFilterProgram = ProgramHandle & { readonly type: 'socket_filter' }

export interface CaptureFilterOptions {
  /** Takes the packets that are kept, each cut to as many bytes as the filter returned, as a pcap file. */
  readonly pass?: ByteSink
  /** ifindex that the program sees. Default 1. */
  readonly ifindex?: number
  /** Packets in one run of the program's loop. Default 256. */
  readonly batchSize?: number
}

/** Counters of one run, in packets unless said. */
export interface CaptureFilterStats {
  packets: number
  /** Captured. */
  bytes: number
  dropped: number
  passed: number
}

export interface CaptureFilterResult {
  readonly stats: CaptureFilterStats
  /** LINKTYPE of the capture. */
  readonly linkType: number
  /** Packets by protocol (as `summarize` of @skep/packet tells it): those dropped and those kept. */
  readonly protocols: ReadonlyMap<string, readonly number[]>
}

const contextShape = (ifindex: number): ContextShape => {
  const template = new Uint8Array(RUN_HEADER_SIZE + skbLayout.SKB_CONTEXT_SIZE)
  const view = new DataView(template.buffer, RUN_HEADER_SIZE)
  view.setUint32(skbLayout.SKB_IFINDEX, ifindex, true)
  view.setUint32(skbLayout.SKB_INGRESS_IFINDEX, ifindex, true)
  return {
    template,
    below: RUN_HEADER_SIZE,
    fields: [
      // What was on the wire counts; what of it was not captured cannot be read.
      [skbLayout.SKB_LEN, 'originalLength'],
      [skbLayout.SKB_PKT_TYPE, 'packetType'],
      [skbLayout.SKB_PROTOCOL, 'protocol'],
      [skbLayout.SKB_DATA, 'data'],
      [skbLayout.SKB_DATA_META, 'data'],
      [skbLayout.SKB_DATA_END, 'dataEnd'],
      [skbLayout.SKB_FRAME_START, 'data'],
      [skbLayout.SKB_FRAME_END, 'dataEnd'],
      [skbLayout.SKB_MAC_HEADER, 'data'],
      [skbLayout.SKB_NETWORK_HEADER, 'network'],
    ],
  }
}

/**
 * Runs a socket filter over a whole capture, as on a packet socket: it sees each frame from its link-layer header on, and
 * its verdict is the number of bytes to keep. Throws CaptureFilterError for another program, PcapError at a bad record.
 */
export async function filterCapture(
  program: SocketFilterProgram,
  source: CaptureSource,
  options: CaptureFilterOptions = {},
): Promise<CaptureFilterResult> {
  const { host } = program
  if (program.type !== socketFilterProgramType.name) {
    throw new CaptureFilterError(
      program.name,
      `program ${program.name} is of type ${program.type}, not socket_filter; put it into SEC("socket")`,
    )
  }
  const pump = new CapturePump({
    memory: host.arena,
    context: contextShape(options.ifindex ?? 1),
    verdicts: 'length',
    run(contexts, count, results) {
      program.runBatch(contexts, count, results)
      host.quiesce()
    },
    ...(options.pass ? { sink: options.pass } : {}),
    ...(options.batchSize === undefined ? {} : { batchSize: options.batchSize }),
  })
  const forget = host.onClose(() => pump.stop())
  try {
    const { packets, bytes, protocols } = await pump.run(source)
    const kept = [...protocols.values()].reduce((sum, row) => sum + row[1]!, 0)
    return {
      linkType: pump.linkType!,
      protocols,
      stats: { packets, bytes, dropped: packets - kept, passed: kept },
    }
  } finally {
    forget()
  }
}
