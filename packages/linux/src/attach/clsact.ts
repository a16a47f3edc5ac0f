import type { ProgramHandle } from '@skep/registry'
import type { Context } from '../context.ts'
import { KernelError } from '../errors.ts'
import type { Hold } from './kernel-link.ts'
import { type Attribute, askNetlink } from './netlink.ts'
import type { NetworkInterface } from './network-interface.ts'

// include/uapi/linux/rtnetlink.h, pkt_sched.h and pkt_cls.h.
const RTM_NEWQDISC = 36
const RTM_NEWTFILTER = 44
const RTM_DELTFILTER = 45
const NLM_F_ECHO = 8
const NLM_F_EXCL = 0x200
const NLM_F_CREATE = 0x400
const TC_H_CLSACT = 0xffff_fff1
const CLSACT_HANDLE = 0xffff_0000
const parents = { ingress: 0xffff_fff2, egress: 0xffff_fff3 } as const
const TCA_KIND = 1
const TCA_OPTIONS = 2
const TCA_CHAIN = 11
const TCA_BPF_CLASSID = 3
const TCA_BPF_FD = 6
const TCA_BPF_NAME = 7
const TCA_BPF_FLAGS = 8
const TCA_BPF_FLAG_ACT_DIRECT = 1
const ETH_P_ALL = 3

/** Where a filter stands, and what it does: as `attachTc` of @skep/hook-tc takes it. */
export interface ClsactOptions {
  readonly direction: 'ingress' | 'egress'
  readonly directAction?: boolean
  readonly classid?: number
  readonly priority?: number
  readonly chain?: number
  readonly handle?: number
  readonly protocol?: number
  readonly replace?: boolean
  readonly actions?: readonly unknown[]
}

/** What a filter is known by. */
export interface FilterPlace {
  readonly chain: number
  readonly priority: number
  readonly handle: number
}

/** struct tcmsg */
function tcmsg(device: NetworkInterface, handle: number, parent: number, info: number): Uint8Array {
  const bytes = new Uint8Array(20)
  const view = new DataView(bytes.buffer)
  view.setInt32(4, device.ifindex, true)
  view.setUint32(8, handle, true)
  view.setUint32(12, parent, true)
  view.setUint32(16, info, true)
  return bytes
}

const swap16 = (n: number): number => ((n & 0xff) << 8) | ((n >> 8) & 0xff)

/**
 * Makes the program a filter of clsact, which is made where the interface has none, and stays. The filter is traffic control's:
 * unlike a link it outlives a process that is killed. Throws KernelError.
 */
export function attachClsact(
  context: Context,
  device: NetworkInterface,
  program: ProgramHandle,
  options: ClsactOptions,
  what: string,
): Hold & { readonly place: FilterPlace } {
  const { ffi } = context
  const { direction, chain = 0, classid = 0, protocol = ETH_P_ALL } = options
  const parent = parents[direction]
  const set = (
    fd: number,
    place: { readonly priority: number; readonly handle: number },
    flags: number,
  ): FilterPlace => {
    const attributes: Attribute[] = [
      [TCA_KIND, 'bpf'],
      ...(chain === 0 ? [] : [[TCA_CHAIN, chain] as const]),
      [
        TCA_OPTIONS,
        [
          [TCA_BPF_FD, fd],
          [TCA_BPF_NAME, program.name],
          ...(classid === 0 ? [] : [[TCA_BPF_CLASSID, classid] as const]),
          ...(options.directAction ? [[TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT] as const] : []),
        ],
      ],
    ]
    const header = tcmsg(device, place.handle, parent, (place.priority << 16) | swap16(protocol))
    const echo = askNetlink(ffi, {
      type: RTM_NEWTFILTER,
      flags: flags | NLM_F_CREATE | NLM_F_ECHO,
      header,
      attributes,
      what,
    })
    if (!echo) return { ...place, chain }
    const view = new DataView(echo.buffer, echo.byteOffset)
    return { chain, priority: view.getUint32(16, true) >>> 16, handle: view.getUint32(8, true) }
  }
  const place = device.inside(() => {
    addClsact(context, device, what)
    const { priority = 0, handle = 0 } = options
    return set(program.record, { priority, handle }, options.replace ? 0 : NLM_F_EXCL)
  })
  const release = (): void => {
    process.off('exit', release)
    // The interface, or its namespace, may be gone.
    try {
      device.inside(() =>
        askNetlink(ffi, {
          type: RTM_DELTFILTER,
          flags: 0,
          header: tcmsg(device, place.handle, parent, (place.priority << 16) | swap16(protocol)),
          attributes: [[TCA_KIND, 'bpf'], ...(chain === 0 ? [] : [[TCA_CHAIN, chain] as const])],
          what,
        }),
      )
    } catch (error) {
      if (!(error instanceof KernelError) && (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  process.on('exit', release)
  return { place, release, replace: (fd) => void device.inside(() => set(fd, place, 0)) }
}

function addClsact({ ffi }: Context, device: NetworkInterface, what: string): void {
  try {
    askNetlink(ffi, {
      type: RTM_NEWQDISC,
      flags: NLM_F_CREATE | NLM_F_EXCL,
      header: tcmsg(device, CLSACT_HANDLE, TC_H_CLSACT, 0),
      attributes: [[TCA_KIND, 'clsact']],
      what,
    })
  } catch (error) {
    if (!(error instanceof KernelError) || error.errno !== 'EEXIST') throw error
  }
}
