import { Socket as Datagram, type RemoteInfo } from 'node:dgram'
import { isIPv4, Server, Socket as Stream } from 'node:net'
import { ERRNO, type Link, type ProgramHandle } from '@skep/registry'
import { cgroupSockAddrContext, cgroupSockAddrProgramType } from '../cgroup-sock-addr.ts'
import { SocketAttachError } from '../errors.ts'
import { Attachment, checkProgram, isPromise, type ProgramOf } from './attachment.ts'
import { withBind } from './bind-helper.ts'
import { type CallObserver, observeCalls, ownerOf } from './handle-patch.ts'
import { SharedSlot } from './run-slot.ts'
import { type CallVerdict, runOnCall, type SocketCall } from './sock-addr.ts'

/** A program for addresses of system calls: `collection.program(name, 'cgroup_sock_addr')`. */
export type SockAddrProgram = ProgramOf<'cgroup_sock_addr'>

/** Whose calls a program sees: the sockets of this thread, or some of them. */
export type CgroupTarget = 'process' | CgroupSocket | readonly CgroupSocket[]
type CgroupSocket = Stream | Server | Datagram

/** Counters of one attachment, in calls. */
export interface CgroupStats {
  calls: number
  /** Calls that the program, or one before it, refused. */
  refused: number
  /** Calls that went on with another address or port. */
  rewritten: number
}

export interface CgroupLink extends Link {
  readonly stats: Readonly<CgroupStats>
}

type What = 'connect' | 'bind' | 'sendmsg' | 'recvmsg' | 'getpeername' | 'getsockname'

const attachTypeOf = (what: What, family: 4 | 6): string =>
  what === 'sendmsg' || what === 'recvmsg' ? `cgroup_udp${family}_${what}` : `cgroup_inet${family}_${what}`

const SUPPORTED: readonly string[] = (
  ['connect', 'bind', 'sendmsg', 'recvmsg', 'getpeername', 'getsockname'] as const
).flatMap((what) => [attachTypeOf(what, 4), attachTypeOf(what, 6)])

/** The order in which they were attached. */
const links: CgroupAttachment[] = []

/**
 * Runs a cgroup/connect4, bind4, sendmsg4, recvmsg4, getpeername4, getsockname4 program, or one of the 6 kind, on the addresses
 * that sockets of Node give to the system: of all of this thread, or of those given. What it writes to the context takes
 * effect; 0 refuses the call with EPERM, or what bpf_set_retval said. Programs run in the order in which they were attached,
 * each on what the ones before have left. Throws SocketAttachError: WRONG_PROGRAM_TYPE, BAD_PROGRAM, BAD_SOCKET, UNSUPPORTED.
 */
export function attachCgroup(program: SockAddrProgram, target: CgroupTarget = 'process'): CgroupLink {
  checkProgram(program, [cgroupSockAddrProgramType.name])
  if (program.attach) return program.attach('cgroup', { target }) as CgroupLink
  if (!SUPPORTED.includes(program.attachType ?? ''))
    throw new SocketAttachError(
      'UNSUPPORTED',
      `program ${program.name} is for ${program.attachType ?? 'no attach type'}, of whose calls Node tells nothing; there are ${SUPPORTED.join(', ')}`,
    )
  return new CgroupAttachment(program, socketsOf(target))
}

function socketsOf(target: CgroupTarget): WeakSet<object> | undefined {
  if (target === 'process') return undefined
  const sockets = Array.isArray(target) ? (target as readonly CgroupSocket[]) : [target as CgroupSocket]
  for (const socket of sockets) {
    if (socket instanceof Stream || socket instanceof Server || socket instanceof Datagram) continue
    throw new SocketAttachError(
      'BAD_SOCKET',
      isPromise(socket)
        ? 'a promise was given as target; await it first'
        : "what was given is no socket; give 'process', a net.Socket, net.Server or dgram.Socket, or an array of these",
    )
  }
  return new WeakSet(sockets)
}

class CgroupAttachment extends Attachment<SockAddrProgram> implements CgroupLink {
  readonly stats: CgroupStats = { calls: 0, refused: 0, rewritten: 0 }
  readonly sockets: WeakSet<object> | undefined
  slot!: SharedSlot

