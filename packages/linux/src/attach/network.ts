import type { ProgramHandle } from '@skep/registry'
import { KernelArgumentError } from '../errors.ts'
import { attachTypes } from '../uapi.ts'
import { attachClsact, type ClsactOptions, type FilterPlace } from './clsact.ts'
import { createLink, type Hold, KernelLink, type LinkParts } from './kernel-link.ts'
import { NetworkInterface } from './network-interface.ts'
import { uncounted } from './uncounted.ts'

/** XDP_FLAGS_* (include/uapi/linux/if_link.h). */
const xdpModes = { generic: 2, native: 4, offload: 8 } as const

export interface XdpTarget {
  readonly device: unknown
  /** How the interface runs it: by its driver, or in the network stack; the best that there is when absent. */
  readonly mode?: keyof typeof xdpModes
}

export type TcTarget = ClsactOptions & { readonly device: unknown }

/** What hooks may be told that only makes sense where their own code moves the packets. */
function refuse(target: object, names: readonly string[], point: string): void {
  for (const name of names) {
    if ((target as Record<string, unknown>)[name] === undefined) continue
    throw new KernelArgumentError(
      `${point}.${name}`,
      'has no meaning for a program that the kernel runs; leave it out',
    )
  }
}

export function interfaceOf(device: unknown, point: string): NetworkInterface {
  if (device instanceof NetworkInterface) return device
  const name = (device as { name?: unknown } | undefined)?.name
  throw new KernelArgumentError(
    `${point}.device`,
    `${typeof name === 'string' ? `device ${name}` : 'what was given'} is no interface of this machine; the kernel runs the ` +
      'program, so give await networkInterface(name)',
  )
}

const XDP_COUNTS = uncounted('packets bytes aborted dropped passed transmitted redirected redirectFailed')
const TC_FILTER_COUNTS = uncounted('packets bytes matched')
const TC_COUNTS = uncounted('packets bytes passed dropped stolen redirected redirectFailed cloned')

/** A link of a hook on packets. Verdicts are counted nowhere in the kernel: the counters are NaN. */
class PacketLink extends KernelLink {
  /** Resolves when the link is closed. */
  readonly done: Promise<Readonly<Record<string, number>>>
  readonly stats: Readonly<Record<string, number>>

  constructor(parts: LinkParts, hold: Hold, stats: Readonly<Record<string, number>>) {
    let end = (): void => {}
    const done = new Promise<Readonly<Record<string, number>>>((resolve) => {
      end = () => resolve(stats)
    })
    const closed = (): void => {
      end()
      parts.closed()
    }
    super({ ...parts, closed }, hold)
    this.done = done
    this.stats = stats
  }
}

const busy = { EBUSY: 'another program is there; close its link first, or take another mode' }

/** BPF_LINK_CREATE on an interface: an XDP link. */
export function attachXdp(parts: LinkParts, target: XdpTarget): KernelLink {
  refuse(
    target,
    ['pass', 'redirect', 'rxQueue', 'batchSize', 'onBatch', 'replace', 'priority', 'chainCall'],
    'xdp',
  )
  const { context, program } = parts
  const device = interfaceOf(target.device, 'xdp')
  const { mode } = target
  if (mode !== undefined && !Object.hasOwn(xdpModes, mode))
    throw new KernelArgumentError('xdp.mode', `is ${mode}; give ${Object.keys(xdpModes).join(', ')}`)
  const link = device.inside(() =>
    createLink(
      context,
      {
        prog_fd: program.record,
        target_fd: device.ifindex,
        attach_type: attachTypes['xdp']!,
        flags: mode === undefined ? 0 : xdpModes[mode],
      },
      `XDP program '${program.name}' on ${device.name}`,
      busy,
    ),
  )
  return new PacketLink(parts, { link }, XDP_COUNTS)
}

type Direction = 'ingress' | 'egress'

