import { type ByteSink, CapturePump, type CaptureSource, type ContextShape } from '@skep/packet'
import { control, type RuntimeHost, xdpLayout } from '@skep/registry'
import type { XdpProgram } from './attach.ts'
import { destinationsOf } from './destination.ts'
import { XdpAbortedError, XdpAttachError } from './errors.ts'
import { XDP_DROP, XDP_PASS, XDP_REDIRECT, XDP_TX, xdpProgramType } from './program-type.ts'
import type { XdpStats } from './stats.ts'

const { RUN_HEADER_SIZE } = control

export interface XdpCaptureOptions {
  /** Takes the packets that pass, as a pcap file. */
  readonly pass?: ByteSink
  /** ingress_ifindex that the program sees. Default 1. */
  readonly ifindex?: number
  /** rx_queue_index that the program sees. Default 0. */
  readonly rxQueue?: number
  /** Packets in one run of the program's loop. Default 256. */
  readonly batchSize?: number
}

export interface XdpCaptureResult {
  readonly stats: XdpStats
  /** LINKTYPE of the capture. */
  readonly linkType: number
  /** Packets by protocol (as `summarize` of @skep/packet tells it) and enum xdp_action. */
  readonly protocols: ReadonlyMap<string, readonly number[]>
}

/**
 * Whether a program may move where a packet begins or ends (helpers such as bpf_xdp_adjust_head, and whatever it
 * tail-calls), so that packets need room around them.
 */
export function movesPackets(program: {
  readonly helpers: readonly string[]
  readonly host: RuntimeHost
}): boolean {
  const { helpers } = program.host.platform
  return program.helpers.some((name) => {
    const helper = helpers.byName(name)
    return helper === undefined || helper.changesPacketData === true || helper.tailCall === true
  })
}

const contextShape = (options: XdpCaptureOptions): ContextShape => {
  const template = new Uint8Array(RUN_HEADER_SIZE + xdpLayout.XDP_CONTEXT_SIZE)
  const view = new DataView(template.buffer, RUN_HEADER_SIZE)
  view.setUint32(xdpLayout.XDP_INGRESS_IFINDEX, options.ifindex ?? 1, true)
  view.setUint32(xdpLayout.XDP_RX_QUEUE_INDEX, options.rxQueue ?? 0, true)
  return {
    template,
    below: RUN_HEADER_SIZE,
    fields: [
      [xdpLayout.XDP_DATA, 'data'],
      [xdpLayout.XDP_DATA_END, 'dataEnd'],
      [xdpLayout.XDP_DATA_META, 'data'],
      [xdpLayout.XDP_FRAME_START, 'data'],
      [xdpLayout.XDP_FRAME_END, 'dataEnd'],
    ],
  }
}

/**
 * Runs a program over a whole capture, as `attachXdp` does with a capture as the device, and several times as fast: packets
 * are worked on where they were read. XDP_TX and XDP_REDIRECT to the capture itself are counted, and the packets gone;
 * redirects to anywhere else fail. Throws XdpAttachError MOVES_PACKETS for a program that `movesPackets`, PcapError at a
 * bad record.
 */
export async function runXdpCapture(
  program: XdpProgram,
  source: CaptureSource,
  options: XdpCaptureOptions = {},
): Promise<XdpCaptureResult> {
  const { host } = program
  if (program.type !== xdpProgramType.name) {
    throw new XdpAttachError(
      'WRONG_PROGRAM_TYPE',
      `program ${program.name} is of type ${program.type}, not xdp; put it into SEC("xdp")`,
    )
  }
  if (movesPackets(program)) {
    throw new XdpAttachError(
      'MOVES_PACKETS',
      `program ${program.name} may move the ends of packets; attach it with attachXdp(program, openPcap(file))`,
    )
  }
  const ifindex = options.ifindex ?? 1
  let redirected = 0
  let redirectFailed = 0
  // To the capture itself, by nobody else's leave.
  const returns = (context: number): boolean => {
    const find = (wanted: number): true | undefined => (wanted === ifindex ? true : undefined)
    const found = destinationsOf(host, context, find, ifindex)
    return found?.length === 1 && found[0]!.device === true && !found[0]!.program
  }
  const pump = new CapturePump({
    memory: host.arena,
    context: contextShape(options),
    verdicts: { keep: XDP_PASS, plain: [XDP_DROP, XDP_TX] },
    run(contexts, count, results) {
      program.runBatch(contexts, count, results)
      host.quiesce()
    },
    unusual(verdict, context) {
      if (verdict === XDP_REDIRECT && returns(context)) {
        redirected++
        return
      }
      let reason = `verdict ${verdict}`
      if (verdict === XDP_REDIRECT) {
        redirectFailed++
        reason = 'XDP_REDIRECT without a device that this run knows'
      }
      host.emit('exception', new XdpAbortedError(program.name, verdict, reason))
    },
    ...(options.pass ? { sink: options.pass } : {}),
    ...(options.batchSize === undefined ? {} : { batchSize: options.batchSize }),
  })
  const forget = host.onClose(() => pump.stop())
  const { packets, bytes, protocols } = await pump.run(source).finally(forget)
  const of = (action: number): number => [...protocols.values()].reduce((sum, row) => sum + row[action]!, 0)
  const [dropped, passed, transmitted] = [of(XDP_DROP), of(XDP_PASS), of(XDP_TX)]
  return {
    linkType: pump.linkType!,
    protocols,
    stats: {
      packets,
      bytes,
      aborted: packets - dropped - passed - transmitted - redirected - redirectFailed,
      dropped,
      passed,
      transmitted,
      redirected,
      redirectFailed,
    },
  }
}