  constructor(program: SockAddrProgram, sockets: WeakSet<object> | undefined) {
    super('cgroup', program)
    this.sockets = sockets
    this.opened(() => {
      this.slot = new SharedSlot(program.host.arena, 'sock_addr', cgroupSockAddrContext.size, 0)
      links.push(this)
      try {
        observeCalls(observer)
      } catch (error) {
        this.detach()
        throw error
      }
    })
  }

  protected detach(): void {
    links.splice(links.indexOf(this), 1)
    if (links.length === 0) observeCalls(undefined)
    this.slot.release()
  }
}

/** Those that see a call, in their order. */
function linksFor(what: What, family: 4 | 6, owner: () => object | undefined): readonly CgroupAttachment[] {
  const type = attachTypeOf(what, family)
  let of: object | undefined
  return links.filter(({ program, sockets }) => {
    if (program.attachType !== type) return false
    if (!sockets) return true
    of ??= owner()
    return of !== undefined && sockets.has(of)
  })
}

/** Runs all that see a call; those of one runtime share a context. */
function run(
  seen: readonly CgroupAttachment[],
  call: SocketCall,
  bind?: (address: string, port: number) => number,
): CallVerdict {
  let verdict: CallVerdict = { error: 0, address: call.address, port: call.port, source: false }
  for (const link of seen) {
    const { program, stats, slot } = link
    const { arena } = program.host
    stats.calls++
    const act = (): CallVerdict =>
      slot.use((room) =>
        runOnCall(room, arena, [program as ProgramHandle], {
          ...call,
          address: verdict.address,
          port: verdict.port,
        }),
      )
    const before = verdict
    const next = bind
      ? withBind(
          arena.memory,
          (family, address, port) => (family === call.family ? bind(address, port) : -ERRNO.EINVAL),
          act,
        )
      : act()
    program.host.quiesce()
    verdict = { ...next, error: before.error || next.error, source: before.source || next.source }
    if (verdict.error !== 0) stats.refused++
    else if (next.address !== before.address || next.port !== before.port) stats.rewritten++
  }
  return verdict
}

const EOPNOTSUPP = 95
const MAPPED = '::ffff:'
const mappedOf = (address: string): string | undefined => {
  const rest = address.toLowerCase().startsWith(MAPPED) ? address.slice(MAPPED.length) : ''
  return isIPv4(rest) ? rest : undefined
}

const observer: CallObserver = {
  given(what, handle, datagram, family, address, port) {
    // A datagram to an IPv4 address goes IPv4's way, also from a socket of IPv6 (udpv6_sendmsg).
    const mapped = what === 'sendmsg' && family === 6 ? mappedOf(address) : undefined
    const as = mapped === undefined ? family : 4
    const seen = linksFor(what, as, () => ownerOf(handle))
    if (seen.length === 0) return { address, port }
    const call = { family: as, datagram, address: mapped ?? address, port } as const
    const bind =
      what === 'connect'
        ? (from: string, source: number): number =>
            family === 4 ? handle.bind(from, source) : handle.bind6(from, source, 0)
        : undefined
    const verdict = run(seen, call, bind)
    if (verdict.error !== 0) return verdict.error
    if (verdict.source) return -EOPNOTSUPP
    if (what === 'sendmsg' && verdict.port === 0) return -ERRNO.EINVAL
    return { address: mapped === undefined ? verdict.address : MAPPED + verdict.address, port: verdict.port }
  },
  told(what, handle, datagram, at) {
    const family = isIPv4(at.address) ? 4 : 6
    const seen = linksFor(what, family, () => ownerOf(handle))
    return seen.length === 0 ? at : pick(run(seen, { family, datagram, address: at.address, port: at.port }))
  },
  received(socket: Datagram, from: RemoteInfo) {
    const mapped = mappedOf(from.address)
    const family = mapped !== undefined || isIPv4(from.address) ? 4 : 6
    const seen = linksFor('recvmsg', family, () => socket)
    if (seen.length === 0) return from
    const { address, port } = run(seen, {
      family,
      datagram: true,
      address: mapped ?? from.address,
      port: from.port,
    })
    return { ...from, address: mapped === undefined ? address : MAPPED + address, port }
  },
}

const pick = ({ address, port }: CallVerdict): { address: string; port: number } => ({ address, port })
