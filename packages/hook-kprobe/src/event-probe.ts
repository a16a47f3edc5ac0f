import type { ProgramHandle } from '@skep/registry'
import { checkProgram, type ProgramOf } from './check-program.ts'
import { KprobeAttachError } from './errors.ts'
import { type EventSource, type RecordField, recordFields, type Tracepoint } from './event-source.ts'
import { FunctionRuns } from './function-probe.ts'
import { OpenLink, type ProbeLink } from './link.ts'
import { RunContext } from './run-context.ts'
import { MAX_BPF_FUNC_ARGS } from './tracepoint.ts'

/** Programs of SEC("raw_tp") and SEC("tp"). */
export type RawTracepointProgram = ProgramOf<'raw_tracepoint'>
export type TracepointProgram = ProgramOf<'tracepoint'>

export interface EventOptions {
  /** bpf_get_attach_cookie. Default 0. */
  readonly cookie?: bigint
  /** What the program sees in place of an event's values. */
  readonly args?: (...values: unknown[]) => readonly unknown[]
  /** Bytes that texts and buffers of one event have together; what is longer is cut. Default 4096. */
  readonly copy?: number
}

/** PERF_MAX_TRACE_SIZE. */
const MOST_RECORD = 8192
const ROOM = 4096

function checkEvents(source: EventSource, { copy = ROOM }: EventOptions, most = 2 ** 24): void {
  if (typeof source?.subscribe !== 'function' || typeof source.name !== 'string') {
    throw new KprobeAttachError(
      'BAD_TARGET',
      'what was given is no source of events; give the name of a channel, or { name, subscribe }',
    )
  }
  if (!Number.isInteger(copy) || copy < 16 || copy > most)
    throw new KprobeAttachError('BAD_OPTION', `copy is ${copy}; give a number of bytes from 16 to ${most}`)
}

/** What the host makes of an event's values; its errors are events, and then the program does not run. */
function picker(
  program: ProgramHandle,
  { args }: EventOptions,
): (values: readonly unknown[]) => readonly unknown[] | undefined {
  if (!args) return (values) => values
  return (values) => {
    try {
      return args(...values)
    } catch (error) {
      program.host.emit('exception', error)
      return undefined
    }
  }
}

function subscribe(
  attachPoint: string,
  program: ProgramHandle,
  context: RunContext,
  source: EventSource,
  emit: (values: readonly unknown[]) => void,
): ProbeLink {
  let stop: () => void
  try {
    // The name tells stack traces where what is ours ends.
    stop = source.subscribe(function skepProbeEvent(...values) {
      emit(values)
    })
  } catch (error) {
    context.release()
    throw error
  }
  return new OpenLink(attachPoint, program, context, stop)
}

/** Runs a program of SEC("usdt") at each event: the values are the arguments in its `struct pt_regs`. Throws KprobeAttachError. */
export function attachUsdtSource(
  program: ProgramOf<'kprobe'>,
  source: EventSource,
  options: EventOptions = {},
): ProbeLink {
  checkProgram(program, ['kprobe'], {
    allowed: [undefined],
    mend: 'put it into SEC("usdt")',
  })
  checkEvents(source, options)
  const runs = new FunctionRuns(program, 'entry', options.copy === undefined ? {} : { copy: options.copy })
  const { enter } = runs.probe(source.subscribe, source.name, options.cookie ?? 0n, false)
  const pick = picker(program, options)
  return subscribe('usdt', program, runs.context, source, (values) => {
    const args = pick(values)
    if (args) enter!(undefined, args)
  })
}

/** Runs a program of SEC("raw_tp") at each event: its context is the values, u64 each. Throws KprobeAttachError. */
export function attachRawTracepointSource(
  program: RawTracepointProgram,
  source: EventSource,
  options: EventOptions = {},
): ProbeLink {
  checkProgram(program, ['raw_tracepoint'])
  checkEvents(source, options)
  const context = new RunContext(program, MAX_BPF_FUNC_ARGS * 8, options.copy ?? ROOM)
  context.setCookie(options.cookie ?? 0n)
  const pick = picker(program, options)
  return subscribe('raw_tracepoint', program, context, source, (values) => {
    const args = pick(values)
    if (!args || !context.begin()) return
    for (let n = 0; n < MAX_BPF_FUNC_ARGS; n++) context.values.write(context.word + 2 * n, args[n])
    context.run()
  })
}

/** Runs a program of SEC("tp") at each event: its context is the record, `tracepointHeader` says how. Throws KprobeAttachError. */
export function attachTracepointSource(
  program: TracepointProgram,
  tracepoint: Tracepoint,
  options: EventOptions = {},
): ProbeLink {
  checkProgram(program, ['tracepoint'])
  const { fields, size } = recordFields(tracepoint)
  const room = options.copy ?? ROOM
  checkEvents(tracepoint, options, MOST_RECORD - size)
  const context = new RunContext(program, size + room, 0)
  context.setCookie(options.cookie ?? 0n)
  const { values: made } = tracepoint
  const pick = picker(program, options.args || !made ? options : { args: made })
  return subscribe('tracepoint', program, context, tracepoint, (values) => {
    const args = pick(values)
    if (!args || !context.begin()) return
    writeRecord(context, fields, size, size + room, args)
    context.run()
  })
}

const encoder = new TextEncoder()

/** Texts lie one after another behind the fields, each with its NUL. */
function writeRecord(
  { address, arena }: RunContext,
  fields: readonly RecordField[],
  first: number,
  end: number,
  values: readonly unknown[],
): void {
  const { u8, view } = arena
  let free = first
  for (const [n, { offset, size, type }] of fields.entries()) {
    const at = address + offset
    const value = values[n]
    if (type === 'string') {
      const text = value === null || value === undefined ? '' : String(value)
      const { written } = encoder.encodeInto(text, u8.subarray(address + free, address + end - 1))
      u8[address + free + written] = 0
      view.setUint32(at, free | ((written + 1) << 16), true)
      free = Math.min(free + written + 1, end - 1)
    } else {
      const bits = integerOf(value)
      if (size === 8) view.setBigUint64(at, BigInt.asUintN(64, bits), true)
      else if (size === 4) view.setUint32(at, Number(BigInt.asUintN(32, bits)), true)
      else if (size === 2) view.setUint16(at, Number(BigInt.asUintN(16, bits)), true)
      else view.setUint8(at, Number(BigInt.asUintN(8, bits)))
    }
  }
}

function integerOf(value: unknown): bigint {
  if (typeof value === 'bigint') return value
  const number = Math.trunc(Number(value))
  return Number.isFinite(number) ? BigInt(number) : 0n
}
