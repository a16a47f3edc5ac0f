import type { Arena } from '@skep/memory'
import { ipv4, ipv6 } from '@skep/packet'
import { control, createSocket, freeSocket, type ProgramHandle } from '@skep/registry'
import { cgroupSockAddrContext } from '../cgroup-sock-addr.ts'
import type { RunSlot } from './run-slot.ts'

/** An address that a process gives to a system call, or gets from one. */
export interface SocketCall {
  readonly family: 4 | 6
  readonly datagram: boolean
  readonly address: string
  readonly port: number
}

/** What programs made of it. */
export interface CallVerdict {
  /** Minus an errno, or 0 for a call that goes on. */
  readonly error: number
  readonly address: string
  readonly port: number
  /** A source address was asked for, which Node cannot give a datagram. */
  readonly source: boolean
}

const at = (name: string): number => cgroupSockAddrContext.fields.find((field) => field.name === name)!.offset
const USER_FAMILY = at('user_family')
const USER_IP4 = at('user_ip4')
const USER_IP6 = at('user_ip6')
const USER_PORT = at('user_port')
const FAMILY = at('family')
const TYPE = at('type')
const PROTOCOL = at('protocol')
const MSG_SRC_IP4 = at('msg_src_ip4')
const MSG_SRC_IP6 = at('msg_src_ip6')
const SK = at('sk')

const AF_INET = 2
const AF_INET6 = 10
const SOCK_STREAM = 1
const SOCK_DGRAM = 2
const IPPROTO_TCP = 6
const IPPROTO_UDP = 17
const EPERM = 1

const swap = (port: number): number => ((port & 0xff) << 8) | ((port >> 8) & 0xff)

const withoutScope = (address: string): string => {
  const end = address.indexOf('%')
  return end < 0 ? address : address.slice(0, end)
}

/** Runs programs, one after another, over a call's struct bpf_sock_addr (BPF_PROG_RUN_ARRAY_CG). */
export function runOnCall(
  slot: RunSlot,
  arena: Arena,
  programs: readonly ProgramHandle[],
  call: SocketCall,
): CallVerdict {
  const { family, datagram, address, port } = call
  const four = family === 4
  const bytes = (four ? ipv4 : ipv6).parse(withoutScope(address))
  const protocol = datagram ? IPPROTO_UDP : IPPROTO_TCP
  const type = datagram ? SOCK_DGRAM : SOCK_STREAM
  const socket = createSocket(arena, {
    source: { address: new Uint8Array(bytes.length), port: 0 },
    protocol,
    type,
  })
  try {
    slot.clear(cgroupSockAddrContext.size)
    const { view, u8 } = arena
    const put = (offset: number, value: number): void => view.setUint32(slot.context + offset, value, true)
    put(USER_FAMILY, four ? AF_INET : AF_INET6)
    put(FAMILY, four ? AF_INET : AF_INET6)
    u8.set(bytes, slot.context + (four ? USER_IP4 : USER_IP6))
    put(USER_PORT, swap(port))
    put(TYPE, type)
    put(PROTOCOL, protocol)
    put(SK, socket)
    for (const program of programs) {
      const retval = (): number => arena.view.getInt32(slot.context + control.RUN_RETVAL, true)
      if ((slot.run(program) & 1) === 0 && retval() >= 0)
        arena.view.setInt32(slot.context + control.RUN_RETVAL, -EPERM, true)
    }
    const after = arena.u8.subarray(slot.context, slot.context + cgroupSockAddrContext.size)
    const word = (offset: number): number => arena.view.getUint32(slot.context + offset, true)
    const to = after.subarray(four ? USER_IP4 : USER_IP6, four ? USER_IP4 + 4 : USER_IP6 + 16)
    const same = to.every((byte, n) => byte === bytes[n])
    return {
      error: arena.view.getInt32(slot.context + control.RUN_RETVAL, true),
      address: same ? address : (four ? ipv4 : ipv6).format(to),
      port: swap(word(USER_PORT) & 0xffff),
      source: four
        ? word(MSG_SRC_IP4) !== 0
        : after.subarray(MSG_SRC_IP6, MSG_SRC_IP6 + 16).some((byte) => byte !== 0),
    }
  } finally {
    freeSocket(arena, socket)
  }
}
