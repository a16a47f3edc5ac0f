import dgram from 'node:dgram'
import dns from 'node:dns'
import { isIP } from 'node:net'
import process from 'node:process'
import { copied } from './arguments.ts'
import { ask, currentPlugin } from './ask.ts'
import { hostError } from './errors.ts'
import type { Patches } from './patches.ts'

type Call = (this: unknown, ...args: unknown[]) => unknown
type Done = (error: Error | null) => void

interface UdpSocket extends dgram.Socket {
  /** `udp4` or `udp6`. */
  readonly type: string
}

function isConnected(socket: dgram.Socket): boolean {
  try {
    socket.remoteAddress()
    return true
  } catch {
    return false
  }
}

/** To a host by name: it is asked about by each address that it has, and the first that is allowed is taken. */
function toName(
  socket: UdpSocket,
  host: string,
  port: number,
  go: (address: string) => void,
  fail: (error: Error) => void,
): void {
  const plugin = currentPlugin()
  const family = socket.type === 'udp6' ? 6 : 4
  dns.lookup(host, { family, all: true }, (error, addresses) => {
    if (error) return fail(error)
    let errno = 0
    for (const { address } of addresses) {
      errno = ask({ operation: 'UDP_SEND', path: host, address, port }, plugin)
      if (errno === 0) return go(address)
    }
    return fail(hostError(errno, 'send', addresses[0]?.address ?? host, port))
  })
}

/** Where a socket sends when nobody says. */
const here = (socket: UdpSocket): string => (socket.type === 'udp6' ? '::1' : '127.0.0.1')

/** A socket that is bound because it sends is nobody's wish. */
let sending = 0

function quietly(call: () => unknown): unknown {
  sending++
  try {
    return call()
  } finally {
    sending--
  }
}

function send(original: Call): Call {
  return function (this: unknown, ...given: unknown[]) {
    const socket = this as UdpSocket
    if (isConnected(socket)) return quietly(() => Reflect.apply(original, this, given))
    const args = [...given]
    const long = given[4] || (given[3] && typeof given[3] !== 'function')
    const at = long ? 3 : 1
    const port = Number(args[at])
    const host = typeof args[at + 1] === 'string' && args[at + 1] !== '' ? String(args[at + 1]) : here(socket)
    const last = given.at(-1)
    const done = typeof last === 'function' ? (last as Done) : undefined
    const go = (address: string): unknown => {
      if (typeof args[at + 1] === 'function') args.splice(at + 1, 0, address)
      else args[at + 1] = address
      return quietly(() => Reflect.apply(original, this, args))
    }
    const fail = (error: Error): void => {
      if (done) process.nextTick(done, error)
      else process.nextTick(() => socket.emit('error', error))
    }
    if (isIP(host) === 0) return toName(socket, host, port, go, fail)
    const errno = ask({ operation: 'UDP_SEND', path: host, address: host, port })
    return errno === 0 ? go(host) : fail(hostError(errno, 'send', host, port))
  }
}

function connect(original: Call): Call {
  return function (this: unknown, port: unknown, second: unknown, third: unknown) {
    const socket = this as UdpSocket
    const done = (typeof second === 'function' ? second : third) as Done | undefined
    const host = typeof second === 'string' && second !== '' ? second : here(socket)
    const go = (address: string): unknown =>
      quietly(() =>
        Reflect.apply(original, this, done === undefined ? [port, address] : [port, address, done]),
      )
    const fail = (error: Error): void => {
      if (done) process.nextTick(done, error)
      else process.nextTick(() => socket.emit('error', error))
    }
    if (isIP(host) === 0) return toName(socket, host, Number(port), go, fail)
    const errno = ask({ operation: 'UDP_SEND', path: host, address: host, port: Number(port) || 0 })
    return errno === 0 ? go(host) : fail(hostError(errno, 'connect', host, Number(port)))
  }
}

function bind(original: Call): Call {
  return function (this: unknown, ...given: unknown[]) {
    if (sending > 0) return Reflect.apply(original, this, given)
    const socket = this as UdpSocket
    const [first, second] = given
    const args = [...given]
    let [port, host] = [first, second]
    if (typeof first === 'object' && first !== null && !('recvStart' in first)) {
      const options = copied(first)
      args[0] = options
      port = options.port
      host = options.address
    }
    const text = typeof host === 'string' ? host : ''
    const address = isIP(text) === 0 ? '' : text
    const errno = ask({ operation: 'UDP_BIND', path: text, address, port: Number(port) || 0 })
    if (errno === 0) return Reflect.apply(original, this, args)
    const error = hostError(errno, 'bind', text || (socket.type === 'udp6' ? '::' : '0.0.0.0'), Number(port))
    process.nextTick(() => socket.emit('error', error))
    return socket
  }
}

export function patchDgram(patches: Patches): void {
  const { prototype } = dgram.Socket
  patches.wrap(prototype, 'send', (original) => send(original as Call) as never)
  patches.wrap(prototype, 'connect', (original) => connect(original as Call) as never)
  patches.wrap(prototype, 'bind', (original) => bind(original as Call) as never)
}
