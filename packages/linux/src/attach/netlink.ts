import { errnoText } from '../errno.ts'
import { KernelError } from '../errors.ts'
import type { Ffi } from '../ffi.ts'

const AF_NETLINK = 16
const SOCK_RAW_CLOEXEC = 3 | 0o2000000
const NETLINK_ROUTE = 0
const NLMSG_ERROR = 2
const NLM_F_REQUEST = 1
const NLM_F_ACK = 4
const HEADER = 16

/** An attribute of a message: a number of four bytes, a text, or further attributes. */
export type Attribute = readonly [type: number, value: number | string | readonly Attribute[]]

const NESTED = 0x8000
const align = (n: number): number => (n + 3) & ~3

function encode(attributes: readonly Attribute[]): Uint8Array {
  const parts = attributes.map(([type, value]) => {
    const nested = typeof value === 'object'
    const body =
      typeof value === 'number'
        ? new Uint8Array(Uint32Array.of(value).buffer)
        : nested
          ? encode(value)
          : new TextEncoder().encode(`${value}\0`)
    const bytes = new Uint8Array(align(4 + body.length))
    const view = new DataView(bytes.buffer)
    view.setUint16(0, 4 + body.length, true)
    view.setUint16(2, nested ? type | NESTED : type, true)
    bytes.set(body, 4)
    return bytes
  })
  return Buffer.concat(parts)
}

/**
 * Asks rtnetlink in the network namespace that this thread is in, and waits for its answer: what it echoes, without headers,
 * where `flags` has NLM_F_ECHO. Throws KernelError.
 */
export function askNetlink(
  ffi: Ffi,
  request: {
    readonly type: number
    readonly flags: number
    readonly header: Uint8Array
    readonly attributes: readonly Attribute[]
    readonly what: string
  },
): Uint8Array | undefined {
  const socket = ffi.call('socket', AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_ROUTE)
  if (socket < 0) throw new KernelError(errnoText(socket), 'socket', request.what)
  try {
    const body = Buffer.concat([request.header, encode(request.attributes)])
    const message = new Uint8Array(HEADER + body.length)
    const view = new DataView(message.buffer)
    view.setUint32(0, message.length, true)
    view.setUint16(4, request.type, true)
    view.setUint16(6, request.flags | NLM_F_REQUEST | NLM_F_ACK, true)
    view.setUint32(8, 1, true)
    message.set(body, HEADER)
    const sent = ffi.call('sendto', socket, message, message.length, 0, 0, 0)
    if (sent < 0) throw new KernelError(errnoText(sent), 'rtnetlink', request.what)
    return answer(ffi, socket, request.what)
  } finally {
    ffi.close(socket)
  }
}

function answer(ffi: Ffi, socket: number, what: string): Uint8Array | undefined {
  const room = new Uint8Array(1 << 16)
  const view = new DataView(room.buffer)
  let echo: Uint8Array | undefined
  for (;;) {
    const got = ffi.call('recvfrom', socket, room, room.length, 0, 0, 0)
    if (got < 0) throw new KernelError(errnoText(got), 'rtnetlink', what)
    for (let at = 0; at + HEADER <= got; ) {
      const length = view.getUint32(at, true)
      if (length < HEADER) break
      if (view.getUint16(at + 4, true) !== NLMSG_ERROR) echo = room.slice(at + HEADER, at + length)
      else {
        const result = view.getInt32(at + HEADER, true)
        if (result < 0) throw new KernelError(errnoText(result), 'rtnetlink', what)
        return echo
      }
      at += align(length)
    }
  }
}
