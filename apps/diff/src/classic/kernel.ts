import { assembleBpfAsm, type ClassicInsn, classicDefs } from '@skep/isa'
import { type ClassicPacketInfo, runClassic } from '@skep/loader-cbpf'
import { arrivalOf } from '../../../../packages/loader-cbpf/test/loopback.ts'
import {
  askSockets,
  type SocketRun,
  type Venue,
} from '../../../../packages/loader-cbpf/test/socket-filters.ts'
import type { Case } from './cases.ts'

/** A case over one of its packets, with what a classic program sees of it there. */
export interface Trial {
  readonly of: Case
  /** As it is sent. */
  readonly packet: Uint8Array
  /** As it arrives. */
  readonly frame: Uint8Array
  readonly info: ClassicPacketInfo
  /** Loaded with `ld rand` wherever our side runs; the programs forget it at once. */
  readonly value: number
}

/** A datagram between unix sockets: no device, no headers, no protocol. */
const DATAGRAM: ClassicPacketInfo = { networkOffset: 0, linkOffset: null }
const DIGITS: readonly number[] = [0, 3, 6, 9, 12, 15]
const [POFF] = assembleBpfAsm('ld #poff\nret a') as [ClassicInsn]
const usesPayload = (insns: readonly ClassicInsn[]): boolean => insns.some(({ k }) => k === POFF.k)

/**
 * Where the kernel's flow dissector finds the payload of each packet: no part of what a filter means, so it is asked and
 * taken as given. A filter gives away as much of a number as the packet is long, so it is asked three bits at a time.
 */
function payloadOffsets(packets: readonly Uint8Array[], venue: Venue, cpu: number): number[] {
  const runs = packets.flatMap((packet) =>
    DIGITS.map(
      (shift): SocketRun => ({
        insns: assembleBpfAsm(`ld #poff\nrsh #${shift}\nand #7\nadd #1\nret a`),
        packets: [packet],
      }),
    ),
  )
  const found = askSockets(runs, venue, cpu).map((answer) =>
    'received' in answer ? answer.received[0]! - 1 : 0,
  )
  return packets.map((_, at) =>
    DIGITS.reduce((sum, shift, digit) => sum + found[at * DIGITS.length + digit]! * 2 ** shift, 0),
  )
}

/** Prepares the cases of one venue. */
export function trialsOf(cases: readonly Case[], venue: Venue, cpu: number): Trial[] {
  const own = cases.filter((one) => one.venue === venue)
  const asked = own.filter(({ insns }) => usesPayload(insns)).flatMap(({ packets }) => packets)
  const offsets = venue === 'unix' || asked.length === 0 ? [] : payloadOffsets(asked, venue, cpu)
  const offsetOf = new Map(asked.map((packet, at) => [packet, offsets[at] ?? 0]))
  return own.flatMap((one) =>
    one.packets.map((packet): Trial => {
      const { frame, info } =
        venue === 'unix' ? { frame: packet, info: { ...DATAGRAM, cpu } } : arrivalOf(packet, one.mark, cpu)
      const known = {
        ...info,
        pay_offset: offsetOf.get(packet) ?? 0,
        ...(venue === 'dgram' ? { start: 14 } : {}),
        random: () => 0x5eed_5eed,
      }
      return { of: one, packet, frame, info: known, value: runClassic(one.insns, frame, known) }
    }),
  )
}

const insn = (def: { readonly code: number }, k: number, jt = 0, jf = 0): ClassicInsn => ({
  code: def.code,
  jt,
  jf,
  k,
})

/**
 * A socket shows no more of a value than the packet's length, so the program itself compares what it would return: all of
 * the packet where A is as expected, one byte of it where it is not.
 */
export function observed(insns: readonly ClassicInsn[], value: number): ClassicInsn[] {
  const compare = insns.length - 1
  return [
    ...insns
      .slice(0, -1)
      .map((one, at) => (one.code === classicDefs.ret_a.code ? insn(classicDefs.ja, compare - at - 1) : one)),
    insn(classicDefs.jeq_k, value, 0, 1),
    insn(classicDefs.ret_k, 0xffff_ffff),
    insn(classicDefs.ret_k, 1),
  ]
}

export interface Surprise {
  readonly trial: Trial
  readonly what: string
}

/** Runs the trials of one venue in the kernel; what differs from the classic interpreter. */
export function compareKernel(trials: readonly Trial[], venue: Venue, cpu: number): Surprise[] {
  // One in eight runs as it is.
  const programs = trials.map(({ of, value }) => (of.index % 8 === 0 ? of.insns : observed(of.insns, value)))
  const answers = askSockets(
    trials.map(({ of, packet }, at) => ({ insns: programs[at]!, packets: [packet], mark: of.mark })),
    venue,
    cpu,
  )
  return trials.flatMap((trial, at): Surprise[] => {
    const { frame, info } = trial
    const answer = answers[at]!
    if ('errno' in answer) return [{ trial, what: `the kernel refuses it with errno ${answer.errno}` }]
    const told = answer.told?.[0]
    if (told === 'lost') return [{ trial, what: 'the frame did not arrive' }]
    const surprises: string[] = []
    if (told !== undefined) {
      const expected = {
        length: frame.length,
        protocol: info.protocol,
        ifindex: info.ifindex,
        hatype: info.hatype,
        pkttype: info.pkttype,
      }
      for (const [name, value] of Object.entries(expected))
        if (told[name as keyof typeof told] !== value)
          surprises.push(`the frame has ${name} ${told[name as keyof typeof told]}, not ${value}`)
    }
    const length = frame.length - (info.start ?? 0)
    const value = runClassic(programs[at]!, frame, info)
    const received = value === 0 ? null : Math.min(value, length)
    if (answer.received[0] !== received)
      surprises.push(
        `the socket receives ${answer.received[0]} bytes, not ${received}; classic gives ${trial.value}`,
      )
    return surprises.map((what) => ({ trial, what }))
  })
}
