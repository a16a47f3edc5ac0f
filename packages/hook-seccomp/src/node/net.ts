import dns from 'node:dns'
import net from 'node:net'
import process from 'node:process'
import { copied, takePath } from './arguments.ts'
import { ask, askFile, currentPlugin } from './ask.ts'
import { hostError, listenError } from './errors.ts'
import type { Patches } from './patches.ts'

type Call = (this: unknown, ...args: unknown[]) => unknown
type Lookup = (host: string, options: object, done: LookupDone) => void
type LookupDone = (error: unknown, address?: unknown, family?: unknown) => void

/** Arguments as Node reads them: options alone, or a port and a host, or a path. */
interface Normal {
  readonly options: Record<string, unknown>
  /** The arguments with these options in place of what was given. */
  readonly args: unknown[]
}

/** Undefined for what has no options of its own: a server's handle, say. */
function normalise(given: readonly unknown[]): Normal | undefined {
  const [first, second] = given
  if (Array.isArray(first)) {
    // What http and net.connect have read already.
    if (typeof first[0] !== 'object' || first[0] === null) return undefined
    const options = copied(first[0])
    first[0] = options
    return { options, args: [...given] }
  }
  if (typeof first === 'object' && first !== null) {
    const options = copied(first)
    return { options, args: [options, ...given.slice(1)] }
  }
  const rest = given.filter((one, n) => typeof one === 'function' && n === given.length - 1)
  if (typeof first === 'string' && !(Number(first) >= 0))
    return { options: { path: first }, args: [...given] }
  const options: Record<string, unknown> = { port: first }
  if (typeof second === 'string') options.host = second
  return { options, args: [options, ...rest] }
}

/** The path of a UNIX socket; those of the abstract namespace as they are. */
const askSocket = (operation: 'NET_CONNECT' | 'NET_LISTEN', path: string): number =>
  path.startsWith('\0')
    ? ask({ operation, path, address: 'unix' })
    : askFile(operation, path, { address: 'unix' })

/**
 * Every connection of this process begins here, that of http, http2, tls and fetch too. A host that has a name is asked about
 * when its addresses are known: those that are refused are left out.
 */
function connect(original: Call): Call {
  return function (this: unknown, ...given: unknown[]) {
    const normal = normalise(given)
    if (normal === undefined) return Reflect.apply(original, this, given)
    const { options, args } = normal
    const socket = this as net.Socket
    if (options.path != null && options.path !== '') {
      const path = takePath(options.path)?.text ?? String(options.path)
      options.path = path
      const errno = askSocket('NET_CONNECT', path)
      if (errno !== 0) return refuse(socket, hostError(errno, 'connect', path))
      return Reflect.apply(original, this, args)
    }
    const host = typeof options.host === 'string' && options.host !== '' ? options.host : 'localhost'
    const port = Number(options.port) || 0
    if (net.isIP(host) === 0) {
      if (options.lookup == null || typeof options.lookup === 'function')
        options.lookup = guardedLookup(options.lookup as Lookup | undefined, port)
      return Reflect.apply(original, this, args)
    }
    const errno = ask({ operation: 'NET_CONNECT', path: host, address: host, port })
    if (errno !== 0) return refuse(socket, hostError(errno, 'connect', host, port))
    options.host = host
    return Reflect.apply(original, this, args)
  }
}

/** As Node does for what fails at once: nobody listens yet. */
function refuse(socket: net.Socket, error: Error): net.Socket {
  Object.assign(socket, { connecting: true })
  process.nextTick(() => {
    Object.assign(socket, { connecting: false })
    socket.destroy(error)
  })
  return socket
}

function guardedLookup(given: Lookup | undefined, port: number): Lookup {
  const plugin = currentPlugin()
  return (host, options, done) => {
    const answered: LookupDone = (error, address, family) => {
      if (error) return done(error)
      let errno = 0
      const allowed = (ip: unknown): boolean => {
        const request = { operation: 'NET_CONNECT', path: host, address: String(ip), port } as const
        const said = ask(request, plugin)
        errno ||= said
        return said === 0
      }
      if (!Array.isArray(address)) {
        const text = String(address)
        return allowed(text) ? done(null, text, family) : done(hostError(errno, 'connect', text, port))
      }
      const all = address.map((one: { address: unknown; family: unknown }) => ({
        address: String(one.address),
        family: Number(one.family),
      }))
      const left = all.filter((one) => allowed(one.address))
      if (all.length > 0 && left.length === 0) return done(hostError(errno, 'connect', all[0]!.address, port))
      return done(null, left)
    }
    return (given ?? (dns.lookup as Lookup))(host, options, answered)
  }
}

function listen(original: Call): Call {
  return function (this: unknown, ...given: unknown[]) {
    const [first] = given
    const isHandle =
      typeof first === 'object' &&
      first !== null &&
      ('_handle' in first || 'handle' in first || 'fd' in first || 'listen' in first)
    const normal = isHandle ? undefined : normalise(given)
    const options = normal?.options ?? {}
    const args = normal === undefined || typeof first !== 'object' ? given : normal.args
    const server = this as net.Server
    if (typeof options.path === 'string') {
      const errno = askSocket('NET_LISTEN', options.path)
      if (errno === 0) return Reflect.apply(original, this, args)
      return fail(server, listenError(errno, options.path))
    }
    const host = typeof options.host === 'string' ? options.host : ''
    const port = Number(options.port) || 0
    const address = net.isIP(host) === 0 ? '' : host
    const errno = ask({ operation: 'NET_LISTEN', path: host, address, port })
    if (errno === 0) return Reflect.apply(original, this, args)
    return fail(server, listenError(errno, host || '::', port))
  }
}

function fail(server: net.Server, error: Error): net.Server {
  process.nextTick(() => server.emit('error', error))
  return server
}

export function patchNet(patches: Patches): void {
  patches.wrap(net.Socket.prototype, 'connect', (original) => connect(original as Call) as never)
  patches.wrap(net.Server.prototype, 'listen', (original) => listen(original as Call) as never)
}
