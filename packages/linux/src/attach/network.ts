import { release } from 'node:os'
import type { Context } from '../context.ts'
import { KernelArgumentError } from '../errors.ts'
import { attachTypes } from '../uapi.ts'
import { attachClsact, type ClsactOptions } from './clsact.ts'
import { createLink, type Hold, KernelLink, type LinkParts } from './kernel-link.ts'
import { NetworkInterface } from './network-interface.ts'

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

/** What hooks count, where the kernel does not: no number. */
const uncounted = (names: string): Readonly<Record<string, number>> =>
  Object.freeze(Object.fromEntries(names.split(' ').map((name) => [name, Number.NaN])))

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
  refuse(target, ['pass', 'redirect', 'rxQueue', 'batchSize', 'onBatch'], 'xdp')
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

/** Options of clsact's filters that tcx does not have. */
const clsactOnly = ['chain', 'priority', 'handle', 'protocol', 'classid', 'replace'] as const

class TcKernelLink extends PacketLink {
  readonly direction: 'ingress' | 'egress'
  readonly chain: number
  readonly priority: number
  readonly handle: number
  readonly totals: Readonly<Record<string, number>> = TC_COUNTS

  constructor(
    parts: LinkParts,
    hold: Hold,
    place: { readonly direction: 'ingress' | 'egress'; chain: number; priority: number; handle: number },
  ) {
    super(parts, hold, TC_FILTER_COUNTS)
    this.direction = place.direction
    this.chain = place.chain
    this.priority = place.priority
    this.handle = place.handle
  }
}

/**
 * A program that decides (`directAction`) and asks for no place among the filters becomes a tcx link; all else, and all on
 * kernels before 6.6, is a filter of clsact.
 */
export function attachTc(parts: LinkParts, target: TcTarget): KernelLink {
  refuse(target, ['pass', 'redirect', 'batchSize', 'onBatch', 'receive'], 'tc')
  const { context, program } = parts
  const device = interfaceOf(target.device, 'tc')
  const { direction } = target
  if (direction !== 'ingress' && direction !== 'egress')
    throw new KernelArgumentError('tc.direction', `is ${direction}; give 'ingress' or 'egress'`)
  if ((target.actions?.length ?? 0) > 0)
    throw new KernelArgumentError(
      'tc.actions',
      'are not attached in the kernel; let the program decide with directAction',
    )
  const what = `tc program '${program.name}' on ${device.name} ${direction}`
  if (target.directAction && clsactOnly.every((name) => target[name] === undefined)) {
    const link = tcx(context, device, what, {
      prog_fd: program.record,
      target_fd: device.ifindex,
      attach_type: attachTypes[`tcx_${direction}`]!,
    })
    if (link) return new TcKernelLink(parts, { link }, { direction, chain: 0, priority: 0, handle: 0 })
  }
  const { place, ...hold } = attachClsact(context, device, program, target)
  return new TcKernelLink(parts, hold, { direction, ...place })
}

function tcx(
  context: Context,
  device: NetworkInterface,
  what: string,
  fields: Readonly<Record<string, number>>,
): Hold['link'] {
  try {
    return device.inside(() => createLink(context, fields, what))
  } catch (error) {
    // Before 6.6 there is no such attach type.
    if ((error as { errno?: string }).errno === 'EINVAL' && !hasTcx()) return undefined
    throw error
  }
}

const hasTcx = (): boolean => {
  const [major = 0, minor = 0] = release().split('.').map(Number)
  return major > 6 || (major === 6 && minor >= 6)
}
