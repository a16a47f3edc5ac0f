import { readFile } from 'node:fs/promises'
import { createDebugger, type Debugger } from '@skep/debugger'
import { readCapture } from '@skep/packet'
import type { Collection, Runtime } from '@skep/runtime'
import { loadObject } from '../commands/run-load.ts'
import { about, parseHex } from '../input.ts'
import { UsageError } from '../report.ts'

/** What is debugged, and over which input. */
export interface Debuggee {
  /** The object file. */
  readonly file: string
  /** The program's name; the only one when absent. */
  readonly name?: string | undefined
  /** The packet, in hex. */
  readonly data?: string | undefined
  /** A capture that the packet is of. */
  readonly pcap?: string | undefined
  /** Its number in the capture, from 1. Default 1. */
  readonly packet?: number | undefined
  /** The context, in hex, as the program type's test run takes it. */
  readonly ctx?: string | undefined
}

export interface OpenSession {
  readonly session: Debugger
  readonly runtime: Runtime
  readonly collection: Collection
  close(): void
}

/** An Ethernet header without contents: what a test run takes at least. */
const EMPTY_PACKET = 14

/** Loads an object on the interpreter, and stops a program of it before its first instruction. */
export async function openSession(debuggee: Debuggee): Promise<OpenSession> {
  const { file, name, ctx } = debuggee
  const data = await inputOf(debuggee)
  const { runtime, collection } = await loadObject(file, 'interpreter', {})
  try {
    const session = createDebugger(collection, {
      data,
      ...(name === undefined ? {} : { program: name }),
      ...(ctx === undefined ? {} : { ctx: parseHex(ctx, 'ctx') }),
    })
    const close = (): void => {
      session.close()
      runtime.close()
    }
    return { session, runtime, collection, close }
  } catch (error) {
    runtime.close()
    throw error
  }
}

async function inputOf({ data, pcap, packet = 1 }: Debuggee): Promise<Uint8Array> {
  if (data !== undefined && pcap !== undefined)
    throw new UsageError('data and pcap are both the packet; give one of them')
  if (data !== undefined) return parseHex(data, 'data')
  if (pcap === undefined) return new Uint8Array(EMPTY_PACKET)
  if (!Number.isInteger(packet) || packet < 1)
    throw new UsageError(`packet is ${packet}; give a packet's number, from 1`)
  let count = 0
  try {
    for await (const record of readCapture(await readFile(pcap)))
      if (++count === packet) return record.data.slice()
  } catch (error) {
    throw about(pcap, error)
  }
  throw new UsageError(`${pcap} has ${count} packets, no packet ${packet}`)
}
