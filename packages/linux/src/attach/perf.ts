import { readFileSync } from 'node:fs'
import { Handle } from '../context.ts'
import { errnoText } from '../errno.ts'
import { KernelArgumentError, KernelError } from '../errors.ts'
import type { Ffi } from '../ffi.ts'
import { attachTypes } from '../uapi.ts'
import { createLink, KernelLink, type LinkParts } from './kernel-link.ts'

// include/uapi/linux/perf_event.h
const PERF_TYPE_TRACEPOINT = 2
const PERF_FLAG_FD_CLOEXEC = 8
const PERF_ATTR_SIZE = 112
const FREQUENCY = 1 << 10
const IOC_ENABLE = 0x2400

/** What perf_event_open(2) is asked for: fields of struct perf_event_attr, and whom it is about. */
export interface PerfAttr {
  readonly type: number
  readonly config: number | bigint
  readonly config1?: bigint
  readonly config2?: bigint
  readonly sampleType?: number
  readonly period?: number
  readonly frequency?: number
  readonly wakeupEvents?: number
  /** -1 for all. */
  readonly pid: number
  /** -1 for all. */
  readonly cpu: number
}

/** perf_event_open(2). Throws KernelError. */
export function openPerfEvent(ffi: Ffi, about: PerfAttr, what: string): Handle {
  const attr = new Uint8Array(PERF_ATTR_SIZE)
  const view = new DataView(attr.buffer)
  view.setUint32(0, about.type, true)
  view.setUint32(4, PERF_ATTR_SIZE, true)
  view.setBigUint64(8, BigInt(about.config), true)
  view.setBigUint64(16, BigInt(about.frequency ?? about.period ?? 0), true)
  view.setBigUint64(24, BigInt(about.sampleType ?? 0), true)
  if (about.frequency !== undefined) view.setUint32(40, FREQUENCY, true)
  view.setUint32(48, about.wakeupEvents ?? 0, true)
  view.setBigUint64(56, about.config1 ?? 0n, true)
  view.setBigUint64(64, about.config2 ?? 0n, true)
  const fd = ffi.call('perf_event_open', attr, about.pid, about.cpu, -1, PERF_FLAG_FD_CLOEXEC)
  if (fd >= 0) return new Handle(ffi, fd, what)
  throw new KernelError(errnoText(fd), 'perf_event_open', what, mends[errnoText(fd)])
}

const mends: Readonly<Record<string, string>> = {
  EACCES: 'run as root or with CAP_PERFMON',
  EPERM: 'run as root or with CAP_PERFMON',
  ENOENT: 'this machine has no such event',
  EOPNOTSUPP: 'this machine has no such event; software events are everywhere',
  ENODEV: 'there is no such CPU',
  ESRCH: 'there is no such process',
}

/** ioctl(PERF_EVENT_IOC_ENABLE). Throws KernelError. */
export function enablePerfEvent(ffi: Ffi, event: Handle, what: string): void {
  const result = ffi.call('ioctl', event.fd, IOC_ENABLE, 0)
  if (result < 0) throw new KernelError(errnoText(result), 'PERF_EVENT_IOC_ENABLE', what)
}

/** Makes a link of the program and each of the events, which begin. */
function attachToEvents(
  parts: LinkParts,
  events: readonly Handle[],
  cookie: bigint,
  what: string,
): KernelLink {
  const { context, program } = parts
  const links: Handle[] = []
  const release = (): void => {
    for (const handle of [...links, ...events]) handle.close()
  }
  try {
    for (const event of events) {
      const fields = { prog_fd: program.record, target_fd: event.fd, attach_type: attachTypes['perf_event']! }
      links.push(createLink(context, { ...fields, perf_cookie: cookie }, what))
      enablePerfEvent(context.ffi, event, what)
    }
    return new KernelLink(parts, { ...(links[0] ? { link: links[0] } : {}), release })
  } catch (error) {
    release()
    throw error
  }
}

interface Cookie {
  /** What bpf_get_attach_cookie gives. Default 0. */
  readonly cookie?: bigint
}

export interface TracepointTarget extends Cookie {
  /** `category/name`: `sched/sched_switch`. */
  readonly name: string
  /** Where tracefs is mounted; /sys/kernel/tracing or /sys/kernel/debug/tracing when absent. */
  readonly tracefs?: string
}

