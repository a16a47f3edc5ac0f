import { filterCapture } from '@skep/hook-socket'
import { attachXdp, movesPackets, runXdpCapture, type XdpProgram } from '@skep/hook-xdp'
import type { ByteSink, ByteSource } from '@skep/packet'
import { openBlockingSink, openBlockingSource, openPcap, openPcapSink } from '@skep/packet/node'
import type { Collection } from '@skep/runtime'
import { about } from '../input.ts'
import { VerdictTable } from '../verdicts.ts'

/** What a run over a capture found. */
export interface CaptureRun {
  readonly stats: object
  readonly verdicts: VerdictTable
}

const XDP_DROP = 1
const XDP_PASS = 2

/** Runs the program over the capture, and writes the packets that pass to the file `write`. */
export async function runOver(
  collection: Collection,
  name: string,
  type: string,
  capture: string,
  write: string | undefined,
): Promise<CaptureRun> {
  if (type === 'socket_filter') {
    const program = collection.program(name, 'socket_filter')
    return withFiles(capture, write, async (source, pass) => {
      const { stats, linkType, protocols } = await filterCapture(program, source, pass)
      const verdicts = new VerdictTable(linkType)
      for (const [protocol, [dropped, passed]] of protocols) {
        const row: number[] = []
        row[XDP_DROP] = dropped!
        row[XDP_PASS] = passed!
        verdicts.addCounts(
          protocol,
          Array.from(row, (n) => n ?? 0),
        )
      }
      return { stats, verdicts }
    })
  }
  const program = collection.program(name, 'xdp')
  if (movesPackets(program)) return attachTo(program, capture, write)
  return withFiles(capture, write, async (source, pass) => {
    const { stats, linkType, protocols } = await runXdpCapture(program, source, pass)
    const verdicts = new VerdictTable(linkType)
    for (const [protocol, counts] of protocols) verdicts.addCounts(protocol, counts)
    return { stats, verdicts }
  })
}

/** Closes what `act` leaves open. */
async function withFiles<T>(
  capture: string,
  write: string | undefined,
  act: (source: ByteSource, pass: { readonly pass?: ByteSink }) => Promise<T>,
): Promise<T> {
  const source = openBlockingSource(capture)
  const sink = write === undefined ? undefined : openBlockingSink(write)
  try {
    return await act(source, sink ? { pass: sink } : {})
  } finally {
    await sink?.close?.()
  }
}

/** Programs that move the ends of packets need room around each. */
async function attachTo(
  program: XdpProgram,
  capture: string,
  write: string | undefined,
): Promise<CaptureRun> {
  const source = await openPcap(capture).catch((error) => {
    throw about(capture, error)
  })
  const sink = write === undefined ? undefined : await openPcapSink(write)
  const verdicts = new VerdictTable(source.linkType)
  const link = attachXdp(program, source, {
    ...(sink ? { pass: sink } : {}),
    onBatch: (batch) => verdicts.add(batch),
  })
  const stats = await link.done
  await sink?.close()
  await source.close()
  return { stats, verdicts }
}
