import type { ProgramHandle } from '@skep/registry'
import { KernelArgumentError } from '../errors.ts'
import type { KernelLink, LinkParts } from './kernel-link.ts'
import {
  attachCgroup,
  attachNetfilter,
  attachNetns,
  attachRawTracepoint,
  attachSockmap,
  attachTracing,
  type CgroupTarget,
  type NetfilterTarget,
  type NetnsTarget,
  type RawTracepointTarget,
  type SockmapTarget,
  type TracingTarget,
} from './kernel-objects.ts'
import { attachTc, attachTcx, attachXdp, type TcTarget, type TcxTarget, type XdpTarget } from './network.ts'
import {
  attachKprobe,
  attachPerfEvent,
  attachTracepoint,
  attachUprobe,
  type KprobeTarget,
  type PerfEventTarget,
  type TracepointTarget,
  type UprobeTarget,
} from './perf.ts'

import { attachReuseport, attachSocketFilter, type SocketFilterTarget, type SocketTarget } from './sockets.ts'

/** Places in the kernel: the program types that they take, and what says which one. */
export interface KernelPoints {
  xdp: { program: 'xdp'; target: XdpTarget }
  tc: { program: 'sched_cls'; target: TcTarget }
  tcx: { program: 'sched_cls'; target: TcxTarget }
  socket_filter: { program: 'socket_filter'; target: SocketFilterTarget }
  reuseport: { program: 'sk_reuseport' | 'socket_filter'; target: SocketTarget }
  sockmap: { program: 'sk_skb' | 'sk_msg'; target: SockmapTarget }
  cgroup: {
    program:
      | 'cgroup_skb'
      | 'cgroup_sock'
      | 'cgroup_sock_addr'
      | 'cgroup_sockopt'
      | 'cgroup_sysctl'
      | 'cgroup_device'
      | 'sock_ops'
    target: CgroupTarget
  }
  netns: { program: 'sk_lookup' | 'flow_dissector'; target: NetnsTarget }
  netfilter: { program: 'netfilter'; target: NetfilterTarget }
  tracepoint: { program: 'tracepoint'; target: TracepointTarget }
  raw_tracepoint: { program: 'raw_tracepoint' | 'raw_tracepoint_writable'; target: RawTracepointTarget }
  kprobe: { program: 'kprobe'; target: KprobeTarget }
  uprobe: { program: 'kprobe'; target: UprobeTarget }
  perf_event: { program: 'perf_event'; target: PerfEventTarget }
  tracing: { program: 'tracing' | 'lsm'; target: TracingTarget }
}

type Attach<P extends keyof KernelPoints> = {
  readonly types: readonly KernelPoints[P]['program'][]
  readonly attach: (parts: LinkParts, target: KernelPoints[P]['target']) => KernelLink
}

const points: { readonly [P in keyof KernelPoints]: Attach<P> } = {
  xdp: { types: ['xdp'], attach: attachXdp },
  tc: { types: ['sched_cls'], attach: attachTc },
  tcx: { types: ['sched_cls'], attach: attachTcx },
  socket_filter: { types: ['socket_filter'], attach: attachSocketFilter },
  reuseport: { types: ['sk_reuseport', 'socket_filter'], attach: attachReuseport },
  sockmap: { types: ['sk_skb', 'sk_msg'], attach: attachSockmap },
  cgroup: {
    types: [
      'cgroup_skb',
      'cgroup_sock',
      'cgroup_sock_addr',
      'cgroup_sockopt',
      'cgroup_sysctl',
      'cgroup_device',
      'sock_ops',
    ],
    attach: attachCgroup,
  },
  netns: { types: ['sk_lookup', 'flow_dissector'], attach: attachNetns },
  netfilter: { types: ['netfilter'], attach: attachNetfilter },
  tracepoint: { types: ['tracepoint'], attach: attachTracepoint },
  raw_tracepoint: { types: ['raw_tracepoint', 'raw_tracepoint_writable'], attach: attachRawTracepoint },
  kprobe: { types: ['kprobe'], attach: attachKprobe },
  uprobe: { types: ['kprobe'], attach: attachUprobe },
  perf_event: { types: ['perf_event'], attach: attachPerfEvent },
  tracing: { types: ['tracing', 'lsm'], attach: attachTracing },
}

/** Attaches at the point of that name. Throws KernelArgumentError before the kernel is asked, and KernelError. */
export function attachAt(parts: LinkParts, target: unknown): KernelLink {
  const { point, program } = parts
  const known = Object.hasOwn(points, point) ? points[point as keyof KernelPoints] : undefined
  if (!known) {
    throw new KernelArgumentError(
      'point',
      `the kernel has no attach point ${point} for program ${program.name}; there are: ${Object.keys(points).join(', ')}`,
    )
  }
  const { types, attach } = known as Attach<keyof KernelPoints>
  if (!(types as readonly string[]).includes(program.type)) {
    throw new KernelArgumentError(
      'program',
      `${program.name} is of type ${program.type}, and ${point} takes ${types.join(' or ')}`,
    )
  }
  return (attach as (parts: LinkParts, target: unknown) => KernelLink)(parts, target ?? {})
}

/**
 * Attaches a program of a runtime with `engine: kernel()` in the running kernel. The link ends with `close`, with the program's
 * collection, and with the process. Throws KernelArgumentError for what makes no sense, before the kernel is asked, and
 * KernelError.
 */
export function attachToKernel<P extends keyof KernelPoints>(
  program: ProgramHandle & { readonly type: KernelPoints[P]['program'] },
  point: P,
  target: KernelPoints[P]['target'],
): KernelLink {
  if (!program.attach) {
    throw new KernelArgumentError(
      'program',
      `${program.name} runs in Skep's own memory; load it in a runtime with engine: kernel()`,
    )
  }
  return program.attach(point, target) as KernelLink
}
