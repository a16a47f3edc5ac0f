import { errnoText } from '../errno.ts'
import { KernelArgumentError, KernelError } from '../errors.ts'
import { KernelLink, type LinkParts } from './kernel-link.ts'
import { uncounted } from './uncounted.ts'

const SOL_SOCKET = 1
const SO_LOCK_FILTER = 44
const SO_ATTACH_BPF = 50
const SO_DETACH_FILTER = 27
const SO_ATTACH_REUSEPORT_EBPF = 52
const SO_DETACH_REUSEPORT_BPF = 68

/** A bound or connected socket of `node:dgram` or `node:net`, or a descriptor, which the caller keeps open. */
export type NodeSocket = number | object

export interface SocketTarget {
  readonly socket: NodeSocket
}

export interface SocketFilterTarget extends SocketTarget {
  /** SO_LOCK_FILTER: nobody takes the filter away or changes it while the socket is open. Default false. */
  readonly lock?: boolean
}

interface Handled {
  readonly handle?: { readonly fd?: number } | null
}

/** The descriptor of a socket of Node's, which does not tell it: -1 before it is bound or connected. */
function descriptorOf(socket: NodeSocket, point: string): number {
  if (typeof socket === 'number') return socket
  const internals = (socket ?? {}) as Record<symbol, Handled> & { readonly _handle?: Handled['handle'] }
  // Of a datagram socket, where `_handle` warns of being asked for.
  const state = Object.getOwnPropertySymbols(internals).find(
    ({ description }) => description === 'state symbol',
  )
  const handle = state ? internals[state]!.handle : internals._handle
  const { fd = -1 } = handle ?? {}
  if (fd >= 0) return fd
  throw new KernelArgumentError(
    `${point}.socket`,
    'has no descriptor; give a socket of node:dgram that is bound, or of node:net that is connected, or a number',
  )
}

const COUNTS = uncounted('packets bytes passed truncated dropped')

class SocketLink extends KernelLink {
  readonly socket: NodeSocket
  readonly stats: Readonly<Record<string, number>> = COUNTS

  constructor(socket: NodeSocket, ...parts: ConstructorParameters<typeof KernelLink>) {
    super(...parts)
    this.socket = socket
  }
}

function attachByOption(
  parts: LinkParts,
  { socket, lock }: SocketFilterTarget,
  [attach, detach]: readonly [number, number],
): KernelLink {
  const { context, program, point } = parts
  const fd = descriptorOf(socket, point)
  let gone = false
  const set = (option: number, value: number): void => {
    // The number may be another's by then.
    if (gone) return
    const result = context.ffi.call(
      'setsockopt',
      fd,
      SOL_SOCKET,
      option,
      new Uint8Array(Int32Array.of(value).buffer),
      4,
    )
    if (result >= 0) return
    const mend =
      errnoText(result) === 'EPERM'
        ? 'the filter is locked (SO_LOCK_FILTER) until the socket closes'
        : undefined
    throw new KernelError(errnoText(result), 'setsockopt', `program '${program.name}' on socket ${fd}`, mend)
  }
  set(attach, program.record)
  if (lock) set(SO_LOCK_FILTER, 1)
  const release = (): void => set(detach, 0)
  const link = new SocketLink(socket, parts, { release, replace: (handle) => set(attach, handle) })
  const { once } = socket as { once?: (event: 'close', listener: () => void) => void }
  once?.call(socket, 'close', () => {
    gone = true
    link.close()
  })
  return link
}

export const attachSocketFilter = (parts: LinkParts, target: SocketFilterTarget): KernelLink =>
  attachByOption(parts, target, [SO_ATTACH_BPF, SO_DETACH_FILTER])

export const attachReuseport = (parts: LinkParts, { socket }: SocketTarget): KernelLink =>
  attachByOption(parts, { socket }, [SO_ATTACH_REUSEPORT_EBPF, SO_DETACH_REUSEPORT_BPF])