function tracepointId({ name, tracefs }: TracepointTarget): number {
  if (typeof name !== 'string' || !/^[\w-]+\/[\w-]+$/.test(name))
    throw new KernelArgumentError(
      'tracepoint.name',
      `is ${JSON.stringify(name)}; give category/name, as sched/sched_switch`,
    )
  const roots = tracefs === undefined ? ['/sys/kernel/tracing', '/sys/kernel/debug/tracing'] : [tracefs]
  for (const root of roots) {
    try {
      return Number(readFileSync(`${root}/events/${name}/id`, 'latin1'))
    } catch {}
  }
  throw new KernelArgumentError(
    'tracepoint.name',
    `no ${name} under ${roots.join(' or ')}; mount tracefs there (mount -t tracefs none /sys/kernel/tracing), see available_events`,
  )
}

export function attachTracepoint(parts: LinkParts, target: TracepointTarget): KernelLink {
  const what = `program '${parts.program.name}' on tracepoint ${target.name}`
  const about = { type: PERF_TYPE_TRACEPOINT, config: tracepointId(target), pid: -1, cpu: 0 }
  return attachToEvents(parts, [openPerfEvent(parts.context.ffi, about, what)], target.cookie ?? 0n, what)
}

/** The number of a performance monitoring unit that the kernel has under a name. */
function pmuType(name: string, instead: string): number {
  try {
    return Number(readFileSync(`/sys/bus/event_source/devices/${name}/type`, 'latin1'))
  } catch {
    throw new KernelArgumentError(name, `this kernel was built without ${name}s; ${instead}`)
  }
}

export interface KprobeTarget extends Cookie {
  /** A function of the kernel. */
  readonly name: string
  readonly offset?: number
  /** When it returns. */
  readonly returns?: boolean
}

export interface UprobeTarget extends Cookie {
  /** The executable or library. */
  readonly path: string
  /** Bytes into the file where the function begins. */
  readonly offset: number
  readonly returns?: boolean
  /** Only in that process; in all that run the file when absent. */
  readonly pid?: number
}

function attachProbe(
  parts: LinkParts,
  type: number,
  {
    where,
    offset,
    pid = -1,
    returns = false,
    cookie = 0n,
  }: {
    readonly where: string
    readonly offset: number
    readonly pid?: number | undefined
    readonly returns?: boolean | undefined
    readonly cookie?: bigint | undefined
  },
): KernelLink {
  const { context, program } = parts
  const name = new TextEncoder().encode(`${where}\0`)
  const what = `program '${program.name}' on ${where}+0x${offset.toString(16)}`
  const about: PerfAttr = {
    type,
    config: returns ? 1 : 0,
    config1: context.address(name),
    config2: BigInt(offset),
    pid,
    cpu: pid < 0 ? 0 : -1,
  }
  return attachToEvents(parts, [openPerfEvent(context.ffi, about, what)], cookie, what)
}

export const attachKprobe = (parts: LinkParts, target: KprobeTarget): KernelLink =>
  attachProbe(parts, pmuType('kprobe', 'attach a tracing program (SEC("fentry/…")) instead'), {
    ...target,
    where: target.name,
    offset: target.offset ?? 0,
  })

export const attachUprobe = (parts: LinkParts, target: UprobeTarget): KernelLink =>
  attachProbe(parts, pmuType('uprobe', 'it takes CONFIG_UPROBE_EVENTS'), { ...target, where: target.path })

export interface PerfEventTarget extends Cookie {
  /** PERF_TYPE_*; 1, software, when absent. */
  readonly type?: number
  /** PERF_COUNT_*; 0, the CPU's clock, when absent. */
  readonly config?: number | bigint
  /** An event of so many, or so many a second. */
  readonly period?: number
  readonly frequency?: number
  /** Default -1: all processes. */
  readonly pid?: number
  /** These CPUs; all of the machine when absent, or wherever the process runs when `pid` is given. */
  readonly cpus?: readonly number[]
}

export function attachPerfEvent(parts: LinkParts, target: PerfEventTarget): KernelLink {
  const { context, program } = parts
  const { type = 1, config = 0, period, frequency, pid = -1 } = target
  if ((period === undefined) === (frequency === undefined))
    throw new KernelArgumentError('perf_event', 'give either a period or a frequency')
  const cpus = target.cpus ?? (pid < 0 ? Array.from({ length: context.possibleCpus }, (_, cpu) => cpu) : [-1])
  const what = `program '${program.name}' on perf event ${type}:${config}`
  const events: Handle[] = []
  try {
    for (const cpu of cpus) {
      const rate = period === undefined ? { frequency: frequency! } : { period }
      events.push(openPerfEvent(context.ffi, { type, config, ...rate, pid, cpu }, what))
    }
  } catch (error) {
    for (const event of events) event.close()
    throw error
  }
  return attachToEvents(parts, events, target.cookie ?? 0n, what)
}
