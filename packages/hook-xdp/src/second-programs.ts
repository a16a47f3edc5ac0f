import type { PacketDevice } from '@skep/packet'
import { control, type ProgramHandle, type RuntimeHost, xdpLayout } from '@skep/registry'
import type { Attached } from './chain.ts'
import type { Destination } from './destination.ts'
import { createXdpFrame, packetEnd } from './frame.ts'
import { XDP_DROP, XDP_PASS, XDP_REDIRECT } from './program-type.ts'

const { XDP_DATA, XDP_DATA_END, XDP_DATA_META, XDP_FRAGS_END } = xdpLayout

/** A packet on its way to a destination that has a program. */
export interface Redirected {
  /** Of the batch that it came in. */
  readonly index: number
  readonly context: number
  readonly destination: Destination<PacketDevice> & { readonly program: ProgramHandle }
  /** Whose verdict it was. */
  readonly decider: Attached
}

/** What becomes of such a packet. */
export interface Outcome {
  /** It goes there. */
  pass(packet: Redirected): void
  drop(packet: Redirected): void
  /** A verdict that the place does not know, or XDP_ABORTED. */
  abort(packet: Redirected, verdict: number): void
  /** A program of a cpumap redirects it again. */
  redirect(packet: Redirected): void
}

/** A context of its own with a copy of the packet, metadata included (xdpf_clone), for one of several destinations. */
export function cloneFrame(
  { arena }: RuntimeHost,
  context: number,
): { readonly context: number; release(): void } {
  const word = (offset: number): number => arena.u32[(context + offset) >> 2]!
  const [meta, data] = [word(XDP_DATA_META), word(XDP_DATA)]
  const bytes = arena.u8.slice(meta, packetEnd(arena.u32, context))
  return createXdpFrame(arena, bytes, {
    metadata: data - meta,
    ...(word(XDP_FRAGS_END) === 0 ? {} : { frags: true, linear: word(XDP_DATA_END) - data }),
    ingressIfindex: word(xdpLayout.XDP_INGRESS_IFINDEX),
  })
}

/**
 * Runs the programs of destinations, each over its packets, and obeys their verdicts: dev_map_bpf_prog_run of
 * kernel/bpf/devmap.c, cpu_map_bpf_prog_run_xdp of kernel/bpf/cpumap.c.
 */
export function runSecondPrograms(host: RuntimeHost, packets: readonly Redirected[], outcome: Outcome): void {
  const groups = new Map<ProgramHandle, Redirected[]>()
  for (const packet of packets) {
    const { program } = packet.destination
    const group = groups.get(program)
    if (group) group.push(packet)
    else groups.set(program, [packet])
  }
  for (const [program, group] of groups) {
    const verdicts = run(host, program, group)
    for (const [n, packet] of group.entries()) obey(packet, verdicts[n]!, outcome)
  }
}

function run(host: RuntimeHost, program: ProgramHandle, group: readonly Redirected[]): Uint32Array {
  const { arena } = host
  const contexts = arena.alloc(8 * group.length)
  const results = contexts + 4 * group.length
  const { u32 } = arena
  for (const [n, { context, destination }] of group.entries()) {
    const at = context >> 2
    u32.fill(0, at - control.RUN_HEADER_SIZE / 4, at)
    // The queue that it came from is not known any more.
    u32[at + xdpLayout.XDP_RX_QUEUE_INDEX / 4] = 0
    u32[at + xdpLayout.XDP_EGRESS_IFINDEX / 4] = destination.ifindex
    u32[(contexts >> 2) + n] = context
  }
  try {
    program.runBatch(contexts, group.length, results)
    return arena.u32.slice(results >> 2, (results >> 2) + group.length)
  } finally {
    arena.free(contexts)
  }
}

function obey(packet: Redirected, verdict: number, outcome: Outcome): void {
  const toDevice = packet.destination.device !== undefined
  if (verdict === XDP_PASS) outcome.pass(packet)
  else if (verdict === XDP_DROP) outcome.drop(packet)
  else if (verdict === XDP_REDIRECT && !toDevice) outcome.redirect(packet)
  else outcome.abort(packet, verdict)
}
