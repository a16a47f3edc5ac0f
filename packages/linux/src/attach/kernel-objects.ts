import { closeSync, openSync } from 'node:fs'
import type { MapHandle } from '@skep/registry'
import { Handle } from '../context.ts'
import { errnoText } from '../errno.ts'
import { KernelArgumentError, KernelError } from '../errors.ts'
import { attachTypes, numberOf } from '../uapi.ts'
import { createLink, KernelLink, type LinkParts } from './kernel-link.ts'
import type { NetworkInterface } from './network-interface.ts'

// Attach points that are neither interfaces nor sockets: cgroups, namespaces, functions of the kernel, maps of sockets.

export interface CgroupTarget {
  /** Folder of a control group of version 2. */
  readonly path: string
  /** BPF_* of the program, where its section does not say it: `cgroup_inet_ingress`. */
  readonly attachType?: string
}

/** Attach types of program types that have one only. */
const soleTypes: Readonly<Record<string, string>> = {
  cgroup_device: 'cgroup_device',
  cgroup_sysctl: 'cgroup_sysctl',
  sock_ops: 'cgroup_sock_ops',
  cgroup_sock: 'cgroup_inet_sock_create',
  sk_lookup: 'sk_lookup',
  flow_dissector: 'flow_dissector',
}

function typeOf({ program, point }: LinkParts, given?: string): number {
  const name = given ?? program.attachType ?? soleTypes[program.type]
  const type = name === undefined ? undefined : numberOf(attachTypes, name)
  if (type !== undefined) return type
  throw new KernelArgumentError(
    `${point}.attachType`,
    name === undefined
      ? `program ${program.name} does not say where; give one`
      : `no attach type is called ${name}`,
  )
}

/** Opens a folder or file for as long as the link is made. */
function withFile<T>(path: string, act: (fd: number) => T): T {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch (error) {
    const { code = 'EINVAL' } = error as NodeJS.ErrnoException
    throw new KernelError(code, 'open', path, 'give a path that there is')
  }
  try {
    return act(fd)
  } finally {
    closeSync(fd)
  }
}

/** What hooks of this process's own connections take is no control group. */
function folderOf(path: unknown): string {
  if (typeof path === 'string') return path
  throw new KernelArgumentError(
    'cgroup.path',
    "the kernel runs the program: give attachToKernel(program, 'cgroup', { path }) the folder of a control group",
  )
}

/** BPF_LINK_CREATE on what a path names: a control group, a network namespace. */
function attachToPath(
  parts: LinkParts,
  path: string,
  attachType: number,
  mends: Readonly<Record<string, string>>,
): KernelLink {
  const { context, program } = parts
  const link = withFile(path, (fd) =>
    createLink(
      context,
      { prog_fd: program.record, target_fd: fd, attach_type: attachType },
      `program '${program.name}' on ${path}`,
      mends,
    ),
  )
  return new KernelLink(parts, { link })
}

export const attachCgroup = (parts: LinkParts, { path, attachType }: CgroupTarget): KernelLink =>
  attachToPath(parts, folderOf(path), typeOf(parts, attachType), {
    EBADF: 'it is no folder of a cgroup2 file system',
    EINVAL: 'it is no folder of a cgroup2 file system, or the program is of another attach type',
  })

export interface NetnsTarget {
  /** Path of a network namespace: `/run/netns/blue`. */
  readonly path: string
}

export const attachNetns = (parts: LinkParts, { path }: NetnsTarget): KernelLink =>
  attachToPath(parts, path, typeOf(parts), {
    EINVAL: 'it is no network namespace',
    E2BIG: 'another program is there',
  })

export interface NetfilterTarget {
  /** NFPROTO_*: 2 for IPv4, 10 for IPv6. */
  readonly family: 2 | 10
  /** NF_INET_*: 0 pre-routing, 1 local in, 2 forward, 3 local out, 4 post-routing. */
  readonly hook: number
  /** Lower ones run first; not the smallest or largest number of 32 bits. */
  readonly priority: number
  /** An interface of the network namespace; this process's when absent. */
  readonly near?: NetworkInterface
}

export function attachNetfilter(parts: LinkParts, target: NetfilterTarget): KernelLink {
  const { context, program } = parts
  const fields = {
    prog_fd: program.record,
    attach_type: attachTypes['netfilter']!,
    pf: target.family,
    hooknum: target.hook,
    priority: target.priority,
  }
  const make = (): Handle => createLink(context, fields, `program '${program.name}'`)
  const link = target.near ? target.near.inside(make) : make()
  return new KernelLink(parts, { link })
}

export interface TracingTarget {
  /** What bpf_get_attach_cookie gives. Default 0. */
  readonly cookie?: bigint
}

/** A function of the kernel, a typed tracepoint or a security hook: the program was loaded for it. */
export function attachTracing(parts: LinkParts, { cookie = 0n }: TracingTarget): KernelLink {
  const { context, program } = parts
  const fields = { prog_fd: program.record, attach_type: typeOf(parts), tracing_cookie: cookie }
  return new KernelLink(parts, { link: createLink(context, fields, `program '${program.name}'`) })
}

export interface RawTracepointTarget extends TracingTarget {
  /** Without category: `sched_switch`. */
  readonly name: string
}

/** BPF_RAW_TRACEPOINT_OPEN. */
export function attachRawTracepoint(
  parts: LinkParts,
  { name, cookie = 0n }: RawTracepointTarget,
): KernelLink {
  const { context, program } = parts
  const text = new TextEncoder().encode(`${name}\0`)
  const { attr } = context
  const size = attr.begin('BPF_RAW_TRACEPOINT_OPEN')
  attr.set('name', context.address(text))
  attr.set('prog_fd', program.record)
  attr.set('cookie', cookie)
  const what = `program '${program.name}' on raw tracepoint ${name}`
  const fd = context.must('BPF_RAW_TRACEPOINT_OPEN', size, what, {
    ENOENT: 'this kernel has no such tracepoint',
  })
  return new KernelLink(parts, { link: new Handle(context.ffi, fd, what) })
}

export interface SockmapTarget {
  /** A sockmap or sockhash of a collection in the kernel. */
  readonly map: MapHandle
  readonly attachType?: string
}

/** BPF_PROG_ATTACH to a map of sockets. */
export function attachSockmap(parts: LinkParts, { map, attachType }: SockmapTarget): KernelLink {
  const { context, program } = parts
  const type = typeOf(parts, attachType)
  const call = (command: 'BPF_PROG_ATTACH' | 'BPF_PROG_DETACH', handle: number): number => {
    const { attr } = context
    const size = attr.begin(command)
    attr.set('target_fd', map.address)
    attr.set('attach_bpf_fd', handle)
    attr.set('attach_type', type)
    return context.call(command, size)
  }
  const put = (handle: number): void => {
    const result = call('BPF_PROG_ATTACH', handle)
    if (result < 0)
      throw new KernelError(
        errnoText(result),
        'BPF_PROG_ATTACH',
        `program '${program.name}' on map '${map.name}'`,
      )
  }
  put(program.record)
  return new KernelLink(parts, { release: () => void call('BPF_PROG_DETACH', program.record), replace: put })
}
