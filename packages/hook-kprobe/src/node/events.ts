import type { ProgramOf } from '../check-program.ts'
import {
  attachRawTracepointSource,
  attachTracepointSource,
  attachUsdtSource,
  type EventOptions,
  type RawTracepointProgram,
  type TracepointProgram,
} from '../event-probe.ts'
import type { EventSource, Tracepoint } from '../event-source.ts'
import type { ProbeLink } from '../link.ts'
import { channelSource, tracepointOf } from './sources.ts'

const sourceOf = (source: string | symbol | EventSource): EventSource =>
  typeof source === 'string' || typeof source === 'symbol' ? channelSource(source) : source

/**
 * Runs a program of SEC("usdt") at each message of a diagnostics channel: PARM1 is the message and PARM2 the channel's name;
 * of a message that is an array its elements are the arguments. Throws KprobeAttachError.
 */
export const attachUsdt = (
  program: ProgramOf<'kprobe'>,
  channel: string | symbol | EventSource,
  options?: EventOptions,
): ProbeLink => attachUsdtSource(program, sourceOf(channel), options)

/** The same for programs of SEC("raw_tp"). */
export const attachRawTracepoint = (
  program: RawTracepointProgram,
  channel: string | symbol | EventSource,
  options?: EventOptions,
): ProbeLink => attachRawTracepointSource(program, sourceOf(channel), options)

/**
 * Runs a program of SEC("tp") at each event of one of Node's tracepoints (`tracepointNames`) or of `defineTracepoint`; its
 * record is as `tracepointHeader` says. Throws KprobeAttachError.
 */
export const attachTracepoint = (
  program: TracepointProgram,
  tracepoint: string | Tracepoint,
  options?: EventOptions,
): ProbeLink =>
  attachTracepointSource(
    program,
    typeof tracepoint === 'string' ? tracepointOf(tracepoint) : tracepoint,
    options,
  )