/** What both kinds of tc take, and what they are about. */
function checkTc(
  { program, point }: LinkParts,
  target: { readonly device: unknown; readonly direction: Direction },
): { readonly device: NetworkInterface; readonly what: string } {
  refuse(target, ['pass', 'redirect', 'batchSize', 'onBatch', 'receive'], point)
  const device = interfaceOf(target.device, point)
  const { direction } = target
  if (direction !== 'ingress' && direction !== 'egress')
    throw new KernelArgumentError(`${point}.direction`, `is ${direction}; give 'ingress' or 'egress'`)
  return { device, what: `${point} program '${program.name}' on ${device.name} ${direction}` }
}

class TcKernelLink extends PacketLink {
  readonly direction: Direction
  readonly totals: Readonly<Record<string, number>> = TC_COUNTS

  constructor(parts: LinkParts, hold: Hold, direction: Direction) {
    super(parts, hold, TC_FILTER_COUNTS)
    this.direction = direction
  }
}

/** A filter of clsact. */
class FilterLink extends TcKernelLink {
  readonly chain: number
  readonly priority: number
  readonly handle: number

  constructor(parts: LinkParts, hold: Hold, direction: Direction, place: FilterPlace) {
    super(parts, hold, direction)
    this.chain = place.chain
    this.priority = place.priority
    this.handle = place.handle
  }
}

/** As `tc filter add … bpf`: a filter of clsact. */
export function attachTc(parts: LinkParts, target: TcTarget): KernelLink {
  const { device, what } = checkTc(parts, target)
  if ((target.actions?.length ?? 0) > 0)
    throw new KernelArgumentError(
      'tc.actions',
      'are not attached in the kernel; let the program decide with directAction',
    )
  const { place, ...hold } = attachClsact(parts.context, device, parts.program, target, what)
  return new FilterLink(parts, hold, target.direction, place)
}

type Relative = { readonly program: ProgramHandle } | ProgramHandle

export interface TcxTarget {
  readonly device: unknown
  readonly direction: Direction
  /** Asked before that one, or before all (BPF_F_BEFORE). */
  readonly before?: Relative | 'first'
  /** Asked after that one, or after all, which is the default (BPF_F_AFTER). */
  readonly after?: Relative | 'last'
  /** Refuses unless the order is as old as this. */
  readonly expectedRevision?: number
}

const BPF_F_BEFORE = 1 << 3
const BPF_F_AFTER = 1 << 4

/** Programs and links are named by the program's descriptor; 0 is none. */
const relativeTo = (relative: Relative | 'first' | 'last' | undefined): number => {
  if (typeof relative !== 'object') return 0
  return 'record' in relative ? relative.record : relative.program.record
}

class TcxKernelLink extends TcKernelLink {
  readonly #revision: () => number

  constructor(parts: LinkParts, hold: Hold, direction: Direction, revision: () => number) {
    super(parts, hold, direction)
    this.#revision = revision
  }

  /** Of the order of programs on this side; each change raises it. */
  get revision(): number {
    return this.#revision()
  }
}

/** A tcx link, which kernels have since 6.6. */
export function attachTcx(parts: LinkParts, target: TcxTarget): KernelLink {
  const { device, what } = checkTc(parts, target)
  const { context, program } = parts
  const { before, after, direction } = target
  const attachType = attachTypes[`tcx_${direction}`]!
  const fields = {
    prog_fd: program.record,
    target_fd: device.ifindex,
    attach_type: attachType,
    flags: (before === undefined ? 0 : BPF_F_BEFORE) | (after === undefined ? 0 : BPF_F_AFTER),
    relative_fd: relativeTo(before) || relativeTo(after),
    expected_revision: target.expectedRevision ?? 0,
  }
  const mends = {
    EINVAL: 'kernels before 6.6 have no tcx; attach a filter with attachTc',
    ESTALE: 'the order has changed',
  }
  const link = device.inside(() => createLink(context, fields, what, mends))
  const revision = (): number =>
    device.inside(() => {
      const { attr } = context
      const size = attr.begin('BPF_PROG_QUERY')
      attr.set('target_fd', device.ifindex)
      attr.set('attach_type', attachType)
      context.must('BPF_PROG_QUERY', size, what)
      return Number(attr.getWide('revision'))
    })
  return new TcxKernelLink(parts, { link }, direction, revision)
}
